//! Waking the waiters that were granted, or whose time has come.

use super::wake_target::WakeTarget;
use crate::runtime::base::foreign::call_foreign;
use crate::runtime::kernel::Kernel;

impl WakeTarget {
    /// Wakes; runs foreign code if the waker is foreign.
    #[inline]
    pub(crate) fn wake(mut self, kernel: &Kernel) {
        match (self.take_waker(), self.task()) {
            (Some(waker), _) => call_foreign(|| waker.wake()),
            (None, Some(task)) => kernel.schedule(task),
            (None, None) => {}
        }
    }
}

impl Kernel {
    /// Wakes all that `collect` puts into a reused buffer, in order, after it has returned.
    pub(crate) fn wake_collected(&self, collect: impl FnOnce(&mut Vec<WakeTarget>)) {
        let mut batch = self.wait.scratch.take();
        collect(&mut batch);
        batch.drain(..).for_each(|target| target.wake(self));
        self.wait.scratch.set(batch);
    }
}
