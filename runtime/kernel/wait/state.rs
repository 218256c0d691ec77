//! All that waits on this thread: the part of the kernel that this folder keeps.
//!
//! It serves the primitives even where no runtime exists, or where another executor polls, and outlives
//! every runtime of the thread.

use std::cell::{Cell, RefCell};

use super::singles::Singles;
use super::waiters::Waiters;
use super::wake_target::WakeTarget;
use crate::runtime::base::table::MUCH;

/// What waits on a thread.
pub(crate) struct Waiting {
    /// The waiters of all queues.
    pub(super) waiters: RefCell<Waiters>,
    /// The waiters that wait alone, for the end of a task or for one value.
    pub(super) singles: RefCell<Singles>,
    /// Reused wherever many are woken after a borrow has ended.
    pub(super) scratch: Cell<Vec<WakeTarget>>,
}

impl Waiting {
    pub(crate) const fn new() -> Self {
        Waiting {
            waiters: RefCell::new(Waiters::new()),
            singles: RefCell::new(Singles::new()),
            scratch: Cell::new(Vec::new()),
        }
    }

    /// Gives back what bursts have left.
    pub(crate) fn trim(&self, pass: u64) {
        self.waiters.borrow_mut().trim(pass);
        self.singles.borrow_mut().trim(pass);
        let scratch = self.scratch.take();
        if scratch.capacity() < MUCH {
            self.scratch.set(scratch);
        }
    }
}
