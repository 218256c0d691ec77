//! Knobs of a runtime.

use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::runtime::Runtime;
use crate::runtime::base::place::shown;
use crate::runtime::diagnostics::at_park;
#[cfg(feature = "signal")]
use crate::runtime::diagnostics::dump_signal;
use crate::runtime::diagnostics::observer;
use crate::runtime::diagnostics::report::Report;
use crate::runtime::diagnostics::suspected_deadlock::{self, SuspectedHook};
use crate::runtime::diagnostics::watchdog::{self, Stall, StallHook};
use crate::runtime::driver;
use crate::runtime::kernel::{self, Kernel};
use crate::runtime::task::unobserved::{self, Unobserved, UnobservedHook};
use crate::runtime::threads::pool;

/// What [`block_on`](crate::block_on) does when nothing can ever wake the program again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadlockPolicy {
    /// Panic with the report.
    Panic,
    /// Wait all the same, as other runtimes do.
    Wait,
}

/// Makes a [`Runtime`] with other than the usual settings.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let runtime = turnwise::Runtime::builder().virtual_clock().build();
/// runtime.block_on(turnwise::sleep(Duration::from_secs(86_400))); // returns at once
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct RuntimeBuilder {
    virtual_clock: bool,
    timer_slack: Duration,
    deadlock_policy: DeadlockPolicy,
    on_unobserved: Option<UnobservedHook>,
    on_suspected: Option<SuspectedHook>,
    grace: Duration,
    strict: bool,
    /// The longest poll that does not count as blocking the loop, if that is watched.
    watchdog: Option<Duration>,
    on_stall: Option<StallHook>,
    time_polls: bool,
    #[cfg(feature = "signal")]
    dump_on_sigusr1: bool,
    blocking_threads: Option<usize>,
    blocking_queue: Option<usize>,
}

impl RuntimeBuilder {
    /// The usual settings: the real clock, a panic on a certain deadlock.
    pub(super) fn new() -> Self {
        RuntimeBuilder {
            virtual_clock: false,
            timer_slack: Duration::ZERO,
            deadlock_policy: DeadlockPolicy::Panic,
            on_unobserved: None,
            on_suspected: None,
            grace: suspected_deadlock::GRACE,
            strict: false,
            watchdog: None,
            on_stall: None,
            time_polls: cfg!(debug_assertions),
            #[cfg(feature = "signal")]
            dump_on_sigusr1: false,
            blocking_threads: None,
            blocking_queue: None,
        }
    }

    /// Uses a virtual clock: when no task is ready and no outside work is in flight, time jumps to
    /// the next deadline. Where a task waits for a descriptor, the descriptor first gets a millisecond of
    /// real time to become ready. While a child process lives whose `io::Child` is kept, time follows real time.
    pub fn virtual_clock(mut self) -> Self {
        self.virtual_clock = true;
        self
    }

