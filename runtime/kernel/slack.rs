//! What a burst leaves behind: room in the thread's tables, given back when it is over.
//!
//! A table looks whether it has slack when the loop looks outside, before it sleeps, and when the runtime ends.
//! Entries stay where they are, so the room behind the last one in use is what can be given back. The walk that
//! finds it is O(room), and is made as often as the use has halved, or once in as many passes as there is room:
//! O(1) amortised. A table of fewer than [`MUCH`](crate::runtime::base::table::MUCH) entries is left alone.

use super::Kernel;

/// As [`trim`], once in many passes: for a loop that is busy.
#[inline]
pub(crate) fn trim_now_and_then(kernel: &Kernel) {
    /// A look at all tables costs as much as a poll.
    const EVERY: u64 = 256;
    if kernel.passes().begun() >= kernel.trimmed.get() + EVERY {
        trim(kernel);
    }
}

/// Gives back what bursts have left in the tables of this thread.
pub(crate) fn trim(kernel: &Kernel) {
    let pass = kernel.passes().begun();
    kernel.trimmed.set(pass);
    kernel.trim_tasks(pass);
    kernel.wait.trim(pass);
    kernel.timers.trim(pass);
}
