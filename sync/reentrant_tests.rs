//! Wakers that use the primitive they are woken by (rule R4), as an executor may that polls inside
//! a wake: nothing is borrowed, and what was granted has its owner already.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::spy::{now, poll, waker_that};
use super::{
    Barrier, Condition, CountDownLatch, Event, Lock, OnceCell, Queue, RwLock, Semaphore,
    TryGetError,
};

thread_local! {
    static WOKEN: Cell<u32> = const { Cell::new(0) };
}

/// Polls `future` with a waker that runs `on_wake`, and counts.
fn wait<F: Future + Unpin>(future: &mut F, on_wake: fn()) {
    let waker = waker_that(move || {
        WOKEN.set(WOKEN.get() + 1);
        on_wake();
    });
    let polled = Pin::new(future).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
}

#[track_caller]
fn woken(times: u32) {
    assert_eq!(WOKEN.replace(0), times);
}

#[test]
fn a_semaphore_is_used_inside_the_wake_of_its_head() {
    thread_local!(static SEMAPHORE: Semaphore = const { Semaphore::new(1) });
    fn on_wake() {
        SEMAPHORE.with(|semaphore| {
            assert!(semaphore.try_acquire().is_none());
            assert!(poll(&mut semaphore.acquire()).is_pending());
            semaphore.add_permits(1).unwrap();
        });
    }
    SEMAPHORE.with(|semaphore| {
        let held = semaphore.try_acquire();
        let (mut first, mut second) = (semaphore.acquire(), semaphore.acquire());
        wait(&mut first, on_wake);
        wait(&mut second, || ());
        drop(held);
        woken(2);
        let _both = (now(&mut first), now(&mut second));
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn a_lock_is_used_inside_the_wake_of_its_head() {
    thread_local!(static LOCK: Lock<u8> = const { Lock::new(0) });
    fn on_wake() {
        LOCK.with(|lock| {
            assert!(lock.is_locked() && lock.try_acquire().is_none());
            assert!(poll(&mut lock.acquire()).is_pending());
        });
    }
    LOCK.with(|lock| {
        let held = lock.try_acquire();
        let mut first = lock.acquire();
        wait(&mut first, on_wake);
        drop(held);
        woken(1);
        drop(now(&mut first));
        assert!(!lock.is_locked());
    });
}

#[test]
fn an_rwlock_is_used_inside_the_wakes_of_a_batch() {
    thread_local!(static LOCK: RwLock<u8> = const { RwLock::new(0) });
    fn on_wake() {
        LOCK.with(|lock| {
            assert!(lock.try_write().is_none() && lock.readers() > 0);
            assert!(poll(&mut lock.write()).is_pending());
            drop(lock.try_read());
        });
    }
    LOCK.with(|lock| {
        let held = lock.try_write();
        let (mut first, mut second) = (lock.read(), lock.read());
        wait(&mut first, on_wake);
        wait(&mut second, on_wake);
        drop(held.unwrap().downgrade());
        woken(2);
        drop((now(&mut first), now(&mut second)));
        assert!(!lock.is_locked());
    });
}

#[test]
fn one_who_comes_inside_a_wake_is_not_part_of_what_woke() {
    thread_local! {
        static BARRIER: Barrier = const { Barrier::new(2) };
        static EVENT: Event = const { Event::new() };
        static LATCH: CountDownLatch = const { CountDownLatch::new(1) };
    }
    BARRIER.with(|barrier| {
        let mut first = barrier.wait();
        wait(&mut first, || {
            BARRIER.with(|barrier| assert!(poll(&mut barrier.wait()).is_pending()));
        });
        assert_eq!(now(&mut barrier.wait()).unwrap().index, 1);
        assert_eq!((now(&mut first).unwrap().index, barrier.waiting()), (0, 0));
    });
    EVENT.with(|event| {
        let mut first = event.wait();
        wait(&mut first, || {
            EVENT.with(|event| {
                event.clear();
                assert!(poll(&mut event.wait()).is_pending());
            });
        });
        event.set();
        now(&mut first);
    });
    LATCH.with(|latch| {
        let mut first = latch.wait();
        wait(&mut first, || LATCH.with(|latch| now(&mut latch.wait())));
        latch.count_down();
        now(&mut first);
    });
    woken(3);
}

#[test]
fn a_queue_is_used_inside_the_wakes_of_both_sides() {
    thread_local!(static QUEUE: Queue<u8> = const { Queue::bounded(1) });
    QUEUE.with(|queue| {
        let mut get = queue.get();
        wait(&mut get, || {
            QUEUE.with(|queue| {
                assert_eq!(queue.try_get(), Err(TryGetError::Empty));
                assert!(queue.try_put(9).is_err());
            });
        });
        queue.try_put(1).unwrap();
        let mut put = queue.put(2);
        wait(&mut put, || {
            QUEUE.with(|queue| assert!(queue.try_put(9).is_err() && queue.is_empty()));
        });
        assert_eq!((now(&mut get), now(&mut put)), (Ok(1), Ok(())));
        assert_eq!((queue.try_get(), queue.unfinished()), (Ok(2), 2));
        woken(2);
    });
}

#[test]
fn a_waiter_notified_while_it_lets_go_of_the_lock_is_not_lost() {
    thread_local! {
        static LOCK: Lock<u8> = const { Lock::new(0) };
        static CONDITION: Condition = const { Condition::new() };
    }
    LOCK.with(|lock| {
        CONDITION.with(|condition| {
            let held = lock.try_acquire().unwrap();
            let mut next = lock.acquire();
            wait(&mut next, || CONDITION.with(Condition::notify_one));
            let mut waits = condition.wait(held);
            wait(&mut waits, || ());
            woken(2);
            drop(now(&mut next));
            drop(now(&mut waits));
        });
    });
}

#[test]
fn a_cell_is_used_inside_the_wake_of_the_next_turn() {
    thread_local!(static CELL: OnceCell<u8> = const { OnceCell::new() });
    CELL.with(|cell| {
        let mut first = cell.get_or_init(std::future::pending::<u8>);
        assert!(poll(&mut first).is_pending());
        let mut second = cell.get_or_init(|| std::future::ready(2));
        wait(&mut second, || {
            CELL.with(|cell| {
                assert_eq!(cell.set(9), Err(9));
                let mut third = cell.get_or_init(|| std::future::ready(3));
                assert_eq!(poll(&mut third), Poll::Pending);
            });
        });
        drop(first);
        woken(1);
        assert_eq!(now(&mut second), &2);
    });
}
