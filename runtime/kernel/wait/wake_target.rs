//! What a wake is for: a task of the loop, or a foreign waker.
//!
//! A task of the loop is woken by its id, and nothing but the kernel runs. A foreign waker, which a
//! combinator or another executor made, runs code of others: never under a borrow (rule R4), and what
//! panics in there goes no further. No other waiter stays asleep for it, and no grant is lost.

use std::task::{Context, RawWakerVTable, Waker};

use crate::runtime::base::foreign::call_foreign;
use crate::runtime::kernel::polling::{self, current_task, notes};
use crate::runtime::kernel::sched::task::TaskId;

/// The task that polled, and the parts of the waker if it is foreign. Wakers with the same parts wake the same.
pub(crate) type Identity = (Option<TaskId>, Option<(*const (), *const RawWakerVTable)>);

/// What to wake: the task that polled, by its id, or the foreign waker it polled with.
///
/// The task is recorded in both cases, so that a report can say which one waits behind a combinator.
#[derive(Clone, Debug, Default)]
pub(crate) struct WakeTarget {
    task: Option<TaskId>,
    waker: Option<Waker>,
}

impl WakeTarget {
    /// The task that polled, for reports.
    #[inline]
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.task
    }

    /// Wakes a task of the loop from now on. It woke nothing so far: it was taken out or never set.
    #[inline(always)]
    pub(crate) fn aim(&mut self, task: Option<TaskId>) {
        debug_assert!(self.waker.is_none());
        self.task = task;
    }

    /// The one that polls with `cx`. Clones the waker if it is a foreign one, so no borrow of the
    /// kernel may be held.
    pub(crate) fn of(cx: &Context<'_>) -> WakeTarget {
        let task = polling::registers();
        if polling::is_own(cx.waker()) {
            WakeTarget { task, waker: None }
        } else {
            WakeTarget {
                task,
                waker: Some(cx.waker().clone()),
            }
        }
    }

    /// One that is no task: whatever `waker` runs.
    #[cfg(feature = "process")]
    pub(crate) fn of_waker(waker: Waker) -> WakeTarget {
        WakeTarget {
            task: None,
            waker: Some(waker),
        }
    }

    /// Whether waking this one already wakes what polls with `cx`. Calls no foreign code.
    pub(crate) fn is(&self, cx: &Context<'_>) -> bool {
        polling::note(notes::REGISTERED);
        match &self.waker {
            None => self.task == current_task() && polling::is_own(cx.waker()),
            Some(waker) => self.task == current_task() && waker.will_wake(cx.waker()),
        }
    }

    /// What tells this one from others.
    pub(crate) fn identity(&self) -> Identity {
        let waker = self.waker.as_ref();
        (
            self.task,
            waker.map(|waker| (waker.data(), waker.vtable() as *const _)),
        )
    }

    /// As [`identity`](WakeTarget::identity), of the one that polls with `cx`, whose wake is counted on.
    pub(crate) fn identity_of(cx: &Context<'_>) -> Identity {
        let (task, waker) = (polling::registers(), cx.waker());
        let foreign = !polling::is_own(waker);
        (
            task,
            foreign.then(|| (waker.data(), waker.vtable() as *const _)),
        )
    }

    /// The task that waking this one schedules; `None` if a foreign waker has to know.
    pub(crate) fn woken_task(&self) -> Option<TaskId> {
        self.task.filter(|_| self.waker.is_none())
    }

    /// Whether waking it does anything, as far as can be seen: wakers that do nothing carry no data.
    pub(crate) fn wakes_something(&self) -> bool {
        let waker = self.waker.as_ref();
        waker.is_none_or(|waker| !waker.data().is_null())
    }

    /// Takes out the foreign waker, if there is one.
    #[inline]
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Takes out what wakes, and leaves the task for reports.
    #[inline]
    pub(crate) fn depart(&mut self) -> WakeTarget {
        let (task, waker) = (self.task, self.waker.take());
        WakeTarget { task, waker }
    }
}

impl Drop for WakeTarget {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.waker.take() {
            call_foreign(|| drop(waker));
        }
    }
}
