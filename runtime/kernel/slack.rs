//! What a burst leaves behind: room in the thread's tables, given back when it is over.
//!
//! A table looks whether it has slack when the loop looks outside, before it sleeps, and when the runtime ends.
//! Entries stay where they are, so the room behind the last one in use is what can be given back. The walk that
//! finds it is O(room), and is made as often as the use has halved, or once in as many passes as there is room:
//! O(1) amortised. A table of fewer than [`MUCH`] entries is left alone.

use super::Kernel;

/// Less room than this is not worth giving back.
pub(crate) const MUCH: usize = 1024;

/// How many places a full table of so many gets besides. Doubling would leave up to half of a large
/// one unused.
pub(crate) fn growth(places: usize) -> usize {
    places / 8 + 8
}

/// When a table was walked over last, and how many entries it had in use.
pub(crate) struct Slack {
    used: u32,
    pass: u64,
}

impl Slack {
    pub(crate) const fn new() -> Self {
        Slack {
            used: u32::MAX,
            pass: 0,
        }
    }

    /// The table has grown.
    pub(crate) fn grown(&mut self) {
        self.used = u32::MAX;
    }

    /// Whether a table of so much room, with so many entries in use, should be walked over. Notes that it is.
    #[inline(never)]
    pub(crate) fn is_worth_a_walk(&mut self, room: usize, used: u32, pass: u64) -> bool {
        let slack = (used as usize) < room / 4;
        let worth = slack && (used <= self.used / 2 || pass >= self.pass + room as u64);
        if worth {
            (self.used, self.pass) = (used, pass);
        }
        worth
    }
}

/// Gives back what bursts have left in the tables of this thread.
pub(crate) fn trim(kernel: &Kernel) {
    let pass = kernel.passes.begun();
    kernel.tasks.borrow_mut().trim(pass);
    kernel.waiters.borrow_mut().trim(pass);
    kernel.seats.borrow_mut().trim(pass);
    kernel.timers.borrow_mut().trim(pass);
    let scratch = kernel.scratch.take();
    if scratch.capacity() < MUCH {
        kernel.scratch.set(scratch);
    }
}
