//! The tasks of a thread: a slab of slots, and which of them are ready.
//!
//! # Implementation
//!
//! A slot remembers its generation, which never restarts while the thread lives: slots that come after
//! others were given back begin where those ended. A slot whose generation would wrap is retired.
//!
//! The ready queue is threaded through the slots, which a poll and a wake touch anyway, and needs no
//! memory of its own. A task that is removed while it stands there leaves its slot in the queue; it can
//! be used again once it has come to the head, or once most of the queue are such slots.

use std::panic::Location;

use super::body::BoxedBody;
use super::remains::Remains;
use super::task::{NOBODY, Task, TaskId};
use crate::runtime::base::table::{MUCH, Slack, growth};

/// The tasks of a thread.
pub(crate) struct Tasks {
    slots: Vec<Task>,
    /// The slot that was freed last; those before it follow.
    free: u32,
    /// The ends of the ready queue: those that became ready, in that order. Without a head, the tail
    /// means nothing.
    head: u32,
    tail: u32,
    /// The last slot of the pass under way, which ends there.
    end: u32,
    /// Slots in the ready queue whose task is gone.
    dead: u32,
    /// How long the ready queue was when it was swept last.
    swept: u32,
    spawned: u64,
    /// How many there are.
    there: u32,
    /// The first generation of a new slot: no slot that was given back had a task of this one or a later one.
    first: u32,
    slack: Slack,
}

impl Tasks {
    pub(crate) const fn new() -> Self {
        Tasks {
            slots: Vec::new(),
            free: NOBODY,
            head: NOBODY,
            tail: NOBODY,
            end: NOBODY,
            dead: 0,
            swept: 0,
            spawned: 0,
            there: 0,
            first: 1,
            slack: Slack::new(),
        }
    }

