//! Deadlines as a pure structure: it reads no clock and wakes nobody.
//!
//! # Implementation
//!
//! A table of armed timers, and beside it one vector of nodes (deadline, serial, slot) that is sorted
//! only as far as somebody has asked:
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

use super::kinds::Name;
use super::table::Table;
use super::task::TaskId;
use super::timer::Timer;
use super::who::Who;

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
pub(crate) struct Timers {
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
    /// A deadline that never comes: whoever asks for it wants to wait for ever, and virtual time
    /// could jump there. Such timers have no node.
    const NEVER: u64 = u64::MAX;

    pub(crate) const fn new() -> Self {
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
    pub(crate) fn arm(
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
        timer.serial = serial;
        timer.deadline = deadline;
        timer.who.task = task;
        timer.at = at;
        timer.name = name;
        if deadline < Self::NEVER {
            self.insert((deadline, serial, slot));
        }
        TimerKey { slot, serial }
    }

    /// The timer, if it is still armed.
    pub(crate) fn get_mut(&mut self, key: TimerKey) -> Option<&mut Timer> {
        let timer = self.table.get_mut(key.slot);
        timer.filter(|timer| timer.serial == key.serial)
    }

    /// Whether the timer, armed for `deadline`, is known to be gone without a look at its entry, which
    /// is in no cache by the time the task that it woke is polled.
    pub(crate) fn is_past(&self, key: TimerKey, deadline: u64) -> bool {
        let (now, serial) = self.passed;
        deadline <= now && key.serial <= serial
    }

    /// Disarms a timer; the caller drops whom it was to wake after letting go of the borrow.
    #[inline]
    pub(crate) fn disarm(&mut self, key: TimerKey) -> Option<Who> {
        let who = self.take(key)?;
        self.sweep();
        Some(who)
    }

    /// Gives the entry of an armed timer back.
    #[inline]
    fn take(&mut self, key: TimerKey) -> Option<Who> {
        let timer = self.get_mut(key)?;
        timer.serial = 0;
        let who = timer.who.depart();
        self.table.give(key.slot);
        self.armed -= 1;
        Some(who)
    }

    /// The earliest deadline that comes.
    pub(crate) fn next(&mut self) -> Option<u64> {
        loop {
            match self.nodes.get(self.taken..self.run_end())?.first() {
                Some(&node) if is_armed(&self.table, node) => return Some(node.0),
                Some(_) => self.taken += 1,
                None => self.refill()?,
            }
        }
    }

    /// Takes out the earliest timer if it is due at `now`, and tells whom it wakes. Sorts nothing that is
    /// not due.
    pub(crate) fn expire(&mut self, now: u64) -> Option<Who> {
        loop {
            match self.nodes.get(self.taken..self.run_end())?.first() {
                Some(&node) if node.0 <= now => {
                    self.taken += 1;
                    let (_, serial, slot) = node;
                    let who = self.take(TimerKey { slot, serial });
                    if who.is_some() {
                        return who;
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

    pub(crate) fn is_empty(&self) -> bool {
        self.armed == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        let entries = self.table.iter().map(|(_, timer)| timer);
        entries.filter(|timer| timer.serial != 0)
    }

    /// How many are armed.
    pub(crate) fn len(&self) -> usize {
        self.armed
    }

    /// Forgets every timer; the caller drops them. Keys given out before stay stale.
    pub(crate) fn clear(&mut self) -> Table<Timer> {
        let serial = self.serial;
        let all = std::mem::replace(self, Timers::new());
        self.serial = serial;
        all.table
    }

    fn run_end(&self) -> usize {
        self.steps
            .last()
            .map_or(self.nodes.len(), |step| step.start)
    }

    /// Puts a node that is the last to be armed where it belongs.
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
    matches!(table.get(slot), Some(timer) if timer.serial == serial)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::*;

    use super::*;

    /// Arms a timer for a task that is named by the timer's serial.
    fn arm(timers: &mut Timers, deadline: u64) -> TimerKey {
        let task = TaskId::from_bits(timers.serial + 1);
        timers.arm(deadline, task, Location::caller(), &"test")
    }

    #[derive(Clone, Debug)]
    enum Do {
        /// So many, from a little ago to so many bits ahead; with the most bits, never.
        Arm(usize, u32, u64),
        /// Some share of them.
        Disarm(usize, u64),
        Next,
        Wait(u64),
    }

    const MOST: u32 = 40;

    fn doings() -> impl Strategy<Value = Vec<Do>> {
        let doing = prop_oneof![
            (1..150_usize, 0..=MOST, any::<u64>())
                .prop_map(|(n, bits, seed)| Do::Arm(n, bits, seed)),
            (1..4_usize, 0..=MOST, any::<u64>()).prop_map(|(n, bits, seed)| Do::Arm(n, bits, seed)),
            (1..10_usize, any::<u64>()).prop_map(|(share, seed)| Do::Disarm(share, seed)),
            Just(Do::Next),
            (0..MOST)
                .prop_flat_map(|bits| 0..1_u64 << bits)
                .prop_map(Do::Wait),
        ];
        prop::collection::vec(doing, 0..100)
    }

    proptest! {
        #[test]
        fn they_expire_as_a_sorted_list_would(doings in doings()) {
            let (mut timers, mut now) = (Timers::new(), 1000);
            // Deadline and key, in order of arming.
            let mut model: Vec<(u64, TimerKey)> = Vec::new();
            for doing in doings {
                match doing {
                    Do::Arm(many, bits, seed) => {
                        let mut random = Rng::with_seed(seed);
                        model.extend((0..many).map(|_| {
                            let ahead = random.u64(..1 << bits);
                            let never = bits == MOST;
                            let deadline = if never { u64::MAX } else { now - 100 + ahead };
                            (deadline, arm(&mut timers, deadline))
                        }));
                    }
                    Do::Disarm(share, seed) => {
                        let mut random = Rng::with_seed(seed);
                        model.retain(|&(_, key)| {
                            let keep = random.usize(..10) >= share;
                            assert!(keep || timers.disarm(key).is_some());
                            keep
                        });
                    }
                    Do::Next => {
                        let earliest = model.iter().map(|timer| timer.0).min();
                        let comes = earliest.filter(|deadline| *deadline < u64::MAX);
                        prop_assert_eq!(timers.next(), comes);
                    }
                    Do::Wait(time) => {
                        now += time;
                        let is_due = |timer: &(u64, TimerKey)| timer.0 <= now;
                        let (mut due, left): (Vec<_>, _) = model.into_iter().partition(is_due);
                        model = left;
                        due.sort_by_key(|timer| timer.0);
                        for (_, key) in &due {
                            let who = timers.expire(now).expect("it is due");
                            prop_assert_eq!(who.task, TaskId::from_bits(key.serial));
                        }
                        prop_assert!(timers.expire(now).is_none());
                        prop_assert!(due.iter().all(|timer| timers.is_past(timer.1, timer.0)));
                    }
                }
                prop_assert!(!model.iter().any(|timer| timers.is_past(timer.1, timer.0)));
                prop_assert!(model.iter().all(|timer| timers.get_mut(timer.1).is_some()));
                prop_assert_eq!((timers.iter().count(), timers.len()), (model.len(), model.len()));
                prop_assert!(timers.nodes.len() <= 2 * model.len() + Timers::FEW);
            }
        }
    }

    #[test]
    fn ever_earlier_deadlines_make_few_steps() {
        let mut timers = Timers::new();
        for earlier in 0..100_000 {
            arm(&mut timers, 1_000_000 - earlier);
            assert_eq!(timers.next(), Some(1_000_000 - earlier));
        }
        assert!(timers.steps.len() <= 17);
    }

    #[test]
    fn a_key_is_stale_after_expiry_even_when_its_slot_is_reused() {
        let mut timers = Timers::new();
        let first = arm(&mut timers, 1);
        assert!(timers.expire(0).is_none());
        assert!(timers.expire(1).is_some());
        let second = arm(&mut timers, 2);
        assert_eq!(first.slot, second.slot);
        assert!(timers.disarm(first).is_none());
        assert_eq!(timers.next(), Some(2));
    }

    #[test]
    fn a_million_timers_are_armed_disarmed_and_expired_in_order() {
        const MANY: u64 = 1_000_000;
        let mut timers = Timers::new();
        let mut random = Rng::with_seed(7);
        let keys: Vec<_> = (0..MANY)
            .map(|_| arm(&mut timers, random.u64(..1 << 24)))
            .collect();
        for key in keys.iter().skip(1).step_by(2) {
            assert!(timers.disarm(*key).is_some());
        }
        let (mut expired, mut last) = (0, 0);
        while let Some(deadline) = timers.next() {
            assert!(deadline >= last && timers.expire(u64::MAX).is_some());
            last = deadline;
            expired += 1;
        }
        assert_eq!(expired, MANY / 2);
        assert!(timers.is_empty());
    }
}
