//! A pool of threads for calls that block.
//!
//! Threads start on demand, up to a limit, and end when they have been idle for a while; further
//! jobs queue behind, first in, first out. A runtime that ends waits for running jobs, but not for
//! long: a stuck call must not hang the exit of a program.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use slab::Slab;

use super::answer;
use super::context::{self, Kernel};
use super::join::{self, JoinHandle};
use super::join_error::JoinError;
use super::problems;
use super::remote::expect_external;

/// A thread that has had nothing to do for this long ends.
const IDLE: Duration = Duration::from_secs(10);
/// How long the end of a runtime waits for running jobs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `call` on a thread of the pool, and returns the handle of a task that waits for it.
///
/// Dropping the handle detaches the call; cancelling it keeps a call from starting, but stops none
/// that has started. The pool has at most `min(32, processors + 4)` threads
/// ([`Builder::blocking_threads`](crate::Builder::blocking_threads) chooses another limit); further
/// calls wait in line. When the runtime ends it waits one second for the calls that run and then
/// says on the standard error what it leaves behind.
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

/// As [`spawn_blocking`], on behalf of another line.
pub(crate) fn spawn_blocking_at<F, T>(call: F, at: &'static Location<'static>) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (answer, question) = answer::pair();
    let expected = expect_external(format!("blocking call at {at}"));
    let job = move || {
        if !answer.is_unwanted() {
            let result = panic::catch_unwind(AssertUnwindSafe(call));
            answer.give(result.map_err(JoinError::Panicked));
        }
    };
    let run = Box::new(job);
    match context::with(|kernel| (!kernel.closing.get()).then(|| Pool::of(kernel))) {
        Some(pool) => pool.start(Job { run, at }),
        // A runtime in teardown starts nothing, and its pool may be gone already.
        None => drop(run),
    }
    let wait = async move {
        let result = question.await;
        drop(expected);
        result.unwrap_or_else(|error| error.resume())
    };
    join::spawn_at(wait, at)
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
    /// A job has ended.
    ended: Condvar,
    limit: usize,
}

struct State {
    queue: VecDeque<Job>,
    /// The threads, each with the place of the job it runs.
    threads: Slab<Option<&'static Location<'static>>>,
    idle: usize,
    closed: bool,
}

impl Pool {
    fn of(kernel: &Kernel) -> Pool {
        let limit = kernel.options.borrow().blocking_threads.unwrap_or_else(|| {
            thread::available_parallelism()
                .map_or(8, |processors| processors.get() + 4)
                .min(32)
        });
        let mut pool = kernel.pool.borrow_mut();
        pool.get_or_insert_with(|| {
            let state = State {
                queue: VecDeque::new(),
                threads: Slab::new(),
                idle: 0,
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

    /// Queues a job and starts a thread for it if none is idle.
    fn start(&self, job: Job) {
        let mut state = self.shared.lock();
        state.queue.push_back(job);
        if state.idle >= state.queue.len() || state.threads.len() >= self.shared.limit {
            drop(state);
            return self.shared.work.notify_one();
        }
        let number = state.threads.insert(None);
        drop(state);
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name("turnwise-blocking".into());
        if let Err(error) = thread.spawn(move || shared.serve(number)) {
            let mut state = self.shared.lock();
            state.threads.try_remove(number);
            let alone = state.threads.is_empty();
            let stuck = if alone { state.queue.pop_back() } else { None };
            drop(state);
            // Another thread will come to it; without one its handle says that it was dropped.
            drop(stuck);
            let text = format_args!("a thread for blocking calls cannot be started: {error}");
            problems::print(text);
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
                self.ended.notify_all();
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
            if timeout.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads.try_remove(number);
    }
}
