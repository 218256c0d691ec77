//! Fifteen planted faults that the plain order of the loop hides: each is found within three delays and a
//! thousand schedules, its token repeats it, and the schedule that was made small fails in the same way.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use turnwise::explore::{Exploration, Failure};
use turnwise::sync::{Condition, Event, Lock, Queue};
use turnwise::{explore, sleep, spawn, spawn_blocking, timeout, yield_now};

const MS: Duration = Duration::from_millis(1);

/// Whether `a` and `b` are the same kind of failure, and the same panic.
fn alike(a: Option<&Failure>, b: Option<&Failure>) -> bool {
    match (a, b) {
        (Some(Failure::Panic(a)), Some(Failure::Panic(b))) => a == b,
        (Some(a), Some(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
        _ => false,
    }
}

/// Checks that the plain order passes, and that a search within three delays, and so many cancellations and stalls,
/// finds the fault.
fn finds<F: Future<Output = ()>>(
    body: impl Fn() -> F + Copy,
    cancels: u32,
    stalls: u32,
) -> Rc<Exploration> {
    let explorer = || explore(body).cancels(cancels).stalls(stalls);
    explore(body).delays(0).run().assert_ok();
    let found = explorer().delays(3).run();
    let token = found
        .token()
        .unwrap_or_else(|| panic!("not found: {found}"));
    assert!(found.schedules() < 1000, "{found}");
    for _ in 0..10 {
        let again = explorer().replay(token);
        let same = alike(again.failure(), found.failure());
        assert!(same, "{token} gives\n{again}\nand not\n{found}");
    }
    // A walk by chance finds it, too.
    let walked = explorer().random(7).schedules(100_000).run();
    assert!(walked.failure().is_some(), "{walked}");
    Rc::new(found)
}

#[test]
fn a_lost_update() {
    let found = finds(
        || async {
            let count = Rc::new(Cell::new(0));
            let other = spawn({
                let count = count.clone();
                async move { count.set(count.get() + 1) }
            });
            let seen = spawn({
                let count = count.clone();
                async move {
                    let seen = count.get();
                    yield_now().await;
                    count.set(seen + 1);
                }
            });
            other.await.unwrap();
            seen.await.unwrap();
            assert_eq!(count.get(), 2);
        },
        0,
        0,
    );
    assert!(found.to_string().contains("although task"), "{found}");
}

#[test]
fn two_locks_in_two_orders() {
    let found = finds(
        || async {
            let (a, b) = (Rc::new(Lock::new(())), Rc::new(Lock::new(())));
            let one = spawn({
                let (a, b) = (a.clone(), b.clone());
                async move {
                    let _a = a.acquire().await;
                    yield_now().await;
                    let _b = b.acquire().await;
                }
            });
            let two = spawn(async move {
                // In the plain order the first task is through by now.
                for _ in 0..3 {
                    yield_now().await;
                }
                let _b = b.acquire().await;
                yield_now().await;
                let _a = a.acquire().await;
            });
            one.await.unwrap();
            two.await.unwrap();
        },
        0,
        0,
    );
    assert!(
        matches!(found.failure(), Some(Failure::Deadlock(text)) if text.contains("cycle of 2")),
        "{found}"
    );
}

#[test]
fn notify_one_reaches_the_waiter_of_the_other_predicate() {
    finds(
        || async {
            let shared = Rc::new((Lock::new((0, 0)), Condition::new()));
            let waiter = |first: bool| {
                let shared = shared.clone();
                async move {
                    let guard = shared.0.acquire().await;
                    let fits = |v: &mut (i32, i32)| if first { v.0 > 0 } else { v.1 > 0 };
                    drop(shared.1.wait_for(guard, fits).await);
                }
            };
            let one = spawn(waiter(true));
            let two = spawn(waiter(false));
            let teller = spawn({
                let shared = shared.clone();
                async move {
                    for step in 0..2 {
                        let mut guard = shared.0.acquire().await;
                        if step == 0 {
                            guard.0 = 1
                        } else {
                            guard.1 = 1
                        }
                        shared.1.notify_one();
                        drop(guard);
                        for _ in 0..4 {
                            yield_now().await;
                        }
                    }
                }
            });
            for task in [one, two, teller] {
                task.await.unwrap();
            }
        },
        0,
        0,
    );
}

#[test]
fn checked_and_then_done() {
    finds(
        || async {
            let places = Rc::new(Cell::new(1));
            let book = |places: Rc<Cell<i32>>, late: usize| async move {
                for _ in 0..late {
                    yield_now().await;
                }
                if places.get() > 0 {
                    yield_now().await;
                    places.set(places.get() - 1);
                }
            };
            let one = spawn(book(places.clone(), 0));
            let two = spawn(book(places.clone(), 2));
            one.await.unwrap();
            two.await.unwrap();
            assert!(places.get() >= 0, "sold twice");
        },
        0,
        0,
    );
}

#[test]
fn a_flag_is_read_before_the_wait() {
    let found = finds(
        || async {
            let shared = Rc::new((Cell::new(false), Event::new()));
            let setter = spawn({
                let shared = shared.clone();
                async move {
                    shared.0.set(true);
                    // Whoever waits now is woken; nobody else is.
                    shared.1.set();
                    shared.1.clear();
                }
            });
            let waiter = spawn(async move {
                if !shared.0.get() {
                    yield_now().await;
                    shared.1.wait().await;
                }
            });
            setter.await.unwrap();
            waiter.await.unwrap();
        },
        0,
        0,
    );
    assert!(
        matches!(found.failure(), Some(Failure::Deadlock(_))),
        "{found}"
    );
}

#[test]
fn looked_into_and_then_taken() {
    finds(
        || async {
            let items = Rc::new(RefCell::new(VecDeque::from([1])));
            let take = |items: Rc<RefCell<VecDeque<i32>>>, late: usize| async move {
                for _ in 0..late {
                    yield_now().await;
                }
                if !items.borrow().is_empty() {
                    yield_now().await;
                    items.borrow_mut().pop_front().expect("it was not empty");
                }
            };
            let one = spawn(take(items.clone(), 0));
            let two = spawn(take(items, 2));
            one.await.unwrap();
            two.await.unwrap();
        },
        0,
        0,
    );
}

#[test]
fn made_twice() {
    finds(
        || async {
            let shared = Rc::new((Cell::new(false), Cell::new(0)));
            let init = |shared: Rc<(Cell<bool>, Cell<i32>)>, late: usize| async move {
                for _ in 0..late {
                    yield_now().await;
                }
                if !shared.0.get() {
                    yield_now().await;
                    shared.0.set(true);
                    shared.1.set(shared.1.get() + 1);
                }
            };
            let one = spawn(init(shared.clone(), 0));
            let two = spawn(init(shared.clone(), 2));
            one.await.unwrap();
            two.await.unwrap();
            assert_eq!(shared.1.get(), 1);
        },
        0,
        0,
    );
}

#[test]
fn closed_before_the_last_item() {
    finds(
        || async {
            let queue = Rc::new(Queue::unbounded());
            let producer = spawn({
                let queue = queue.clone();
                async move {
                    yield_now().await;
                    queue.put(1).await.expect("the queue is open");
                }
            });
            let closer = spawn({
                let queue = queue.clone();
                async move {
                    for _ in 0..2 {
                        yield_now().await;
                    }
                    queue.close();
                }
            });
            producer.await.unwrap();
            closer.await.unwrap();
        },
        0,
        0,
    );
}

#[test]
fn answers_of_two_blocking_calls_in_the_other_order() {
    finds(
        || async {
            let log = Rc::new(RefCell::new(Vec::new()));
            let ask = |n: i32| {
                let log = log.clone();
                spawn(async move {
                    let answer = spawn_blocking(move || n).await.unwrap();
                    log.borrow_mut().push(answer);
                })
            };
            let (one, two) = (ask(1), ask(2));
            one.await.unwrap();
            two.await.unwrap();
            assert_eq!(*log.borrow(), [1, 2]);
        },
        0,
        0,
    );
}

#[test]
fn equal_deadlines_in_the_other_order() {
    finds(
        || async {
            let log = Rc::new(RefCell::new(Vec::new()));
            let wait = |n: i32| {
                let log = log.clone();
                spawn(async move {
                    sleep(MS).await;
                    log.borrow_mut().push(n);
                })
            };
            let (one, two) = (wait(1), wait(2));
            one.await.unwrap();
            two.await.unwrap();
            assert_eq!(*log.borrow(), [1, 2]);
        },
        0,
        0,
    );
}

#[test]
fn a_race_drops_the_item_that_it_took() {
    finds(
        || async {
            let queue = Rc::new(Queue::unbounded());
            let stop = Rc::new(Event::new());
            let consumer = spawn({
                let (queue, stop) = (queue.clone(), stop.clone());
                async move {
                    let taken = async {
                        let item = queue.get().await.ok();
                        // The item is out of the queue, and this branch can still lose.
                        yield_now().await;
                        yield_now().await;
                        item
                    };
                    let stopped = async {
                        stop.wait().await;
                        None
                    };
                    turnwise::race((taken, stopped)).await
                }
            });
            queue.put(1).await.unwrap();
            let stopper = spawn(async move {
                for _ in 0..3 {
                    yield_now().await;
                }
                stop.set();
            });
            let taken = consumer.await.unwrap();
            stopper.await.unwrap();
            assert_eq!(taken.is_some() as usize + queue.len(), 1, "an item is gone");
        },
        0,
        0,
    );
}

#[test]
fn a_cancelled_task_does_not_count_down() {
    finds(
        || async {
            let inside = Rc::new(Cell::new(0));
            let task = spawn({
                let inside = inside.clone();
                async move {
                    inside.set(inside.get() + 1);
                    yield_now().await;
                    inside.set(inside.get() - 1);
                }
            });
            let _ = task.await;
            assert_eq!(inside.get(), 0);
        },
        1,
        0,
    );
}

#[test]
fn a_cancelled_task_has_an_item_in_its_hands() {
    finds(
        || async {
            let (from, to) = (Rc::new(Queue::unbounded()), Rc::new(Queue::unbounded()));
            from.put(1).await.unwrap();
            let mover = spawn({
                let (from, to) = (from.clone(), to.clone());
                async move {
                    let item = from.get().await.unwrap();
                    yield_now().await;
                    to.put(item).await.unwrap();
                }
            });
            let _ = mover.await;
            assert_eq!(from.len() + to.len(), 1);
        },
        1,
        0,
    );
}

#[test]
fn a_cancelled_task_never_sets_the_event() {
    let found = finds(
        || async {
            let event = Rc::new(Event::new());
            let setter = spawn({
                let event = event.clone();
                async move {
                    yield_now().await;
                    event.set();
                }
            });
            event.wait().await;
            let _ = setter.await;
        },
        1,
        0,
    );
    assert!(found.to_string().contains("cancels task"), "{found}");
}

#[test]
fn a_timeout_drops_what_its_future_took() {
    finds(
        || async {
            let queue = Rc::new(Queue::unbounded());
            let consumer = spawn({
                let queue = queue.clone();
                async move {
                    let work = async {
                        let item = queue.get().await.unwrap();
                        yield_now().await;
                        yield_now().await;
                        item
                    };
                    timeout(10 * MS, work).await.is_ok()
                }
            });
            queue.put(1).await.unwrap();
            let done = consumer.await.unwrap();
            assert_eq!(usize::from(done) + queue.len(), 1, "an item is gone");
        },
        0,
        1,
    );
}
