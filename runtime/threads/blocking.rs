//! Calls that block, on threads of their own (`pool.rs`).
//!
//! Only a caller that asks for it is refused at a long line
//! (docs/decisions/0008-who-is-refused-a-thread.md). A runtime that ends waits for running calls, but not for
//! long: a stuck call must not hang the exit of a program.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::external::expect_external;
use super::oneshot;
use super::pool::{self, Job, Lane};
use crate::runtime::base::foreign::print;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::place::shown;
use crate::runtime::choices;
use crate::runtime::kernel;
use crate::runtime::task::join::JoinHandle;
use crate::runtime::task::spawn::spawn_at;

/// Runs `call` on a thread of the pool, and returns the handle of a task that waits for it.
///
/// Dropping the handle detaches the call: it runs when a thread is free, and is kept until then, also
/// when a `timeout` dropped the handle. Cancelling the handle gives up a call that has not started: it
/// leaves the line, and its closure is dropped on this thread. Nothing stops a call that has started;
/// its result is dropped. The pool has at most `min(32, processors + 4)` threads
/// ([`RuntimeBuilder::blocking_threads`](crate::RuntimeBuilder::blocking_threads) chooses another limit); further
/// calls wait in line, however long that is. The lookup of a name and the reading of the standard
/// input have threads of their own and wait for none of them. Call [`try_spawn_blocking`] to be refused rather than wait
/// in a long line. When the runtime ends it waits one second for the calls that
/// run and then says on the standard error what it leaves behind. A panic of a call whose task is gone by
/// then, or was cancelled, reaches the panic hook of its thread and nothing else.
///
/// If the system gives the pool not even a first thread, the call is dropped, and its handle says
/// that it was cancelled and why.
///
/// asyncio counterpart: `asyncio.to_thread`, `loop.run_in_executor`.
///
/// # Panics
///
/// Without a runtime on this thread. A panic of the call is a [`JoinError::Panicked`].
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let text = turnwise::spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(text.await.unwrap().unwrap().contains("turnwise"));
/// # });
/// ```
///
/// To give up a call that takes too long, keep its handle:
///
/// ```
/// use std::time::Duration;
///
/// turnwise::block_on(async {
///     let mut call = turnwise::spawn_blocking(|| 7);
///     if turnwise::timeout(Duration::from_secs(1), &mut call).await.is_err() {
///         call.cancel(); // If no thread has come to it, none will.
///     }
/// });
/// ```
#[track_caller]
#[doc(alias = "to_thread")]
#[doc(alias = "run_in_executor")]
pub fn spawn_blocking<F, T>(call: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    kernel::need_runtime("spawn_blocking");
    spawn_blocking_at(Lane::Calls, Location::caller(), call)
}

/// As [`spawn_blocking`], unless the call would have to wait behind too many others.
///
/// How many may wait is set by [`RuntimeBuilder::blocking_queue`](crate::RuntimeBuilder::blocking_queue); without
/// that, any number. Calls of [`spawn_blocking`] count as well, though none of them is refused.
///
/// asyncio counterpart: none; its executors queue without bound.
///
/// # Errors
///
/// - [`TrySpawnError::Full`] if no thread is free and as many calls wait as may;
/// - [`TrySpawnError::NoThread`] if the system gives the pool not even a first thread;
/// - [`TrySpawnError::Closing`] in a destructor that runs while the runtime is torn down.
///
/// Each gives the call back.
///
/// # Panics
///
/// Without a runtime on this thread. A panic of the call is a [`JoinError::Panicked`].
///
/// # Examples
///
/// ```
/// use turnwise::thread::{TrySpawnError, try_spawn_blocking};
/// use turnwise::Runtime;
///
/// let runtime = Runtime::builder().blocking_threads(1).blocking_queue(0).build();
/// runtime.block_on(async {
///     let (go, gone) = std::sync::mpsc::channel();
///     let first = try_spawn_blocking(move || gone.recv().unwrap()).unwrap();
///     let second = try_spawn_blocking(|| 7); // No call waits in this line.
///     let Err(TrySpawnError::Full(call)) = second else { panic!("the thread is taken") };
///     assert_eq!(call(), 7);
///     go.send(1).unwrap();
///     assert_eq!(first.await.unwrap(), 1);
/// });
/// ```
#[track_caller]
pub fn try_spawn_blocking<F, T>(call: F) -> Result<JoinHandle<T>, TrySpawnError<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    kernel::need_runtime("try_spawn_blocking");
    offer(Lane::Calls, Location::caller(), pool::queue_limit(), call)
}

