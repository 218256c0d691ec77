//! The handle of a child of a group.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::base::join_error::JoinError;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::task::cancel_handle::CancelHandle;
use crate::runtime::task::join::JoinHandle;

/// The handle of a child; gives its value. Dropping it leaves the child to its group.
///
/// # Cancel safety
///
/// *Strict*: `&mut child` can be awaited, dropped and awaited again.
///
/// # Errors
///
/// [`JoinError`], if the child was cancelled, has panicked or has [failed](JoinError::Failed); what it failed with
/// is among the errors of the group.
///
/// # Panics
///
/// When awaited again after it gave its value.
pub struct ChildHandle<T: 'static> {
    task: JoinHandle<Option<Option<T>>>,
}

impl<T: 'static> ChildHandle<T> {
    pub(super) fn new(task: JoinHandle<Option<Option<T>>>) -> Self {
        ChildHandle { task }
    }

    /// Names the child for reports.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        ChildHandle {
            task: self.task.named(name),
        }
    }

    /// The child's identity.
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// Requests the end of this child alone. A cancelled child is not an error of the group.
    /// Returns whether it had still to end.
    pub fn cancel(&self) -> bool {
        self.task.cancel()
    }

    /// As [`cancel`](ChildHandle::cancel), with a reason that [`JoinError::Cancelled`] will carry.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) -> bool {
        self.task.cancel_because(reason)
    }

    /// Leaves the child to its group, as dropping the handle does; for code that wants to say so.
    pub fn detach(self) {}

    /// A handle that can only cancel, for code beside the one that awaits.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.task.cancel_handle()
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T: 'static> Future for ChildHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task)
            .poll(cx)
            .map(|ended| ended?.flatten().ok_or(JoinError::Failed))
    }
}

impl<T: 'static> fmt::Debug for ChildHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}
