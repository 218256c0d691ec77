//! Everything lock-like under wakers that use the lock they are woken by: an executor may poll or
//! drop other waiters inside a wake, and a waker may hold a guard.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use crate::support::{poll_once, poll_with};
use crate::sync::lock_like::{
    Acquire, Guard, Queued, Subject, assert_free, for_everything_lock_like, now, subject,
};

for_everything_lock_like! {
    a_wake_that_polls_the_woken_waiter_lets_it_in_at_once
    a_wake_that_drops_the_woken_waiter_passes_the_grant_on
    a_wake_that_drops_all_other_waiters_leaves_a_free_lock
    a_wake_that_drops_a_neighbour_leaves_the_others_in_line
    a_wake_that_sends_a_newcomer_does_not_let_it_in
    a_wake_that_releases_another_lock_unwinds_a_chain
    a_replaced_waker_whose_drop_releases_grants_the_one_that_replaced_it
    a_dropped_waiter_whose_wakers_drop_releases_passes_it_on
    a_waker_whose_drop_leaves_the_queue_is_dropped_with_nothing_borrowed
}

type Action = Box<dyn FnOnce()>;

thread_local! {
    /// What wakers of this thread do. A waker itself must be `Send`, and so has a number only.
    static ACTIONS: RefCell<Vec<Option<Action>>> = const { RefCell::new(Vec::new()) };
}

fn add(action: impl FnOnce() + 'static) -> usize {
    ACTIONS.with_borrow_mut(|actions| {
        actions.push(Some(Box::new(action)));
        actions.len() - 1
    })
}

fn run(number: usize) {
    let action = ACTIONS.with_borrow_mut(|actions| actions[number].take());
    action.expect("woken or dropped once")();
}

/// Runs its action when it is woken.
struct OnWake(usize);

impl Wake for OnWake {
    fn wake(self: Arc<Self>) {
        run(self.0);
    }
}

fn on_wake(action: impl FnOnce() + 'static) -> Waker {
    Waker::from(Arc::new(OnWake(add(action))))
}

/// Runs its action when its last clone is dropped.
struct AtDrop(usize);

impl Wake for AtDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for AtDrop {
    fn drop(&mut self) {
        run(self.0);
    }
}

fn at_drop(action: impl FnOnce() + 'static) -> Waker {
    Waker::from(Arc::new(AtDrop(add(action))))
}

/// Waiters that actions can reach.
#[derive(Clone, Default)]
struct Line(Rc<RefCell<Vec<Option<Acquire>>>>);

impl Line {
    /// Adds a waiter, polled with `waker`, and returns its place.
    #[track_caller]
    fn join(&self, lock: Subject, waker: &Waker) -> usize {
        let mut acquire = lock.acquire();
        assert!(poll_with(&mut acquire, waker).is_pending());
        self.0.borrow_mut().push(Some(acquire));
        self.0.borrow().len() - 1
    }

    fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Takes a waiter out, with nothing borrowed.
    fn take(&self, place: usize) -> Option<Acquire> {
        self.0.borrow_mut().get_mut(place)?.take()
    }
}

fn a_wake_that_polls_the_woken_waiter_lets_it_in_at_once(lock: Subject) {
    let (line, order) = (Line::default(), Rc::new(RefCell::new(Vec::new())));
    let guard = now(&mut lock.acquire());
    for place in 0..5 {
        let (in_line, order) = (line.clone(), order.clone());
        line.join(
            lock,
            &on_wake(move || {
                let mut acquire = in_line.take(place).expect("it waits");
                let guard = now(&mut acquire);
                order.borrow_mut().push(place);
                assert!(lock.try_acquire().is_none(), "two are inside");
                // Wakes the next one, inside this wake.
                drop(guard);
            }),
        );
    }
    drop(guard);
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    assert_free(lock);
}

fn a_wake_that_drops_the_woken_waiter_passes_the_grant_on(lock: Subject) {
    let line = Line::default();
    let guard = now(&mut lock.acquire());
    for place in 0..4 {
        let in_line = line.clone();
        line.join(lock, &on_wake(move || drop(in_line.take(place))));
    }
    let mut last = Queued::new(lock);
    drop(guard);
    assert!((0..line.len()).all(|place| line.take(place).is_none()));
    assert_eq!(last.spy.wakes(), 1);
    drop(now(&mut last.acquire));
    assert_free(lock);
}

fn a_wake_that_drops_all_other_waiters_leaves_a_free_lock(lock: Subject) {
    for keeps_itself in [true, false] {
        let line = Line::default();
        let guard = now(&mut lock.acquire());
        let in_line = line.clone();
        line.join(
            lock,
            &on_wake(move || {
                for place in (usize::from(keeps_itself)..in_line.len()).rev() {
                    drop(in_line.take(place));
                }
            }),
        );
        for _ in 0..3 {
            line.join(lock, &on_wake(|| panic!("it was dropped")));
        }
        drop(guard);
        assert_eq!(line.take(0).is_some(), keeps_itself);
        assert_free(lock);
    }
}

