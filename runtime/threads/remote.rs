//! The inbox: wakes and calls from other threads, on their way to a runtime.
//!
//! Another thread holds a [`Remote`] and puts letters into the runtime's mailbox. Results travel the
//! other way through a cell that both sides share.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::answer::{self, Answer, Question};
use super::external::External;
use super::inlet;
use crate::runtime::base::foreign::keep_first;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::mailbox::{Mailbox, Ring};
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};
use crate::runtime::task::join;
use crate::runtime::task::spawn::spawn_at;

/// What wakes a task, once for all wakes until its letter is read. The letter counts as a clone of the
/// waker, which therefore stays aimed at its task.
pub(crate) trait Summons: Send + Sync {
    /// The task to wake. Wakes from now on need another letter.
    fn arrive(&self) -> Option<TaskId>;
}

/// What another thread can ask of a runtime.
pub(crate) enum Letter {
    /// Schedule a task.
    Wake(Arc<dyn Summons>),
    /// Run a function on the runtime's thread, between two polls.
    Call(Box<dyn FnOnce() + Send>),
    /// Items have arrived at an inlet.
    Items(u64),
}

/// Wakes a runtime that sleeps in the reactor.
pub(crate) type Bell = Arc<mio::Waker>;

impl Ring for Bell {
    fn ring(&self) {
        // A full event counter means that the bell is ringing already; nothing else can fail.
        let _ = self.wake();
    }
}

/// The letters for one runtime.
pub(crate) type Inbox = Mailbox<Letter, Bell>;

/// Works off the letters that have arrived. Returns whether there were any. A call that panics does
/// so after the last letter.
pub(crate) fn read(kernel: &Kernel) -> bool {
    let Some(inbox) = kernel.inbox.borrow().clone() else {
        return false;
    };
    if !inbox.has_mail() {
        return false;
    }
    let mut letters = kernel.letters.take();
    inbox.take(&mut letters);
    let any = !letters.is_empty();
    let mut panicked = None;
    for letter in letters.drain(..) {
        let payload = match letter {
            Letter::Wake(summons) => {
                if let Some(id) = summons.arrive() {
                    kernel.schedule(id);
                }
                None
            }
            Letter::Call(call) => panic::catch_unwind(AssertUnwindSafe(call)).err(),
            Letter::Items(key) => inlet::run(kernel, key),
        };
        // The letters behind one that panics are somebody's wakes: they are read first.
        if let Some(payload) = payload {
            keep_first(&mut panicked, payload);
        }
    }
    trim(&mut letters);
    kernel.letters.set(letters);
    if let Some(payload) = panicked {
        panic::resume_unwind(payload);
    }
    any
}

/// Gives back what a burst has left of room in a vector that was emptied.
pub(crate) fn trim<T>(emptied: &mut Vec<T>) {
    const KEPT: usize = 1024;
    emptied.shrink_to(KEPT);
}

/// What all [`Remote`] handles of a runtime share.
pub(crate) struct Link {
    inbox: Arc<Inbox>,
    /// Handles alive, on whatever thread.
    remotes: AtomicUsize,
}

impl Link {
    pub(crate) fn remotes(&self) -> usize {
        self.remotes.load(Ordering::SeqCst)
    }

    fn handle(self: Arc<Self>) -> Remote {
        self.remotes.fetch_add(1, Ordering::SeqCst);
        Remote { link: self }
    }
}

/// The handle of this thread's runtime for other threads.
///
/// # Panics
///
/// Without a runtime on this thread.
#[track_caller]
pub fn remote() -> Remote {
    kernel::with_runtime("remote", Remote::of)
}

/// A handle for other threads: `Send`, `Sync` and `Clone`.
///
/// While one lives, a loop that has nothing to do waits instead of being declared dead.
/// A virtual clock jumps all the same: say with [`expect_external`](crate::expect_external) that
/// something is under way.
///
/// asyncio counterpart: the loop, in `call_soon_threadsafe` and `run_coroutine_threadsafe`.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let remote = turnwise::remote();
///     let thread = std::thread::spawn(move || remote.spawn(|| async { 6 * 7 }).wait());
///     while !thread.is_finished() {
///         turnwise::yield_now().await;
///     }
///     assert_eq!(thread.join().unwrap().unwrap(), 42);
/// });
/// ```
pub struct Remote {
    link: Arc<Link>,
}

