//! What happens to a future from outside its poll while it is parked, and is not polled again: it is
//! over when it should be, and no verdict says that it never will be.
//!
//! Each case runs on both clocks, within one task (inline, and under a combinator with wakers of its
//! own) and across two.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use turnwise::sync::{
    Barrier, Condition, CountDownLatch, Event, Lock, OnceCell, Queue, RwLock, Semaphore, oneshot,
};
use turnwise::time::{Instant, TimeLimit};
use turnwise::{
    Runtime, gather, interval, sleep, sleep_until, spawn, timeout, try_task_group, yield_now,
};

use crate::support::{bounded, virtual_runtime};

/// A future that is parked, and what is done to it from outside.
struct Case {
    parked: LocalBoxFuture<'static, ()>,
    act: Box<dyn FnOnce()>,
}

fn case(parked: impl Future + 'static, act: impl FnOnce() + 'static) -> Case {
    Case {
        parked: parked.map(drop).boxed_local(),
        act: Box::new(act),
    }
}

/// When the act comes.
const ACT: Duration = Duration::from_millis(5);
const NEAR: Duration = Duration::from_millis(10);
const LATER: Duration = Duration::from_millis(55);
const FAR: Duration = Duration::from_secs(3600);
const NEVER: Duration = Duration::MAX;

/// Polls what others can reach meanwhile.
fn shared<F: Future>(
    future: &Rc<RefCell<Pin<Box<F>>>>,
) -> impl Future<Output = F::Output> + use<F> {
    let future = future.clone();
    poll_fn(move |cx| future.borrow_mut().as_mut().poll(cx))
}

fn share<F: Future>(future: F) -> Rc<RefCell<Pin<Box<F>>>> {
    Rc::new(RefCell::new(Box::pin(future)))
}

/// Something that waits until a deadline, and how the deadline is moved.
type Movable = fn(Instant, Instant) -> Case;

#[rustfmt::skip]
const MOVABLES: &[(&str, Movable)] = &[
    ("Sleep::reset", |from, to| {
        let nap = share(sleep_until(from));
        case(shared(&nap), move || nap.borrow_mut().as_mut().reset(to))
    }),
    ("Timeout::reschedule", |from, to| {
        let limit = share(turnwise::timeout_at(from, pending::<()>()));
        case(shared(&limit), move || drop(limit.borrow().reschedule(to)))
    }),
    ("TimeLimit::reschedule", |from, to| {
        let limit = Rc::new(TimeLimit::until(from));
        let theirs = limit.clone();
        let parked = async move { theirs.timeout(pending::<()>()).await };
        case(parked, move || drop(limit.reschedule(to)))
    }),
    ("TimeLimit::reschedule, of a limit that is bounded a second time", |from, to| {
        let limit = Rc::new(TimeLimit::until(from));
        let theirs = limit.clone();
        let parked = async move {
            assert_eq!(theirs.timeout(yield_now()).await, Ok(()));
            theirs.timeout(pending::<()>()).await
        };
        case(parked, move || drop(limit.reschedule(to)))
    }),
];

/// From when to when deadlines are moved, after the beginning, and when that is over.
const MOVES: &[(Duration, Duration, Duration)] = &[
    (NEAR, LATER, LATER),
    (FAR, NEAR, NEAR),
    (FAR, ACT, ACT),
    (FAR, Duration::ZERO, ACT),
    (NEVER, NEAR, NEAR),
];

/// What others release, grant, close or cancel.
type Making = fn() -> Case;

