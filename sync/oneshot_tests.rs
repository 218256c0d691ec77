//! Unit tests of the oneshot.

use super::super::spy::{Spy, now, poll};
use super::*;

#[test]
fn a_value_wakes_the_receiver_and_waits_for_its_poll() {
    let (sender, mut receiver) = channel();
    let spy = Spy::new();
    assert!(spy.poll(&mut receiver).is_pending());
    assert_eq!(sender.send(1), Ok(()));
    assert_eq!((spy.wakes(), now(&mut receiver)), (1, Ok(1)));
    assert_eq!(now(&mut receiver), Err(Closed(())));
}

#[test]
fn a_dropped_sender_ends_the_wait() {
    let (sender, mut receiver) = channel::<u8>();
    let spy = Spy::new();
    assert!(spy.poll(&mut receiver).is_pending());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(sender);
    assert_eq!(spy.wakes(), 1);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(now(&mut receiver).is_err());
}

#[test]
fn a_value_comes_back_if_the_receiver_is_gone_or_closed() {
    let (sender, receiver) = channel();
    drop(receiver);
    assert_eq!(sender.send(1), Err(Closed(1)));
    let (sender, mut receiver) = channel();
    receiver.close();
    assert_eq!(
        (sender.send(1), now(&mut receiver)),
        (Err(Closed(1)), Err(Closed(())))
    );
}

#[test]
fn a_value_sent_before_close_still_arrives() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn close_ends_both_waits_at_once() {
    let (sender, mut receiver) = channel::<u8>();
    let (spy, mut closed) = (Spy::new(), sender.closed());
    assert!(poll(&mut closed).is_pending() && spy.poll(&mut receiver).is_pending());
    receiver.close();
    assert_eq!(spy.wakes(), 1);
    now(&mut closed);
    assert!(now(&mut receiver).is_err());
    now(&mut sender.closed());
}

#[test]
fn a_receiver_dropped_after_the_wake_drops_the_value_at_once() {
    let value = Rc::new(());
    let (sender, mut receiver) = channel();
    assert!(poll(&mut receiver).is_pending());
    sender.send(value.clone()).unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn the_latest_waker_is_woken() {
    let (sender, mut receiver) = channel();
    let (first, second) = (Spy::new(), Spy::new());
    assert!(first.poll(&mut receiver).is_pending());
    assert!(second.poll(&mut receiver).is_pending());
    sender.send(1).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

#[test]
fn debug_prints_state_and_waiters() {
    let (sender, mut receiver) = channel::<u8>();
    assert!(poll(&mut receiver).is_pending());
    let text = "Sender { closed: false, waiters: 1 }";
    assert_eq!(format!("{sender:?}"), text);
}
