//! The classes by which the text explains "how it works internally" (PROGRAMS.md: E01, E06, E09,
//! E12), word for word, with a oneshot for each `asyncio.Future`. Each scene goes wrong on the toy
//! and right on ours.

use std::cell::{Cell, RefCell};
use std::pin::Pin;

use turnwise::sync::{Condition, Event, Lock, Semaphore, oneshot};

use crate::support::poll_once;

type Waiters = RefCell<Vec<oneshot::Sender<()>>>;

/// `waiter = asyncio.Future(); waiters.append(waiter); await waiter`
async fn wait_in(waiters: &Waiters) {
    let (waiter, woken) = oneshot::channel();
    waiters.borrow_mut().push(waiter);
    let _ = woken.await;
}

/// `waiters.pop(0).set_result(True)`, if there is one.
fn wake_first(waiters: &Waiters) {
    if !waiters.borrow().is_empty() {
        let waiter = waiters.borrow_mut().remove(0);
        let _ = waiter.send(());
    }
}

#[derive(Default)]
struct SimpleLock {
    locked: Cell<bool>,
    waiters: Waiters,
}

impl SimpleLock {
    async fn acquire(&self) {
        if self.locked.get() {
            wait_in(&self.waiters).await;
        }
        self.locked.set(true);
    }

    fn release(&self) {
        assert!(self.locked.replace(false), "Lock is not acquired");
        wake_first(&self.waiters);
    }
}

#[derive(Default)]
struct SimpleEvent {
    value: Cell<bool>,
    waiters: Waiters,
}

impl SimpleEvent {
    async fn wait(&self) {
        if !self.value.get() {
            wait_in(&self.waiters).await;
        }
    }
}

#[derive(Default)]
struct SimpleCondition {
    lock: SimpleLock,
    waiters: Waiters,
}

/// `async with condition`: releases the lock on every way out.
struct Scope<'a>(&'a SimpleCondition);

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.0.lock.release();
    }
}

impl SimpleCondition {
    async fn enter(&self) -> Scope<'_> {
        self.lock.acquire().await;
        Scope(self)
    }

    async fn wait(&self) {
        self.lock.release();
        wait_in(&self.waiters).await;
        self.lock.acquire().await;
    }

    fn notify(&self) {
        wake_first(&self.waiters);
    }
}

struct SimpleSemaphore {
    value: Cell<i32>,
    waiters: Waiters,
}

impl SimpleSemaphore {
    async fn acquire(&self) {
        if self.value.get() <= 0 {
            wait_in(&self.waiters).await;
        }
        self.value.set(self.value.get() - 1);
    }

    fn release(&self) {
        self.value.set(self.value.get() + 1);
        wake_first(&self.waiters);
    }
}