    /// Lets the loop sleep that much longer than to the next deadline, so that deadlines which are near each
    /// other share one wake-up: less work for the processor, and longer rests. None unless this is called.
    ///
    /// A deadline is never early and at most this late, in addition to what the system and the tasks before it
    /// take. A loop that is awake anyway, for a task or a descriptor, keeps to what is due by then; virtual
    /// time knows no slack.
    ///
    /// asyncio counterpart: none; it comes nearest to the `_clock_resolution` of a loop, which lets deadlines
    /// come early. The system has the same under the same name (`PR_SET_TIMERSLACK`).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// // A daemon that looks after a hundred things now and then, and need not do so to the millisecond.
    /// let slack = Duration::from_millis(50);
    /// let runtime = turnwise::Runtime::builder().timer_slack(slack).build();
    /// # let _ = runtime;
    /// ```
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.timer_slack = slack;
        self
    }

    /// Chooses what `block_on` does when nothing can ever wake the program again.
    pub fn deadlock_policy(mut self, policy: DeadlockPolicy) -> Self {
        self.deadlock_policy = policy;
        self
    }

    /// Tells `hook` of a problem in a task whose result is never asked for: a panic of a detached task,
    /// a task that waits for nothing. Without a hook it is printed on the standard error.
    pub fn on_unobserved(mut self, hook: impl Fn(&Unobserved) + 'static) -> Self {
        self.on_unobserved = Some(Rc::new(hook));
        self
    }

    /// Tells `hook` of a suspected deadlock in place of the standard error: for the grace, 5 seconds
    /// unless [`suspect_after`](RuntimeBuilder::suspect_after) says otherwise, nothing was left that could wake the program
    /// but clones of wakers in the hands of foreign code, or a signal that asks the program to end. At most once
    /// per runtime.
    ///
    /// A thread that is to wake the program, and takes longer than that, says so with
    /// [`expect_external`](crate::thread::expect_external).
    pub fn on_suspected(mut self, hook: impl Fn(&Report) + 'static) -> Self {
        self.on_suspected = Some(Rc::new(hook));
        self
    }

    /// Chooses how long a suspected deadlock is left alone before it is reported.
    pub fn suspect_after(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Judges as in tests: a suspected deadlock fails like a certain one, after the grace. On a virtual clock one that
    /// only a signal to end can wake fails after a millisecond.
    pub fn fail_on_suspected(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Watches, from a thread of its own, for polls that take longer than `threshold`: a task that
    /// does not reach an await keeps everything else waiting. Such a task is named on the standard
    /// error while it blocks the loop, and again with the line it had resumed at when it is over. A
    /// threshold of 100 ms suits most programs.
    ///
    /// Costs about a nanosecond per poll, and a thread that wakes four times per threshold.
    ///
    /// asyncio counterpart: `loop.slow_callback_duration` of its debug mode, which reports when the
    /// callback has ended.
    pub fn watchdog(mut self, threshold: Duration) -> Self {
        self.watchdog = Some(threshold);
        self
    }

    /// Calls `hook` with what the [`watchdog`](RuntimeBuilder::watchdog) sees, in place of a line on the
    /// standard error. Starts a watchdog: its threshold is 100 ms unless you choose another.
    pub fn on_stall(mut self, hook: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.on_stall = Some(Arc::new(hook));
        self.watchdog.get_or_insert(watchdog::THRESHOLD);
        self
    }

    /// Chooses whether dumps say how long polls take: a histogram, and the spawn places with the
    /// longest. Debug builds do unless this says otherwise, release builds do not.
    ///
    /// Where it is on, the clock is read around every poll; where it is off, it costs nothing.
    pub fn time_polls(mut self, on: bool) -> Self {
        self.time_polls = on;
        self
    }

    /// Prints a [dump](crate::report::dump()) of all tasks on the standard error whenever the process gets
    /// `SIGUSR1`, which would kill it otherwise; once the runtime has ended the signal does again what it did
    /// before. The dump is taken between two polls: of a loop that
    /// a task blocks only the [`watchdog`](RuntimeBuilder::watchdog) can tell. Signals that come within a tenth of a
    /// second after a dump, or as long as it took, get none of their own.
    ///
    /// If the system has no descriptor left for it, that is printed and the runtime does without.
    #[cfg(feature = "signal")]
    pub fn dump_on_sigusr1(mut self) -> Self {
        self.dump_on_sigusr1 = true;
        self
    }

    /// Lets at most `limit` calls of [`spawn_blocking`](crate::spawn_blocking) run at a time.
    ///
    /// Names are looked up, and an input that is a file is read, by threads of their own, which are not
    /// counted.
    ///
    /// # Panics
    ///
    /// On a limit of zero.
    #[track_caller]
    pub fn blocking_threads(mut self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "blocking calls need a thread; choose a limit above zero"
        );
        self.blocking_threads = Some(limit);
        self
    }

    /// Lets at most `limit` calls wait for a thread before
    /// [`try_spawn_blocking`](crate::thread::try_spawn_blocking) refuses one; with zero, it takes a call only
    /// if a thread is free. Any number may wait otherwise.
    ///
    /// [`spawn_blocking`](crate::spawn_blocking) refuses nothing.
    pub fn blocking_queue(mut self, limit: usize) -> Self {
        self.blocking_queue = Some(limit);
        self
    }

    /// Makes the runtime of this thread.
    ///
    /// # Panics
    ///
    /// If this thread has a runtime already; see [`try_build`](RuntimeBuilder::try_build).
    #[track_caller]
    pub fn build(self) -> Runtime {
        match self.try_build() {
            Ok(runtime) => runtime,
            Err(exists) => panic!("{exists}"),
        }
    }

    /// As [`build`](RuntimeBuilder::build), with the failure as a value.
    ///
    /// # Errors
    ///
    /// [`RuntimeExists`] if this thread has a runtime already.
    #[track_caller]
    pub fn try_build(self) -> Result<Runtime, RuntimeExists> {
        let at = Location::caller();
        match kernel::with(|kernel| kernel.runtime()) {
            Some(first) => Err(RuntimeExists { first }),
            None => Ok(kernel::with(|kernel| self.start(kernel, at))),
        }
    }

    /// Begins a runtime: each module gets its part of the settings.
    fn start(self, kernel: &Kernel, at: &'static Location<'static>) -> Runtime {
        kernel.clock().reset(self.virtual_clock);
        pool::configure(self.blocking_threads, self.blocking_queue);
        unobserved::configure(self.on_unobserved);
        at_park::configure(self.grace, self.strict, self.on_suspected);
        let watched = observer::configure(self.watchdog, self.on_stall, self.time_polls);
        driver::configure(self.timer_slack, watched);
        kernel.mail().open();
        kernel.open(at);
        #[cfg(feature = "signal")]
        if self.dump_on_sigusr1 {
            if let Some(hook) = dump_signal::start() {
                driver::set_hook(hook);
            }
        }
        Runtime::new_with(self.deadlock_policy)
    }
}

impl std::fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("virtual_clock", &self.virtual_clock)
            .field("deadlock_policy", &self.deadlock_policy)
            .finish_non_exhaustive()
    }
}

/// This thread has a runtime already.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeExists {
    first: &'static Location<'static>,
}

impl std::fmt::Display for RuntimeExists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "this thread has a runtime already, made at {}; \
             use that one, drop it first, or share one by `Runtime::shared`",
            shown(self.first)
        )
    }
}

impl std::error::Error for RuntimeExists {}
