//! Knobs of a runtime.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::runtime::Runtime;
use crate::runtime::diagnostics::at_park;
use crate::runtime::diagnostics::problems::{Unobserved, UnobservedHook};
use crate::runtime::diagnostics::report::Report;
use crate::runtime::diagnostics::watchdog::{self, Stall, StallHook};

/// What [`block_on`](crate::block_on) does when nothing can ever wake the program again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDeadlock {
    /// Panic with the report.
    Panic,
    /// Wait all the same, as other runtimes do.
    Wait,
}

/// The hook for suspected deadlocks.
pub(crate) type SuspectedHook = Rc<dyn Fn(&Report)>;

/// The settings of the runtime on this thread.
pub(crate) struct Options {
    pub(crate) virtual_clock: bool,
    pub(crate) timer_slack: Duration,
    pub(crate) on_deadlock: OnDeadlock,
    pub(crate) on_unobserved: Option<UnobservedHook>,
    pub(crate) on_suspected: Option<SuspectedHook>,
    /// How long a deadlock is only suspected in silence.
    pub(crate) grace: Duration,
    /// A suspected deadlock fails like a certain one.
    pub(crate) strict: bool,
    /// What counts as blocking the loop, if that is watched.
    pub(crate) watchdog: Option<Duration>,
    pub(crate) on_stall: Option<StallHook>,
    /// Dumps tell how long polls take.
    pub(crate) time_polls: bool,
    #[cfg(feature = "signal")]
    pub(crate) dump_on_sigusr1: bool,
    pub(crate) blocking_threads: Option<usize>,
    /// How many blocking calls may wait before one is refused.
    pub(crate) blocking_queue: Option<usize>,
}

impl Options {
    pub(crate) const fn new() -> Self {
        Options {
            virtual_clock: false,
            timer_slack: Duration::ZERO,
            on_deadlock: OnDeadlock::Panic,
            on_unobserved: None,
            on_suspected: None,
            grace: at_park::GRACE,
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
}

/// Makes a [`Runtime`] with other than the usual settings.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let runtime = turnwise::Builder::new().virtual_clock().build();
/// runtime.block_on(turnwise::sleep(Duration::from_secs(86_400))); // returns at once
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder {
    options: Options,
}

impl Builder {
    /// The usual settings: the real clock, a panic on a certain deadlock.
    pub fn new() -> Self {
        Builder {
            options: Options::new(),
        }
    }

    /// Uses a virtual clock: when no task is ready and no outside work is in flight, time jumps to
    /// the next deadline. Where somebody waits for a descriptor, it first gets a millisecond of real time
    /// to become ready. While a child process lives, of which somebody has the
    /// `io::Child`, time follows real time.
    pub fn virtual_clock(mut self) -> Self {
        self.options.virtual_clock = true;
        self
    }

    /// Lets the loop sleep that much longer than to the next deadline, so that deadlines which are near each
    /// other share one wake-up: less work for the processor, and longer rests. None unless this is called.
    ///
    /// A deadline is never early and at most this late, besides what the system and the tasks before it
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
    /// let runtime = turnwise::Builder::new().timer_slack(slack).build();
    /// # let _ = runtime;
    /// ```
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.options.timer_slack = slack;
        self
    }

    /// Chooses what `block_on` does when nothing can ever wake the program again.
    pub fn on_deadlock(mut self, policy: OnDeadlock) -> Self {
        self.options.on_deadlock = policy;
        self
    }

    /// Tells `hook` of a problem in a task that nobody will ask about: a panic of a detached task,
    /// a task that waits for nothing. Without a hook it is printed on the standard error.
    pub fn on_unobserved(mut self, hook: impl Fn(&Unobserved) + 'static) -> Self {
        self.options.on_unobserved = Some(Rc::new(hook));
        self
    }

    /// Tells `hook` of a suspected deadlock in place of the standard error: for the grace, 5 seconds
    /// unless [`grace`](Builder::grace) says otherwise, nothing was left that could wake the program
    /// but clones of wakers in the hands of foreign code. At most once per runtime.
    ///
    /// A thread that is to wake the program, and takes longer than that, says so with
    /// [`expect_external`](crate::expect_external).
    pub fn on_suspected(mut self, hook: impl Fn(&Report) + 'static) -> Self {
        self.options.on_suspected = Some(Rc::new(hook));
        self
    }

    /// Chooses how long a suspected deadlock is left alone before it is reported.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.options.grace = grace;
        self
    }

    /// Judges as in tests: a suspected deadlock fails like a certain one, after the grace.
    pub fn strict(mut self) -> Self {
        self.options.strict = true;
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
        self.options.watchdog = Some(threshold);
        self
    }

    /// Calls `hook` with what the [`watchdog`](Builder::watchdog) sees, in place of a line on the
    /// standard error. Starts a watchdog: its threshold is 100 ms unless you choose another.
    pub fn on_stall(mut self, hook: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.options.on_stall = Some(Arc::new(hook));
        self.options.watchdog.get_or_insert(watchdog::THRESHOLD);
        self
    }

    /// Chooses whether dumps tell how long polls take: a histogram, and the spawn places with the
    /// longest. Debug builds do unless told otherwise, release builds do not.
    ///
    /// Where it is on, the clock is read around every poll; where it is off, it costs nothing.
    pub fn time_polls(mut self, on: bool) -> Self {
        self.options.time_polls = on;
        self
    }

    /// Prints a [dump](crate::dump()) of all tasks on the standard error whenever the process gets
    /// `SIGUSR1`, which would kill it otherwise; once the runtime has ended the signal does again what it did
    /// before. The dump is taken between two polls: of a loop that
    /// a task blocks only the [`watchdog`](Builder::watchdog) can tell. Signals that come within a tenth of a
    /// second after a dump, or as long as it took, get none of their own.
    ///
    /// If the system has no descriptor left for it, that is printed and the runtime does without.
    #[cfg(feature = "signal")]
    pub fn dump_on_sigusr1(mut self) -> Self {
        self.options.dump_on_sigusr1 = true;
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
        self.options.blocking_threads = Some(limit);
        self
    }

    /// Lets at most `limit` calls wait for a thread before
    /// [`try_spawn_blocking`](crate::try_spawn_blocking) refuses one; with zero, it takes a call only
    /// if a thread is free. Any number may wait otherwise.
    ///
    /// [`spawn_blocking`](crate::spawn_blocking) refuses nothing.
    pub fn blocking_queue(mut self, limit: usize) -> Self {
        self.options.blocking_queue = Some(limit);
        self
    }

    /// Makes the runtime of this thread.
    ///
    /// # Panics
    ///
    /// If this thread has a runtime already.
    #[track_caller]
    pub fn build(self) -> Runtime {
        Runtime::start(self.options)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("virtual_clock", &self.options.virtual_clock)
            .field("on_deadlock", &self.options.on_deadlock)
            .finish_non_exhaustive()
    }
}
