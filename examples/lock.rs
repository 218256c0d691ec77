//! Lock: three tasks, one resource (blocks E00, E02, E03, E27 and E29 of the text).
//!
//! A task that wants a locked lock waits in a line; leaving the scope of the guard releases it.
//!
//! # What the text gets wrong
//!
//! Its `SimpleLock` (block E01) marks itself free before it wakes the head waiter. A newcomer that
//! asks in between finds it free, and then both hold it. Here a release hands the lock over: it
//! belongs to the head waiter from that instant, and a newcomer goes to the tail. And in the text a
//! forgotten `release()` locks for ever; a guard cannot be forgotten on any way out of its scope.

mod support;

use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::Lock;
use turnwise::time::Instant;
use turnwise::{sleep, spawn, yield_now};

const SECOND: Duration = Duration::from_secs(1);

fn main() {
    let options = Options::parse("Three tasks take turns with one lock.");
    options.runtime().block_on(async {
        three_tasks().await;
        a_newcomer_does_not_overtake().await;
        a_cancelled_holder_releases().await;
        small_critical_sections().await;
    });
}

/// The text's program. The lock owns what it protects: there is no way to it but through the guard.
async fn three_tasks() {
    part("Three tasks, one resource");
    let resource = Rc::new(Lock::new(Vec::new()));
    let tasks = (0..3).map(|n| spawn(use_resource(resource.clone(), n)).named(format!("task {n}")));
    all(tasks).await;
    let users = resource.acquire().await;
    say!("the resource was used by tasks {users:?}");
    assert_eq!(*users, [0, 1, 2], "first come, first served");
}

async fn use_resource(resource: Rc<Lock<Vec<u32>>>, n: u32) {
    say!("task {n} wants the resource");
    {
        let mut users = resource.acquire().await;
        say!("task {n} has acquired the lock");
        sleep(SECOND).await;
        users.push(n);
        say!("task {n} is releasing the lock");
    }
    say!("task {n} released the lock");
}

async fn a_newcomer_does_not_overtake() {
    part("A newcomer does not overtake");
    let lock = Rc::new(Lock::new(()));
    let guard = lock.acquire().await;
    let waiter = spawn({
        let lock = lock.clone();
        async move {
            let _guard = lock.acquire().await;
            say!("the waiter has the lock for a second");
            sleep(SECOND).await;
        }
    });
    yield_now().await;
    drop(guard);
    say!("released, and at once the waiter's: {lock:?}");
    assert!(lock.try_acquire().is_none(), "it is the waiter's already");

    let _guard = lock.acquire().await;
    say!("the newcomer has it, after the waiter");
    assert!(waiter.is_finished());
}

async fn a_cancelled_holder_releases() {
    part("A cancelled holder releases");
    let lock = Rc::new(Lock::new(()));
    let holder = spawn({
        let lock = lock.clone();
        async move {
            let _guard = lock.acquire().await;
            say!("the holder works for an hour, it thinks");
            sleep(3600 * SECOND).await;
        }
    });
    sleep(SECOND).await;
    holder.cancel();
    let _guard = lock.acquire().await;
    say!("the holder was cancelled; the next task has the lock");
    assert!(holder.await.is_err());
}

/// The text's advice: prepare outside, lock only to change.
async fn small_critical_sections() {
    part("Small critical sections");
    for prepare_inside in [true, false] {
        let (start, shared) = (Instant::now(), Rc::new(Lock::new(0)));
        let tasks = (0..3).map(|_| {
            let shared = shared.clone();
            spawn(async move {
                if prepare_inside {
                    let mut shared = shared.acquire().await;
                    *shared += prepare_data().await;
                } else {
                    let data = prepare_data().await;
                    *shared.acquire().await += data;
                }
            })
        });
        all(tasks).await;
        let place = if prepare_inside { "inside" } else { "outside" };
        let took = start.elapsed().as_secs_f64();
        say!("three tasks that prepare {place} the lock: {took:.1}s");
        assert_eq!(*shared.acquire().await, 3);
    }
}

async fn prepare_data() -> u32 {
    sleep(SECOND).await;
    1
}
