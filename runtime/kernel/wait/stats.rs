//! How a wait queue stands, to find the lock that all tasks wait for.
//!
//! Counting on the way would cost every wait something. These figures are read off the line when
//! a caller asks. What a primitive alone knows, such as the permits in hand, it notes while a task
//! waits.

use std::panic::Location;
use std::time::Duration;

use super::wait_queue::WaitQueue;
use super::waiters::Gauge;
use crate::runtime::kernel;
use crate::runtime::kernel::sched::task::TaskId;

type Place = &'static Location<'static>;

/// How many tasks wait for a primitive, how long by now, and which holds it.
///
/// asyncio counterpart: none; trio's `statistics()`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WaitStats {
    /// Where the primitive was made.
    pub made_at: &'static Location<'static>,
    /// Waiters that have not been granted what they ask for.
    pub waiting: usize,
    /// Waiters that were granted it and have not run since. One that stays here is in a future that
    /// its task no longer polls.
    pub granted: usize,
    /// How long the one that has waited longest waits by now, to the accuracy of a turn.
    pub longest: Option<Duration>,
    /// The task that took it, if a task did, and where; for primitives that have one holder.
    pub held_by: Option<Holding>,
}

/// The task that holds a primitive; see [`WaitStats::held_by`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// The task, if a task of this thread's runtime took it.
    pub task: Option<TaskId>,
    /// Where it was taken.
    pub taken_at: &'static Location<'static>,
}

impl WaitQueue {
    /// Reads off which tasks wait, and how long by now. O(waiters of this thread).
    pub fn stats(&self) -> WaitStats {
        let mut stats = WaitStats {
            made_at: self.made,
            waiting: self.len(),
            granted: 0,
            longest: None,
            held_by: self
                .holder
                .get()
                .filter(|_| self.description.names_a_holder())
                .map(|holder| Holding {
                    task: holder.task(),
                    taken_at: holder.at(),
                }),
        };
        kernel::try_with(|kernel| {
            let waiters = kernel.wait.waiters.borrow();
            let record = self.record.get();
            for (_, waiter) in waiters.iter().filter(|(_, at)| at.queue == record) {
                if waiter.is_granted() {
                    stats.granted += 1;
                    if self.description.names_a_holder() {
                        stats.held_by = Some(Holding {
                            task: waiter.task(),
                            taken_at: waiter.at,
                        });
                    }
                } else {
                    let age = kernel.clock.last().saturating_sub(waiter.since);
                    stats.longest = stats.longest.max(Some(Duration::from_nanos(age)));
                }
            }
        });
        stats
    }

    /// Notes for reports how the primitive stands: a figure, and where the last one was taken. Reports
    /// speak only of what a task waits for, so it is noted when the first waiter has come, and then
    /// with every change while a task waits.
    #[inline]
    pub(crate) fn tell(&self, what: &'static str, count: usize, last: Option<Place>) {
        if !self.is_empty() {
            self.note(what, count, last);
        }
    }

    #[inline(never)]
    fn note(&self, what: &'static str, count: usize, last: Option<Place>) {
        kernel::try_with(|kernel| {
            let mut waiters = kernel.wait.waiters.borrow_mut();
            if let Some(record) = waiters.own_record(self.record.get()) {
                record.gauge = Some(Gauge::new(what, count, last));
            }
        });
    }
}

impl WaitStats {
    /// Forgets the holder, unless there is one.
    pub(crate) fn held(mut self, held: bool) -> Self {
        self.held_by = self.held_by.filter(|_| held);
        self
    }

    /// These waiters and those of another queue of the same primitive.
    pub(crate) fn and(mut self, other: WaitStats) -> Self {
        self.waiting += other.waiting;
        self.granted += other.granted;
        self.longest = self.longest.max(other.longest);
        self.held_by = self.held_by.or(other.held_by);
        self
    }
}
