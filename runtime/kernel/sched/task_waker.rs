//! The kernel's waker: one for all tasks, until a clone of it is kept. What a wake does, from any thread, is in
//! `wake_from_anywhere.rs`.
//!
//! The executor polls with one spare waker that it *aims* at the task first. If after the poll
//! no clone is left, it serves the next task. Otherwise it stays with that task for good and
//! enters the list of cloned wakers, the only one that the deadlock verdict has to read. So a task
//! that waits for our own primitives costs no waker at all.
//!
//! A loop that only clones can wake keeps no reference of its own ([`Loose`]), and counts the wakers that
//! it has let go of in the inbox. Whatever drops the last clone, on whatever thread, runs the destructor of
//! what it points at, which takes the count down; at zero the loop is judged again. Nothing else pays for it.
//!
//! # Invariants
//!
//! - **Aim.** A waker is aimed again only while no clone exists: the count is read, then an
//!   acquire fence orders it after the last use of a clone that was dropped on another thread.
//! - **Publish first.** A wake from another thread reaches the inbox before its clone is dropped,
//!   so a reader that sees the count go down also sees the wake. A wake that finds another one's message on
//!   its way sends none: that message keeps the count up until it is read.
//! - **Last one.** The kernel lets go before it announces that it sleeps, and a destructor leaves mail
//!   before it asks whether the loop sleeps: the last drop is never slept over (`mailbox.rs`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Weak};
use std::task::Waker;

use super::task::TaskId;
use crate::runtime::base::mailbox::Errand;
use crate::runtime::kernel::mail::{Inbox, Summons};

/// What a `Waker` of ours points at.
pub(super) struct TaskWaker {
    /// The task it wakes, as bits.
    pub(super) id: AtomicU64,
    pub(super) inbox: Arc<Inbox>,
    /// The kernel has let go of it, and the inbox counts it.
    loose: AtomicBool,
    /// The message that wakes the task from another thread.
    pub(super) errand: Errand,
}

impl Summons for TaskWaker {
    fn arrive(&self) -> Option<TaskId> {
        self.errand.end();
        TaskId::from_bits(self.id.load(Ordering::Relaxed))
    }
}

impl Drop for TaskWaker {
    fn drop(&mut self) {
        if *self.loose.get_mut() && self.inbox.remove_loose() {
            self.inbox.nudge();
        }
    }
}

/// A waker together with the means to aim it and to see whether it was cloned.
pub(crate) struct PollWaker {
    target: Arc<TaskWaker>,
    waker: Waker,
}

impl PollWaker {
    /// References to the target when no clone exists: ours and the waker's.
    const UNSHARED: usize = 2;

    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        PollWaker::of(Arc::new(TaskWaker {
            id: AtomicU64::new(0),
            inbox,
            loose: AtomicBool::new(false),
            errand: Errand::new(),
        }))
    }

    fn of(target: Arc<TaskWaker>) -> Self {
        PollWaker {
            waker: Waker::from(target.clone()),
            target,
        }
    }

    pub(crate) fn aim(&self, id: TaskId) {
        self.target.id.store(id.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether a clone exists, which may wake the task.
    pub(crate) fn is_cloned(&self) -> bool {
        if Arc::strong_count(&self.target) > Self::UNSHARED {
            return true;
        }
        fence(Ordering::Acquire);
        false
    }

    /// Gives the references of ours up. The last drop of the last such waker has the loop judged again.
    pub(super) fn let_go(self) -> Loose {
        self.target.loose.store(true, Ordering::Relaxed);
        self.target.inbox.add_loose();
        Loose {
            target: Arc::downgrade(&self.target),
        }
    }
}

/// A [`PollWaker`] that only others have references to, if anything has.
pub(super) struct Loose {
    target: Weak<TaskWaker>,
}

impl Loose {
    /// In the place of a waker that a poll uses.
    pub(super) const fn nothing() -> Self {
        Loose {
            target: Weak::new(),
        }
    }

    /// The waker again, or another one if nothing has it any more.
    pub(super) fn take_up(self, inbox: &Arc<Inbox>) -> PollWaker {
        match self.target.upgrade() {
            Some(target) => PollWaker::of(target),
            None => PollWaker::new(inbox.clone()),
        }
    }

    /// Whether others hold a clone and may wake the task.
    pub(super) fn is_cloned(&self) -> bool {
        if self.target.strong_count() > 0 {
            return true;
        }
        fence(Ordering::Acquire);
        false
    }
}

/// It is no longer counted, whether the kernel takes it up or its task has ended.
impl Drop for Loose {
    fn drop(&mut self) {
        if let Some(target) = self.target.upgrade() {
            target.loose.store(false, Ordering::Relaxed);
            target.inbox.remove_loose();
        }
    }
}
