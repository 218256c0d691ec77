//! What a burst leaves behind: memory comes back while the program goes on. What things cost afterwards is counted
//! in `tests/growth`.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use allocation_counter::measure;
use turnwise::sync::{Event, Lock, oneshot};
use turnwise::{Runtime, sleep, spawn, try_task_group, yield_now};

use crate::support::{poll_once, virtual_runtime, yields};

/// Of each thing.
const MANY: usize = 100_000;

/// What may stay: small tables are left alone.
const LITTLE: i64 = 300_000;

/// Runs a burst on a runtime that goes on, and returns how many bytes of it stay.
#[track_caller]
fn assert_comes_back<F: Future<Output = ()>>(burst: impl FnOnce() -> F) {
    let runtime = virtual_runtime();
    runtime.block_on(yields(10));
    let stays = measure(|| {
        runtime.block_on(async {
            burst().await;
            // The loop looks around, and sleeps once.
            yields(600).await;
            sleep(Duration::from_secs(1)).await;
        });
    });
    assert!(stays.bytes_max > 5_000_000, "{stays:?} is no burst");
    assert!(stays.bytes_current < LITTLE, "{stays:?}");
}

#[test]
fn of_tasks_that_are_awaited() {
    assert_comes_back(|| async {
        let tasks: Vec<_> = (0..MANY).map(|_| spawn(yield_now())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn of_tasks_that_wait_beside_one_that_stays() {
    let event = Rc::new(Event::new());
    let stays = Rc::new(Event::new());
    assert_comes_back(|| {
        let (event, stays) = (event.clone(), stays.clone());
        async move {
            drop(spawn(async move { stays.wait().await }));
            for _ in 0..MANY {
                let event = event.clone();
                drop(spawn(async move { event.wait().await }));
            }
            yield_now().await;
            event.set();
        }
    });
}

#[test]
fn of_waits_with_wakers_of_a_combinator() {
    assert_comes_back(|| async {
        let event = Event::new();
        let waits = (0..MANY).map(|_| event.wait());
        let all = futures::future::join_all(waits);
        futures::join!(all, async { event.set() });
    });
}

#[test]
fn of_locks_that_were_waited_for() {
    assert_comes_back(|| async {
        let locks: Vec<_> = (0..MANY).map(Lock::new).collect();
        let guards: Vec<_> = locks.iter().map(|lock| lock.try_acquire()).collect();
        let mut waits: Vec<_> = locks.iter().map(Lock::acquire).collect();
        for wait in &mut waits {
            assert!(poll_once(wait).is_pending());
        }
        drop((waits, guards));
    });
}

#[test]
fn of_receivers() {
    assert_comes_back(|| async {
        let mut ends: Vec<_> = (0..MANY).map(|_| oneshot::channel::<u8>()).collect();
        for (_, receiver) in &mut ends {
            assert!(poll_once(receiver).is_pending());
        }
    });
}

#[test]
fn of_timers() {
    assert_comes_back(|| async {
        let mut sleeps: Vec<_> = (0..MANY).map(|_| sleep(Duration::from_secs(1))).collect();
        for sleep in &mut sleeps {
            poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *sleep).poll(cx).is_ready())).await;
        }
        sleep(Duration::from_secs(2)).await;
    });
}

#[test]
fn of_children_that_are_dropped_in_the_poll_that_spawned_them() {
    let runtime = Runtime::new();
    let peak = measure(|| {
        runtime.block_on(async {
            for _ in 0..MANY / 100 {
                let mut group = Box::pin(try_task_group(async |group| {
                    for _ in 0..100 {
                        drop(group.spawn(std::future::pending::<()>()));
                    }
                    std::future::pending::<Result<(), ()>>().await
                }));
                poll_fn(|cx| {
                    assert!(group.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
        });
    });
    assert!(peak.bytes_max < 1_000_000, "{peak:?}");
}

#[test]
fn a_runtime_that_ends_leaves_little() {
    let stays = measure(|| {
        let runtime = Runtime::new();
        let event = Rc::new(Event::new());
        for _ in 0..MANY {
            let event = event.clone();
            drop(runtime.spawn(async move { event.wait().await }));
        }
        runtime.run_until_stalled();
        drop(runtime);
    });
    assert!(stays.bytes_current < LITTLE, "{stays:?}");
}

#[test]
fn a_wait_that_outlives_its_lock_is_none_of_the_next_one() {
    let lock = Lock::new(());
    let guard = lock.try_acquire();
    let mut forgotten = lock.acquire();
    assert!(poll_once(&mut forgotten).is_pending());
    // Granted, and never taken.
    drop(guard);
    std::mem::forget(forgotten);
    drop(lock);
    let next = Lock::new(());
    let (_guard, taken) = (next.try_acquire(), line!());
    let mut waits = next.acquire();
    assert!(poll_once(&mut waits).is_pending());
    let stats = next.stats();
    assert_eq!((stats.waiting, stats.granted), (1, 0));
    assert_eq!(
        stats.held_by.map(|holding| holding.taken_at.line()),
        Some(taken)
    );
}
