//! The waiters of this thread, in one table, and the queues they wait in.
//!
//! [`WaitQueue`](super::wait_queue::WaitQueue) threads its line through the table; reports read it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::Location;

use super::who::Who;
use crate::runtime::base::passes::{NO_PASS, Pass};
use crate::runtime::base::table::{Entry, NONE, Table};
use crate::runtime::kernel::sched::task::TaskId;

/// The thread's waiters and the queues they wait in.
///
/// **Age**: the key of a queue's record is its place in the table and, in the upper bits, an age that differs
/// from that of the queue which had the place before. A wait that was forgotten may outlive its queue, and
/// must not be told of the next one.
pub(crate) struct Waiters {
    pub(crate) table: Table<Waiter>,
    queues: Table<QueueRecord>,
    /// Of the queue that was listed last.
    age: u32,
}

/// The bits of a record's key that are its place.
const PLACE: u32 = (1 << 24) - 1;

/// The key of a queue that came when there was no place left. It has no record.
const UNLISTED: u32 = NONE - 1;

impl Waiters {
    pub(crate) const fn new() -> Self {
        Waiters {
            table: Table::new(),
            queues: Table::new(),
            age: 0,
        }
    }

    /// Lists a queue, and returns the key of its record.
    pub(crate) fn enrol(&mut self, record: QueueRecord) -> u32 {
        let (place, entry) = self.queues.take();
        if place >= PLACE {
            self.queues.give(place);
            return UNLISTED;
        }
        self.age = self.age.wrapping_add(PLACE + 1);
        let key = self.age | place;
        *entry = QueueRecord { key, ..record };
        key
    }

    /// The record of a queue that exists.
    #[inline]
    pub(crate) fn own_record(&mut self, key: u32) -> Option<&mut QueueRecord> {
        self.queues.get_mut(key & PLACE)
    }

    /// Gives back what bursts have left.
    pub(crate) fn trim(&mut self, pass: u64) {
        self.table.trim(pass);
        self.queues.trim(pass);
    }

    /// Gives back the entry of a waiter, whose waker was taken out.
    #[inline]
    pub(crate) fn give(&mut self, key: u32) {
        if let Some(waiter) = self.table.get_mut(key) {
            waiter.queue = NONE;
            self.table.give(key);
        }
    }

    /// The queue that a waiter waits in.
    pub(crate) fn queue_of(&self, waiter: &Waiter) -> Option<&QueueRecord> {
        let record = self.queues.get(waiter.queue & PLACE);
        record.filter(|record| record.key == waiter.queue)
    }

    /// The records of the lines that a granted waiter holds up: its own, and the one beside that.
    pub(crate) fn lines_behind(&self, waiter: &Waiter) -> impl Iterator<Item = u32> + use<> {
        let beside = self.queue_of(waiter).map(|queue| queue.beside);
        [Some(waiter.queue), beside].into_iter().flatten()
    }

    /// Gives back the record of a queue that goes.
    #[inline]
    pub(crate) fn strike(&mut self, key: u32) {
        if let Some(record) = self.own_record(key) {
            record.key = NONE;
            self.queues.give(key & PLACE);
        }
    }

    /// The waiters, with their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Waiter)> {
        let entries = self.table.iter();
        entries.filter(|(_, waiter)| waiter.is_used())
    }

    /// The place in line of those waiters that are wanted and have not been granted, by their keys; the
    /// head's is 1.
    pub(crate) fn places(&self, wanted: impl Fn(&Waiter) -> bool) -> HashMap<u32, usize> {
        let mut places = HashMap::new();
        let waiting = self.iter().filter(|(_, waiter)| !waiter.is_granted());
        for (head, _) in waiting.filter(|(_, waiter)| waiter.prev == NONE) {
            let (mut key, mut place) = (head, 1);
            while let Some(waiter) = self.table.get(key) {
                if wanted(waiter) {
                    places.insert(key, place);
                }
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
    /// The pass in which it was granted: it is off the list and owns what it asked for.
    pub(crate) granted: Pass,
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// Its queue's record, or none if the entry is not in use.
    pub(crate) queue: u32,
}

impl Waiter {
    #[inline]
    pub(crate) fn is_granted(&self) -> bool {
        self.granted != NO_PASS
    }
}

impl Entry for Waiter {
    fn blank() -> Self {
        Waiter {
            who: Who::default(),
            at: Location::caller(),
            ask: 0,
            since: 0,
            granted: NO_PASS,
            prev: NONE,
            next: NONE,
            queue: NONE,
        }
    }

    fn link(&mut self) -> &mut u32 {
        &mut self.next
    }

    fn is_used(&self) -> bool {
        self.queue != NONE
    }
}

/// What a report says about a queue that somebody has waited in.
pub(crate) struct QueueRecord {
    pub(crate) kind: &'static str,
    pub(crate) terms: &'static Terms,
    /// Where the primitive was made.
    pub(crate) made: &'static Location<'static>,
    /// Who holds it, while somebody waits; out of date from the grant to somebody until that one runs.
    pub(crate) holder: Option<Holder>,
    /// The record of another line for the same thing: what is granted there is not to be had here.
    pub(crate) beside: u32,
    /// What its primitive tells besides.
    pub(crate) tally: Option<Tally>,
    /// Its own, or none once its queue is gone.
    key: u32,
    /// For the table, while the record is not in use.
    link: u32,
}

impl QueueRecord {
    pub(crate) fn new(
        kind: &'static str,
        terms: &'static Terms,
        made: &'static Location<'static>,
    ) -> Self {
        QueueRecord {
            kind,
            terms,
            made,
            holder: None,
            beside: NONE,
            tally: None,
            key: NONE,
            link: NONE,
        }
    }

    pub(crate) fn holder(&self) -> Option<Holder> {
        self.holder.filter(|_| self.terms.names_a_holder())
    }
}

impl Entry for QueueRecord {
    fn blank() -> Self {
        QueueRecord::new("", &Terms::PLAIN, Location::caller())
    }

    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }

    fn is_used(&self) -> bool {
        self.key != NONE
    }
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

/// What the asks of a queue mean to a report.
pub(crate) struct Terms {
    pub(crate) asks: Option<Asks>,
    /// The one thing that can be waited for, where the system ends the wait: "input from".
    pub(crate) source: Option<&'static str>,
    /// What makes its waiter the holder when it is granted.
    pub(crate) holds: usize,
}

/// What an ask is called, to be read before the kind of the queue: "2 permits of".
type Asks = fn(usize) -> Cow<'static, str>;

/// No ask of a primitive that has one holder at a time.
const NOTHING: usize = usize::MAX;

impl Terms {
    /// Asks that mean nothing.
    pub(crate) const PLAIN: Terms = Terms {
        asks: None,
        source: None,
        holds: NOTHING,
    };

    /// Names what is asked for, where that is not plain from the kind of the queue.
    pub(crate) const fn asking(mut self, asks: Asks) -> Self {
        self.asks = Some(asks);
        self
    }

    /// The system ends a wait, which is one for `what`.
    pub(crate) const fn of_source(what: &'static str) -> Self {
        let mut terms = Terms::PLAIN;
        terms.source = Some(what);
        terms
    }

    /// There is one holder at a time: who takes a grant of `what` becomes it. Only the holder, or who
    /// was granted and has not run, can end a wait.
    pub(crate) const fn holding(mut self, what: usize) -> Self {
        self.holds = what;
        self
    }

    /// Whether what is said of a holder means anything: others may grant [`NOTHING`] as a number.
    #[inline]
    pub(crate) fn names_a_holder(&self) -> bool {
        self.holds != NOTHING
    }
}
