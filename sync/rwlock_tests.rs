//! Unit tests of `rwlock.rs`, under both policies where they agree.

use super::RwLock;
use super::spy::{Spy, now, poll};

const POLICIES: [fn(i32) -> RwLock<i32>; 2] = [RwLock::new, RwLock::prefer_writers];

fn waiting<F: Future + Unpin>(mut future: F) -> F {
    assert!(poll(&mut future).is_pending());
    future
}

#[test]
fn a_reader_behind_a_waiting_writer_waits_and_does_not_overtake() {
    for new in POLICIES {
        let lock = new(0);
        let held = lock.try_read();
        let mut writer = waiting(lock.write());
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        let mut reader = waiting(lock.read());
        drop(held);
        assert!(lock.is_write_locked() && poll(&mut reader).is_pending());
        drop(now(&mut writer));
        drop(now(&mut reader));
        assert!(!lock.is_locked());
    }
}

#[test]
fn a_dropped_waiting_writer_lets_the_readers_behind_it_in() {
    for new in POLICIES {
        let lock = new(0);
        let _held = lock.try_read();
        let writer = waiting(lock.write());
        let mut readers = [waiting(lock.read()), waiting(lock.read())];
        drop(writer);
        assert_eq!(lock.readers(), 3);
        let _both = readers.each_mut().map(now);
    }
}

#[test]
fn readers_between_two_writers_come_in_as_one_batch() {
    let lock = RwLock::new(0);
    let held = lock.try_write();
    let mut batch = [waiting(lock.read()), waiting(lock.read())];
    let mut writer = waiting(lock.write());
    let mut late = waiting(lock.read());
    drop(held);
    assert_eq!((lock.readers(), lock.is_write_locked()), (2, false));
    assert!(poll(&mut late).is_pending() && poll(&mut writer).is_pending());
    drop(batch.each_mut().map(now));
    drop(now(&mut writer));
    drop(now(&mut late));
}

#[test]
fn preferred_writers_go_before_readers_that_came_first() {
    let lock = RwLock::prefer_writers(0);
    let held = lock.try_write();
    let mut reader = waiting(lock.read());
    let (mut first, mut second) = (waiting(lock.write()), waiting(lock.write()));
    drop(held);
    drop(now(&mut first));
    assert!(poll(&mut reader).is_pending());
    drop(now(&mut second));
    drop(now(&mut reader));
}

#[test]
fn a_writer_dropped_after_its_grant_passes_it_on() {
    for new in POLICIES {
        let lock = new(0);
        let held = lock.try_write();
        let first = waiting(lock.write());
        let (mut second, spy) = (lock.write(), Spy::new());
        assert!(spy.poll(&mut second).is_pending());
        drop(held);
        drop(first);
        assert_eq!(spy.wakes(), 1);
        drop(now(&mut second));
        assert!(!lock.is_locked());
    }
}

#[test]
fn the_last_granted_reader_dropped_before_it_runs_lets_the_writer_in() {
    for new in POLICIES {
        let lock = new(0);
        let held = lock.try_write();
        let readers = [waiting(lock.read()), waiting(lock.read())];
        drop(held);
        let mut writer = waiting(lock.write());
        let [first, second] = readers;
        drop(first);
        assert!(poll(&mut writer).is_pending());
        drop(second);
        drop(now(&mut writer));
        assert!(!lock.is_locked());
    }
}

#[test]
fn downgrade_lets_the_readers_at_the_head_in_and_no_writer() {
    let lock = RwLock::new(0);
    let mut held = lock.try_write().unwrap();
    *held = 7;
    let mut reader = waiting(lock.read());
    let mut writer = waiting(lock.write());
    let held = held.downgrade();
    assert_eq!((lock.readers(), lock.is_write_locked()), (2, false));
    assert_eq!((*held, *now(&mut reader)), (7, 7));
    assert!(poll(&mut writer).is_pending());
    drop(held);
    drop(now(&mut writer));
}

#[test]
fn downgrade_holds_readers_back_while_a_preferred_writer_waits() {
    let lock = RwLock::prefer_writers(0);
    let held = lock.try_write().unwrap();
    let mut reader = waiting(lock.read());
    let mut writer = waiting(lock.write());
    let held = held.downgrade();
    assert!(poll(&mut reader).is_pending() && poll(&mut writer).is_pending());
    drop(held);
    drop(now(&mut writer));
    drop(now(&mut reader));
}

#[test]
fn debug_prints_state_and_waiters() {
    let lock = RwLock::new(0);
    let _held = lock.try_read();
    let _writer = waiting(lock.write());
    let text = "RwLock { readers: 1, writing: false, waiters: 1 }";
    assert_eq!(format!("{lock:?}"), text);
}
