//! What the loop of this thread knows of itself, in a thread-local that is looked up once per `block_on` or turn.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::event_interval::EventInterval;
use crate::runtime::base::kinds;
use crate::runtime::kernel::wait::wait_queue::WaitQueue;
use crate::runtime::kernel::{Kernel, clock};

thread_local! {
    static DRIVER: Driver = const { Driver::new() };
}

/// Something to do whenever the loop looks at the outside world. Returns the time it took away from the tasks.
pub(crate) type LoopHook = Rc<dyn Fn(&Kernel) -> Duration>;

/// The state of the loop.
pub(super) struct Driver {
    /// How long the tasks run before the loop looks at reactor, clock and inbox.
    pub(super) interval: EventInterval,
    /// Where the turn that is under way was started.
    pub(super) turning: Cell<Option<&'static Location<'static>>>,
    /// The process that made the runtime; a fork must not use it.
    pub(super) process: Cell<u32>,
    /// When that was checked last.
    pub(super) checked: Cell<u64>,
    /// Polls are observed.
    pub(super) watched: Cell<bool>,
    /// How much longer the loop may sleep than to the next deadline.
    slack: Cell<Duration>,
    pub(super) hook: RefCell<Option<LoopHook>>,
    /// The tasks that wait for all others to be blocked.
    pub(super) quiescence: WaitQueue,
}

impl Driver {
    const fn new() -> Self {
        Driver {
            interval: EventInterval::new(),
            turning: Cell::new(None),
            process: Cell::new(0),
            checked: Cell::new(0),
            watched: Cell::new(false),
            slack: Cell::new(Duration::ZERO),
            hook: RefCell::new(None),
            quiescence: WaitQueue::new(kinds::QUIESCENCE),
        }
    }

    /// Until when the loop may sleep for the sake of a deadline.
    pub(super) fn slacken(&self, deadline: u64) -> u64 {
        deadline.saturating_add(clock::nanos(self.slack.get()))
    }
}

/// Runs `f` with the state of this thread's loop.
///
/// # Panics
///
/// When the thread is past the destruction of its thread-locals.
#[track_caller]
pub(super) fn with<R>(f: impl FnOnce(&Driver) -> R) -> R {
    try_with(f).expect(
        "turnwise was asked to wait while the thread's locals are being destroyed; \
         finish asynchronous work before the thread ends",
    )
}

/// Runs `f` with the state of this thread's loop, unless the thread is past having one.
pub(super) fn try_with<R>(f: impl FnOnce(&Driver) -> R) -> Option<R> {
    DRIVER.try_with(f).ok()
}

/// How the loop of this thread's next runtime behaves. This process may run it.
pub(crate) fn configure(slack: Duration, watched: bool) {
    with(|driver| {
        driver.slack.set(slack);
        driver.watched.set(watched);
        driver.process.set(std::process::id());
    });
}

/// Sets the hook of the loop.
#[cfg(feature = "signal")]
pub(crate) fn set_hook(hook: impl Fn(&Kernel) -> Duration + 'static) {
    let before = with(|driver| driver.hook.replace(Some(Rc::new(hook))));
    drop(before);
}

/// Ends the observation of polls, and lets go of the hook.
pub(crate) fn close() {
    let hook = try_with(|driver| {
        driver.watched.set(false);
        driver.hook.take()
    });
    drop(hook);
}
