//! What a test says to its exploration from inside: checks, choices of its own, tasks to be left alone.

use crate::runtime::choices::state;
use crate::runtime::kernel;
use crate::runtime::kernel::sched::task::TaskId;

/// Has `check` called after every step of this run: after each poll, each cancellation, and each time that
/// time passes. Outside an exploration it is not called.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// turnwise::explore(|| async {
///     let balance = Rc::new(Cell::new(10));
///     let seen = balance.clone();
///     turnwise::explore::always(move || assert!(seen.get() >= 0, "overdrawn"));
///     balance.set(balance.get() - 10);
/// })
/// .run()
/// .assert_ok();
/// ```
pub fn always(check: impl FnMut() + 'static) {
    state::add_always(Box::new(check));
}

/// Has `check` called whenever no task is ready in this run, before time moves: for what must hold when all
/// are blocked, such as that no task waits for what is free. Outside an exploration it is not called.
///
/// A look after [`wait_quiescent`](crate::task::wait_quiescent) is not the same: another task may run between its wake
/// and its poll.
pub fn at_rest(check: impl FnMut() + 'static) {
    state::add_at_rest(Box::new(check));
}

/// Lets the exploration choose one of `options` ways in which what the test stands for may behave; the first,
/// 0, is the usual one. Others count as faults ([`Explorer::faults`](super::Explorer::faults)). Outside an
/// exploration it is always 0.
///
/// # Panics
///
/// With no options.
#[track_caller]
pub fn pick(options: usize) -> usize {
    state::pick(options)
}

/// Leaves a task alone: the exploration never cancels it. Outside an exploration it changes nothing.
///
/// # Examples
///
/// ```
/// let report = turnwise::explore(|| async {
///     let flush = turnwise::spawn(async {});
///     turnwise::explore::vital(flush.id());
///     flush.await.unwrap(); // Never `Cancelled`.
/// });
/// report.cancels(1).run().assert_ok();
/// ```
pub fn vital(task: TaskId) {
    kernel::with(|kernel| state::spare(kernel, task));
}
