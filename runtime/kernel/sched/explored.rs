//! What an exploration asks of the scheduler: which tasks are ready or can be cancelled, another one at the head,
//! and ids that begin again.

use super::task::TaskId;
use crate::runtime::kernel::Kernel;

/// A task in the ready queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadyTask {
    id: TaskId,
    serial: u64,
}

impl ReadyTask {
    #[inline]
    pub(crate) fn id(self) -> TaskId {
        self.id
    }

    /// The number of its spawn: the same in every run that spawns in the same order.
    #[inline]
    pub(crate) fn serial(self) -> u64 {
        self.serial
    }
}

impl Kernel {
    /// Lists the ready tasks, first ready first. O(those).
    pub(crate) fn list_ready(&self, all: &mut Vec<ReadyTask>) {
        all.clear();
        let tasks = self.sched.tasks.borrow();
        let living = tasks
            .ready()
            .filter(|task| task.is_there() && !task.is_over());
        all.extend(living.map(|task| ReadyTask {
            id: task.id(),
            serial: task.serial(),
        }));
    }

    /// Lists the tasks that can be cancelled, with the numbers of their spawns and in that order: O(n log n).
    pub(crate) fn list_cancellable(&self, all: &mut Vec<(TaskId, u64)>) {
        let tasks = self.sched.tasks.borrow();
        let can = tasks
            .iter()
            .filter(|task| !task.is_over() && !task.is_main() && !task.is_cancelled());
        all.extend(can.map(|task| (task.id(), task.serial())));
        all.sort_unstable_by_key(|(_, serial)| *serial);
    }

    /// The number of a task's spawn.
    pub(crate) fn serial_of(&self, id: TaskId) -> Option<u64> {
        self.sched.tasks.borrow().get(id).map(|task| task.serial())
    }

    /// Puts a task that is in the ready queue at its head. O(its place).
    pub(crate) fn bring_forward(&self, id: TaskId) {
        self.sched.tasks.borrow_mut().bring_forward(id);
    }

    /// Lets ids and spawn numbers begin again, for a run that is to be like the one before. Returns whether that
    /// can be: no task, no timer and no link is left, and no waker that others have clones of.
    pub(crate) fn restart(&self) -> bool {
        let mut tasks = self.sched.tasks.borrow_mut();
        let clean = tasks.iter().next().is_none()
            && self.timers.is_empty()
            && self.sched.cloned.borrow().is_empty()
            && !self.mail.inbox().has_loose()
            && self.mail.links() == 0;
        if clean {
            tasks.restart();
        }
        clean
    }
}