/// Does one of the runtime's own calls, on behalf of the line `at`.
pub(crate) fn do_blocking<F, T>(
    lane: Lane,
    at: &'static Location<'static>,
    call: F,
) -> BlockingIo<T>
where
    F: FnOnce() -> io::Result<T> + Send + 'static,
    T: Send + 'static,
{
    BlockingIo(spawn_blocking_at(lane, at, call))
}

/// The future of a call of the runtime's own. Dropped before the call has started, it gives it up.
pub(crate) struct BlockingIo<T>(JoinHandle<io::Result<T>>);

impl<T: 'static> Future for BlockingIo<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx))?)
    }
}

impl<T> Drop for BlockingIo<T> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn spawn_blocking_at<F, T>(lane: Lane, at: &'static Location<'static>, call: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    kernel::need_runtime("a blocking call");
    offer(lane, at, None, call).unwrap_or_else(|refused| {
        let mut reason = refused.to_string();
        if let TrySpawnError::NoThread(_, error) = &refused {
            reason += &format!(": {error}");
            // The handle may never be looked at.
            print(&reason);
        }
        drop(refused);
        let never = spawn_at(std::future::pending(), at);
        never.cancel_because(reason);
        never
    })
}

/// Gives a call to the pool, unless it would wait behind more than `most` others.
fn offer<F, T>(
    lane: Lane,
    at: &'static Location<'static>,
    most: Option<usize>,
    call: F,
) -> Result<JoinHandle<T>, TrySpawnError<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // A runtime in teardown starts nothing, and its pool may be gone already.
    if kernel::with(|kernel| kernel.is_closing()) {
        return Err(TrySpawnError::Closing(call));
    }
    if choices::is_exploring() {
        return Ok(explored(lane, at, call));
    }
    let pool = pool::of(lane);
    match pool.admit(most) {
        Ok(true) => {}
        Ok(false) => return Err(TrySpawnError::Full(call)),
        Err(error) => return Err(TrySpawnError::NoThread(call, error)),
    }
    let (sender, receiver) = oneshot::channel();
    let expected = expect_external(format!("blocking call at {}", shown(at)));
    let job = move || {
        if !sender.is_unwanted() {
            let result = panic::catch_unwind(AssertUnwindSafe(call));
            sender.send(result.map_err(JoinError::panicked));
        }
    };
    let run = Box::new(job);
    let place = pool.queue(Job { run, at });
    let wait = async move {
        expected.is_awaited_here();
        let result = receiver.await;
        place.leave();
        drop(expected);
        result.unwrap_or_else(|error| error.resume())
    };
    Ok(spawn_at(wait, at))
}

/// A blocking call as a task: it is made in this thread, and the turn of the task is when it ends.
fn explored<F, T>(lane: Lane, at: &'static Location<'static>, call: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if !matches!(lane, Lane::Calls) {
        choices::refuse("a look-up of a name, or a file as an input,");
    }
    let task = spawn_at(async move { call() }, at);
    kernel::with(|kernel| choices::come_from_outside(kernel, task.id()));
    task
}

/// Why a blocking call was not taken. Gives the call back.
#[non_exhaustive]
pub enum TrySpawnError<F> {
    /// No thread is free, and as many calls wait as may.
    Full(F),
    /// The system gives the pool not even a first thread. Its error is also the [`source`](std::error::Error::source).
    NoThread(F, io::Error),
    /// The runtime is being torn down.
    Closing(F),
}

impl<F> TrySpawnError<F> {
    /// The call.
    pub fn into_inner(self) -> F {
        match self {
            TrySpawnError::Full(call)
            | TrySpawnError::NoThread(call, _)
            | TrySpawnError::Closing(call) => call,
        }
    }
}

impl<F> fmt::Display for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySpawnError::Full(_) => f.write_str("too many blocking calls wait already"),
            TrySpawnError::NoThread(..) => {
                f.write_str("no thread for blocking calls can be started")
            }
            TrySpawnError::Closing(_) => f.write_str("the runtime is ending"),
        }
    }
}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySpawnError::NoThread(_, error) => write!(f, "TrySpawnError({self}: {error})"),
            _ => write!(f, "TrySpawnError({self})"),
        }
    }
}

impl<F> std::error::Error for TrySpawnError<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TrySpawnError::NoThread(_, error) => Some(error),
            TrySpawnError::Full(_) | TrySpawnError::Closing(_) => None,
        }
    }
}
