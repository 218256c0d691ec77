//! Unit tests of the priority queue: order, and an `Ord` that panics or re-enters.

use std::cell::Cell;
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::super::spy::{now, poll};
use super::*;

/// Counts its comparisons down and panics at zero.
#[derive(Clone)]
struct Touchy(u32, Rc<Cell<u32>>);

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        self.1.set(self.1.get() - 1);
        assert!(self.1.get() > 0, "touchy");
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Touchy {}

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

#[test]
fn equal_items_leave_in_the_order_they_came() {
    let queue = PriorityQueue::unbounded();
    let mut seed = 1_u32;
    let mut expected = Vec::new();
    for number in 0..500 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let key = Reverse(seed >> 29);
        expected.push((key, number));
        queue.try_put(Keyed(key, number)).unwrap();
    }
    expected.sort();
    for (key, number) in expected.drain(..250) {
        let Ok(Keyed(got, at)) = queue.try_get() else {
            panic!("an item is missing")
        };
        assert_eq!((got, at), (key, number));
    }
    let rest = queue.close_now().into_iter().map(|Keyed(key, n)| (key, n));
    assert!(rest.eq(expected));
}

/// Ordered by its key alone.
struct Keyed(Reverse<u32>, u32);

impl Ord for Keyed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Keyed {}

#[test]
fn a_panic_at_any_comparison_loses_no_item_and_no_order() {
    for fuse in 1..8 {
        let left = Rc::new(Cell::new(u32::MAX));
        let queue = PriorityQueue::unbounded();
        for n in [5, 3, 8, 1, 9, 2, 7] {
            queue.try_put(Touchy(n, left.clone())).unwrap();
        }
        left.set(fuse);
        let put = !panics(|| queue.try_put(Touchy(0, left.clone())));
        left.set(fuse);
        let got = catch_unwind(AssertUnwindSafe(|| queue.try_get().map(|item| item.0))).ok();
        left.set(fuse);
        assert!(panics(|| queue.close_now()) && !queue.is_closed());
        left.set(u32::MAX);
        let mut all: Vec<_> = got.into_iter().flatten().collect();
        all.extend(queue.close_now().into_iter().map(|item| item.0));
        let expected = if put {
            vec![0, 1, 2, 3, 5, 7, 8, 9]
        } else {
            vec![1, 2, 3, 5, 7, 8, 9]
        };
        assert_eq!(all, expected);
        assert_eq!(queue.len(), 0);
    }
}

#[test]
fn a_grant_whose_use_panics_goes_to_the_next() {
    let left = Rc::new(Cell::new(u32::MAX));
    let queue = PriorityQueue::bounded(3);
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    for n in [2, 1] {
        queue.try_put(Touchy(n, left.clone())).unwrap();
    }
    let mut third = queue.get();
    assert!(poll(&mut third).is_pending());
    queue.try_put(Touchy(0, left.clone())).unwrap();
    left.set(1);
    assert!(panics(|| poll(&mut first)));
    left.set(u32::MAX);
    queue
        .try_get()
        .map(drop)
        .expect("its item is nobody's again");
    drop((second, third));
    let mut putter = queue.put(Touchy(3, left.clone()));
    assert!(now(&mut putter).is_ok());
    let (mut panicking, mut next) = (
        queue.put(Touchy(4, left.clone())),
        queue.put(Touchy(5, left.clone())),
    );
    assert!(poll(&mut panicking).is_pending() && poll(&mut next).is_pending());
    assert!(queue.try_get().is_ok());
    left.set(1);
    assert!(panics(|| poll(&mut panicking)));
    left.set(u32::MAX);
    assert!(now(&mut next).is_ok());
    assert_eq!((queue.len(), queue.is_full()), (3, true));
}

#[test]
fn using_the_queue_inside_its_own_ord_panics_and_loses_nothing() {
    struct Nosy(u32, Rc<PriorityQueue<Nosy>>, bool);
    impl Ord for Nosy {
        fn cmp(&self, other: &Self) -> Ordering {
            if self.2 || other.2 {
                let _ = self.1.try_get();
            }
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Nosy {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Nosy {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Nosy {}

    let queue = Rc::new(PriorityQueue::unbounded());
    for n in [2, 1] {
        assert!(queue.try_put(Nosy(n, queue.clone(), false)).is_ok());
    }
    assert!(panics(|| queue.try_put(Nosy(0, queue.clone(), true))));
    let left: Vec<_> = queue.close_now().iter().map(|item| item.0).collect();
    assert_eq!(left, [1, 2]);
}
