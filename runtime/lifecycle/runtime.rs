//! The runtime as its user holds it: the right to run tasks on this thread.
//!
//! All state lives in the thread's kernel; [`Runtime`] is a token for it that cannot leave the
//! thread, and whose drop tears everything down.

use std::cell::OnceCell;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic;
use std::time::Duration;

use super::builder::{DeadlockPolicy, RuntimeBuilder};
use super::teardown;
use crate::runtime::diagnostics::deadlock_error::Deadlock;
use crate::runtime::diagnostics::report::Report;
use crate::runtime::driver;
use crate::runtime::kernel::sched::body::off_stack;
use crate::runtime::kernel::{self, ThisThread};
use crate::runtime::task::join::JoinHandle;
use crate::runtime::task::spawn::spawn;
use crate::runtime::threads::remote::Remote;
use crate::runtime::time::Instant;

/// Runs `future` to its end on a new runtime, and returns its output.
///
/// Tasks that are still alive then are dropped with the runtime.
///
/// asyncio counterpart: `asyncio.run`.
///
/// # Panics
///
/// Inside another `block_on`; when a runtime exists on this thread (use its own `block_on`); when
/// nothing can ever wake the program again, with a report of which task waits for what; when the program
/// has to sleep and the system gives it no descriptors for that, or refuses the call. Three are
/// needed, at the first sleep, socket or signal, and kept from then on.
///
/// # Examples
///
/// ```
/// let answer = turnwise::block_on(async { 6 * 7 });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    driver::refuse_nesting("block_on");
    off_stack!(F, future => Runtime::new().block_on(future))
}

/// The runtime of this thread; there is at most one.
///
/// Dropping it drops all its tasks, in the order of their spawning.
///
/// asyncio counterpart: the event loop, with `asyncio.Runner`.
///
/// # Examples
///
/// ```
/// let runtime = turnwise::Runtime::new();
/// let task = runtime.spawn(async { 6 * 7 }); // begins when the runtime runs
/// assert_eq!(runtime.block_on(task).unwrap(), 42);
/// assert_eq!(runtime.stats().alive, 0);
/// ```
#[must_use = "a runtime that is dropped drops its tasks; call `block_on`"]
#[derive(Debug)]
pub struct Runtime {
    deadlock_policy: DeadlockPolicy,
    /// The selector, for a host that polls it.
    descriptor: OnceCell<OwnedFd>,
    _thread: ThisThread,
}