fn a_wake_that_drops_a_neighbour_leaves_the_others_in_line(lock: Subject) {
    for victim in 1..4 {
        let line = Line::default();
        let guard = now(&mut lock.acquire());
        let in_line = line.clone();
        line.join(lock, &on_wake(move || drop(in_line.take(victim))));
        for _ in 1..4 {
            line.join(lock, Waker::noop());
        }
        drop(guard);
        for place in (0..4).filter(|place| *place != victim) {
            assert!(lock.try_acquire().is_none(), "it belongs to {place}");
            drop(now(&mut line.take(place).unwrap()));
        }
        assert!(line.take(victim).is_none());
        assert_free(lock);
    }
}

fn a_wake_that_sends_a_newcomer_does_not_let_it_in(lock: Subject) {
    let (line, newcomers) = (Line::default(), Line::default());
    let guard = now(&mut lock.acquire());
    let into = newcomers.clone();
    line.join(
        lock,
        &on_wake(move || {
            assert!(lock.try_acquire().is_none(), "it robs the woken one");
            into.join(lock, Waker::noop());
        }),
    );
    line.join(lock, Waker::noop());
    drop(guard);
    for waiter in [line.take(0), line.take(1), newcomers.take(0)] {
        drop(now(&mut waiter.unwrap()));
    }
    assert_free(lock);
}

/// Each wake releases the next lock of a chain while the release of the one before is on the stack.
fn a_wake_that_releases_another_lock_unwinds_a_chain(first: Subject) {
    let locks = ["lock", "owned_permit", "queue_token"].map(subject);
    let woken = Rc::new(Cell::new(0));
    let line = Line::default();
    let guard = now(&mut first.acquire());
    let mut previous = first;
    for lock in locks {
        let held: Guard = now(&mut lock.acquire());
        let woken = woken.clone();
        line.join(
            previous,
            &on_wake(move || {
                woken.set(woken.get() + 1);
                drop(held);
            }),
        );
        previous = lock;
    }
    drop(guard);
    assert_eq!(woken.get(), 3);
    for place in 0..3 {
        drop(now(&mut line.take(place).unwrap()));
    }
    for lock in [first, locks[0], locks[1], locks[2]] {
        assert_free(lock);
    }
}

fn a_replaced_waker_whose_drop_releases_grants_the_one_that_replaced_it(lock: Subject) {
    let guard = now(&mut lock.acquire());
    let mut acquire = lock.acquire();
    assert!(poll_with(&mut acquire, &at_drop(move || drop(guard))).is_pending());
    // This poll is too early to see the grant, which comes while the old waker is dropped.
    let (spy, waker) = crate::support::Spy::new();
    let polled = poll_with(&mut acquire, &waker);
    assert!(
        polled.is_ready() || spy.wakes() == 1,
        "granted and not told"
    );
    drop(polled);
    if spy.wakes() == 1 {
        drop(now(&mut acquire));
    }
    assert_free(lock);
}

fn a_dropped_waiter_whose_wakers_drop_releases_passes_it_on(lock: Subject) {
    for release_by_waker in [true, false] {
        let guard = Rc::new(RefCell::new(Some(now(&mut lock.acquire()))));
        let in_waker = guard.clone();
        let mut head = lock.acquire();
        let waker = at_drop(move || {
            if release_by_waker {
                let guard = in_waker.take();
                drop(guard);
            }
        });
        assert!(poll_with(&mut head, &waker).is_pending());
        drop(waker);
        let mut next = Queued::new(lock);
        drop(head);
        let guard = guard.take();
        drop(guard);
        assert_eq!(next.spy.wakes(), 1);
        drop(now(&mut next.acquire));
        assert_free(lock);
    }
}

/// The drop of a waker may itself drop waiters of the same queue, and so on down the line.
fn a_waker_whose_drop_leaves_the_queue_is_dropped_with_nothing_borrowed(lock: Subject) {
    let guard = now(&mut lock.acquire());
    let line = Line::default();
    for place in 0..4 {
        let in_line = line.clone();
        line.join(lock, &at_drop(move || drop(in_line.take(place + 1))));
    }
    let mut last = Queued::new(lock);
    drop(line.take(0));
    assert!((0..4).all(|place| line.take(place).is_none()));
    drop(guard);
    assert_eq!(last.spy.wakes(), 1);
    match poll_once(&mut last.acquire) {
        Poll::Ready(guard) => drop(guard),
        Poll::Pending => panic!("the last of the line is stuck"),
    }
    assert_free(lock);
}