    /// Adds a task, which is not ready yet.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        body: Option<BoxedBody>,
        spawned_at: &'static Location<'static>,
    ) -> TaskId {
        self.spawned += 1;
        self.there += 1;
        if self.free == NOBODY {
            self.add_slot(spawned_at);
        }
        let task = &mut self.slots[self.free as usize];
        let (id, next) = task.occupy(body, spawned_at, self.spawned);
        self.free = next;
        id
    }

    /// Puts a task at the tail of the ready queue unless it is there already, or is over.
    #[inline]
    pub(crate) fn schedule(&mut self, id: TaskId) -> bool {
        let scheduled = self.get_mut(id).is_some_and(Task::schedule);
        if scheduled {
            self.append(id.slot() as u32);
        }
        scheduled
    }

    /// Puts a task behind all others in the ready queue, also if it stands there itself.
    #[inline]
    pub(crate) fn yields(&mut self, id: TaskId) {
        if !self.schedule(id) {
            self.postpone(id);
        }
    }

    /// Has a task that stands in the ready queue go to its tail.
    #[cold]
    pub(super) fn postpone(&mut self, id: TaskId) {
        if self.last_ready() != Some(id.slot() as u32) {
            if let Some(task) = self.get_mut(id) {
                task.postpone();
            }
        }
    }

    /// Takes care of a task at the head of the ready queue that is not polled now.
    #[cold]
    pub(crate) fn skip(&mut self, slot: u32) {
        let task = self.slots.get_mut(slot as usize);
        if task.is_some_and(Task::take_postponed) {
            self.append(slot);
        } else {
            self.reclaim(slot);
        }
    }

    /// Puts a slot at the tail of the ready queue, whose task says so already.
    #[inline]
    pub(crate) fn append(&mut self, slot: u32) {
        let last = self.last_ready();
        match last.and_then(|last| self.slots.get_mut(last as usize)) {
            Some(last) => last.set_next(slot),
            None => self.head = slot,
        }
        self.tail = slot;
    }

    /// Takes the head of the ready queue, with its slot. It is over if it was removed while it stood there.
    #[inline]
    pub(crate) fn pop_ready(&mut self) -> Option<(u32, &mut Task)> {
        let slot = self.head;
        let task = self.slots.get_mut(slot as usize)?;
        self.head = task.take_next();
        Some((slot, task))
    }

    /// The slot at the tail of the ready queue.
    #[inline]
    pub(crate) fn last_ready(&self) -> Option<u32> {
        self.has_ready().then_some(self.tail)
    }

    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.head != NOBODY
    }

    /// Whether at least `count` are ready, which is counted so far.
    pub(crate) fn are_ready(&self, count: usize) -> bool {
        self.ready().take(count).count() == count
    }

    /// The slot at the tail of the ready queue, where the pass that begins now will end.
    #[inline]
    pub(crate) fn begin_pass(&mut self) -> Option<u32> {
        let last = self.last_ready();
        self.end = self.tail;
        last
    }

    /// How many tasks in the ready queue are not over. They are counted: O(those).
    pub(crate) fn count_ready(&self) -> usize {
        self.ready().filter(|task| !task.is_over()).count()
    }

    pub(super) fn ready(&self) -> impl Iterator<Item = &Task> {
        let first = self.slots.get(self.head as usize);
        let next = |task: &&Task| self.slots.get(task.next() as usize);
        std::iter::successors(first, next)
    }

    /// Empties the ready queue.
    pub(crate) fn clear_ready(&mut self) {
        while let Some((slot, _)) = self.pop_ready() {
            self.reclaim(slot);
        }
    }

    #[cold]
    fn add_slot(&mut self, spawned_at: &'static Location<'static>) {
        let slot = self.slots.len();
        assert!(
            slot < NOBODY as usize,
            "fewer than four billion tasks fit into memory"
        );
        if slot == self.slots.capacity() {
            self.slots.reserve_exact(growth(slot));
            self.slack.grown();
        }
        let id = TaskId::new(slot, self.first).expect("generations start at one");
        self.slots.push(Task::vacant(id, spawned_at));
        self.free = slot as u32;
    }

    #[inline]
    pub(crate) fn get(&self, id: TaskId) -> Option<&Task> {
        self.slots.get(id.slot()).filter(|task| task.id() == id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.slots.get_mut(id.slot()).filter(|task| task.id() == id)
    }

    /// Frees a task's slot. The caller drops the remains after letting go of the borrow, and the waker of
    /// that key.
    #[inline]
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<(Remains, u32)> {
        let task = self.get_mut(id)?;
        let scheduled = task.is_scheduled();
        let removed = task.vacate();
        self.there -= 1;
        if scheduled {
            self.bury();
        } else {
            self.reclaim(id.slot() as u32);
        }
        Some(removed)
    }

    /// Counts a slot of the ready queue whose task is gone; when they are the most they are unlinked.
    #[cold]
    fn bury(&mut self) {
        /// Fewer are not worth it.
        const FEW: u32 = 64;
        self.dead += 1;
        if self.dead > self.swept.max(FEW) {
            self.sweep();
        }
    }

    /// Unlinks the slots of the ready queue whose task is gone, but for the one that ends the pass.
    fn sweep(&mut self) {
        let (mut slot, mut kept) = (self.head, NOBODY);
        (self.head, self.swept) = (NOBODY, 0);
        while let Some(task) = self.slots.get_mut(slot as usize) {
            let next = task.next();
            if task.is_there() || slot == self.end {
                self.swept += 1;
                match self.slots.get_mut(kept as usize) {
                    Some(before) => before.set_next(slot),
                    None => self.head = slot,
                }
                kept = slot;
            } else {
                task.take_next();
                self.reclaim(slot);
            }
            slot = next;
        }
        if let Some(last) = self.slots.get_mut(kept as usize) {
            last.set_next(NOBODY);
            self.tail = kept;
        }
    }

    /// Frees a slot that holds no task and is not in the ready queue.
    #[inline]
    pub(crate) fn reclaim(&mut self, slot: u32) {
        let Some(task) = self.slots.get_mut(slot as usize) else {
            return;
        };
        if !task.is_there() && !task.is_scheduled() {
            self.dead -= u32::from(task.leave_queue());
            if !task.is_retired() {
                task.set_next(std::mem::replace(&mut self.free, slot));
            }
        }
    }

    /// The tasks, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.slots.iter().filter(|task| task.is_there())
    }

    /// Ids of all tasks in the order of their spawning.
    pub(crate) fn in_spawn_order(&self) -> Vec<TaskId> {
        let mut all: Vec<_> = self.iter().map(|task| (task.serial(), task.id())).collect();
        all.sort_unstable_by_key(|(serial, _)| *serial);
        all.into_iter().map(|(_, id)| id).collect()
    }

    /// Gives back what a burst has left, as [`Table::trim`](crate::runtime::base::table::Table::trim).
    #[inline]
    pub(crate) fn trim(&mut self, pass: u64) {
        let room = self.slots.capacity();
        if room >= MUCH && self.slack.is_worth_a_walk(room, self.there, pass) {
            self.trim_now();
        }
    }

    #[cold]
    fn trim_now(&mut self) {
        /// A slot that has served so often stays: those that come in its place would soon be retired.
        const WORN: u32 = u32::MAX / 2;
        let kept = |task: &Task| !task.is_free() || task.id().generation() > WORN;
        let len = self.slots.iter().rposition(kept).map_or(0, |last| last + 1);
        for gone in self.slots.drain(len..) {
            self.first = self.first.max(gone.id().generation());
        }
        self.slots.shrink_to_fit();
        self.free = NOBODY;
        for (slot, task) in self.slots.iter_mut().enumerate().rev() {
            if task.is_free() {
                task.set_next(std::mem::replace(&mut self.free, slot as u32));
            }
        }
    }

    /// How many slots there are, in use or free.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.spawned
    }

    /// Makes the next id of a free slot its last one.
    #[cfg(test)]
    fn exhaust(&mut self, slot: usize) {
        self.slots[slot].exhaust();
    }
}

#[cfg(feature = "explore")]
#[path = "tasks_explored.rs"]
mod explored;

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;