impl Clone for Remote {
    fn clone(&self) -> Self {
        self.link.clone().handle()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if self.link.remotes.fetch_sub(1, Ordering::SeqCst) == 1 {
            // The loop may sleep for our sake alone: now it has to be judged.
            self.link.inbox.nudge();
        }
    }
}

impl Remote {
    /// The handle for this thread's runtime.
    pub(crate) fn of(kernel: &Kernel) -> Self {
        let inbox = kernel.inbox.borrow().clone();
        let inbox = inbox.expect("a runtime has an inbox");
        let mut link = kernel.link.borrow_mut();
        let new = || {
            let remotes = AtomicUsize::new(0);
            Arc::new(Link { inbox, remotes })
        };
        link.get_or_insert_with(new).clone().handle()
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
        match self.post(Letter::Call(Box::new(call))) {
            Err(Letter::Call(call)) => Err(Gone::new(call)),
            _ => Ok(()),
        }
    }

    /// Delivers a letter, or gives it back if the runtime has ended.
    pub(crate) fn post(&self, letter: Letter) -> Result<(), Letter> {
        self.link.inbox.send(letter)
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
        let (answer, question) = answer::pair();
        let id = Arc::new(OnceLock::new());
        let started = id.clone();
        // An unread call is dropped, and the answer in it tells the handle.
        let _ = self.call(move || {
            let future = async move { make().await };
            let answer = Some(answer);
            let task = spawn_at(Answering { future, answer }, at);
            let _ = started.set(task.id());
        });
        RemoteHandle {
            id,
            question,
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
    /// dropping the answer, that there will be none.
    struct Answering<F: Future> {
        // Dropped before the answer is: by then nothing of the task is left.
        #[pin]
        future: F,
        answer: Option<Answer<F::Output>>,
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
        if let Some(answer) = this.answer.take() {
            answer.give(result);
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
    question: Question<T>,
    remote: Remote,
    /// What a runtime that awaits it has been told: the task is at work outside.
    expected: Option<External>,
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
    pub fn wait(self) -> Result<T, JoinError> {
        self.refuse_own_thread();
        self.question
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
    pub fn wait_timeout(self, limit: Duration) -> Result<Result<T, JoinError>, Self> {
        self.refuse_own_thread();
        let deadline = Instant::now().checked_add(limit);
        self.question.wait(deadline).ok_or(self)
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
        self.question.cancel(reason);
        let id = self.id.clone();
        // Letters are read in order: by then the task has been started.
        let _ = self.remote.call(move || {
            if let Some(id) = id.get() {
                join::cancel(*id, None);
            }
        });
    }

    /// Whether the result is there.
    pub fn is_finished(&self) -> bool {
        self.question.is_given()
    }

    /// Tells the runtime of this thread, if it is another one, that the task is at work.
    fn expect_here(&mut self) {
        let fresh = kernel::try_with(|kernel| {
            let told = self.expected.as_ref().map(External::remote);
            let known = [Some(&self.remote), told];
            let inbox = kernel.inbox.borrow();
            let inbox = inbox.as_ref().filter(|_| !kernel.closing.get())?;
            let knows = |remote: &Remote| Arc::ptr_eq(&remote.link.inbox, inbox);
            (!known.into_iter().flatten().any(knows)).then_some(())?;
            let label = format!("task of another runtime, spawned at {}", self.at);
            Some(External::new(kernel, label.into()))
        });
        if let Some(Some(expected)) = fresh {
            self.expected = Some(expected);
        }
    }

    #[track_caller]
    fn refuse_own_thread(&self) {
        let own = kernel::try_with(|kernel| {
            let inbox = kernel.inbox.borrow();
            inbox
                .as_ref()
                .is_some_and(|inbox| Arc::ptr_eq(inbox, &self.remote.link.inbox))
        });
        assert!(
            own != Some(true) || self.is_finished(),
            "the runtime's own thread would wait for itself; `.await` the handle instead"
        );
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.question).poll(cx);
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
    /// Never locked: it lends `Sync` to what nobody looks at through a reference.
    Mutex<T>,
);

impl<T> Gone<T> {
    pub(crate) fn new(sent: T) -> Self {
        Gone(Mutex::new(sent))
    }

    /// What was sent.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
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
