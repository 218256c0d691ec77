//! A pool of threads for calls that block.
//!
//! Threads start on demand, up to a limit, and end when they have been idle for a while; further
//! jobs queue behind, first in, first out. Only who asks for it is refused at a long queue
//! (docs/decisions/0008-who-is-refused-a-thread.md). A runtime that ends waits for running jobs, but not for
//! long: a stuck call must not hang the exit of a program.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use slab::Slab;

use super::answer;
use super::context::{self, Kernel};
use super::external::expect_external;
use super::join::{self, JoinHandle};
use super::join_error::JoinError;
use super::problems;
use super::spawn::spawn_at;

/// A thread that has had nothing to do for this long ends.
const IDLE: Duration = Duration::from_secs(10);
/// How long the end of a runtime waits for running jobs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `call` on a thread of the pool, and returns the handle of a task that waits for it.
///
/// Dropping the handle detaches the call; cancelling it keeps a call from starting, but stops none
/// that has started. The pool has at most `min(32, processors + 4)` threads
/// ([`Builder::blocking_threads`](crate::Builder::blocking_threads) chooses another limit); further
/// calls wait in line, however long that is. Whoever would rather be refused than wait in a long
/// line calls [`try_spawn_blocking`]. When the runtime ends it waits one second for the calls that
/// run and then says on the standard error what it leaves behind. A panic of a call whose task is gone by
/// then, or was cancelled, reaches the panic hook of its thread and nobody else.
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
#[track_caller]
#[doc(alias = "to_thread")]
#[doc(alias = "run_in_executor")]
pub fn spawn_blocking<F, T>(call: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    context::with_runtime("spawn_blocking", |_| ());
    spawn_blocking_at(call, Location::caller())
}

/// As [`spawn_blocking`], unless the call would have to wait behind too many others.
///
/// How many may wait is set by [`Builder::blocking_queue`](crate::Builder::blocking_queue); without
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
/// use turnwise::{Builder, TrySpawnError, try_spawn_blocking};
///
/// let runtime = Builder::new().blocking_threads(1).blocking_queue(0).build();
/// runtime.block_on(async {
///     let (go, gone) = std::sync::mpsc::channel();
///     let first = try_spawn_blocking(move || gone.recv().unwrap()).unwrap();
///     let second = try_spawn_blocking(|| 7); // Nobody waits in this line.
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
    context::with_runtime("try_spawn_blocking", |_| ());
    let most = context::with(|kernel| kernel.options.borrow().blocking_queue);
    offer(call, most, Location::caller())
}

/// As [`spawn_blocking`], on behalf of another line.
pub(crate) fn spawn_blocking_at<F, T>(call: F, at: &'static Location<'static>) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    context::with_runtime("a blocking call", |_| ());
    offer(call, None, at).unwrap_or_else(|refused| {
        let mut reason = refused.to_string();
        if let TrySpawnError::NoThread(_, error) = &refused {
            reason += &format!(": {error}");
            // Nobody may look at the handle.
            problems::print(&reason);
        }
        drop(refused);
        let never = spawn_at(std::future::pending(), at);
        never.cancel_because(reason);
        never
    })
}

/// Gives a call to the pool, unless it would wait behind more than `most` others.
fn offer<F, T>(
    call: F,
    most: Option<usize>,
    at: &'static Location<'static>,
) -> Result<JoinHandle<T>, TrySpawnError<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // A runtime in teardown starts nothing, and its pool may be gone already.
    let pool = context::with(|kernel| (!kernel.closing.get()).then(|| Pool::of(kernel)));
    let Some(pool) = pool else {
        return Err(TrySpawnError::Closing(call));
    };
    match pool.admit(most) {
        Ok(true) => {}
        Ok(false) => return Err(TrySpawnError::Full(call)),
        Err(error) => return Err(TrySpawnError::NoThread(call, error)),
    }
    let (answer, question) = answer::pair();
    let expected = expect_external(format!("blocking call at {at}"));
    let job = move || {
        if !answer.is_unwanted() {
            let result = panic::catch_unwind(AssertUnwindSafe(call));
            answer.give(result.map_err(JoinError::panicked));
        }
    };
    let run = Box::new(job);
    pool.queue(Job { run, at });
    let wait = async move {
        expected.is_awaited_here();
        let result = question.await;
        drop(expected);
        result.unwrap_or_else(|error| error.resume())
    };
    Ok(spawn_at(wait, at))
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

