//! Unit tests of `once_cell.rs`: whose turn it is, and where it goes.

use std::future::{Ready, pending, ready};

use super::OnceCell;
use super::spy::{Spy, now, poll};

fn value(n: u32) -> impl FnOnce() -> Ready<u32> {
    move || ready(n)
}

#[test]
fn a_dropped_initialiser_hands_its_turn_to_the_head() {
    let cell = OnceCell::new();
    let mut first = cell.get_or_init(pending::<u32>);
    let (mut second, mut third) = (cell.get_or_init(value(2)), cell.get_or_init(value(3)));
    let spy = Spy::new();
    assert!(poll(&mut first).is_pending() && spy.poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    drop(first);
    assert_eq!((spy.wakes(), cell.get()), (1, None));
    assert!(
        poll(&mut cell.get_or_init(value(4))).is_pending(),
        "a newcomer overtakes"
    );
    assert_eq!((now(&mut second), now(&mut third)), (&2, &2));
}

#[test]
fn a_turn_dropped_before_it_began_is_passed_on() {
    let cell = OnceCell::new();
    let mut first = cell.get_or_init(pending::<u32>);
    let (mut second, mut third) = (cell.get_or_init(value(2)), cell.get_or_init(value(3)));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    drop(first);
    drop(second);
    assert_eq!(now(&mut third), &3);
}

#[test]
fn a_failed_initialiser_leaves_the_cell_to_the_next() {
    let cell = OnceCell::new();
    let fail = || ready(Err::<u32, _>("down"));
    assert_eq!(now(&mut cell.get_or_try_init(fail)), Err("down"));
    assert_eq!(now(&mut cell.get_or_init(value(1))), &1);
    assert_eq!(now(&mut cell.get_or_try_init(fail)), Ok(&1));
}

#[test]
fn a_panicking_initialiser_leaves_the_cell_to_the_next() {
    let cell = OnceCell::new();
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        poll(&mut cell.get_or_init(|| -> Ready<u32> { panic!("no value") }))
    }));
    assert!(panics.is_err());
    assert_eq!(now(&mut cell.get_or_init(value(1))), &1);
}

#[test]
fn set_does_not_rob_an_initialiser() {
    let mut cell = OnceCell::new();
    let mut first = cell.get_or_init(pending::<u32>);
    assert!(poll(&mut first).is_pending());
    assert_eq!(cell.set(1), Err(1));
    drop(first);
    assert_eq!((cell.set(2), cell.set(3)), (Ok(()), Err(3)));
    assert_eq!((cell.take(), cell.get()), (Some(2), None));
}

#[test]
fn a_forgotten_initialiser_does_not_outlive_take() {
    let mut cell = OnceCell::new();
    let mut first = cell.get_or_init(pending::<u32>);
    assert!(poll(&mut first).is_pending());
    std::mem::forget(first);
    assert_eq!(cell.take(), None);
    assert_eq!(now(&mut cell.get_or_init(value(1))), &1);
}

#[test]
fn debug_prints_state_and_waiters() {
    let cell = OnceCell::from(1);
    let text = "OnceCell { set: true, initialising: false, waiters: 0 }";
    assert_eq!(format!("{cell:?}"), text);
}
