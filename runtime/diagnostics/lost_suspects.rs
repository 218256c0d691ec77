//! Tasks that may be lost: `lost_tasks.rs` finds out whether anything can still wake them.

use std::collections::BTreeMap;
use std::panic::Location;

use crate::runtime::base::table::MUCH;
use crate::runtime::kernel::sched::task::TaskId;

/// Tasks that returned Pending and registered nothing new. What they registered earlier may still wake
/// them, and to find that out takes a look at everything: so it is done for many at a time.
pub(super) struct Suspects {
    tasks: Vec<TaskId>,
    /// Passes begun when they were last looked at.
    looked: u64,
    /// How many were lost, by spawn place: a crowd of one place is one line and a count.
    lost: BTreeMap<&'static Location<'static>, u64>,
}

impl Suspects {
    pub(super) const fn new() -> Self {
        Suspects {
            tasks: Vec::new(),
            looked: 0,
            lost: BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, id: TaskId) {
        self.tasks.push(id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether a look at so many entries costs each suspect, and each pass since the last look, a few dozen
    /// at most.
    pub(super) fn are_worth_a_look(&self, passes: u64, entries: usize) -> bool {
        const ENTRIES: u64 = 64;
        let since = passes.saturating_sub(self.looked);
        let paid = since.saturating_add(self.tasks.len() as u64);
        !self.is_empty() && paid.saturating_mul(ENTRIES) >= entries as u64
    }

    /// Takes them all, to be looked at now. [`reuse`](Suspects::reuse) brings the vector back.
    pub(super) fn take(&mut self, passes: u64) -> Vec<TaskId> {
        self.looked = passes;
        std::mem::take(&mut self.tasks)
    }

    /// Keeps the room of an emptied vector: a task may be suspected at each of its polls.
    pub(super) fn reuse(&mut self, mut emptied: Vec<TaskId>) {
        emptied.shrink_to(MUCH);
        self.tasks = emptied;
    }

    /// Whether tasks of this place were lost before.
    pub(super) fn knows(&self, at: &'static Location<'static>) -> bool {
        self.lost.contains_key(at)
    }

    /// Counts lost tasks of one place. Returns the count of all where it is worth a line: at each power of
    /// two.
    pub(super) fn count(&mut self, at: &'static Location<'static>, more: u64) -> Option<u64> {
        let all = self.lost.entry(at).or_default();
        let before = std::mem::replace(all, *all + more);
        let grown = *all > 1 && all.ilog2() > before.checked_ilog2().unwrap_or(0);
        grown.then_some(*all)
    }
}
