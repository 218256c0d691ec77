//! The handle of a task, which takes the task's output. How a task ends is in `end.rs`.
//!
//! # Implementation
//!
//! A handle is an id. The output stays in the task's own allocation until the handle takes it by a
//! checked downcast; then the slot is free. One handle exists per task, so a task has one joiner.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::cancel_handle::CancelHandle;
use super::end;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::body::BoxedBody;
use crate::runtime::kernel::sched::joiner::watch;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, ThisThread};

/// Owns the right to a task's output.
///
/// Await it for the output; keep it and await something else to *shield* the task; drop it to
/// detach the task. A panic that no handle can give any more is reported once, also one in the
/// destructor of an output that is never taken, whether the handle is dropped before the task ends or after.
///
/// asyncio counterpart: `asyncio.Task`, as seen from outside.
///
/// # Cancel safety
///
/// *Strict*: `&mut handle` can be awaited, dropped and awaited again.
///
/// # Errors
///
/// [`JoinError`], if the task was cancelled or has panicked, or its runtime has ended.
///
/// # Panics
///
/// When awaited again after it gave its output.
///
/// # Examples
///
/// ```
/// use turnwise::JoinError;
///
/// turnwise::block_on(async {
///     let forever = turnwise::spawn(std::future::pending::<()>()).named("forever");
///     forever.cancel_because("we have seen enough");
///     let error = forever.await.unwrap_err();
///     assert!(matches!(&error, JoinError::Cancelled { reason: Some(reason), .. } if reason.contains("enough")));
/// });
/// ```
#[doc(alias = "Task")]
pub struct JoinHandle<T> {
    id: TaskId,
    taken: bool,
    _output: PhantomData<fn() -> T>,
    _thread: ThisThread,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(id: TaskId) -> Self {
        JoinHandle {
            id,
            taken: false,
            _output: PhantomData,
            _thread: ThisThread::new(),
        }
    }

    /// Names the task for reports.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        kernel::try_with(|kernel| kernel.name_task(self.id, name));
        self
    }

    /// The task's identity.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Whether it gave its output.
    pub(crate) fn is_spent(&self) -> bool {
        self.taken
    }

    /// Whether the task ended without an output: it panicked or was cancelled.
    pub(crate) fn has_failed(&self) -> bool {
        let failed = kernel::try_with(|kernel| {
            let tasks = kernel.tasks();
            tasks.get(self.id).is_none_or(|task| task.has_failed())
        });
        failed.unwrap_or(true)
    }

    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        self.cancel_handle().is_finished()
    }

    /// Leaves the task to itself, as dropping the handle does; for code that wants to say so.
    pub fn detach(self) {}

    /// A handle that can only cancel, for code beside the one that awaits.
    #[doc(alias = "abort_handle")]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle::new(self.id)
    }

    /// Requests the end of the task: its future is dropped where the loop would poll it next.
    ///
    /// A task that has already finished keeps its result. A task that cancels itself ends when it
    /// next waits; a value it returns before that is delivered.
    ///
    /// Returns whether the task had still to end; a second request changes nothing.
    ///
    /// asyncio counterpart: `Task.cancel()`. Differences: the task cannot refuse, since there is no
    /// exception to catch; a task of asyncio that cancels itself and returns without waiting counts as
    /// cancelled.
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        end::cancel(self.id, None)
    }

    /// As [`cancel`](JoinHandle::cancel), with a reason that [`JoinError::Cancelled`] will carry.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) -> bool {
        end::cancel(self.id, Some(reason.into()))
    }
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.taken {
            awaited_again(self.id);
        }
        let at = Location::caller();
        ready!(watch(self.id, cx, at));
        self.taken = true;
        Poll::Ready(collect(self.id, at).map(open))
    }
}

#[cold]
#[track_caller]
fn awaited_again(id: TaskId) -> ! {
    panic!(
        "the handle of task {id} was awaited again after it gave its output; \
         keep the output, or await the handle once"
    );
}

/// Takes the body of a task that is over, which holds the output, or the reason why there is none.
fn collect(id: TaskId, at: &'static Location<'static>) -> Result<BoxedBody, JoinError> {
    let result = kernel::with(|kernel| {
        polling::note_resumed(at);
        kernel.take_result(id)
    });
    result.unwrap_or_else(|| {
        let reason = Some("its runtime has ended".into());
        Err(JoinError::Cancelled { reason })
    })
}

/// Takes the output out of its place.
#[inline]
fn open<T: 'static>(mut body: BoxedBody) -> T {
    let place = body.as_mut().output();
    let output = place.and_then(|place| place.downcast_mut::<Option<T>>()?.take());
    output.expect("a task that is over without a failure has an output of the handle's type")
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if !self.taken {
            end::detach(self.id);
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id)
            .field("finished", &self.is_finished())
            .finish()
    }
}
