//! Work outside that is under way, so that the loop waits for it: blocking calls, children, guards.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use super::remote::Remote;
use crate::runtime::base::trimmed_slab::TrimmedSlab;
use crate::runtime::choices;
use crate::runtime::kernel::polling::current_task;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};

/// Tells the runtime that something outside, which it cannot see, is at work and will wake a task:
/// while the guard lives the program is not declared dead, and a virtual clock stands still.
///
/// The guard may be dropped on any thread; wake first, then drop it.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let (answer, question) = futures::channel::oneshot::channel();
///     let expected = turnwise::thread::expect_external("the sensor");
///     std::thread::spawn(move || {
///         answer.send(7).unwrap();
///         drop(expected);
///     });
///     assert_eq!(question.await.unwrap(), 7);
/// });
/// ```
#[track_caller]
pub fn expect_external(label: impl Into<Cow<'static, str>>) -> WorkGuard {
    choices::refuse("what a thread does");
    let label = label.into();
    kernel::with_runtime("expect_external", |kernel| WorkGuard::new(kernel, label))
}

/// The guard of [`expect_external`].
#[must_use = "the expectation ends when this is dropped; move it to whoever will wake the task"]
pub struct WorkGuard {
    key: usize,
    remote: Remote,
}

thread_local! {
    /// Work that is certain to come back, by the keys of its guards.
    static WORKING: RefCell<TrimmedSlab<Work>> = const { RefCell::new(TrimmedSlab::new()) };
}

/// Work outside that is under way.
struct Work {
    label: Cow<'static, str>,
    /// The task that does nothing but wait for it, if there is one.
    awaited_by: Option<TaskId>,
}

/// Whether work outside is under way.
pub(crate) fn is_working() -> bool {
    WORKING.with_borrow(|working| !working.is_empty())
}

/// Shows all work: its label, and the task that does nothing but wait for it, if there is one.
pub(crate) fn each_work(mut show: impl FnMut(&Cow<'static, str>, Option<TaskId>)) {
    WORKING.with_borrow(|working| {
        let works = working.iter();
        works.for_each(|(_, work)| show(&work.label, work.awaited_by));
    });
}

/// A runtime that has ended expects nothing.
pub(crate) fn close() {
    try_with(|working| std::mem::replace(working, TrimmedSlab::new()));
}

/// Runs `f` with the work of this thread, unless the thread is past having any.
fn try_with<R>(f: impl FnOnce(&mut TrimmedSlab<Work>) -> R) -> Option<R> {
    WORKING
        .try_with(|working| f(&mut working.borrow_mut()))
        .ok()
}

impl WorkGuard {
    pub(crate) fn new(kernel: &Kernel, label: Cow<'static, str>) -> Self {
        let work = Work {
            label,
            awaited_by: None,
        };
        let key = WORKING.with_borrow_mut(|working| working.insert(work));
        let remote = Remote::of(kernel);
        WorkGuard { key, remote }
    }

    /// Says that the task that runs does nothing but wait for it.
    pub(crate) fn is_awaited_here(&self) {
        WORKING.with_borrow_mut(|working| {
            if let Some(work) = working.get_mut(self.key) {
                work.awaited_by = current_task();
            }
        });
    }

    /// The runtime that it belongs to.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }
}

impl Drop for WorkGuard {
    fn drop(&mut self) {
        let key = self.key;
        // Through the inbox even on the runtime's own thread: what was published before is read
        // before.
        let _ = self.remote.call(move || {
            try_with(|working| working.try_remove(key));
        });
    }
}

impl fmt::Debug for WorkGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkGuard").finish_non_exhaustive()
    }
}