impl Runtime {
    /// Makes the runtime of this thread, with the usual settings. No system resource is taken
    /// before it is needed.
    ///
    /// # Panics
    ///
    /// If this thread has a runtime already; the message names where that was made.
    #[track_caller]
    #[allow(
        clippy::new_without_default,
        reason = "a default must not panic or take a thread"
    )]
    pub fn new() -> Self {
        Runtime::builder().build()
    }

    /// Begins a runtime with other than the usual settings.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = turnwise::Runtime::builder().virtual_clock().build();
    /// runtime.block_on(turnwise::sleep(std::time::Duration::from_secs(86_400))); // Returns at once.
    /// ```
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::new()
    }

    /// The token for what the builder has set up.
    pub(super) fn new_with(deadlock_policy: DeadlockPolicy) -> Self {
        Runtime {
            deadlock_policy,
            descriptor: OnceCell::new(),
            _thread: ThisThread::new(),
        }
    }

    /// Runs `future` to its end and returns its output. Other tasks live on for the next call.
    ///
    /// The future takes its turn in the same queue as every task.
    ///
    /// # Panics
    ///
    /// Inside another turn of the loop; when nothing can ever wake the program again, with a report
    /// of which task waits for what (see [`RuntimeBuilder::deadlock_policy`](crate::RuntimeBuilder::deadlock_policy)); when the
    /// program has to sleep and the system gives it no descriptors for that.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let at = driver::admit("block_on");
        let judge = self.deadlock_policy == DeadlockPolicy::Panic;
        let run =
            off_stack!(F, future => kernel::with(|kernel| driver::run(kernel, future, judge, at)));
        match run {
            Ok(output) => output,
            Err(deadlock) => panic!("{deadlock}"),
        }
    }

    /// As [`block_on`](Runtime::block_on), but returns a certain deadlock as an error. The future
    /// is dropped then; other tasks stay as they are.
    ///
    /// # Errors
    ///
    /// [`Deadlock`] when nothing can ever wake the program again.
    ///
    /// # Panics
    ///
    /// Inside another turn of the loop; when it has to sleep and the system gives it no descriptors
    /// for that.
    #[track_caller]
    pub fn try_block_on<F: Future>(&self, future: F) -> Result<F::Output, Deadlock> {
        let at = driver::admit("block_on");
        off_stack!(F, future => kernel::with(|kernel| driver::run(kernel, future, true, at)))
    }

    /// Starts a task; see [`spawn`](crate::spawn()).
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        off_stack!(F, future => spawn(future))
    }

    /// Makes one pass: polls every task that is ready, once each. If none is, first waits for at
    /// most `max_wait` for something to happen (`None` waits as long as it takes).
    ///
    /// Returns whether another turn has something to do at once. On a virtual clock the wait for a
    /// deadline is one in virtual time, and `max_wait` bounds that. For a host that owns the outer loop; it is not judged
    /// for deadlocks, because the host may hold the other end.
    ///
    /// # Panics
    ///
    /// Inside another turn of the loop; when it has to sleep and the system gives it no descriptors
    /// for that.
    #[track_caller]
    pub fn turn(&self, max_wait: Option<Duration>) -> bool {
        let at = driver::admit("turn");
        kernel::with(|kernel| driver::turn(kernel, max_wait, at))
    }

    /// Polls tasks until none is ready, without waiting for anything.
    ///
    /// # Panics
    ///
    /// Inside another turn of the loop; when it has to sleep and the system gives it no descriptors
    /// for that.
    #[track_caller]
    pub fn run_until_stalled(&self) {
        while self.turn(Some(Duration::ZERO)) {}
    }

    /// The earliest deadline that a task waits for.
    pub fn next_deadline(&self) -> Option<Instant> {
        kernel::with(|kernel| kernel.timers().next().map(Instant::of_reading))
    }

    /// Turns on the embedded mode: for a host that owns the outer loop and polls a descriptor of this runtime beside
    /// its own.
    ///
    /// The descriptor becomes readable when [`turn`](Runtime::turn) has something to do: I/O, timers, wakes from other
    /// threads, tasks made ready outside a turn. The host then calls `turn(Some(Duration::ZERO))`. The first call
    /// makes the selector; later ones give the same descriptor.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left; when it has no timers that a descriptor can show
    /// (`timerfd`); and on a virtual clock, which no descriptor can show.
    #[doc(alias = "as_fd")]
    pub fn embed(&self) -> io::Result<Embedded<'_>> {
        let descriptor = match self.descriptor.get() {
            Some(made) => made.as_fd(),
            None => {
                let made = kernel::with(driver::embed)?;
                self.descriptor.get_or_init(|| made).as_fd()
            }
        };
        Ok(Embedded { descriptor })
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        kernel::with(Remote::of)
    }

    /// A picture of all tasks: what each waits for, and where.
    pub fn dump(&self) -> Report {
        kernel::with(Report::take)
    }

    /// Counters of this runtime. O(tasks and waiters of this thread).
    pub fn stats(&self) -> Stats {
        kernel::with(|kernel| {
            let tasks = kernel.tasks();
            Stats {
                alive: tasks.iter().filter(|task| !task.is_over()).count(),
                spawned: tasks.spawned(),
                passes: kernel.passes().begun(),
                ready: tasks.count_ready(),
                waiters: kernel.waiters().iter().count() + kernel.singles().count(),
                timers: kernel.timers().len(),
            }
        })
    }
}

/// Counters of a thread's kernel; see [`Runtime::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks that have not ended.
    pub alive: usize,
    /// Tasks spawned on this thread so far, `block_on` included.
    pub spawned: u64,
    /// Passes of the loop so far.
    pub passes: u64,
    /// Tasks in the ready queue that have not ended.
    pub ready: usize,
    /// Entries in wait queues, and receivers that wait for one value.
    pub waiters: usize,
    /// Armed timers.
    pub timers: usize,
}

/// What a host polls of a runtime that it [embeds](Runtime::embed).
#[derive(Clone, Copy, Debug)]
pub struct Embedded<'a> {
    descriptor: BorrowedFd<'a>,
}

impl AsFd for Embedded<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor
    }
}

impl AsRawFd for Embedded<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let panicked = kernel::try_with(teardown::tear_down).flatten();
        match panicked {
            Some(payload) if !std::thread::panicking() => panic::resume_unwind(payload),
            _ => {}
        }
    }
}
