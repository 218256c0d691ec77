//! A spawned future: its identity and its states.
//!
//! ```text
//!            (2) wake                (3) begin_poll                (6) finish
//!   idle ───────────────▶ scheduled ──────────────▶ running ───────────────────────────▶ over
//!    ▲                                                 │                                   │
//!    └────────────────── (4) put_back ─────────────────┘                        (8) vacate, its slot is free
//! ```
//!
//! - *idle*: not scheduled, the body is present. An event will schedule the task.
//! - *scheduled*: in the ready queue, once. A wake while *running* puts it there too, at that instant.
//! - *running*: the body is out of the slot, so that spawning, waking and cancelling stay re-entrant.
//! - *over*: the body holds the output, or the reason is kept why there is none. A detached task
//!   frees its slot right here.
//!
//! 1. [`Task::occupy`]: a spawn puts the future into a free slot; the task is idle.
//! 2. [`Task::schedule`]: a wake, or a grant. The ready queue (`tasks.rs`) links the slot.
//! 3. [`Task::begin_poll`]: the task is at the head of the queue, and its body leaves the slot.
//! 4. [`Task::put_back`]: the poll returned Pending. A task that asked for its own tail is scheduled again,
//!    and one that stands in the queue already takes that place first ([`Task::postpone`]).
//! 5. [`Task::request_cancel`], at any time before the end: the loop drops the future where it would poll
//!    it next. [`Task::abandon`] takes the body at once, unless the task runs.
//! 6. [`Task::finish`]: the future is ready, has panicked, or was dropped.
//! 7. [`Task::detach`], at any time: the handle is gone. The body of a task that is over goes with it.
//! 8. [`Task::vacate`]: the output was taken, or will never be.
//!
//! The fields are private: nothing but these verbs changes the state of a task.
//!
//! # Implementation
//!
//! A [`TaskId`] is a slot of the slab (`tasks.rs`) and the slot's generation, so a late wake
//! finds another generation and does nothing.

#[path = "task_read.rs"]
mod read;

use std::panic::Location;

use super::body::BoxedBody;
use super::lost_mark::LostMark;
use super::remains::{Ended, Extras, Remains};
pub use super::task_id::TaskId;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::passes::{NO_PASS, Pass};
use crate::runtime::base::table::NONE;

/// In the place of the next task of the ready queue: this one is not there.
pub(super) const IDLE: u32 = u32::MAX;

/// As that: this one is the last.
pub(super) const NOBODY: u32 = u32::MAX - 1;

/// No key in the list of cloned wakers.
pub(super) const NO_WAKER: u32 = u32::MAX;

/// What becomes of a task when it is at the head of the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtHead {
    Poll,
    /// It yielded while it was in the queue: first it goes to the tail.
    Tail,
    /// It is finished, one way or another.
    Over,
}

/// One entry of the task slab.
pub(crate) struct Task {
    id: TaskId,
    /// The next one in the ready queue, if this one is there; of a free slot the next free one.
    next: u32,
    /// Its end was asked for.
    cancelled: bool,
    /// The handle is gone: the output is never asked for.
    detached: bool,
    /// What becomes of it at the head of the ready queue.
    at_head: AtHead,
    /// The main future of a `block_on`, which lives on that call's stack.
    main: bool,
    lost_mark: LostMark,
    /// Its poll is under way, and has another task's inside it.
    aside: bool,
    /// The pass in which it was polled last.
    polled: Pass,
    /// The number of the group it is a child of; 0 is none.
    group: u32,
    /// Key of a waker of its own, once a clone of it was kept.
    waker: u32,
    /// The place of the task that awaits the handle. Apart, because few of many tasks are awaited at the same time.
    joiner: u32,
    /// Out of the slot while running; absent for main.
    body: Option<BoxedBody>,
    spawned_at: &'static Location<'static>,
    /// Order of spawning on this thread, which is the order of teardown.
    serial: u64,
    extras: Extras,
}

/// Transitions.
impl Task {
    /// A slot that never had a task.
    pub(super) fn vacant(id: TaskId, at: &'static Location<'static>) -> Self {
        Task {
            id,
            next: NOBODY,
            cancelled: false,
            detached: false,
            at_head: AtHead::Poll,
            main: false,
            lost_mark: LostMark::none(),
            aside: false,
            polled: NO_PASS,
            group: 0,
            waker: NO_WAKER,
            joiner: NONE,
            body: None,
            spawned_at: at,
            serial: 0,
            extras: Extras::none(),
        }
    }

    /// Puts a task into the free slot, which is idle. Returns its id, and the next free slot.
    #[inline]
    pub(super) fn occupy(
        &mut self,
        body: Option<BoxedBody>,
        at: &'static Location<'static>,
        serial: u64,
    ) -> (TaskId, u32) {
        self.main = body.is_none();
        self.body = body;
        self.spawned_at = at;
        self.serial = serial;
        (self.id, self.take_next())
    }

    /// Marks it as the last of the ready queue, where [`Tasks`](super::tasks::Tasks) puts it next. Returns
    /// whether it was not there.
    #[inline]
    pub(super) fn schedule(&mut self) -> bool {
        let idle = self.next == IDLE;
        if idle {
            self.next = NOBODY;
        }
        idle
    }

    /// It is to be polled now: the body leaves the slot. The body of a main future is elsewhere.
    #[inline]
    pub(super) fn begin_poll(&mut self, pass: Pass) -> Option<BoxedBody> {
        debug_assert!(self.is_to_be_polled());
        self.polled = pass;
        self.body.take()
    }

    /// Its poll is set aside for another one inside it, or taken up again.
    pub(super) fn set_aside(&mut self, aside: bool) {
        self.aside = aside;
    }

