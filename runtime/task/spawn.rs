//! Starting a task.

use std::future::Future;
use std::panic::Location;

use super::join::JoinHandle;
use super::local;
use crate::runtime::driver::executor;
use crate::runtime::kernel::sched::task::{self, BoxedBody, TaskId, off_stack};
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
    let body = off_stack!(F, future => task::boxed(future));
    JoinHandle::new(kernel::with_runtime("spawn", |kernel| {
        spawn_boxed(kernel, body, at)
    }))
}

/// As [`spawn`], and polls the task once inside this call, after it has been registered.
///
/// What the task does before its first wait happens here and now; a task that does not wait is over
/// when this returns. The caller's own poll goes on afterwards. Eager tasks that spawn eager tasks go
/// 64 levels deep; one below that takes its first poll in its turn, as with [`spawn`], and so does not
/// use up the stack.
///
/// A name that [`JoinHandle::named`] gives comes after that first poll.
///
/// asyncio counterpart: `asyncio.eager_task_factory`. Difference: it is chosen for each task, not for
/// the whole loop.
///
/// # Panics
///
/// Without a runtime on this thread. A panic of the task is the task's.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let task = turnwise::spawn_eager(async { 6 * 7 });
/// assert!(task.is_finished());
/// # drop(task);
/// # });
/// ```
#[track_caller]
pub fn spawn_eager<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let at = Location::caller();
    let body = off_stack!(F, future => task::boxed(future));
    let task = JoinHandle::new(kernel::with_runtime("spawn_eager", |kernel| {
        insert(kernel, body, at)
    }));
    kernel::with(|kernel| executor::step_now(kernel, task.id()));
    task
}

/// As [`spawn`], on behalf of another line, on a thread that has a runtime.
pub(crate) fn spawn_at<F>(future: F, at: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let body = off_stack!(F, future => task::boxed(future));
    JoinHandle::new(kernel::with(|kernel| spawn_boxed(kernel, body, at)))
}

/// Makes a task of a boxed future.
pub(crate) fn spawn_boxed(
    kernel: &Kernel,
    body: BoxedBody,
    at: &'static Location<'static>,
) -> TaskId {
    let id = insert(kernel, body, at);
    kernel.schedule(id);
    id
}

/// A task of a boxed future that is not ready yet.
fn insert(kernel: &Kernel, body: BoxedBody, at: &'static Location<'static>) -> TaskId {
    let id = kernel.tasks.borrow_mut().insert(Some(body), at);
    if kernel.closing.get() {
        // A runtime in teardown starts nothing: the future is dropped at once.
        let task = kernel.tasks.borrow_mut().remove(id);
        drop(task);
        return id;
    }
    if kernel.locals_used.get() {
        local::inherit(kernel, id);
    }
    id
}
