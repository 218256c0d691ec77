//! Starting a task.

use std::future::Future;
use std::panic::Location;

use super::join::JoinHandle;
use crate::runtime::kernel::sched::body::{self, BoxedBody, off_stack};
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};

/// Starts a task on this thread's runtime and returns its handle.
///
/// The task goes to the tail of the ready queue; nothing of it runs inside this call. Dropping the
/// handle detaches the task.
///
/// asyncio counterpart: `asyncio.create_task`. Differences: the runtime owns the task, so a
/// detached one is not collected half-way; cancelling drops the future instead of raising in it.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let task = turnwise::spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
#[track_caller]
#[doc(alias = "create_task")]
#[doc(alias = "spawn_local")]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let at = Location::caller();
    let body = off_stack!(F, future => body::boxed(future));
    JoinHandle::new(kernel::with_runtime("spawn", |kernel| {
        spawn_boxed(kernel, body, at)
    }))
}

/// As [`spawn`], on behalf of another line, on a thread that has a runtime.
pub(crate) fn spawn_at<F>(future: F, at: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let body = off_stack!(F, future => body::boxed(future));
    JoinHandle::new(kernel::with(|kernel| spawn_boxed(kernel, body, at)))
}

/// Makes a task of a boxed future.
pub(crate) fn spawn_boxed(
    kernel: &Kernel,
    body: BoxedBody,
    at: &'static Location<'static>,
) -> TaskId {
    let id = kernel.insert(body, at);
    kernel.schedule(id);
    id
}
