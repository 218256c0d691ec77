//! Unit tests of `channel.rs`: what is granted, abandoned, closed and counted.

use super::spy::{Spy, now, poll};
use super::{Closed, Queue, TryGetError, TryPutError};

fn waiting<F: Future + Unpin>(mut future: F) -> F {
    assert!(poll(&mut future).is_pending());
    future
}

#[test]
fn an_item_belongs_to_the_head_getter_and_to_no_newcomer() {
    let queue = Queue::unbounded();
    let (mut first, mut second) = (waiting(queue.get()), waiting(queue.get()));
    queue.try_put(1).unwrap();
    assert_eq!((queue.try_get(), queue.len()), (Err(TryGetError::Empty), 1));
    let _late = waiting(queue.get());
    queue.try_put(2).unwrap();
    assert_eq!((now(&mut second), now(&mut first)), (Ok(1), Ok(2)));
}

#[test]
fn room_belongs_to_the_head_putter_and_to_no_newcomer() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let (mut first, mut second) = (waiting(queue.put(1)), waiting(queue.put(2)));
    assert_eq!(queue.try_get(), Ok(0));
    assert!(queue.is_full() && queue.is_empty());
    assert_eq!(queue.try_put(9), Err(TryPutError::Full(9)));
    assert!(poll(&mut second).is_pending());
    assert_eq!((now(&mut first), queue.try_get()), (Ok(()), Ok(1)));
    assert_eq!((now(&mut second), queue.try_get()), (Ok(()), Ok(2)));
}

#[test]
fn a_getter_dropped_after_its_grant_passes_the_item_on() {
    let queue = Queue::unbounded();
    let first = waiting(queue.get());
    let (mut second, spy) = (queue.get(), Spy::new());
    assert!(spy.poll(&mut second).is_pending());
    queue.try_put(1).unwrap();
    drop(first);
    assert_eq!((spy.wakes(), now(&mut second)), (1, Ok(1)));
}

#[test]
fn a_putter_dropped_after_its_grant_passes_the_room_on_and_was_not_counted() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let (first, mut second) = (waiting(queue.put(1)), waiting(queue.put(2)));
    assert_eq!(queue.try_get(), Ok(0));
    drop(first);
    assert_eq!((now(&mut second), queue.unfinished()), (Ok(()), 2));
}

#[test]
fn those_dropped_while_waiting_are_skipped() {
    let queue = Queue::bounded(1);
    let (first, mut second) = (waiting(queue.get()), waiting(queue.get()));
    drop(first);
    queue.try_put(1).unwrap();
    assert_eq!(now(&mut second), Ok(1));
    queue.try_put(2).unwrap();
    let (first, mut second) = (waiting(queue.put(3)), waiting(queue.put(4)));
    drop(first);
    assert_eq!(queue.try_get(), Ok(2));
    assert_eq!((now(&mut second), queue.try_get()), (Ok(()), Ok(4)));
}

#[test]
fn close_returns_the_items_of_putters_that_wait_or_were_granted() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let (mut granted, mut waits) = (waiting(queue.put(1)), waiting(queue.put(2)));
    assert_eq!(queue.try_get(), Ok(0));
    queue.close();
    assert_eq!(now(&mut granted), Err(Closed(1)));
    assert_eq!(now(&mut waits), Err(Closed(2)));
    assert_eq!(now(&mut queue.put(3)), Err(Closed(3)));
    assert_eq!(queue.try_put(4), Err(TryPutError::Closed(4)));
    assert_eq!((queue.unfinished(), queue.is_full()), (1, false));
}

#[test]
fn a_granted_putter_dropped_after_close_leaves_nothing_behind() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let granted = waiting(queue.put(1));
    assert_eq!(queue.try_get(), Ok(0));
    queue.close();
    drop(granted);
    assert!(!queue.is_full() && queue.is_empty());
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn getters_take_what_is_left_and_then_learn_of_the_end() {
    let queue = Queue::unbounded();
    let (mut granted, mut waits) = (waiting(queue.get()), waiting(queue.get()));
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(now(&mut granted), Ok(1));
    assert_eq!(now(&mut waits), Err(Closed(())));
    assert_eq!(now(&mut queue.get()), Err(Closed(())));
}

#[test]
fn an_item_whose_getter_is_dropped_after_close_goes_to_another() {
    for take_by_waiter in [true, false] {
        let queue = Queue::unbounded();
        let (granted, mut waits) = (waiting(queue.get()), waiting(queue.get()));
        queue.try_put(1).unwrap();
        queue.close();
        assert_eq!(queue.try_get(), Err(TryGetError::Empty), "it may come back");
        let mut late = waiting(queue.get());
        drop(granted);
        if take_by_waiter {
            assert_eq!(now(&mut waits), Ok(1));
        } else {
            drop(waits);
            assert_eq!(now(&mut late), Ok(1));
        }
        assert!(queue.is_empty());
        assert_eq!(queue.try_get(), Err(TryGetError::Closed));
        assert_eq!(now(&mut queue.get()), Err(Closed(())));
    }
}

#[test]
fn close_now_takes_reserved_items_and_their_count_and_wakes_joiners() {
    let queue = Queue::unbounded();
    let mut granted = waiting(queue.get());
    let dropped = waiting(queue.get());
    for n in 1..=3 {
        queue.try_put(n).unwrap();
    }
    let mut join = waiting(queue.join());
    assert_eq!(queue.close_now(), [1, 2, 3]);
    assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    now(&mut join);
    drop(dropped);
    assert_eq!(now(&mut granted), Err(Closed(())));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    assert_eq!(queue.close_now(), []);
}

#[test]
fn close_now_leaves_the_work_in_hand_unfinished() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let taken = now(&mut queue.take()).unwrap();
    assert_eq!(queue.close_now(), [2]);
    let mut join = waiting(queue.join());
    drop(taken);
    now(&mut join);
    assert!(queue.task_done().is_err());
}

#[test]
fn a_joiner_released_completes_though_work_comes_before_it_runs() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let mut join = waiting(queue.join());
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(queue.task_done(), Ok(()));
    queue.try_put(2).unwrap();
    now(&mut join);
}

#[test]
fn a_dropped_stream_passes_its_item_on() {
    let queue = Queue::unbounded();
    let mut items = queue.stream();
    let mut next = futures::StreamExt::next(&mut items);
    assert!(poll(&mut next).is_pending());
    queue.try_put(1).unwrap();
    drop(items);
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn what_was_refused_comes_back_whatever_the_reason() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_put(2).map_err(TryPutError::into_inner), Err(2));
    queue.close();
    assert_eq!(queue.try_put(3).map_err(TryPutError::into_inner), Err(3));
    let put = now(&mut queue.put(4));
    assert_eq!(put.map_err(Closed::into_inner), Err(4));
}

#[test]
fn debug_prints_state_and_waiters() {
    let queue = Queue::<u8>::bounded(2);
    let _get = waiting(queue.get());
    let text = "queue { len: 0, capacity: Some(2), unfinished: 0, closed: false, getters: 1, \
                putters: 0 }";
    assert_eq!(format!("{queue:?}"), text);
}