type Boxed<'a, T = ()> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn boxed<'a, T>(future: impl Future<Output = T> + 'a) -> Boxed<'a, T> {
    Box::pin(future)
}

fn is_ready<T>(future: &mut Boxed<'_, T>) -> bool {
    poll_once(future).is_ready()
}

#[test]
fn a_newcomer_barges_into_the_simple_lock_and_not_into_ours() {
    let toy = SimpleLock::default();
    assert!(is_ready(&mut boxed(toy.acquire())));
    let (mut waiter, mut newcomer) = (boxed(toy.acquire()), boxed(toy.acquire()));
    assert!(!is_ready(&mut waiter));
    toy.release();
    assert!(
        is_ready(&mut newcomer) && is_ready(&mut waiter),
        "the toy was better than it is"
    );

    let ours = Lock::new(());
    let guard = ours.try_acquire();
    let (mut waiter, mut newcomer) = (boxed(ours.acquire()), boxed(ours.acquire()));
    assert!(!is_ready(&mut waiter));
    drop(guard);
    assert!(!is_ready(&mut newcomer), "it barges");
    let guard = poll_once(&mut waiter);
    assert!(
        guard.is_ready() && !is_ready(&mut newcomer),
        "two are inside"
    );
    drop(guard);
    assert!(is_ready(&mut newcomer));
}

#[test]
fn a_cancelled_waiter_swallows_the_wake_of_the_simple_lock_and_not_of_ours() {
    let toy = SimpleLock::default();
    assert!(is_ready(&mut boxed(toy.acquire())));
    let (mut cancelled, mut waiter) = (boxed(toy.acquire()), boxed(toy.acquire()));
    assert!(!is_ready(&mut cancelled) && !is_ready(&mut waiter));
    drop(cancelled);
    toy.release();
    assert!(
        !toy.locked.get() && !is_ready(&mut waiter),
        "the toy was better than it is"
    );

    let ours = Lock::new(());
    let guard = ours.try_acquire();
    let (mut cancelled, mut waiter) = (boxed(ours.acquire()), boxed(ours.acquire()));
    assert!(!is_ready(&mut cancelled) && !is_ready(&mut waiter));
    drop(cancelled);
    drop(guard);
    assert!(is_ready(&mut waiter));
}

#[test]
fn cancelled_waiters_stay_with_the_simple_event_and_not_with_ours() {
    let (toy, ours) = (SimpleEvent::default(), Event::new());
    for _ in 0..100 {
        assert!(!is_ready(&mut boxed(toy.wait())) && !is_ready(&mut boxed(ours.wait())));
    }
    assert_eq!(toy.waiters.borrow().len(), 100);
    assert_eq!(format!("{ours:?}"), "Event { set: false, waiters: 0 }");
}

#[test]
fn one_cancelled_while_it_takes_the_lock_releases_that_of_another_in_the_toy_and_not_here() {
    let toy = SimpleCondition::default();
    let mut waiter = boxed(async {
        let _scope = toy.enter().await;
        toy.wait().await;
    });
    assert!(!is_ready(&mut waiter));
    assert!(
        is_ready(&mut boxed(toy.lock.acquire())),
        "another one holds it"
    );
    toy.notify();
    assert!(!is_ready(&mut waiter));
    drop(waiter);
    assert!(
        is_ready(&mut boxed(toy.lock.acquire())),
        "the toy was better than it is"
    );

    let (lock, condition) = (Lock::new(()), Condition::new());
    let mut waiter = boxed(async { drop(condition.wait(lock.acquire().await).await) });
    assert!(!is_ready(&mut waiter));
    let another = lock.try_acquire().expect("a wait releases the lock");
    condition.notify_one();
    assert!(!is_ready(&mut waiter));
    drop(waiter);
    assert!(
        lock.is_locked() && lock.try_acquire().is_none(),
        "two are inside"
    );
    drop(another);
    assert!(lock.try_acquire().is_some());
}

#[test]
fn a_notification_of_a_cancelled_waiter_is_lost_in_the_toy_and_not_here() {
    let toy = SimpleCondition::default();
    // Without the scope, which would release a lock that is free: the other bug.
    let wait = || {
        boxed(async {
            toy.lock.acquire().await;
            toy.wait().await;
        })
    };
    let (mut cancelled, mut other) = (wait(), wait());
    assert!(!is_ready(&mut cancelled) && !is_ready(&mut other));
    drop(cancelled);
    toy.notify();
    assert!(!is_ready(&mut other), "the toy was better than it is");

    let (lock, condition) = (Lock::new(()), Condition::new());
    for notify_first in [true, false] {
        let wait = || boxed(async { drop(condition.wait(lock.acquire().await).await) });
        let (mut cancelled, mut other) = (wait(), wait());
        assert!(!is_ready(&mut cancelled) && !is_ready(&mut other));
        if notify_first {
            condition.notify_one();
            drop(cancelled);
        } else {
            drop(cancelled);
            condition.notify_one();
        }
        assert!(is_ready(&mut other));
    }
}

#[test]
fn barging_drives_the_simple_semaphore_below_zero_and_not_ours() {
    let toy = SimpleSemaphore {
        value: Cell::new(1),
        waiters: Waiters::default(),
    };
    assert!(is_ready(&mut boxed(toy.acquire())));
    let (mut waiter, mut newcomer) = (boxed(toy.acquire()), boxed(toy.acquire()));
    assert!(!is_ready(&mut waiter));
    toy.release();
    assert!(is_ready(&mut newcomer) && is_ready(&mut waiter));
    assert_eq!(toy.value.get(), -1);

    let ours = Semaphore::new(1);
    let permit = ours.try_acquire();
    let (mut waiter, mut newcomer) = (boxed(ours.acquire()), boxed(ours.acquire()));
    assert!(!is_ready(&mut waiter));
    drop(permit);
    assert!(!is_ready(&mut newcomer), "it barges");
    let permit = poll_once(&mut waiter);
    assert!(permit.is_ready() && !is_ready(&mut newcomer));
    assert_eq!(ours.available(), 0);
    drop(permit);
    assert!(is_ready(&mut newcomer));
    assert_eq!(ours.available(), 1);
}
