//! How many tasks of this thread have ended without an output.
//!
//! A wait for the failure of one of many tasks looks at all of them when this number has changed, and at none of
//! them when it has not.

use std::cell::Cell;

thread_local! {
    static FAILURES: Cell<u64> = const { Cell::new(0) };
}

/// How many have panicked or were cancelled so far.
pub(crate) fn count() -> u64 {
    FAILURES.try_with(Cell::get).unwrap_or_default()
}

/// Counts one more.
pub(super) fn note() {
    // After the end of the thread-local there is no wait left that could ask.
    let _ = FAILURES.try_with(|count| count.set(count.get() + 1));
}
