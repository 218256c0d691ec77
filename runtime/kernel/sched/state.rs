//! What a thread needs to run tasks: the tasks, the wakers they are polled with, and whether a runtime runs
//! them. Only this module changes it; the verbs for other modules stand in the files beside.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use super::cloned_wakers::Cloned;
use super::task_waker::PollWaker;
use super::tasks::Tasks;
use crate::runtime::base::passes::Passes;

/// The scheduler's part of the kernel.
pub(crate) struct Sched {
    /// The spawned futures, and which of them are ready. A verb that borrows the waiters or the seats too
    /// borrows in this order: waiters, tasks, seats.
    pub(super) tasks: RefCell<Tasks>,
    /// The waker that serves every task that keeps no clone of it.
    pub(super) spare: Cell<Option<Box<PollWaker>>>,
    /// The wakers of tasks of which foreign code kept a clone: the list the verdict reads.
    pub(super) cloned: RefCell<Cloned>,
    /// Some task has task-locals.
    pub(super) locals_used: Cell<bool>,
    /// Passes made so far.
    pub(super) passes: Passes,
    /// Where the runtime of this thread was made.
    pub(super) runtime: Cell<Option<&'static Location<'static>>>,
    /// The runtime is being torn down: nothing is scheduled or spawned any more.
    pub(super) closing: Cell<bool>,
}

impl Sched {
    pub(crate) const fn new() -> Self {
        Sched {
            tasks: RefCell::new(Tasks::new()),
            spare: Cell::new(None),
            cloned: RefCell::new(Cloned::new()),
            locals_used: Cell::new(false),
            passes: Passes::new(),
            runtime: Cell::new(None),
            closing: Cell::new(false),
        }
    }
}
