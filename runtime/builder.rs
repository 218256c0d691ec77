//! Knobs of a runtime.

use std::rc::Rc;

use super::report::{Unobserved, UnobservedHook};
use super::token::Runtime;

/// What [`block_on`](crate::block_on) does when nothing can ever wake the program again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDeadlock {
    /// Panic with the report.
    Panic,
    /// Wait all the same, as other runtimes do.
    Wait,
}

/// The settings of the runtime on this thread.
pub(crate) struct Options {
    pub(crate) virtual_clock: bool,
    pub(crate) on_deadlock: OnDeadlock,
    pub(crate) on_unobserved: Option<UnobservedHook>,
    pub(crate) blocking_threads: Option<usize>,
}

impl Options {
    pub(crate) const fn new() -> Self {
        Options {
            virtual_clock: false,
            on_deadlock: OnDeadlock::Panic,
            on_unobserved: None,
            blocking_threads: None,
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
    /// the next deadline.
    pub fn virtual_clock(mut self) -> Self {
        self.options.virtual_clock = true;
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

    /// Lets at most `limit` calls of [`spawn_blocking`](crate::spawn_blocking) run at a time.
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
