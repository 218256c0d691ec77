//! What the whole crate may read of a task, above all for reports.

use std::panic::Location;

use super::{AtHead, IDLE, NO_WAKER, Task, TaskId};
use crate::runtime::base::passes::Pass;
use crate::runtime::kernel::sched::lost_mark::LostMark;

impl Task {
    #[inline]
    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.extras.name()
    }

    #[inline]
    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// Whether it is the main future of a `block_on`.
    pub(crate) fn is_main(&self) -> bool {
        self.main
    }

    /// Whether it is finished, one way or another.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.at_head == AtHead::Over
    }

    /// Whether it is in the ready queue.
    #[inline]
    pub(crate) fn is_scheduled(&self) -> bool {
        self.next != IDLE
    }

    /// Whether its poll is under way and has another task's inside it.
    pub(crate) fn is_aside(&self) -> bool {
        self.aside
    }

    /// Whether it ended without an output.
    pub(crate) fn has_failed(&self) -> bool {
        self.extras.has_failure()
    }

    /// The pass in which it was polled last.
    #[inline]
    pub(crate) fn polled(&self) -> Pass {
        self.polled
    }

    /// The number of the group it is a child of; 0 is none.
    pub(crate) fn group(&self) -> u32 {
        self.group
    }

    /// The place of the task that awaits the handle.
    pub(crate) fn joiner(&self) -> u32 {
        self.joiner
    }

    /// Whether it waits, and no clone of its waker was kept. One that is aside runs, and is asked again when
    /// its poll has ended.
    pub(crate) fn is_silent(&self) -> bool {
        let rests = !self.is_scheduled() && !self.aside && !self.is_over();
        rests && self.waker == NO_WAKER
    }

    /// Whether nothing may be able to wake it.
    pub(crate) fn lost_mark(&self) -> &LostMark {
        &self.lost_mark
    }
}
