//! How many ready results of I/O a task may have before it yields.

use super::{polling, with};

/// Counts a piece of I/O that did not wait. `false` asks the caller to yield: a peer that is always ready
/// must not starve the rest, and the more tasks are ready, the less each may do.
///
/// How many they are is asked each time that the number of results doubles, and no further than it matters.
pub(crate) fn spend_io() -> bool {
    polling::count_io(|most| with(|kernel| kernel.are_ready(most)))
}