    /// A poll returned Pending.
    #[inline]
    pub(super) fn put_back(&mut self, body: BoxedBody) {
        debug_assert!(self.body.is_none() && !self.is_over());
        self.body = Some(body);
    }

    /// It yielded where it stands in the queue: at the head it goes to the tail first.
    pub(super) fn postpone(&mut self) {
        if !self.is_over() {
            self.at_head = AtHead::Tail;
        }
    }

    /// Whether it goes to the tail, where the caller then puts it.
    pub(super) fn take_postponed(&mut self) -> bool {
        let postponed = self.at_head == AtHead::Tail;
        if postponed {
            self.at_head = AtHead::Poll;
            self.schedule();
        }
        postponed
    }

    /// Asks for its end. Returns whether it was not asked for before; `None` if there is nothing to end.
    pub(super) fn request_cancel(&mut self) -> Option<bool> {
        if self.is_over() || self.main {
            return None;
        }
        Some(!std::mem::replace(&mut self.cancelled, true))
    }

    /// Asks for its end, and takes the body, unless the task runs.
    pub(super) fn abandon(&mut self) -> Option<BoxedBody> {
        if self.is_over() {
            return None;
        }
        self.cancelled = true;
        self.body.take()
    }

    /// Its future is done with: `body` holds the output unless there was a failure.
    #[inline]
    pub(super) fn finish(
        &mut self,
        body: BoxedBody,
        failure: Option<JoinError>,
        has_locals: bool,
    ) -> Ended {
        self.at_head = AtHead::Over;
        let detached = self.detached;
        let left = if detached {
            Some(body)
        } else {
            self.body.replace(body)
        };
        if let Some(failure) = failure {
            self.extras.set_failure(failure);
        }
        Ended {
            left,
            detached,
            locals: if has_locals {
                self.extras.take_locals()
            } else {
                None
            },
            waker: std::mem::replace(&mut self.waker, NO_WAKER),
            joiner: std::mem::replace(&mut self.joiner, NONE),
        }
    }

    /// The handle is gone. Returns whether the task is over, and what it leaves.
    pub(super) fn detach(&mut self) -> (bool, Option<BoxedBody>) {
        self.detached = true;
        let over = self.is_over();
        (over, if over { self.body.take() } else { None })
    }

    /// Takes the task out of its slot, which gets its next id. Returns what is left, and the key of its waker.
    ///
    /// The joiner is gone by now: it was woken when the task ended, or taken out with the handle. A slot that
    /// is in the ready queue counts as over until it comes to the head.
    #[inline]
    pub(super) fn vacate(&mut self) -> (Remains, u32) {
        let id = self.id;
        let extras = std::mem::replace(&mut self.extras, Extras::none());
        let remains = Remains::new(id, self.spawned_at, self.body.take(), extras);
        self.cancelled = false;
        self.detached = false;
        self.at_head = if self.is_scheduled() {
            AtHead::Over
        } else {
            AtHead::Poll
        };
        self.lost_mark = LostMark::none();
        self.aside = false;
        self.polled = NO_PASS;
        self.group = 0;
        self.serial = 0;
        let generation = id.generation().checked_add(1);
        // If its next id would repeat an old one, the slot is retired.
        self.id = generation
            .and_then(|next| TaskId::new(id.slot(), next))
            .unwrap_or(TaskId::STALE);
        (remains, std::mem::replace(&mut self.waker, NO_WAKER))
    }

    /// A slot whose task is gone has come to the head of the queue, if it was there. Returns whether it was.
    pub(super) fn leave_queue(&mut self) -> bool {
        let over = self.is_over();
        self.at_head = AtHead::Poll;
        over
    }
}

/// What [`Tasks`](super::tasks::Tasks) and the other verbs of the scheduler read and write.
impl Task {
    /// Whether the slot holds a task.
    pub(super) fn is_there(&self) -> bool {
        self.serial != 0
    }

    /// Whether the slot can take a task: it holds none, does not stand in the queue for one that is gone, and
    /// is not retired.
    pub(super) fn is_free(&self) -> bool {
        !self.is_there() && !self.is_over() && !self.is_retired()
    }

    /// Whether the slot takes no task any more.
    pub(super) fn is_retired(&self) -> bool {
        self.id == TaskId::STALE
    }

    /// Whether it is polled at the head of the queue, or ends as was asked for.
    #[inline]
    pub(super) fn is_to_be_polled(&self) -> bool {
        self.at_head == AtHead::Poll
    }

    /// Whether its end was asked for and is still to come.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled && !self.is_over()
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// The next slot of the list that this one is in.
    #[inline]
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    #[inline]
    pub(super) fn set_next(&mut self, next: u32) {
        self.next = next;
    }

    /// Leaves the list; returns the next one.
    #[inline]
    pub(super) fn take_next(&mut self) -> u32 {
        std::mem::replace(&mut self.next, IDLE)
    }

    /// The place of its joiner, to be taken or freed.
    #[inline]
    pub(super) fn joiner_mut(&mut self) -> &mut u32 {
        &mut self.joiner
    }

    /// The key of a waker of its own.
    #[inline]
    pub(super) fn waker(&self) -> u32 {
        self.waker
    }

    pub(super) fn set_waker(&mut self, key: u32) {
        self.waker = key;
    }

    pub(super) fn set_group(&mut self, group: u32) {
        self.group = group;
    }

    /// Its name, its locals, and why it ended.
    pub(super) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(super) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// Makes the next id of a free slot its last one.
    #[cfg(test)]
    pub(super) fn exhaust(&mut self) {
        self.id = TaskId::new(self.id.slot(), u32::MAX).expect("it is not zero");
    }
}
