//! The waiters of this thread, in one table, and the queues they wait in.
//!
//! [`WaitQueue`](super::wait_queue::WaitQueue) threads its line through the table; reports read it.

use std::collections::HashMap;
use std::panic::Location;

use super::description::Description;
use super::wake_target::WakeTarget;
use crate::runtime::base::passes::{NO_PASS, Pass};
use crate::runtime::base::table::{Entry, NONE, Table};
use crate::runtime::kernel::sched::task::TaskId;

/// The thread's waiters and the queues they wait in.
///
/// **Age**: the key of a queue's record is its place in the table and, in the upper bits, an age that differs
/// from that of the queue which had the place before. A wait that was forgotten may outlive its queue, and
/// must not get the reports of the next one.
pub(crate) struct Waiters {
    pub(super) table: Table<Waiter>,
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

    /// Entries, in use or not.
    pub(crate) fn slots(&self) -> usize {
        self.table.slots()
    }

    /// The waiter of a key that is in use.
    pub(crate) fn get(&self, key: u32) -> Option<&Waiter> {
        self.table.get(key)
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
    /// What to wake; once granted, the task that has to collect.
    pub(super) target: WakeTarget,
    /// The line that waits.
    pub(super) at: &'static Location<'static>,
    pub(super) ask: usize,
    /// The clock's last reading when it joined the line.
    pub(super) since: u64,
    /// The pass in which it was granted: it is off the list and owns what it asked for.
    pub(super) granted: Pass,
    pub(super) prev: u32,
    pub(super) next: u32,
    /// Its queue's record, or none if the entry is not in use.
    pub(super) queue: u32,
}

impl Waiter {
    /// The task that waits; once it is granted, the one that has to collect.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.target.task()
    }

    /// The line that waits.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// What it asks for, or what it was granted.
    pub(crate) fn ask(&self) -> usize {
        self.ask
    }

    /// The clock's last reading when it joined the queue.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// The pass in which it was granted.
    pub(crate) fn granted(&self) -> Pass {
        self.granted
    }

    /// The key of its queue's record.
    pub(crate) fn queue(&self) -> u32 {
        self.queue
    }

    #[inline]
    pub(crate) fn is_granted(&self) -> bool {
        self.granted != NO_PASS
    }
}

impl Entry for Waiter {
    fn blank() -> Self {
        Waiter {
            target: WakeTarget::default(),
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

/// What a report says about a queue that a task has waited in.
pub(crate) struct QueueRecord {
    pub(super) kind: &'static str,
    pub(super) description: &'static Description,
    /// Where the primitive was made.
    pub(super) made: &'static Location<'static>,
    /// The holder, while a task waits; out of date from a grant until the task that got it runs.
    pub(super) holder: Option<Holder>,
    /// The record of another line for the same thing: what is granted there is not to be had here.
    pub(super) beside: u32,
    /// What else its primitive notes.
    pub(super) gauge: Option<Gauge>,
    /// Its own, or none once its queue is gone.
    key: u32,
    /// For the table, while the record is not in use.
    link: u32,
}

impl QueueRecord {
    pub(crate) fn new(
        kind: &'static str,
        description: &'static Description,
        made: &'static Location<'static>,
    ) -> Self {
        QueueRecord {
            kind,
            description,
            made,
            holder: None,
            beside: NONE,
            gauge: None,
            key: NONE,
            link: NONE,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn description(&self) -> &'static Description {
        self.description
    }

    /// What tells its primitive apart from all others while a task waits for it.
    pub(crate) fn number(&self) -> u32 {
        (self.key & PLACE).min(self.beside & PLACE)
    }

    /// Where the primitive was made.
    pub(crate) fn made(&self) -> &'static Location<'static> {
        self.made
    }

    /// What else its primitive notes.
    pub(crate) fn gauge(&self) -> Option<Gauge> {
        self.gauge
    }

    /// What holds it, while something waits; out of date from a grant until its waiter runs.
    pub(crate) fn holder(&self) -> Option<Holder> {
        self.holder.filter(|_| self.description.names_a_holder())
    }
}

impl Entry for QueueRecord {
    fn blank() -> Self {
        QueueRecord::new("", &Description::PLAIN, Location::caller())
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
pub(crate) struct Gauge {
    what: &'static str,
    count: usize,
    last: Option<&'static Location<'static>>,
}

impl Gauge {
    pub(super) fn new(
        what: &'static str,
        count: usize,
        last: Option<&'static Location<'static>>,
    ) -> Self {
        Gauge { what, count, last }
    }

    pub(crate) fn what(&self) -> &'static str {
        self.what
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Where the last one of them was taken.
    pub(crate) fn last(&self) -> Option<&'static Location<'static>> {
        self.last
    }
}

/// The task that holds what a queue waits for, as far as its primitive knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    task: Option<TaskId>,
    at: &'static Location<'static>,
}

impl Holder {
    #[inline]
    pub(super) fn new(task: Option<TaskId>, at: &'static Location<'static>) -> Self {
        Holder { task, at }
    }

    /// The task that took it, if a task did.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.task
    }

    /// Where it was taken.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }
}
