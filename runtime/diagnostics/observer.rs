//! What observes the polls: the executor's pass is compiled for each kind of observer.

use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::poll_times::PollTimes;
use super::state;
use super::watchdog::{Sight, StallHook, Watchdog};
use crate::runtime::base::passes::Pass;
use crate::runtime::kernel::sched::task::{Task, TaskId};

/// What an observer sees of each poll.
pub(crate) trait Observer {
    /// A poll begins; the tasks are borrowed.
    fn begin(&self, pass: Pass, task: &Task);
    /// It has ended; the task may be gone.
    fn end(&self, id: TaskId, spawned_at: &'static Location<'static>);
    /// No poll is under way.
    fn rest(&self);
}

/// None.
impl Observer for () {
    #[inline]
    fn begin(&self, _: Pass, _: &Task) {}

    #[inline]
    fn end(&self, _: TaskId, _: &'static Location<'static>) {}

    #[inline]
    fn rest(&self) {}
}

impl Observer for Sight {
    #[inline]
    fn begin(&self, pass: Pass, task: &Task) {
        Sight::begin(self, pass, task);
    }

    #[inline]
    fn end(&self, _: TaskId, _: &'static Location<'static>) {
        self.ended();
    }

    fn rest(&self) {
        Sight::rest(self);
    }
}

/// Either, or both.
impl Observer for (Option<&Sight>, Option<&PollTimes>) {
    fn begin(&self, pass: Pass, task: &Task) {
        if let Some(dog) = self.0 {
            dog.begin(pass, task);
        }
        if let Some(times) = self.1 {
            times.begin(task);
        }
    }

    fn end(&self, id: TaskId, spawned_at: &'static Location<'static>) {
        if let Some(times) = self.1 {
            times.end(id, spawned_at);
        }
        if let Some(dog) = self.0 {
            dog.ended();
        }
    }

    fn rest(&self) {
        if let Some(dog) = self.0 {
            dog.rest();
        }
    }
}

/// Chooses what observes the polls of this thread's next runtime. Returns whether anything does.
pub(crate) fn configure(
    stalls_from: Option<Duration>,
    on_stall: Option<StallHook>,
    time_polls: bool,
) -> bool {
    let watchdog = stalls_from.map(|threshold| Watchdog::start(threshold, on_stall));
    let times = time_polls.then(|| Rc::new(PollTimes::new()));
    let any = watchdog.is_some() || times.is_some();
    state::try_with(|state| state.observe(watchdog, times));
    any
}

/// The observers of this thread's polls.
pub(crate) fn observers() -> (Option<Arc<Sight>>, Option<Rc<PollTimes>>) {
    (
        sight(),
        state::try_with(|state| state.poll_times()).flatten(),
    )
}

/// What the loop reports its polls to the watchdog by.
pub(crate) fn sight() -> Option<Arc<Sight>> {
    state::try_with(|state| state.watchdog().as_ref().map(Watchdog::sight)).flatten()
}

/// Makes a task known to the watchdog that is polled out of order.
pub(crate) fn meet(task: &Task) {
    state::try_with(|state| {
        if let Some(dog) = &*state.watchdog() {
            dog.meet(task);
        }
    });
}
