//! Panics of explored runs are kept in place of being printed: a search makes thousands of them.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the panics of this thread until it is dropped.
pub(super) struct Quiet(());

impl Quiet {
    /// The first exploration of a process installs a panic hook, which passes on what does not come from an
    /// exploring thread.
    pub(super) fn begin() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if QUIET.try_with(Cell::get).unwrap_or(false) {
                    let text = info.to_string();
                    // The first panic is the one that matters; later ones may come of its unwinding.
                    KEPT.with(|kept| _ = kept.borrow_mut().get_or_insert(text));
                } else {
                    before(info);
                }
            }));
        });
        KEPT.take();
        QUIET.set(true);
        Quiet(())
    }

    /// The message of the first panic since then, with its place.
    pub(super) fn take(&self) -> Option<String> {
        KEPT.take()
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(false);
    }
}
