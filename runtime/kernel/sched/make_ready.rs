//! Making tasks ready, and looking at all of them.

use std::cell::{Ref, RefMut};

use super::task::TaskId;
use super::tasks::Tasks;
use crate::runtime::base::passes::Passes;
use crate::runtime::kernel::Kernel;

impl Kernel {
    /// Puts a task at the tail of the ready queue unless it is there already, or is gone.
    pub(crate) fn schedule(&self, id: TaskId) {
        if self.sched.tasks.borrow_mut().schedule(id) {
            self.ring_if_embedded();
        }
    }

    /// Makes many tasks ready; while this lives they can only be scheduled.
    #[inline]
    pub(crate) fn ready_batch(&self) -> ReadyBatch<'_> {
        ReadyBatch {
            kernel: self,
            tasks: self.sched.tasks.borrow_mut(),
            any: false,
        }
    }

    /// Whether some task is ready.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.sched.tasks.borrow().has_ready()
    }

    /// Whether at least `count` tasks are ready.
    pub(crate) fn are_ready(&self, count: usize) -> bool {
        self.sched.tasks.borrow().are_ready(count)
    }

    /// The tasks, to be read only.
    #[inline]
    pub(crate) fn tasks(&self) -> Ref<'_, Tasks> {
        self.sched.tasks.borrow()
    }

    /// The passes made so far.
    #[inline]
    pub(crate) fn passes(&self) -> &Passes {
        &self.sched.passes
    }

    /// Gives back the room that a burst of tasks has left.
    #[inline]
    pub(in crate::runtime::kernel) fn trim_tasks(&self, pass: u64) {
        self.sched.tasks.borrow_mut().trim(pass);
    }
}

/// Makes many tasks ready under one borrow. The host of an embedded loop is rung once, at the end.
pub(crate) struct ReadyBatch<'a> {
    kernel: &'a Kernel,
    tasks: RefMut<'a, Tasks>,
    any: bool,
}

impl ReadyBatch<'_> {
    /// As [`Kernel::schedule`].
    #[inline]
    pub(crate) fn schedule(&mut self, id: TaskId) {
        self.any |= self.tasks.schedule(id);
    }
}

impl Drop for ReadyBatch<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.any {
            self.kernel.ring_if_embedded();
        }
    }
}
