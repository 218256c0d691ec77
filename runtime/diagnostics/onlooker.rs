//! Who looks on while tasks are polled: the executor's pass is compiled for each kind of them.

use std::panic::Location;

use super::poll_times::PollTimes;
use super::watchdog::Sight;
use crate::runtime::base::passes::Pass;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::task::{Task, TaskId};

/// What an onlooker is told.
pub(crate) trait Onlooker {
    /// A poll begins; the tasks are borrowed.
    fn begin(&self, kernel: &Kernel, pass: Pass, task: &Task);
    /// It has ended; the task may be gone.
    fn end(&self, kernel: &Kernel, id: TaskId, spawned_at: &'static Location<'static>);
    /// No poll is under way.
    fn rest(&self, kernel: &Kernel);
}

/// Nobody.
impl Onlooker for () {
    #[inline]
    fn begin(&self, _: &Kernel, _: u32, _: &Task) {}

    #[inline]
    fn end(&self, _: &Kernel, _: TaskId, _: &'static Location<'static>) {}

    #[inline]
    fn rest(&self, _: &Kernel) {}
}

impl Onlooker for Sight {
    #[inline]
    fn begin(&self, kernel: &Kernel, pass: Pass, task: &Task) {
        Sight::begin(self, kernel, pass, task);
    }

    #[inline]
    fn end(&self, kernel: &Kernel, _: TaskId, _: &'static Location<'static>) {
        self.ended(kernel);
    }

    fn rest(&self, kernel: &Kernel) {
        Sight::rest(self, kernel);
    }
}

/// Either, or both.
impl Onlooker for (Option<&Sight>, Option<&PollTimes>) {
    fn begin(&self, kernel: &Kernel, pass: Pass, task: &Task) {
        if let Some(dog) = self.0 {
            dog.begin(kernel, pass, task);
        }
        if let Some(times) = self.1 {
            times.begin(task);
        }
    }

    fn end(&self, kernel: &Kernel, id: TaskId, spawned_at: &'static Location<'static>) {
        if let Some(times) = self.1 {
            times.end(id, spawned_at);
        }
        if let Some(dog) = self.0 {
            dog.ended(kernel);
        }
    }

    fn rest(&self, kernel: &Kernel) {
        if let Some(dog) = self.0 {
            dog.rest(kernel);
        }
    }
}
