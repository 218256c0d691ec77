//! Taking, holding and handing over, for the primitives with one holder at a time, such as a lock.
//!
//! A lock is taken far more often than a report asks which task took it. So the queue writes down the line and
//! the task in its own two words. The thread's records, which reports read, have them only while a task waits:
//! the first waiter writes them down for the holder that was there before.
//!
//! From its release on, a lock is the next waiter's. Nothing is written then: a waiter that was granted the lock
//! and has not run says that the holder written down is a former one.

use std::panic::Location;

use super::wait_queue::WaitQueue;
use super::waiters::{Holder, Waiters};
use crate::runtime::kernel;
use crate::runtime::kernel::polling;

impl WaitQueue {
    /// Whether a task holds it, or was granted it by the one that held it.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.holder.get().is_some()
    }

    /// Makes the task that runs the holder, unless there is one. Without a holder no task may wait.
    #[inline]
    pub(crate) fn try_hold(&self, at: &'static Location<'static>) -> bool {
        let free = !self.is_held();
        if free {
            self.hold_free(at);
        }
        free
    }

    /// Grants it to the head; without waiters there is no holder any more.
    #[inline]
    pub(crate) fn hand_over(&self) {
        if self.is_empty() || !self.grant_head() {
            self.holder.set(None);
        }
    }

    /// Makes the task that runs the holder.
    #[inline]
    pub(crate) fn hold(&self, at: &'static Location<'static>) {
        self.hold_free(at);
        self.tell_holder();
    }

    /// As [`hold`](WaitQueue::hold), where no task waits.
    #[inline]
    pub(crate) fn hold_free(&self, at: &'static Location<'static>) {
        let task = polling::current_task();
        self.holder.set(Some(Holder::new(task, at)));
    }

    /// There is no holder any more.
    #[inline]
    pub(crate) fn let_go(&self) {
        self.holder.set(None);
        self.tell_holder();
    }

    /// Announces another line for the same thing: reports name a task that is granted it there to those
    /// that wait here, and the other way round. Of use once both have been waited in.
    pub(crate) fn stands_beside(&self, other: &WaitQueue) {
        kernel::try_with(|kernel| {
            let waiters = &mut *kernel.wait.waiters.borrow_mut();
            let (here, there) = (self.record.get(), other.record.get());
            for (line, beside) in [(here, there), (there, here)] {
                if let Some(record) = waiters.own_record(line) {
                    record.beside = beside;
                }
            }
        });
    }

    /// A grant was taken.
    #[inline]
    pub(crate) fn taken(
        &self,
        waiters: &mut Waiters,
        granted: usize,
        at: &'static Location<'static>,
    ) {
        if self.description.holds() == granted {
            self.hold_free(at);
            self.note_holder(waiters);
        }
    }

    #[inline]
    fn tell_holder(&self) {
        if !self.is_empty() {
            self.change_holder();
        }
    }

    #[inline(never)]
    fn change_holder(&self) {
        kernel::try_with(|kernel| self.note_holder(&mut kernel.wait.waiters.borrow_mut()));
    }

    /// Writes the holder into the queue's record.
    #[inline]
    pub(crate) fn note_holder(&self, waiters: &mut Waiters) {
        if let Some(record) = waiters.own_record(self.record.get()) {
            record.holder = self.holder.get();
        }
    }
}