struct Job {
    run: Box<dyn FnOnce() + Send>,
    at: &'static Location<'static>,
}

/// The pool of a runtime.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A job was queued, or the pool was closed.
    work: Condvar,
    /// A job has ended after the pool was closed.
    ended: Condvar,
    limit: usize,
}

struct State {
    queue: VecDeque<Job>,
    /// The threads, each with the place of the job it runs.
    threads: Slab<Option<&'static Location<'static>>>,
    idle: usize,
    /// Jobs that were admitted and are not queued yet: a thread that could do one stays.
    coming: usize,
    closed: bool,
}

impl Pool {
    fn of(kernel: &Kernel) -> Pool {
        let mut pool = kernel.pool.borrow_mut();
        pool.get_or_insert_with(|| {
            // Once: the system reads three files for the number of processors.
            let limit = kernel.options.borrow().blocking_threads.unwrap_or_else(|| {
                thread::available_parallelism()
                    .map_or(8, |processors| processors.get() + 4)
                    .min(32)
            });
            let state = State {
                queue: VecDeque::new(),
                threads: Slab::new(),
                idle: 0,
                coming: 0,
                closed: false,
            };
            let (work, ended) = (Condvar::new(), Condvar::new());
            Pool {
                shared: Arc::new(Shared {
                    state: Mutex::new(state),
                    work,
                    ended,
                    limit,
                }),
            }
        })
        .clone()
    }

    /// Whether one more job would wait behind at most `most` others. If so there is a thread that
    /// will come to it, started now if none is free.
    fn admit(&self, most: Option<usize>) -> io::Result<bool> {
        let mut state = self.shared.lock();
        let waiting = state.queue.len();
        let busy = state
            .threads
            .iter()
            .filter(|(_, job)| job.is_some())
            .count();
        let free = self.shared.limit.saturating_sub(busy);
        if most.is_some_and(|most| waiting >= most.saturating_add(free)) {
            return Ok(false);
        }
        state.coming += 1;
        if state.idle > waiting || state.threads.len() >= self.shared.limit {
            return Ok(true);
        }
        let number = state.threads.insert(None);
        drop(state);
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name("turnwise-blocking".into());
        let Err(error) = thread.spawn(move || shared.serve(number)) else {
            return Ok(true);
        };
        let mut state = self.shared.lock();
        state.threads.try_remove(number);
        if !state.threads.is_empty() {
            // Another thread will come to the job.
            return Ok(true);
        }
        state.coming -= 1;
        Err(error)
    }

    /// Queues a job that was admitted.
    fn queue(&self, job: Job) {
        let mut state = self.shared.lock();
        state.coming -= 1;
        state.queue.push_back(job);
        // Whoever is busy looks at the queue before it sleeps, and to notify nobody is a system call, too.
        let anybody = state.idle > 0;
        drop(state);
        if anybody {
            self.shared.work.notify_one();
        }
    }

    /// Takes no more jobs, drops those that wait, and waits a little for those that run. Returns
    /// the places of those it leaves behind.
    pub(crate) fn close(self) -> Vec<&'static Location<'static>> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.queue);
        self.shared.work.notify_all();
        while state.threads.iter().any(|(_, job)| job.is_some()) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            let waited = self.shared.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let left = state.threads.iter().filter_map(|(_, job)| *job).collect();
        drop(state);
        // One at a time: the destructor of one may panic, and the others go all the same.
        waiting.into_iter().for_each(join::drop_quietly);
        left
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread: one job after the other, until there has been none for a while.
    fn serve(&self, number: usize) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.threads[number] = Some(job.at);
                drop(state);
                // The job catches its own panic; what is left is that of a destructor.
                let _ = panic::catch_unwind(AssertUnwindSafe(job.run));
                state = self.lock();
                state.threads[number] = None;
                if state.closed {
                    self.ended.notify_all();
                }
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (back, timeout) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if timeout.timed_out() && state.queue.is_empty() && state.coming == 0 {
                break;
            }
        }
        state.threads.try_remove(number);
    }
}
