//! What reports read of those that wait.

use std::cell::Ref;

use super::singles::Singles;
use super::waiters::Waiters;
use crate::runtime::kernel::Kernel;

impl Kernel {
    /// The waiters of all queues, to be read.
    pub(crate) fn waiters(&self) -> Ref<'_, Waiters> {
        self.wait.waiters.borrow()
    }

    /// The waiters that wait alone, to be read.
    pub(crate) fn singles(&self) -> Ref<'_, Singles> {
        self.wait.singles.borrow()
    }
}
