//! The tasks that wait for one direction of a source through the poll-style traits.
//!
//! Those traits do not say when their caller gives up, so that what is known of an asker is this:
//!
//! ```text
//!   one that asked ──▶ its task has not been polled since ─────────▶ awaited
//!                      it was, and did not ask for this again ─────▶ perhaps: a select that
//!                                                         gave up, or a future that relies on the
//!                                                         wake it was promised
//!                      it has ended ───────────────────────────────▶ not awaited
//! ```
//!
//! Only a future that was dropped tells the second case's first half from its second, and no poll
//! says so. So an asker stays, is woken as promised, and makes a hang *suspected* at most. One
//! with a foreign waker counts as awaited: a combinator does not poll again what was not woken. One whose
//! waker has no data counts as *perhaps*: such wakers do nothing, and it took a look (`now_or_never`).
//!
//! # Invariant
//!
//! **Room for all that wait, and not much more.** When the list is full, all are woken and it begins again:
//! those that still wait return within a pass or two. While they return the limit stays at twice their
//! number, so that they all find room and sleep. Those that went do not return, and hold no memory.

use std::collections::HashMap;
use std::task::Context;

use crate::runtime::base::passes::{NO_PASS, Pass, Passes};
use crate::runtime::kernel::polling::current_task;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::kernel::wait::wake_target::{Identity, WakeTarget};

/// How many there may be at least before they are woken to see which of them still wait.
const FEW: usize = 64;

/// Passes within which a task that was woken asks again, if it still waits.
const RETURN: u32 = 2;

/// Whether a task waits for a source. The greater counts for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Awaited {
    No,
    /// Its task was polled since it asked, and did not ask again.
    Perhaps,
    Yes,
}

/// One that waits through the poll-style traits.
pub(super) struct Asker {
    target: WakeTarget,
    /// The pass in which it asked last.
    asked: Pass,
}

impl Asker {
    /// The task that asked.
    pub(super) fn task(&self) -> Option<TaskId> {
        self.target.task()
    }

    pub(super) fn awaited(&self, tasks: &Tasks) -> Awaited {
        let Some(id) = self.target.woken_task() else {
            return if self.target.wakes_something() {
                Awaited::Yes
            } else {
                Awaited::Perhaps
            };
        };
        match tasks.get(id).filter(|task| !task.is_over()) {
            None => Awaited::No,
            Some(task) if task.polled() == self.asked => Awaited::Yes,
            // A poll under way or to come may ask again.
            Some(task) if task.is_scheduled() || current_task() == Some(id) => Awaited::Yes,
            Some(_) => Awaited::Perhaps,
        }
    }
}

/// All that asked since the last event, in the order in which they did.
pub(super) struct Askers {
    list: Vec<Asker>,
    /// Where each is in the list, once there are more than a few.
    #[expect(
        clippy::box_collection,
        reason = "every connection has two of these, and nearly none needs an index"
    )]
    places: Option<Box<HashMap<Identity, usize>>>,
    limit: usize,
    /// The pass in which all were woken last.
    woken: Pass,
}

impl Default for Askers {
    fn default() -> Self {
        Askers {
            list: Vec::new(),
            places: None,
            limit: FEW,
            woken: NO_PASS,
        }
    }
}

impl Askers {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Asker> {
        self.list.iter()
    }

    /// Notes that the one that polls with `cx` asks again, if it is known. Calls no foreign code.
    pub(super) fn asks_again(&mut self, cx: &Context<'_>, now: Pass) -> bool {
        let identity = WakeTarget::identity_of(cx);
        let place = match &self.places {
            Some(places) => places.get(&identity).copied(),
            None => {
                let mut list = self.list.iter();
                list.position(|asker| asker.target.identity() == identity)
            }
        };
        place.map(|place| self.list[place].asked = now).is_some()
    }

    /// Adds one that asks for the first time. Puts into `batch` what is to be woken for it.
    pub(super) fn add(&mut self, target: WakeTarget, passes: &Passes, batch: &mut Vec<WakeTarget>) {
        let count = self.list.len();
        if passes.since(self.woken) <= RETURN {
            self.limit = self.limit.max(2 * (count + 1));
        } else if count >= self.limit {
            self.drain(passes.now(), batch);
        }
        if let Some(places) = &mut self.places {
            places.insert(target.identity(), self.list.len());
        }
        if self.list.is_empty() {
            // Nearly always the only one.
            self.list.reserve_exact(1);
        }
        self.list.push(Asker {
            target,
            asked: passes.now(),
        });
        if self.list.len() == FEW {
            let identities = self.list.iter().map(|asker| asker.target.identity());
            self.places = Some(Box::new(identities.zip(0..).collect()));
        }
    }

    /// Moves all into `batch`, to be woken.
    pub(super) fn drain(&mut self, now: Pass, batch: &mut Vec<WakeTarget>) {
        batch.extend(self.list.drain(..).map(|asker| asker.target));
        self.list.shrink_to(FEW);
        self.places = None;
        self.limit = FEW;
        self.woken = now;
    }

    pub(super) fn awaited(&self, tasks: &Tasks) -> Awaited {
        let awaited = self.list.iter().map(|asker| asker.awaited(tasks));
        awaited.max().unwrap_or(Awaited::No)
    }
}
