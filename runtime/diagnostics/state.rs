//! What diagnostics keeps of this thread's runtime.

use std::cell::{RefCell, RefMut};

use super::suspects::Suspects;

thread_local! {
    static STATE: State = const { State::new() };
}

/// Everything that lasts from one park or report to the next.
pub(super) struct State {
    /// Tasks that may wait for nothing.
    suspects: RefCell<Suspects>,
}

impl State {
    const fn new() -> Self {
        State {
            suspects: RefCell::new(Suspects::new()),
        }
    }

    /// Borrowed for a statement.
    pub(super) fn suspects(&self) -> RefMut<'_, Suspects> {
        self.suspects.borrow_mut()
    }
}

/// Runs `f` with this thread's state, unless the thread is past having one.
pub(super) fn try_with<R>(f: impl FnOnce(&State) -> R) -> Option<R> {
    STATE.try_with(f).ok()
}

/// Ends what was kept for a runtime.
pub(crate) fn close() {
    try_with(|state| state.suspects.replace(Suspects::new()));
}
