//! What reports read of those that wait.

use std::cell::Ref;

use super::sitters::Sitters;
use super::waiters::Waiters;
use crate::runtime::kernel::Kernel;

impl Kernel {
    /// The waiters of all queues, to be read.
    pub(crate) fn waiters(&self) -> Ref<'_, Waiters> {
        self.wait.waiters.borrow()
    }

    /// The waiters that wait alone, to be read.
    pub(crate) fn sitters(&self) -> Ref<'_, Sitters> {
        self.wait.sitters.borrow()
    }
}
