//! What an exploration does to the ready queue and to the slots.

use super::{NOBODY, Tasks};
use crate::runtime::kernel::sched::task::TaskId;

impl Tasks {
    /// Puts a task that is in the ready queue at its head. O(its place).
    pub(crate) fn bring_forward(&mut self, id: TaskId) {
        let slot = id.slot() as u32;
        let (mut before, mut at) = (NOBODY, self.head);
        while at != slot {
            let Some(task) = self.slots.get(at as usize) else {
                return;
            };
            (before, at) = (at, task.next());
        }
        if before == NOBODY {
            return;
        }
        let next = self.slots[slot as usize].next();
        self.slots[before as usize].set_next(next);
        if slot == self.tail {
            self.tail = before;
        }
        self.slots[slot as usize].set_next(self.head);
        self.head = slot;
    }

    /// Lets ids and spawn numbers begin again. No task may be there.
    pub(crate) fn restart(&mut self) {
        self.clear_ready();
        self.slots.clear();
        (self.free, self.first, self.spawned) = (NOBODY, 1, 0);
        (self.dead, self.swept) = (0, 0);
    }
}
