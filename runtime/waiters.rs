//! The waiters of this thread, in one slab, and the queues they wait in.
//!
//! [`WaitQueue`](super::wait_queue::WaitQueue) threads its line through the slab; reports read it.

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
    pub(crate) slab: Slab<Waiter>,
    pub(crate) queues: Slab<QueueRecord>,
}

impl Waiters {
    pub(crate) const fn new() -> Self {
        Waiters {
            slab: Slab::new(),
            queues: Slab::new(),
        }
    }

    /// Adds an entry and returns its key.
    #[inline]
    pub(super) fn insert(&mut self, waiter: Waiter) -> u32 {
        if self.slab.len() == self.slab.capacity() {
            self.slab.reserve_exact(task::growth(self.slab.len()));
        }
        self.slab.insert(waiter) as u32
    }

    /// The place in line of every waiter that has not been granted, by its key; the head's is 1.
    pub(crate) fn places(&self) -> HashMap<usize, usize> {
        let mut places = HashMap::new();
        let waiting = self.slab.iter().filter(|(_, waiter)| !waiter.granted);
        for (head, _) in waiting.filter(|(_, waiter)| waiter.prev == NONE) {
            let (mut key, mut place) = (head, 1);
            while let Some(waiter) = self.slab.get(key) {
                places.insert(key, place);
                (key, place) = (waiter.next as usize, place + 1);
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
    /// Its queue's record.
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
