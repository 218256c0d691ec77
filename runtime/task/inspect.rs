//! Looking at tasks from inside: which one this is, and which there are.

use std::fmt;
use std::panic::Location;

use super::end;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::{Task, TaskId};
use crate::runtime::kernel::{self, ThisThread};

/// What is known of a task, and a way to cancel it.
///
/// It stays on the task's thread: ids are unique on their thread alone, so on another one it would
/// name another task.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Its identity.
    pub id: TaskId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    _thread: ThisThread,
}

impl Info {
    fn of(task: &Task) -> Self {
        let name = task.name().map(str::to_owned);
        Info {
            id: task.id(),
            name,
            spawned_at: task.spawned_at(),
            _thread: ThisThread::new(),
        }
    }

    /// Requests the end of the task, as [`JoinHandle::cancel`](crate::JoinHandle::cancel). The
    /// future of a `block_on` cannot be cancelled. Returns whether the task had still to end and can be.
    pub fn cancel(&self) -> bool {
        end::cancel(self.id, None)
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("spawned_at", &self.spawned_at)
            .finish()
    }
}

/// The task that is running, if one is.
///
/// asyncio counterpart: `asyncio.current_task`.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let task = turnwise::spawn(async { turnwise::task::current().unwrap().name });
///     assert_eq!(task.named("cook").await.unwrap().as_deref(), Some("cook"));
///     assert!(turnwise::task::all().len() == 1, "only main is left");
/// });
/// assert!(turnwise::task::current().is_none());
/// ```
pub fn current() -> Option<Info> {
    kernel::try_with(|kernel| {
        let id = polling::current_task()?;
        kernel.tasks().get(id).map(Info::of)
    })?
}

/// All tasks of this thread's runtime that have not ended, oldest first.
///
/// asyncio counterpart: `asyncio.all_tasks`.
pub fn all() -> Vec<Info> {
    let all = kernel::try_with(|kernel| {
        let tasks = kernel.tasks();
        let ids = tasks.in_spawn_order();
        ids.into_iter()
            .filter_map(|id| tasks.get(id))
            .filter(|task| !task.is_over())
            .map(Info::of)
            .collect()
    });
    all.unwrap_or_default()
}

/// Requests the end of every other task of this thread's runtime, oldest first, but not of the future of a
/// `block_on`. Returns of how many.
///
/// Each is dropped in its own next turn, as after [`JoinHandle::cancel`](crate::JoinHandle::cancel); a task that is
/// spawned afterwards is not cancelled. To wait until they have ended, await their handles.
///
/// asyncio counterpart: `for task in asyncio.all_tasks(): task.cancel()`, as `asyncio.run` does at its end.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let task = turnwise::spawn(std::future::pending::<()>());
///     assert_eq!(turnwise::task::cancel_all(), 1);
///     assert!(task.await.unwrap_err().is_cancelled());
/// });
/// ```
pub fn cancel_all() -> usize {
    let own = kernel::try_with(|_| polling::current_task()).flatten();
    let others = all().into_iter().filter(|task| Some(task.id) != own);
    others.filter(Info::cancel).count()
}
