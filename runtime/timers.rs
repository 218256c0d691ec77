//! Deadlines as a pure structure: it reads no clock and wakes nobody.
//!
//! # Implementation
//!
//! A binary heap of (deadline, serial) over a slab of armed timers. Disarming frees the slab entry
//! and leaves the heap node to be skipped; when the dead outnumber the living the heap is rebuilt
//! without them. Arming is O(1) on average (a later deadline stays where it is pushed), disarming
//! O(1) amortised, expiry O(log n). Equal deadlines expire in the order they were armed. Nothing is
//! allocated once the heap has grown to the largest number of timers.
//!
//! A hierarchical wheel has O(1) expiry but knows the earliest deadline only roughly, and the
//! reactor sleeps exactly: see docs/decisions/0004-timer-heap.md.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::Location;

use slab::Slab;

use super::context::Who;

/// Names an armed timer; stale once it has expired or was disarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: usize,
    serial: u64,
}

/// One armed timer.
pub(crate) struct Timer {
    serial: u64,
    pub(crate) deadline: u64,
    pub(crate) who: Who,
    pub(crate) at: &'static Location<'static>,
    pub(crate) what: &'static str,
}

/// The armed timers of a thread; times are nanoseconds of the clock.
pub(crate) struct Timers {
    armed: Slab<Timer>,
    /// (deadline, serial, slot), earliest first; made at the first timer.
    heap: Option<BinaryHeap<Reverse<(u64, u64, usize)>>>,
    serial: u64,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Timers {
            armed: Slab::new(),
            heap: None,
            serial: 0,
        }
    }

    /// Arms a timer that wakes `who` at `deadline`.
    pub(crate) fn arm(
        &mut self,
        deadline: u64,
        who: Who,
        at: &'static Location<'static>,
        what: &'static str,
    ) -> TimerKey {
        self.serial += 1;
        let serial = self.serial;
        let slot = self.armed.insert(Timer {
            serial,
            deadline,
            who,
            at,
            what,
        });
        self.heap
            .get_or_insert_default()
            .push(Reverse((deadline, serial, slot)));
        TimerKey { slot, serial }
    }

    /// The timer, if it is still armed.
    pub(crate) fn get_mut(&mut self, key: TimerKey) -> Option<&mut Timer> {
        self.armed
            .get_mut(key.slot)
            .filter(|timer| timer.serial == key.serial)
    }

    /// Disarms a timer; the caller drops what it was to wake after letting go of the borrow.
    pub(crate) fn disarm(&mut self, key: TimerKey) -> Option<Timer> {
        self.get_mut(key)?;
        let timer = self.armed.try_remove(key.slot);
        self.compact();
        timer
    }

    /// The earliest deadline that comes: the end of time does not, for whoever asks for that wants to
    /// wait for ever, and virtual time could jump there.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let heap = self.heap.as_mut()?;
        while let Some(&Reverse((deadline, serial, slot))) = heap.peek() {
            if self
                .armed
                .get(slot)
                .is_some_and(|timer| timer.serial == serial)
            {
                return (deadline < u64::MAX).then_some(deadline);
            }
            heap.pop();
        }
        None
    }

    /// Takes out the earliest timer if it is due at `now`.
    pub(crate) fn expire(&mut self, now: u64) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, _, slot)) = self.heap.as_mut()?.pop()?;
        self.armed.try_remove(slot)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.armed.iter().map(|(_, timer)| timer)
    }

    /// Forgets every timer; the caller drops them. Keys given out before stay stale.
    pub(crate) fn clear(&mut self) -> Slab<Timer> {
        self.heap = None;
        std::mem::take(&mut self.armed)
    }

    /// Rebuilds the heap when most of it is dead.
    fn compact(&mut self) {
        /// Below this a rebuild saves nothing.
        const FEW: usize = 64;
        let armed = &self.armed;
        let Some(heap) = &mut self.heap else { return };
        if armed.is_empty() {
            heap.clear();
        } else if heap.len() > FEW && heap.len() > 2 * armed.len() {
            heap.retain(|&Reverse((_, serial, slot))| {
                armed.get(slot).is_some_and(|timer| timer.serial == serial)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(timers: &mut Timers, deadline: u64) -> TimerKey {
        timers.arm(deadline, Who::default(), Location::caller(), "test")
    }

    #[test]
    fn equal_deadlines_expire_in_the_order_they_were_armed() {
        let mut timers = Timers::new();
        let keys: Vec<_> = (0..100).map(|i| arm(&mut timers, 5 + i % 2)).collect();
        let mut serials = Vec::new();
        while let Some(timer) = timers.expire(6) {
            serials.push((timer.deadline, timer.serial));
        }
        assert_eq!(serials.len(), keys.len());
        assert!(serials.is_sorted());
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
        let mut state = 1u64;
        let keys: Vec<_> = (0..MANY)
            .map(|_| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                arm(&mut timers, state >> 40)
            })
            .collect();
        for key in keys.iter().skip(1).step_by(2) {
            assert!(timers.disarm(*key).is_some());
        }
        let (mut expired, mut last) = (0, 0);
        while let Some(timer) = timers.expire(u64::MAX) {
            assert!(timer.deadline >= last);
            last = timer.deadline;
            expired += 1;
        }
        assert_eq!(expired, MANY / 2);
        assert!(timers.is_empty());
    }

    #[test]
    fn disarmed_timers_do_not_pile_up_behind_a_long_one() {
        let mut timers = Timers::new();
        arm(&mut timers, u64::MAX);
        for i in 0..100_000 {
            let key = arm(&mut timers, 1_000_000 + i);
            timers.disarm(key).expect("it is armed");
        }
        assert!(timers.heap.as_ref().expect("made at the first timer").len() <= 64 + 1);
    }
}
