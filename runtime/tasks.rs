//! The tasks of a thread: a slab of slots, and which of them are ready.
//!
//! # Implementation
//!
//! Slots are never given back, because a slot remembers its generation, which never restarts while
//! the thread lives. A slot whose generation would wrap is retired.
//!
//! The ready queue lies here, so that who wakes a task and who takes the next one to poll it borrow
//! once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::Location;

use slab::Slab;

use super::passes::NO_PASS;
use super::task::{BoxedBody, Joiner, NO_JOINER, NO_WAKER, Remains, Task, TaskId};

/// How many places a full table of so many gets besides. Doubling would leave up to half of a large
/// one unused.
pub(super) fn growth(places: usize) -> usize {
    places / 8 + 8
}

/// The tasks of a thread.
pub(crate) struct Tasks {
    slots: Vec<Task>,
    free: Vec<u32>,
    /// Those that became ready, in that order. One that was removed meanwhile is skipped.
    pub(super) ready: VecDeque<TaskId>,
    /// Apart, because few of many tasks are awaited at the same time.
    joiners: Slab<Joiner>,
    spawned: u64,
}

impl Tasks {
    pub(crate) const fn new() -> Self {
        Tasks {
            slots: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            joiners: Slab::new(),
            spawned: 0,
        }
    }

    /// Adds a task at the tail of the ready queue.
    pub(crate) fn insert(
        &mut self,
        body: Option<BoxedBody>,
        spawned_at: &'static Location<'static>,
    ) -> TaskId {
        self.spawned += 1;
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None => self.add_slot(spawned_at),
        };
        let task = &mut self.slots[slot];
        task.scheduled = true;
        task.main = body.is_none();
        task.body = body;
        task.spawned_at = spawned_at;
        task.serial = self.spawned;
        self.ready.push_back(task.id);
        task.id
    }

    /// Puts a task at the tail of the ready queue unless it is there already, or is over.
    #[inline]
    pub(super) fn schedule(&mut self, id: TaskId) -> bool {
        match self.get_mut(id) {
            Some(task) if !task.scheduled => task.scheduled = true,
            _ => return false,
        }
        self.ready.push_back(id);
        true
    }

    #[cold]
    fn add_slot(&mut self, spawned_at: &'static Location<'static>) -> usize {
        let slot = self.slots.len();
        if slot == self.slots.capacity() {
            self.slots.reserve_exact(growth(slot));
        }
        self.slots.push(Task {
            id: TaskId::new(slot, 1).expect("generations start at one"),
            scheduled: false,
            cancelled: false,
            detached: false,
            over: false,
            main: false,
            suspect: Cell::new(false),
            lost: false,
            aside: false,
            polled: NO_PASS,
            group: 0,
            waker: NO_WAKER,
            body: None,
            joiner: NO_JOINER,
            spawned_at,
            serial: 0,
            extra: None,
        });
        slot
    }

    #[inline]
    pub(crate) fn get(&self, id: TaskId) -> Option<&Task> {
        self.slots.get(id.slot()).filter(|task| task.id == id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.slots.get_mut(id.slot()).filter(|task| task.id == id)
    }

    /// Who awaits the end of this task.
    pub(crate) fn joiner(&self, task: &Task) -> Option<&Joiner> {
        self.joiners.get(task.joiner as usize)
    }

    /// As [`joiner`](Tasks::joiner), to be changed.
    pub(crate) fn joiner_mut(&mut self, id: TaskId) -> Option<&mut Joiner> {
        let key = self.get(id)?.joiner;
        self.joiners.get_mut(key as usize)
    }

    /// Makes this the one who awaits the task. Returns the one to drop without a borrow: who was it
    /// so far, or this one if the task is gone.
    pub(crate) fn set_joiner(&mut self, id: TaskId, mut joiner: Joiner) -> Option<Joiner> {
        if let Some(known) = self.joiner_mut(id) {
            if std::ptr::eq(known.at, joiner.at) {
                joiner.since = known.since;
            }
            return Some(std::mem::replace(known, joiner));
        }
        let key = self.joiners.vacant_key() as u32;
        match self.get_mut(id) {
            Some(task) => task.joiner = key,
            None => return Some(joiner),
        }
        self.joiners.insert(joiner);
        None
    }

    /// Takes out who awaits the task.
    #[inline]
    pub(crate) fn take_joiner(&mut self, id: TaskId) -> Option<Joiner> {
        let task = self.get_mut(id).filter(|task| task.joiner != NO_JOINER)?;
        let key = std::mem::replace(&mut task.joiner, NO_JOINER);
        self.joiners.try_remove(key as usize)
    }

    /// Frees a task's slot; the caller drops the remains after letting go of the borrow.
    ///
    /// The joiner is gone by now: whoever ends a task wakes it first, and whoever drops the handle
    /// takes it out.
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Remains> {
        let task = self.get_mut(id)?;
        let remains = Remains {
            id,
            spawned_at: task.spawned_at,
            body: task.body.take(),
            extra: task.extra.take(),
            waker: std::mem::replace(&mut task.waker, NO_WAKER),
        };
        task.cancelled = false;
        task.detached = false;
        task.over = false;
        task.lost = false;
        task.polled = NO_PASS;
        task.group = 0;
        task.serial = 0;
        match id
            .generation()
            .checked_add(1)
            .and_then(|next| TaskId::new(id.slot(), next))
        {
            Some(next) => {
                task.id = next;
                self.free.push(id.slot() as u32);
            }
            // Its next id would repeat an old one: the slot is retired.
            None => task.id = TaskId::STALE,
        }
        Some(remains)
    }

    /// The tasks, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.slots.iter().filter(|task| task.is_there())
    }

    /// Ids of all tasks in the order of their spawning.
    pub(crate) fn in_spawn_order(&self) -> Vec<TaskId> {
        let mut all: Vec<_> = self.iter().map(|task| (task.serial, task.id)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect()
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
        self.slots[slot].id = TaskId::new(slot, u32::MAX).expect("it is not zero");
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::boxed;
    use super::*;

    fn add(tasks: &mut Tasks) -> TaskId {
        tasks.insert(Some(boxed(async {})), Location::caller())
    }

    #[test]
    fn a_reused_slot_gets_another_id() {
        let mut tasks = Tasks::new();
        let first = add(&mut tasks);
        tasks.remove(first).expect("it was just added");
        let second = add(&mut tasks);
        assert_eq!(first.slot(), second.slot());
        assert_ne!(first, second);
        assert!(tasks.get(first).is_none());
        assert!(tasks.remove(first).is_none());
    }

    #[test]
    fn a_slot_whose_generation_would_wrap_is_retired() {
        let mut tasks = Tasks::new();
        let first = add(&mut tasks);
        tasks.remove(first).expect("it was just added");
        tasks.exhaust(0);
        let last = add(&mut tasks);
        tasks.remove(last).expect("it was just added");
        assert_ne!(add(&mut tasks).slot(), last.slot());
        assert_eq!(tasks.iter().count(), 1);
    }
}
