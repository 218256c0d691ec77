//! The armed timers of a thread as other modules use them: each call borrows them for itself.
//!
//! Nothing foreign runs under a borrow (rule R4): what a timer was to wake is dropped after it.

use std::cell::RefCell;
use std::panic::Location;
use std::task::Context;

use super::timer::Timer;
use super::timers::{TimerKey, Timers};
use crate::runtime::base::kinds::Name;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::wake_target::WakeTarget;

/// The armed timers of a thread; times are nanoseconds of the clock.
pub(crate) struct TimerStore(RefCell<Timers>);

impl TimerStore {
    pub(super) const fn new() -> Self {
        TimerStore(RefCell::new(Timers::new()))
    }

    /// Arms a timer that wakes a task of the loop at `deadline`.
    #[inline]
    pub(crate) fn arm(
        &self,
        deadline: u64,
        task: Option<TaskId>,
        at: &'static Location<'static>,
        name: Name,
    ) -> TimerKey {
        self.0.borrow_mut().arm(deadline, task, at, name)
    }

    /// Moves an armed timer, which comes behind its new equals. It wakes the same one; `None` if it has
    /// expired.
    pub(crate) fn rearm(&self, key: TimerKey, deadline: u64) -> Option<TimerKey> {
        self.0.borrow_mut().rearm(key, deadline)
    }

    /// Has a timer wake another one than it was armed for.
    #[inline(never)]
    pub(crate) fn wake_instead(&self, key: TimerKey, mut target: WakeTarget) {
        if let Some(timer) = self.0.borrow_mut().get_mut(key) {
            std::mem::swap(timer.target(), &mut target);
        }
    }

    /// Whether the timer, armed for `deadline`, wakes what polls with `cx`; `None` if it has expired.
    #[inline]
    pub(crate) fn wakes(&self, key: TimerKey, deadline: u64, cx: &Context<'_>) -> Option<bool> {
        let mut timers = self.0.borrow_mut();
        if timers.is_past(key, deadline) {
            None
        } else {
            timers.get_mut(key).map(|timer| timer.target().is(cx))
        }
    }

    pub(crate) fn is_armed(&self, key: TimerKey) -> bool {
        self.0.borrow_mut().get_mut(key).is_some()
    }

    /// Takes a timer back; nothing is woken.
    #[inline]
    pub(crate) fn disarm(&self, key: TimerKey) {
        let target = self.0.borrow_mut().disarm(key);
        drop(target);
    }

    /// The earliest deadline that comes.
    pub(crate) fn next(&self) -> Option<u64> {
        self.0.borrow_mut().next()
    }

    /// Whether none is armed.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// How many are armed.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Takes out all timers that are due at `now`, and puts what they wake into `batch`.
    #[inline]
    pub(crate) fn expire(&self, now: u64, batch: &mut Vec<WakeTarget>) {
        let mut timers = self.0.borrow_mut();
        while let Some(target) = timers.expire(now) {
            batch.push(target);
        }
    }

    /// Calls `visit` with each armed timer.
    pub(crate) fn each(&self, visit: impl FnMut(&Timer)) {
        self.0.borrow().iter().for_each(visit);
    }

    /// Forgets every timer. Keys given out before stay stale.
    pub(crate) fn clear(&self) {
        let all = self.0.borrow_mut().clear();
        drop(all);
    }

    /// Gives back what a burst has left.
    pub(super) fn trim(&self, pass: u64) {
        self.0.borrow_mut().trim(pass);
    }
}
