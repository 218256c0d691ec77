//! Deadlines as a pure structure: it reads no clock and wakes nothing.
//!
//! # Implementation
//!
//! A table of armed timers, and beside it one vector of nodes (deadline, serial, slot) that is sorted
//! only as far as a caller has asked:
//!
//! ```text
//!   taken │ run, sorted │ step │    step    │          step, unsorted
//!         earliest      from ≤ …     from ≤ …     from ≤ …          latest
//! ```
//!
//! No node is earlier than the `from` of its step, nor later than that of the next. When the run is
//! used up, the nearest step is halved until the near half is short enough to be sorted: the new run.
//! A node is added at the end of its step, and every later step makes room by moving its first node
//! to its own end; so a deadline later than most moves next to nothing. Disarming frees the table's
//! entry and leaves the node to be skipped; when the dead outnumber the living they are swept out.
//!
//! Arming is O(1) on average and O(log n) at worst, disarming O(1) amortised, expiry O(log n) amortised, in
//! sequential passes over contiguous memory; a timer that never expires is hardly ever moved. Equal
//! deadlines expire in the order they were armed. Nothing is allocated once the vector has grown to
//! the largest number of timers. Why not a heap or a wheel: docs/decisions/0013-timers-sorted-late.md.

use std::panic::Location;

use super::timer::Timer;
use crate::runtime::base::kinds::Name;
use crate::runtime::base::table::{Entry, MUCH, Table};
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::wake_target::WakeTarget;

/// Names an armed timer; stale once it has expired or was disarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: u32,
    serial: u64,
}

/// Deadline, serial and slot of a timer; the order in which they expire.
type Node = (u64, u64, u32);

/// Where unsorted nodes begin, none of them earlier than `from`.
#[derive(Clone, Copy)]
struct Step {
    start: usize,
    from: u64,
}

/// The armed timers of a thread; times are nanoseconds of the clock.
pub(super) struct Timers {
    table: Table<Timer>,
    armed: usize,
    /// Those used up, the run, then the steps.
    nodes: Vec<Node>,
    /// Where the run begins.
    taken: usize,
    /// The farthest first.
    steps: Vec<Step>,
    /// The last serial given out.
    serial: u64,
    /// Timers due at this time are gone, if their serials go up to this one.
    passed: (u64, u64),
}

impl Timers {
    /// What is sorted at once; a run of twice as much is cut in two.
    const RUN: usize = 16;
    /// Fewer dead nodes than this are not worth sweeping.
    const FEW: usize = 32;
    /// A deadline that never comes: a caller that asks for it wants to wait for ever, and virtual time
    /// could jump there. Such timers have no node.
    const NEVER: u64 = u64::MAX;

    pub(super) const fn new() -> Self {
        Timers {
            table: Table::new(),
            armed: 0,
            nodes: Vec::new(),
            taken: 0,
            steps: Vec::new(),
            serial: 0,
            passed: (0, 0),
        }
    }

    /// Arms a timer that wakes a task of the loop at `deadline`.
    #[inline]
    pub(super) fn arm(
        &mut self,
        deadline: u64,
        task: Option<TaskId>,
        at: &'static Location<'static>,
        name: Name,
    ) -> TimerKey {
        self.serial += 1;
        self.armed += 1;
        let serial = self.serial;
        let (slot, timer) = self.table.take();
        timer.arm((serial, deadline), task, at, name);
        if deadline < Self::NEVER {
            self.insert((deadline, serial, slot));
        }
        TimerKey { slot, serial }
    }

    /// Moves an armed timer, which comes behind its new equals. What it wakes stays.
    pub(super) fn rearm(&mut self, key: TimerKey, deadline: u64) -> Option<TimerKey> {
        let serial = self.serial + 1;
        let timer = self.get_mut(key)?;
        timer.rearm(serial, deadline);
        self.serial = serial;
        if deadline < Self::NEVER {
            self.insert((deadline, serial, key.slot));
        }
        self.sweep();
        let slot = key.slot;
        Some(TimerKey { slot, serial })
    }

    /// The timer, if it is still armed.
    pub(super) fn get_mut(&mut self, key: TimerKey) -> Option<&mut Timer> {
        let timer = self.table.get_mut(key.slot);
        timer.filter(|timer| timer.is_armed_by(key.serial))
    }

    /// Whether the timer, armed for `deadline`, is known to be gone without a look at its entry, which
    /// is in no cache by the time the task that it woke is polled.
    pub(super) fn is_past(&self, key: TimerKey, deadline: u64) -> bool {
        let (now, serial) = self.passed;
        deadline <= now && key.serial <= serial
    }

    /// Disarms a timer; the caller drops what it was to wake after letting go of the borrow.
    #[inline]
    pub(super) fn disarm(&mut self, key: TimerKey) -> Option<WakeTarget> {
        let target = self.take(key)?;
        self.sweep();
        Some(target)
    }

    /// Gives the entry of an armed timer back.
    #[inline]
    fn take(&mut self, key: TimerKey) -> Option<WakeTarget> {
        let timer = self.get_mut(key)?;
        let target = timer.disarm();
        self.table.give(key.slot);
        self.armed -= 1;
        Some(target)
    }

