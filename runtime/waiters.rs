//! The waiters of this thread, in one table, and the queues they wait in.
//!
//! [`WaitQueue`](super::wait_queue::WaitQueue) threads its line through the table; reports read it.
//!
//! # Implementation
//!
//! Entries stay where they are and are filled in again, field by field: with a slab, which takes and
//! gives whole entries, copying them took a third of a wait (docs/decisions/0011-what-tuning-kept.md).

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::Location;

use slab::Slab;

use super::context::Who;
use super::task::{self, TaskId};

/// No waiter, no queue.
pub(super) const NONE: u32 = u32::MAX;

/// The thread's waiters and the queues they wait in.
pub(crate) struct Waiters {
    entries: Vec<Waiter>,
    /// The first entry that is not in use; the others follow by `next`.
    free: u32,
    used: u32,
    pub(crate) queues: Slab<QueueRecord>,
}

impl Waiters {
    pub(crate) const fn new() -> Self {
        Waiters {
            entries: Vec::new(),
            free: NONE,
            used: 0,
            queues: Slab::new(),
        }
    }

    /// Takes an entry into use, which still says what it said before, and returns its key.
    #[inline]
    pub(super) fn take(&mut self) -> (u32, &mut Waiter) {
        if self.free == NONE {
            self.grow();
        }
        let key = self.free;
        let waiter = &mut self.entries[key as usize];
        self.free = waiter.next;
        self.used += 1;
        (key, waiter)
    }

    #[cold]
    fn grow(&mut self) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(task::growth(self.entries.len()));
        }
        self.free = self.entries.len() as u32;
        self.entries.push(Waiter {
            who: Who::default(),
            at: Location::caller(),
            ask: 0,
            since: 0,
            entered: 0,
            polled: 0,
            prev: NONE,
            next: NONE,
            queue: NONE,
            granted: false,
        });
    }

    /// Gives an entry back, whose waker its owner has taken out.
    #[inline]
    pub(super) fn give(&mut self, key: u32) {
        if let Some(waiter) = self.entries.get_mut(key as usize) {
            waiter.queue = NONE;
            waiter.next = std::mem::replace(&mut self.free, key);
            self.used -= 1;
        }
    }

    #[inline]
    pub(super) fn get(&self, key: u32) -> Option<&Waiter> {
        self.entries.get(key as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u32) -> Option<&mut Waiter> {
        self.entries.get_mut(key as usize)
    }

    /// Those in use, with their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Waiter)> {
        let used = (0..).zip(&self.entries);
        used.filter(|(_, waiter)| waiter.queue != NONE)
    }

    pub(crate) fn len(&self) -> usize {
        self.used as usize
    }

    /// The place in line of every waiter that has not been granted, by its key; the head's is 1.
    pub(crate) fn places(&self) -> HashMap<u32, usize> {
        let mut places = HashMap::new();
        let waiting = self.iter().filter(|(_, waiter)| !waiter.granted);
        for (head, _) in waiting.filter(|(_, waiter)| waiter.prev == NONE) {
            let (mut key, mut place) = (head, 1);
            while let Some(waiter) = self.get(key) {
                places.insert(key, place);
                (key, place) = (waiter.next, place + 1);
            }
        }
        places
    }
}

/// One waiting or granted entry.
pub(crate) struct Waiter {
    /// Whom to wake; once granted, the task that has to collect.
    pub(crate) who: Who,
    /// The line that waits.
    pub(crate) at: &'static Location<'static>,
    pub(crate) ask: usize,
    /// The clock's last reading when it joined the line.
    pub(crate) since: u64,
    /// The pass in which it joined, and that in which it was last polled or granted: low halves.
    pub(crate) entered: u32,
    pub(crate) polled: u32,
    pub(super) prev: u32,
    pub(super) next: u32,
    /// Its queue's record, or none if the entry is not in use.
    pub(crate) queue: u32,
    /// It is off the list and owns what it asked for.
    pub(crate) granted: bool,
}

/// What a report says about a queue that somebody has waited in.
pub(crate) struct QueueRecord {
    pub(crate) kind: &'static str,
    pub(crate) asks: Option<Asks>,
    /// Where the primitive was made.
    pub(crate) made: &'static Location<'static>,
    /// Its primitive says who holds it: only who holds it or was granted it can end a wait.
    pub(crate) tracks: bool,
    /// Who holds it, while somebody waits; out of date from the grant to somebody until that one runs.
    pub(crate) holder: Option<Holder>,
    /// What its primitive tells besides.
    pub(crate) tally: Option<Tally>,
}

/// How a primitive stands, in a figure, for reports: "permits in hand: 2, the last since …".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) what: &'static str,
    pub(crate) count: usize,
    /// Where the last one of them was taken.
    pub(crate) last: Option<&'static Location<'static>>,
}

/// Who holds what a queue waits for, as far as its primitive knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) task: Option<TaskId>,
    /// Where it was taken.
    pub(crate) at: &'static Location<'static>,
}

/// What an ask is called in reports, to be read before the kind of the queue: "2 permits of".
pub(crate) type Asks = fn(usize) -> Cow<'static, str>;
