//! Starting a task with its first poll inside the call that starts it.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::Future;
use std::panic::Location;

use super::executor::step;
use super::run::Turning;
use super::state;
use crate::runtime::base::nesting;
use crate::runtime::diagnostics::observer;
use crate::runtime::kernel::polling::{self, Polling};
use crate::runtime::kernel::sched::around_poll::Choice;
use crate::runtime::kernel::sched::body::{self, off_stack};
use crate::runtime::kernel::sched::lend_waker::new_waker;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};
use crate::runtime::task::join::JoinHandle;

thread_local! {
    /// How many eager tasks are polled one inside the other.
    static NESTED: Cell<u32> = const { Cell::new(0) };
}

/// As [`spawn`](crate::spawn), and polls the task once inside this call, after it has been registered.
///
/// What the task does before its first wait happens here and now; a task that does not wait is over
/// when this returns. The caller's own poll goes on afterwards. Eager tasks that spawn eager tasks go
/// 64 levels deep; one below that is polled first by the loop, as with [`spawn`](crate::spawn), and so does not
/// use up the stack.
///
/// A name that [`JoinHandle::named`] gives comes after that first poll; [`spawn_eager_named`] gives it before.
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
/// let task = turnwise::task::spawn_eager(async { 6 * 7 });
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
    let body = off_stack!(F, future => body::boxed(future));
    let task = JoinHandle::new(kernel::with_runtime("spawn_eager", |kernel| {
        kernel.insert(body, at)
    }));
    kernel::with(|kernel| step_now(kernel, task.id()));
    task
}

/// As [`spawn_eager`], with a name for reports that the task has in its first poll, too.
///
/// # Panics
///
/// Without a runtime on this thread. A panic of the task is the task's.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let name = async { turnwise::task::current().unwrap().name };
/// let task = turnwise::task::spawn_eager_named("first", name);
/// assert_eq!(task.await.unwrap().as_deref(), Some("first"));
/// # });
/// ```
#[track_caller]
pub fn spawn_eager_named<F>(name: impl Into<Cow<'static, str>>, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let at = Location::caller();
    let body = off_stack!(F, future => body::boxed(future));
    let task = JoinHandle::new(kernel::with_runtime("spawn_eager_named", |kernel| {
        kernel.insert(body, at)
    }));
    let task = task.named(name);
    kernel::with(|kernel| step_now(kernel, task.id()));
    task
}

/// Polls a task that has just been spawned and is not ready yet, inside the poll of another. One that is
/// nested too deep goes to the ready queue.
fn step_now(kernel: &Kernel, id: TaskId) {
    let Some(_level) = nesting::enter(&NESTED) else {
        return kernel.schedule(id);
    };
    let at = kernel.tasks().get(id).map(|task| {
        observer::meet(task);
        task.spawned_at()
    });
    // A teardown has dropped the future already.
    let Some(at) = at else { return };
    let _aside = Aside::begin(kernel);
    state::with(|driver| {
        // Outside a turn this poll is one, in which no other may begin.
        let outside = driver.turning.get().is_none();
        let _turning = outside.then(|| Turning::begin(kernel, driver, at));
        let mut own = new_waker(kernel);
        step(kernel, Choice::Task(id), &mut own, &mut None, &());
    });
}

/// The poll under way, set aside for another one inside it; taken up on every way out.
struct Aside<'a> {
    kernel: &'a Kernel,
    outer: Polling,
}

impl<'a> Aside<'a> {
    fn begin(kernel: &'a Kernel) -> Self {
        kernel.set_aside(true);
        let outer = polling::suspend();
        Aside { kernel, outer }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        polling::resume(&self.outer);
        self.kernel.set_aside(false);
    }
}
