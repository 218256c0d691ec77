//! Before and after a poll: the next task leaves its slot to be polled, and is put back if it returned Pending.

use std::panic::Location;

use super::body::BoxedBody;
use super::task::{NO_WAKER, Task, TaskId};
use super::tasks::Tasks;
use crate::runtime::base::passes::Pass;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::polling::{self, notes};

/// Which task is next.
pub(crate) enum Choice {
    /// The head of the ready queue.
    Head,
    /// A task that is not in the queue.
    Task(TaskId),
}

/// What is to be done with the chosen task.
pub(crate) enum Chosen {
    /// Nothing: the task is gone, is over, or goes to the tail first.
    Skipped { slot: u32 },
    /// A poll, or the end that was asked for.
    Poll {
        slot: u32,
        id: TaskId,
        /// Absent for a main future.
        body: Option<BoxedBody>,
        /// The key of a waker of its own.
        waker: u32,
        cancelled: bool,
        spawned_at: &'static Location<'static>,
    },
}

/// What becomes of a task whose poll returned Pending.
pub(crate) enum Rest {
    Waits,
    /// It waits, and the poll registered nothing that can wake it.
    Silent,
    /// Its end was asked for while it ran.
    Cancelled(BoxedBody),
    /// Its slot was freed while it ran.
    Gone(BoxedBody),
}

impl Kernel {
    /// A pass begins. Returns the slot at which it ends, unless nothing is ready.
    #[inline]
    pub(crate) fn begin_pass(&self) -> Option<u32> {
        let last = self.sched.tasks.borrow_mut().begin_pass();
        if last.is_some() {
            self.sched.passes.begin();
        }
        last
    }

    /// Takes the chosen task, if there is one, to be polled; `watch` sees it under the borrow.
    #[inline(always)]
    pub(crate) fn choose(&self, choice: Choice, watch: impl FnOnce(Pass, &Task)) -> Option<Chosen> {
        let tasks = &mut *self.sched.tasks.borrow_mut();
        let (slot, task) = match choice {
            Choice::Head => Tasks::pop_ready(tasks)?,
            Choice::Task(id) => (id.slot() as u32, tasks.get_mut(id)?),
        };
        if !task.is_to_be_polled() {
            tasks.skip(slot);
            return Some(Chosen::Skipped { slot });
        }
        let pass = self.sched.passes.now();
        watch(pass, task);
        Some(Chosen::Poll {
            slot,
            id: task.id(),
            body: task.begin_poll(pass),
            waker: task.waker(),
            cancelled: task.is_cancelled(),
            spawned_at: task.spawned_at(),
        })
    }

    /// Puts a task that is not finished back into its slot.
    #[inline]
    pub(crate) fn put_back(&self, id: TaskId, noted: u8, body: BoxedBody) -> Rest {
        let tasks = &mut *self.sched.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(id) else {
            return Rest::Gone(body);
        };
        if task.is_cancelled() {
            return Rest::Cancelled(body);
        }
        task.put_back(body);
        if noted & notes::YIELDED != 0 {
            if task.schedule() {
                tasks.append(id.slot() as u32);
            } else {
                tasks.postpone(id);
            }
        } else if noted & notes::REGISTERED == 0 && !task.is_scheduled() && task.waker() == NO_WAKER
        {
            return Rest::Silent;
        }
        Rest::Waits
    }

    /// Puts a task behind all others in the ready queue.
    #[inline]
    pub(crate) fn yields(&self, id: TaskId) {
        self.sched.tasks.borrow_mut().yields(id);
    }

    /// Marks the current task: another one is polled inside its poll, or no longer.
    pub(crate) fn set_aside(&self, aside: bool) {
        let mut tasks = self.sched.tasks.borrow_mut();
        if let Some(task) = polling::current_task().and_then(|id| tasks.get_mut(id)) {
            task.set_aside(aside);
        }
    }
}
