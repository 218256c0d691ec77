//! Unit tests of `condition.rs`: which task is notified, which holds the lock, and what is passed on.

use std::time::Duration;

use super::futures::ConditionWait;
use super::spy::{Spy, now, poll};
use super::{Condition, Lock};

fn wait<'a>(condition: &'a Condition, lock: &'a Lock<i32>) -> ConditionWait<'a, i32> {
    let mut wait = condition.wait(lock.try_acquire().expect("the lock is free"));
    assert!(poll(&mut wait).is_pending());
    wait
}

#[test]
fn the_lock_is_held_until_the_first_poll_and_free_after_it() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let mut wait = condition.wait(lock.try_acquire().unwrap());
    assert!(lock.is_locked());
    assert!(poll(&mut wait).is_pending());
    assert!(!lock.is_locked());
    condition.notify_one();
    assert!(
        !lock.is_locked(),
        "a notified waiter takes the lock in its own turn"
    );
    let _guard = now(&mut wait);
    assert!(lock.is_locked());
}

#[test]
fn a_notified_waiter_queues_for_the_lock_behind_those_who_wait_for_it() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let mut wait = wait(&condition, &lock);
    let held = lock.try_acquire();
    let mut before = lock.acquire();
    assert!(poll(&mut before).is_pending());
    condition.notify_one();
    assert!(poll(&mut wait).is_pending());
    drop(held);
    assert!(poll(&mut wait).is_pending());
    drop(now(&mut before));
    drop(now(&mut wait));
}

#[test]
fn dropped_after_the_notification_passes_it_on() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let (first, mut second) = (wait(&condition, &lock), wait(&condition, &lock));
    condition.notify_one();
    drop(first);
    drop(now(&mut second));
    assert!(!lock.is_locked());
}

#[test]
fn dropped_while_locking_passes_lock_and_notification_on() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let (mut first, mut second) = (wait(&condition, &lock), wait(&condition, &lock));
    let held = lock.try_acquire();
    condition.notify_one();
    assert!(poll(&mut first).is_pending());
    drop(held);
    assert!(lock.is_locked(), "the lock is the first waiter's");
    drop(first);
    assert!(!lock.is_locked());
    drop(now(&mut second));
}

#[test]
fn dropped_while_waiting_leaves_the_lock_free_and_the_line_intact() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let (first, mut second) = (wait(&condition, &lock), wait(&condition, &lock));
    drop(first);
    assert!(!lock.is_locked());
    condition.notify_one();
    drop(now(&mut second));
}

#[test]
fn one_dropped_after_notify_all_does_not_wake_a_newcomer() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let first = wait(&condition, &lock);
    let mut taken = wait(&condition, &lock);
    condition.notify_all();
    let mut late = wait(&condition, &lock);
    drop(first);
    drop(now(&mut taken));
    assert!(poll(&mut late).is_pending());
}

#[test]
fn a_received_notification_is_not_passed_on() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let (mut first, mut second) = (wait(&condition, &lock), wait(&condition, &lock));
    condition.notify_one();
    drop(now(&mut first));
    drop(first);
    assert!(poll(&mut second).is_pending());
}

#[test]
fn notify_wakes_the_first_of_the_line_and_keeps_nothing_for_later() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    condition.notify_all();
    let mut waits = [(); 3].map(|()| wait(&condition, &lock));
    condition.notify(2);
    drop(now(&mut waits[1]));
    drop(now(&mut waits[0]));
    assert!(poll(&mut waits[2]).is_pending());
    assert_eq!(format!("{condition:?}"), "Condition { waiters: 1 }");
}

#[test]
fn wait_for_keeps_the_lock_if_its_predicate_holds_at_once() {
    let (lock, condition) = (Lock::new(1), Condition::new());
    let mut wait = condition.wait_for(lock.try_acquire().unwrap(), |n| *n == 1);
    drop(now(&mut wait));
}

#[test]
fn wait_for_goes_back_to_the_tail_while_its_predicate_does_not_hold() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let mut first = condition.wait_for(lock.try_acquire().unwrap(), |n| *n == 1);
    assert!(poll(&mut first).is_pending());
    let mut second = wait(&condition, &lock);
    condition.notify_one();
    assert!(poll(&mut first).is_pending() && !lock.is_locked());
    condition.notify_one();
    *now(&mut second) = 1;
    condition.notify_one();
    assert_eq!(*now(&mut first), 1);
}

#[test]
fn two_conditions_share_a_lock_and_wake_only_their_own() {
    let (lock, full, empty) = (Lock::new(0), Condition::new(), Condition::new());
    let (mut a, mut b) = (wait(&full, &lock), wait(&empty, &lock));
    empty.notify_all();
    assert!(poll(&mut a).is_pending());
    drop(now(&mut b));
}

#[test]
fn time_out_and_notification_in_one_turn_count_as_notified() {
    let limit = Duration::from_millis(1);
    crate::Runtime::builder()
        .virtual_clock()
        .build()
        .block_on(async {
            let (lock, condition) = (Lock::new(0), Condition::new());
            let mut wait = condition.wait(lock.acquire().await).within(limit);
            let spy = Spy::new();
            assert!(spy.poll(&mut wait).is_pending());
            crate::sleep(limit * 2).await;
            assert_eq!(spy.wakes(), 1, "the time is up");
            condition.notify_one();
            let (guard, timed_out) = wait.await;
            assert!(!timed_out && *guard == 0);
        });
}

#[test]
fn a_timed_out_wait_queues_for_the_lock_and_owes_no_notification() {
    let limit = Duration::from_millis(1);
    crate::Runtime::builder()
        .virtual_clock()
        .build()
        .block_on(async {
            let (lock, condition) = (Lock::new(0), Condition::new());
            let mut timed = condition.wait(lock.acquire().await).within(limit);
            assert!(poll(&mut timed).is_pending());
            let mut other = wait(&condition, &lock);
            let held = lock.acquire().await;
            crate::sleep(limit * 2).await;
            assert!(poll(&mut timed).is_pending());
            drop(held);
            assert!(lock.is_locked(), "the lock is the timed-out waiter's");
            drop(timed);
            assert!(!lock.is_locked() && poll(&mut other).is_pending());
        });
}

#[test]
#[should_panic(expected = "polled after it was granted; make a new one")]
fn a_wait_that_was_over_at_once_is_not_polled_again() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let mut wait = condition.wait_for(lock.try_acquire().unwrap(), |_| true);
    drop(now(&mut wait));
    let _ = poll(&mut wait);
}