#[rustfmt::skip]
const OTHERS: &[(&str, Making)] = &[
    ("Interval::reset", || {
        let ticks = share_stream(turnwise::time::interval_at(Instant::now() + FAR, ACT));
        let parked = ticks.clone();
        let parked = poll_fn(move |cx| parked.borrow_mut().poll_next_unpin(cx));
        case(parked, move || ticks.borrow_mut().reset())
    }),
    ("guard of a lock", || {
        let lock = Rc::new(RwLock::new(()));
        let held = Box::leak(Box::new(lock.clone())).try_write().expect("it is free");
        case(async move { drop(lock.read().await) }, move || drop(held))
    }),
    ("Event::set", || {
        let event = Rc::new(Event::new());
        let theirs = event.clone();
        case(async move { theirs.wait().await }, move || event.set())
    }),
    ("Condition::notify_all", || {
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let theirs = shared.clone();
        let parked = async move {
            let guard = theirs.0.acquire().await;
            drop(theirs.1.wait(guard).within(FAR).await);
        };
        case(parked, move || { shared.1.notify_all(); })
    }),
    ("Semaphore::add_permits", || {
        let permits = Rc::new(Semaphore::new(0));
        let theirs = permits.clone();
        case(async move { drop(theirs.acquire_many(2).await) }, move || {
            permits.add_permits(2).expect("there are few");
        })
    }),
    ("Queue::try_put", || {
        let queue = Rc::new(Queue::bounded(1));
        let theirs = queue.clone();
        case(async move { drop(theirs.get().await) }, move || queue.try_put(1).expect("there is room"))
    }),
    ("Queue::close, for a getter", || {
        let queue = Rc::new(Queue::<u8>::bounded(1));
        let theirs = queue.clone();
        case(async move { drop(theirs.get().await) }, move || queue.close())
    }),
    ("Queue::close, for a putter", || {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(1).expect("there is room");
        let theirs = queue.clone();
        case(async move { drop(theirs.put(2).await) }, move || queue.close())
    }),
    ("Barrier::abort", || {
        let barrier = Rc::new(Barrier::new(2));
        let theirs = barrier.clone();
        case(async move { drop(theirs.wait().await) }, move || barrier.abort())
    }),
    ("CountDownLatch::count_down", || {
        let latch = Rc::new(CountDownLatch::new(1));
        let theirs = latch.clone();
        case(async move { theirs.wait().await }, move || latch.count_down())
    }),
    ("OnceCell::set", || {
        let cell = Rc::new(OnceCell::new());
        let (theirs, (open, opened)) = (cell.clone(), oneshot::channel());
        let parked = async move {
            let slow = async { opened.await.map_err(drop) };
            let _ = gather((theirs.get_or_try_init(|| slow), theirs.get_or_init(async || 1))).await;
        };
        case(parked, move || { let _ = open.send(2); })
    }),
    ("oneshot: send", || {
        let (send, receive) = oneshot::channel();
        case(receive, move || send.send(1).expect("it waits"))
    }),
    ("oneshot: drop of the sender", || {
        let (send, receive) = oneshot::channel::<u8>();
        case(receive, move || drop(send))
    }),
    ("cancel of an awaited task", || {
        let task = share(spawn(pending::<()>()));
        case(shared(&task), move || { task.borrow().cancel(); })
    }),
    ("TaskGroup::cancel", || {
        let (tell, told) = oneshot::channel();
        let parked = try_task_group::<_, _, (), ()>(async move |group| {
            assert!(tell.send(group.clone()).is_ok());
            pending::<Result<(), ()>>().await
        });
        case(parked, move || {
            let group = told.now_or_never().expect("the body has begun");
            group.expect("it was sent").cancel();
        })
    }),
];

fn share_stream<S>(stream: S) -> Rc<RefCell<S>> {
    Rc::new(RefCell::new(stream))
}

type Arrangement = fn(Case) -> LocalBoxFuture<'static, ()>;

const ARRANGEMENTS: &[(&str, Arrangement)] = &[
    ("in one task", |case| {
        let act = async { (sleep(ACT).await, (case.act)()) };
        async { drop(gather((case.parked, act)).await) }.boxed_local()
    }),
    ("in one task, under a combinator", |case| {
        let act = async { (sleep(ACT).await, (case.act)()).1 };
        let both = FuturesUnordered::from_iter([case.parked, act.boxed_local()]);
        both.collect().boxed_local()
    }),
    ("across two tasks", |case| {
        async {
            let parked = spawn(case.parked);
            sleep(ACT).await;
            (case.act)();
            parked.await.expect("it is not cancelled");
        }
        .boxed_local()
    }),
];

type Make = Box<dyn Fn() -> Case>;

