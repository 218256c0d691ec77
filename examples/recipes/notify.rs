//! A wake-up that is remembered once, as tokio's `Notify`. Copy this file into your program.
//!
//! Mostly something else says better what is meant: an `Event` for what has happened for good, a `Semaphore` for what
//! is counted, a `Condition` for a value under a lock.

use std::cell::Cell;
use std::future::Future;

use turnwise::sync::{Left, Owner, WaitQueue};

/// A grant to one waiter, which is passed on if that is dropped; a grant to all is not.
const ONE: usize = 1;
const ALL: usize = 0;

/// Wakes one waiter, or all of them.
pub struct Notify {
    state: State,
}

struct State {
    /// One was notified before it waited.
    permit: Cell<bool>,
    waiting: WaitQueue,
}

impl State {
    fn notify_one(&self) {
        if !self.waiting.grant_head_with(ONE) {
            self.permit.set(true);
        }
    }
}

impl Owner for State {
    fn left(&self, left: Left) {
        if left == Left::Granted(ONE) {
            self.notify_one();
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl Notify {
    /// One that remembers nothing.
    pub const fn new() -> Self {
        Notify {
            state: State {
                permit: Cell::new(false),
                waiting: WaitQueue::new("notify"),
            },
        }
    }

    /// Wakes the task that waits longest. If none waits, the next one does not have to; twice is once then.
    pub fn notify_one(&self) {
        self.state.notify_one();
    }

    /// Wakes all tasks that wait now, and remembers nothing.
    pub fn notify_waiters(&self) {
        self.state.waiting.grant_all();
    }

    /// Waits until it is notified.
    ///
    /// A waiter takes its place at its first poll, where tokio's has one when it is made: to wait for what happens
    /// between two lines, poll it first.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*. A notification that woke a dropped waiter goes to the next.
    #[track_caller]
    pub fn notified(&self) -> impl Future<Output = ()> {
        let mut wait = self.state.waiting.wait(&self.state, ALL);
        async move {
            if !wait.skip_if(|state| state.permit.replace(false)) {
                wait.await;
            }
        }
    }
}