    /// The earliest deadline that comes.
    pub(super) fn next(&mut self) -> Option<u64> {
        loop {
            match self.nodes.get(self.taken..self.run_end())?.first() {
                Some(&node) if is_armed(&self.table, node) => return Some(node.0),
                Some(_) => self.taken += 1,
                None => self.refill()?,
            }
        }
    }

    /// Takes out the earliest timer if it is due at `now`, and returns what it wakes. Sorts nothing that is
    /// not due.
    pub(super) fn expire(&mut self, now: u64) -> Option<WakeTarget> {
        loop {
            match self.nodes.get(self.taken..self.run_end())?.first() {
                Some(&node) if node.0 <= now => {
                    self.taken += 1;
                    let (_, serial, slot) = node;
                    let target = self.take(TimerKey { slot, serial });
                    if target.is_some() {
                        return target;
                    }
                }
                None if self.steps.last().is_some_and(|step| step.from <= now) => self.refill()?,
                _ => break,
            }
        }
        self.passed = (now.min(Self::NEVER - 1), self.serial);
        self.sweep();
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.armed == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Timer> {
        let entries = self.table.iter().map(|(_, timer)| timer);
        entries.filter(|timer| timer.is_used())
    }

    /// How many are armed.
    pub(super) fn len(&self) -> usize {
        self.armed
    }

    /// Forgets every timer; the caller drops them. Keys given out before stay stale.
    pub(super) fn clear(&mut self) -> Table<Timer> {
        let serial = self.serial;
        let all = std::mem::replace(self, Timers::new());
        self.serial = serial;
        all.table
    }

    /// Gives back what a burst has left.
    pub(super) fn trim(&mut self, pass: u64) {
        self.table.trim(pass);
        let (room, len) = (self.nodes.capacity(), self.nodes.len());
        if room >= MUCH && len < room / 4 {
            self.nodes.shrink_to(len.max(2 * Self::FEW));
        }
    }

    fn run_end(&self) -> usize {
        self.steps
            .last()
            .map_or(self.nodes.len(), |step| step.start)
    }

    /// Puts a node that is the last to be armed where it belongs.
    #[inline]
    fn insert(&mut self, node: Node) {
        if self.nodes.capacity() == 0 {
            self.make_room();
        }
        let mut hole = self.nodes.len();
        self.nodes.push(node);
        for step in &mut self.steps {
            if node.0 >= step.from {
                self.nodes[hole] = node;
                return;
            }
            self.nodes[hole] = self.nodes[step.start];
            hole = step.start;
            step.start += 1;
        }
        let mut at = hole;
        while at > self.taken && self.nodes[at - 1].0 > node.0 {
            self.nodes[at] = self.nodes[at - 1];
            at -= 1;
        }
        self.nodes[at] = node;
        if hole - self.taken >= 2 * Self::RUN {
            self.add_step(self.taken + Self::RUN);
        }
    }

    /// For few timers with all their dead, and for more steps than there can be.
    #[cold]
    fn make_room(&mut self) {
        self.nodes.reserve_exact(2 * Self::FEW);
        self.steps.reserve_exact(usize::BITS as usize);
    }

    /// Makes a new run of the nearest step; `None` if there is none.
    fn refill(&mut self) -> Option<()> {
        let start = self.steps.pop()?.start;
        let mut end = self.run_end();
        while end - start > Self::RUN {
            let half = (end - start) / 2;
            self.nodes[start..end].select_nth_unstable(half);
            end = start + half;
            self.add_step(end);
        }
        self.nodes[start..end].sort_unstable();
        Some(())
    }

    /// Ends the run at `start`, where the earliest node of what follows is.
    ///
    /// A step that holds less than all nearer ones together is joined with the next of them: there
    /// are never more steps than the number of nodes has binary digits.
    fn add_step(&mut self, start: usize) {
        let from = self.nodes[start].0;
        let mut end = self.nodes.len();
        self.steps.push(Step { start, from });
        self.steps.retain(|step| {
            let keep = end - step.start >= step.start - start;
            if keep {
                end = step.start;
            }
            keep
        });
    }

    /// Sweeps out the nodes that have no timer any more, when they are the most.
    #[inline]
    fn sweep(&mut self) {
        if self.armed == 0 {
            self.nodes.clear();
            self.steps.clear();
            self.taken = 0;
            if self.table.slots() > Self::FEW {
                // From here on slots are given out in the order of memory again.
                self.table.clear();
            }
        } else if self.nodes.len() > 2 * self.armed + Self::FEW {
            self.sweep_now();
        }
    }

    #[inline(never)]
    fn sweep_now(&mut self) {
        let (mut at, mut kept, mut len) = (self.taken, 0, self.nodes.len());
        let starts = self.steps.iter_mut().rev().map(|step| &mut step.start);
        for end in starts.chain([&mut len]) {
            while at < *end {
                let node = self.nodes[at];
                if is_armed(&self.table, node) {
                    self.nodes[kept] = node;
                    kept += 1;
                }
                at += 1;
            }
            *end = kept;
        }
        self.nodes.truncate(len);
        self.taken = 0;
    }
}

#[inline]
fn is_armed(table: &Table<Timer>, (_, serial, slot): Node) -> bool {
    matches!(table.get(slot), Some(timer) if timer.is_armed_by(serial))
}

#[cfg(test)]
#[path = "timers_tests.rs"]
mod tests;
