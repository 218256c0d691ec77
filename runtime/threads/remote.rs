//! Handles of a runtime for other threads. What the runtime does with the messages they send is in `dispatch.rs`.
//!
//! Another thread holds a [`Remote`] and sends messages to the runtime. Results travel the other way
//! through a cell that both sides share.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::external::WorkGuard;
use super::oneshot::{self, Receiver, Sender};
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::place::shown;
use crate::runtime::base::poison::ignore_poison;
use crate::runtime::choices;
use crate::runtime::kernel::mail::{Link, Message};
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};
use crate::runtime::task::end;
use crate::runtime::task::spawn::spawn_at;

/// The handle of this thread's runtime for other threads.
///
/// # Panics
///
/// Without a runtime on this thread.
#[track_caller]
pub fn remote() -> Remote {
    choices::refuse("a handle for other threads");
    kernel::with_runtime("remote", Remote::of)
}

/// A handle for other threads: `Send`, `Sync` and `Clone`.
///
/// While one lives, a loop that has nothing to do waits instead of being declared dead.
/// A virtual clock jumps all the same: say with [`expect_external`](crate::thread::expect_external) that
/// something is under way.
///
/// asyncio counterpart: the loop, in `call_soon_threadsafe` and `run_coroutine_threadsafe`.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let remote = turnwise::thread::remote();
///     let thread = std::thread::spawn(move || remote.spawn(|| async { 6 * 7 }).blocking_wait());
///     while !thread.is_finished() {
///         turnwise::yield_now().await;
///     }
///     assert_eq!(thread.join().unwrap().unwrap(), 42);
/// });
/// ```
#[derive(Clone)]
pub struct Remote {
    link: Link,
}

impl Remote {
    /// The handle for this thread's runtime.
    pub(crate) fn of(kernel: &Kernel) -> Self {
        Remote {
            link: kernel.mail().link(),
        }
    }

    /// Whether it is a handle for this thread's runtime.
    fn is_home(&self, kernel: &Kernel) -> bool {
        kernel.mail().is_home_of(&self.link)
    }

    /// Runs `call` on the runtime's thread, in order of arrival, between two polls. A panic of it is
    /// the loop's.
    ///
    /// asyncio counterpart: `loop.call_soon_threadsafe`.
    ///
    /// # Errors
    ///
    /// [`Gone`] with the function, if the runtime has ended.
    pub fn call<F>(&self, call: F) -> Result<(), Gone<Box<dyn FnOnce() + Send>>>
    where
        F: FnOnce() + Send + 'static,
    {
        match self.post(Message::Call(Box::new(call))) {
            Err(Message::Call(call)) => Err(Gone::new(call)),
            _ => Ok(()),
        }
    }

    /// Delivers a message, or gives it back if the runtime has ended.
    pub(crate) fn post(&self, message: Message) -> Result<(), Message> {
        self.link.send(message)
    }

    /// Starts a task on the runtime's thread: `make` is sent there and makes its future, which
    /// therefore need not be `Send`. The output comes back through the handle.
    ///
    /// If the runtime has ended, or ends first, the handle says that the task was cancelled.
    ///
    /// asyncio counterpart: `asyncio.run_coroutine_threadsafe`.
    #[track_caller]
    pub fn spawn<M, F>(&self, make: M) -> RemoteHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output: Send> + 'static,
    {
        let at = Location::caller();
        let (sender, receiver) = oneshot::channel();
        let id = Arc::new(OnceLock::new());
        let started = id.clone();
        // An unread call is dropped, and the sender in it tells the handle.
        let _ = self.call(move || {
            let future = async move { make().await };
            let sender = Some(sender);
            let task = spawn_at(Answering { future, sender }, at);
            let _ = started.set(task.id());
        });
        RemoteHandle {
            id,
            receiver,
            remote: self.clone(),
            expected: None,
            at,
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

pin_project! {
    /// A task that another thread started, and that sends its end there: an output, a panic, or, by
    /// dropping the sender, that there will be none.
    struct Answering<F: Future> {
        // Dropped before the sender is: by then nothing of the task is left.
        #[pin]
        future: F,
        sender: Option<Sender<F::Output>>,
    }
}

impl<F: Future> Future for Answering<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let polled = panic::catch_unwind(AssertUnwindSafe(|| this.future.poll(cx)));
        let result = match polled {
            Ok(poll) => Ok(ready!(poll)),
            Err(payload) => Err(JoinError::panicked(payload)),
        };
        if let Some(sender) = this.sender.take() {
            sender.send(result);
        }
        Poll::Ready(())
    }
}

/// The handle of a task that another thread started with [`Remote::spawn`]. Dropping it detaches
/// the task; it can be awaited under any executor.
///
/// asyncio counterpart: the `concurrent.futures.Future` of `run_coroutine_threadsafe`.
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
#[must_use = "a dropped handle detaches its task; wait for it, or say `drop(handle)`"]
pub struct RemoteHandle<T> {
    id: Arc<OnceLock<TaskId>>,
    receiver: Receiver<T>,
    remote: Remote,
    /// What a runtime that awaits it knows: the task is at work outside.
    expected: Option<WorkGuard>,
    at: &'static Location<'static>,
}

impl<T> RemoteHandle<T> {
    /// Blocks this thread until the task has ended.
    ///
    /// # Errors
    ///
    /// [`JoinError`], if the task was cancelled or has panicked, or its runtime has ended.
    ///
    /// # Panics
    ///
    /// On the runtime's own thread, which would wait for itself.
    #[track_caller]
    pub fn blocking_wait(self) -> Result<T, JoinError> {
        self.refuse_own_thread();
        self.receiver
            .wait(None)
            .expect("a wait without a deadline ends with a result")
    }

