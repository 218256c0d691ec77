//! Cancellation: what a task leaves behind (blocks E30 and E32 of the text; for E31 see
//! `task_limiter`).
//!
//! asyncio raises an exception in the cancelled task, which has to let it pass. Here the task's
//! future is dropped where it stands: guards release and destructors clean up, and no code can hold
//! the cancellation up or swallow it.
//!
//! # What the text leaves out
//!
//! Its `non_atomic_operation` is called unsafe because another task may look in between. It is worse:
//! cancelled in between, it leaves the two halves different for ever, and a lock does not help. What
//! helps is to change everything in one go, after the last await.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use support::{Options, part, say};
use turnwise::sync::{Event, Lock};
use turnwise::{JoinError, sleep, spawn, yield_now};

const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    let options = Options::parse("What a cancelled task leaves behind.");
    options.runtime().block_on(async {
        a_scope_that_knows_of_cancellation().await;
        cancelled_in_line().await;
        shielded().await;
        half_done().await;
        done_in_one_go().await;
    });
}

/// Says so when it is dropped: the counterpart of `except CancelledError` or `finally`.
struct CleanUp;

impl Drop for CleanUp {
    fn drop(&mut self) {
        say!("task cancelled, cleaning up");
    }
}

/// The text's program.
async fn a_scope_that_knows_of_cancellation() {
    part("A scope that knows of cancellation");
    let lock = Rc::new(Lock::new(()));
    let task = spawn({
        let lock = lock.clone();
        async move {
            let _guard = lock.acquire().await;
            let _clean_up = CleanUp;
            say!("the task has the lock and works for an hour, it thinks");
            sleep(HOUR).await;
        }
    });
    sleep(Duration::from_secs(1)).await;
    task.cancel_because("the user has gone");
    assert!(
        lock.is_locked(),
        "cancel() is a request: the task ends in its own turn"
    );

    match task.await {
        Err(JoinError::Cancelled { reason, .. }) => say!("the task was cancelled: {reason:?}"),
        other => unreachable!("an hour cannot have passed: {other:?}"),
    }
    say!("and the lock is free: {lock:?}");
    assert!(!lock.is_locked());
}

async fn cancelled_in_line() {
    part("Cancelled while it waits");
    let lock = Rc::new(Lock::new(()));
    let guard = lock.acquire().await;
    let wait = |name: &'static str| {
        let lock = lock.clone();
        spawn(async move {
            let _guard = lock.acquire().await;
            say!("{name} has the lock");
        })
    };
    let (first, second) = (wait("the first in line"), wait("the second in line"));
    yield_now().await;
    // The lock is handed to the first in line; then that one is cancelled, before it runs.
    drop(guard);
    first.cancel();
    second.await.expect("the lock was passed on");
    assert!(first.await.is_err());
    assert!(!lock.is_locked());
}

/// What must not be cut short runs in a task of its own, and its handle is awaited.
async fn shielded() {
    part("Shielded");
    let saved = Rc::new(Event::new());
    let caller = spawn({
        let saved = saved.clone();
        async move {
            let save = spawn(async move {
                say!("saving takes two seconds");
                sleep(Duration::from_secs(2)).await;
                saved.set();
                say!("saved");
            });
            save.await.expect("nobody cancels it");
        }
    });
    sleep(Duration::from_secs(1)).await;
    say!("the caller is cancelled");
    caller.cancel();
    assert!(caller.await.is_err());
    saved.wait().await;
}

/// Two numbers that belong together.
#[derive(Default)]
struct Counter {
    counter: Cell<u32>,
    squared: Cell<u32>,
}

impl Counter {
    fn is_consistent(&self) -> bool {
        self.squared.get() == self.counter.get().pow(2)
    }

    async fn half_and_half(&self) {
        self.counter.set(self.counter.get() + 1);
        sleep(Duration::from_secs(1)).await;
        self.squared.set(self.counter.get().pow(2));
    }

    async fn in_one_go(&self) {
        sleep(Duration::from_secs(1)).await;
        // No await from here on: nobody looks in between and nothing is cancelled in between.
        self.counter.set(self.counter.get() + 1);
        self.squared.set(self.counter.get().pow(2));
    }

    fn say(&self, when: &str) {
        let (counter, squared) = (self.counter.get(), self.squared.get());
        let verdict = if self.is_consistent() {
            "right"
        } else {
            "wrong"
        };
        say!("{when}: counter {counter}, squared {squared}: {verdict}");
    }
}

async fn half_done() {
    part("An await between the two halves");
    let counter = Rc::new(Counter::default());
    let task = spawn({
        let counter = counter.clone();
        async move { counter.half_and_half().await }
    });
    yield_now().await;
    counter.say("while it waits");
    assert!(!counter.is_consistent(), "another task sees the half");
    task.cancel();
    assert!(task.await.is_err());
    counter.say("after it was cancelled");
    assert!(!counter.is_consistent(), "and so it stays");
}

async fn done_in_one_go() {
    part("Both halves after the await");
    let counter = Rc::new(Counter::default());
    let increment = || {
        let counter = counter.clone();
        spawn(async move { counter.in_one_go().await })
    };
    let (first, second) = (increment(), increment());
    yield_now().await;
    counter.say("while they wait");
    assert!(counter.is_consistent());
    first.cancel();
    second.await.expect("nobody cancels the second");
    assert!(first.await.is_err());
    counter.say("one cancelled, one done");
    assert!(counter.is_consistent() && counter.counter.get() == 1);
}
