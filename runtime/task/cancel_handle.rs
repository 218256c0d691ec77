//! A handle that can only cancel.

use std::borrow::Cow;
use std::fmt;

use super::end;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, ThisThread};

/// Cancels a task, and can be kept beside the handle that is awaited. Made by
/// [`JoinHandle::cancel_handle`](crate::JoinHandle::cancel_handle). Dropping it changes nothing.
///
/// It belongs to the thread of its task, as a [`TaskId`] does; from another thread use
/// [`RemoteHandle::cancel`](crate::thread::RemoteHandle::cancel).
///
/// asyncio counterpart: the task itself, which can be cancelled from everywhere.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let task = turnwise::spawn(std::future::pending::<()>());
///     let stop = task.cancel_handle();
///     turnwise::spawn(async move { stop.cancel() });
///     assert!(task.await.unwrap_err().is_cancelled());
/// });
/// ```
#[derive(Clone)]
pub struct CancelHandle {
    id: TaskId,
    _thread: ThisThread,
}

impl CancelHandle {
    pub(crate) fn new(id: TaskId) -> Self {
        let _thread = ThisThread::new();
        CancelHandle { id, _thread }
    }

    /// The task's identity.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Requests the end of the task; see [`JoinHandle::cancel`](crate::JoinHandle::cancel). Returns whether it
    /// had still to end.
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        end::cancel(self.id, None)
    }

    /// As [`cancel`](CancelHandle::cancel), with a reason that [`JoinError::Cancelled`](crate::JoinError::Cancelled)
    /// will carry.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) -> bool {
        end::cancel(self.id, Some(reason.into()))
    }

    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        let over = kernel::try_with(|kernel| {
            let tasks = kernel.tasks();
            tasks.get(self.id).is_none_or(|task| task.is_over())
        });
        over.unwrap_or(true)
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("id", &self.id)
            .finish()
    }
}
