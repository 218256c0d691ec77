//! What diagnostics keeps of this thread's runtime.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use super::lost_suspects::Suspects;
use super::poll_times::PollTimes;
use super::suspected_deadlock::SuspectedDeadlock;
use super::watchdog::Watchdog;

thread_local! {
    static STATE: State = const { State::new() };
}

/// Everything that lasts from one park or report to the next.
pub(super) struct State {
    /// Tasks that may wait for nothing.
    suspects: RefCell<Suspects>,
    suspected: SuspectedDeadlock,
    /// A `block_on` is under way: no code outside the tasks runs on this thread.
    judging: Cell<bool>,
    /// Sees, from a thread of its own, polls that block the loop.
    watchdog: RefCell<Option<Watchdog>>,
    /// How long polls take, if that is measured.
    poll_times: RefCell<Option<Rc<PollTimes>>>,
}

impl State {
    const fn new() -> Self {
        State {
            suspects: RefCell::new(Suspects::new()),
            suspected: SuspectedDeadlock::new(),
            judging: Cell::new(false),
            watchdog: RefCell::new(None),
            poll_times: RefCell::new(None),
        }
    }

    /// Borrowed for a statement.
    pub(super) fn suspects(&self) -> RefMut<'_, Suspects> {
        self.suspects.borrow_mut()
    }

    pub(super) fn suspected(&self) -> &SuspectedDeadlock {
        &self.suspected
    }

    /// Borrowed for a statement.
    pub(super) fn watchdog(&self) -> RefMut<'_, Option<Watchdog>> {
        self.watchdog.borrow_mut()
    }

    pub(super) fn poll_times(&self) -> Option<Rc<PollTimes>> {
        self.poll_times.borrow().clone()
    }

    /// Begins to watch the polls of a runtime.
    pub(super) fn observe(&self, watchdog: Option<Watchdog>, times: Option<Rc<PollTimes>>) {
        self.watchdog.replace(watchdog);
        self.poll_times.replace(times);
    }
}

/// Runs `f` with this thread's state, unless the thread is past having one.
pub(super) fn try_with<R>(f: impl FnOnce(&State) -> R) -> Option<R> {
    STATE.try_with(f).ok()
}

/// Whether a host may do something that the runtime cannot see.
pub(super) fn is_hosted() -> bool {
    try_with(|state| !state.judging.get()).unwrap_or(true)
}

/// While it lives, no code outside the tasks runs on this thread, which reports rely on.
pub(crate) struct Judging(());

impl Judging {
    pub(crate) fn begin() -> Self {
        try_with(|state| state.judging.set(true));
        Judging(())
    }
}

impl Drop for Judging {
    fn drop(&mut self) {
        try_with(|state| state.judging.set(false));
    }
}

/// Ends what is kept for a runtime. Runs foreign destructors, after everything is in order.
pub(crate) fn close() {
    let left = try_with(|state| {
        state.suspects.replace(Suspects::new());
        let observers = (state.watchdog.take(), state.poll_times.take());
        (observers, state.suspected.take_hook())
    });
    drop(left);
}