/// Every case, with when it is over after its beginning.
fn cases() -> impl Iterator<Item = (String, Make, Duration)> {
    let moved = MOVABLES.iter().flat_map(|&(name, movable)| {
        MOVES.iter().map(move |&(from, to, over)| {
            let make: Make = Box::new(move || {
                let now = Instant::now();
                movable(now + from, now + to)
            });
            (format!("{name}, from {from:?} to {to:?}"), make, over)
        })
    });
    let others = OTHERS.iter().map(|&(name, make)| {
        let over = match name {
            "Interval::reset" => 2 * ACT,
            _ => ACT,
        };
        let make: Make = Box::new(make);
        (name.to_owned(), make, over)
    });
    moved.chain(others)
}

#[test]
fn what_is_moved_while_it_is_parked_is_over_in_time_on_the_virtual_clock() {
    bounded(|| {
        for (how, arrange) in ARRANGEMENTS {
            for (name, make, over) in cases() {
                let runtime = virtual_runtime();
                let took = runtime.try_block_on(async {
                    let start = Instant::now();
                    arrange(make()).await;
                    start.elapsed()
                });
                let took = took.unwrap_or_else(|verdict| panic!("{name}, {how}: {verdict}"));
                assert_eq!(took, over, "{name}, {how}");
            }
        }
    });
}

#[test]
fn what_is_moved_while_it_is_parked_is_over_in_time_on_the_real_clock() {
    bounded(|| {
        for (how, arrange) in ARRANGEMENTS {
            for (name, make, over) in cases() {
                let runtime = Runtime::new();
                let took = runtime.try_block_on(async {
                    let start = Instant::now();
                    arrange(make()).await;
                    start.elapsed()
                });
                let took = took.unwrap_or_else(|verdict| panic!("{name}, {how}: {verdict}"));
                // That it is not late shows in the hour that it does not take; where the system is, the act
                // may find it over already.
                assert!(took >= over.min(NEAR), "{name}, {how}: {took:?}");
            }
        }
    });
}

#[test]
fn a_deadline_is_moved_again_and_again_and_wakes_its_waiter_once() {
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let nap = share(sleep(NEAR));
        let parked = spawn(shared(&nap));
        yield_now().await;
        for round in 1..100 {
            nap.borrow_mut().as_mut().reset(start + round * NEAR);
            assert_eq!(runtime.stats().timers, 1);
            assert!(!nap.borrow().is_elapsed());
            sleep(NEAR / 2).await;
            assert!(!parked.is_finished(), "in round {round}");
        }
        parked.await.expect("it is not cancelled");
        assert!(nap.borrow().is_elapsed());
        assert_eq!(start.elapsed(), 99 * NEAR);
    });
}

#[test]
fn a_deadline_is_moved_between_its_expiry_and_the_poll_that_it_caused() {
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let nap = share(sleep(NEAR));
        let theirs = nap.clone();
        let first = spawn(async move {
            sleep(NEAR).await;
            assert!(theirs.borrow().is_elapsed());
            theirs.borrow_mut().as_mut().reset(start + LATER);
            assert!(!theirs.borrow().is_elapsed());
        });
        spawn(shared(&nap)).await.expect("it is not cancelled");
        first.await.expect("it is not cancelled");
        assert_eq!(start.elapsed(), LATER);
    });
}

#[test]
fn a_future_moves_the_limit_that_bounds_it() {
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let limit = TimeLimit::after(NEAR);
        let work = async {
            for _ in 0..5 {
                limit.reschedule(Instant::now() + NEAR).expect("it waits");
                sleep(NEAR / 2).await;
            }
            pending::<()>().await
        };
        assert!(limit.timeout(work).await.is_err());
        assert!(limit.expired() && limit.when() == start + 3 * NEAR);
        assert_eq!(start.elapsed(), 3 * NEAR);
    });
}

#[test]
fn a_tick_that_nobody_awaits_any_more_is_moved_too() {
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let mut ticks = interval(NEAR);
        ticks.tick().await;
        assert!(timeout(NEAR / 2, ticks.tick()).await.is_err());
        ticks.reset();
        ticks.tick().await;
        assert_eq!(start.elapsed(), NEAR * 3 / 2);
    });
}