    /// Blocks this thread until the task has ended, at most for `limit`.
    ///
    /// # Errors
    ///
    /// The handle, if the time is up first.
    ///
    /// # Panics
    ///
    /// On the runtime's own thread, which would wait for itself.
    #[track_caller]
    pub fn blocking_wait_timeout(self, limit: Duration) -> Result<Result<T, JoinError>, Self> {
        self.refuse_own_thread();
        let deadline = Instant::now().checked_add(limit);
        self.receiver.wait(deadline).ok_or(self)
    }

    /// Requests the end of the task.
    pub fn cancel(&self) {
        self.cancel_with(None);
    }

    /// As [`cancel`](RemoteHandle::cancel), with a reason that [`JoinError::Cancelled`] will carry.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) {
        self.cancel_with(Some(reason.into()));
    }

    fn cancel_with(&self, reason: Option<Cow<'static, str>>) {
        self.receiver.cancel(reason);
        let id = self.id.clone();
        // Messages are read in order: by then the task has been started.
        let _ = self.remote.call(move || {
            if let Some(id) = id.get() {
                end::cancel(*id, None);
            }
        });
    }

    /// Whether the result is there.
    pub fn is_finished(&self) -> bool {
        self.receiver.is_given()
    }

    /// Tells the runtime of this thread, if it is another one, that the task is at work.
    fn expect_here(&mut self) {
        let fresh = kernel::try_with(|kernel| {
            let open = kernel.runtime().is_some() && !kernel.is_closing();
            let known = self.expected.as_ref().map(WorkGuard::remote);
            let mut known = [Some(&self.remote), known].into_iter().flatten();
            if !open || known.any(|remote| remote.is_home(kernel)) {
                return None;
            }
            let label = format!("task of another runtime, spawned at {}", shown(self.at));
            Some(WorkGuard::new(kernel, label.into()))
        });
        if let Some(Some(expected)) = fresh {
            self.expected = Some(expected);
        }
    }

    #[track_caller]
    fn refuse_own_thread(&self) {
        let own = kernel::try_with(|kernel| self.remote.is_home(kernel));
        assert!(
            own != Some(true) || self.is_finished(),
            "the runtime's own thread would wait for itself; `.await` the handle instead"
        );
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.receiver).poll(cx);
        match polled {
            Poll::Ready(_) => self.expected = None,
            Poll::Pending => self.expect_here(),
        }
        polled
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// The runtime has ended; gives back what it was sent.
///
/// It is `Send` and `Sync` if that is `Send`, a closure for instance, so that `?` takes it into any
/// boxed error.
pub struct Gone<T>(
    /// Never locked: it lends `Sync` to what is never looked at through a reference.
    Mutex<T>,
);

impl<T> Gone<T> {
    pub(crate) fn new(sent: T) -> Self {
        Gone(Mutex::new(sent))
    }

    /// What was sent.
    pub fn into_inner(self) -> T {
        ignore_poison(self.0.into_inner())
    }
}

impl<T> fmt::Debug for Gone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gone(..)")
    }
}

impl<T> fmt::Display for Gone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime of this handle has ended")
    }
}

impl<T> std::error::Error for Gone<T> {}
