//! Everything that waits, polled by somebody else: by combinators with wakers of their own inside
//! turnwise, and (what needs no time) by other executors without any runtime of ours.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{self, Either, LocalBoxFuture};
use futures::stream::FuturesUnordered;
use pin_utils::pin_mut;
use turnwise::sync::{Event, Lock, Queue};
use turnwise::{Runtime, sleep, spawn, timeout, yield_now};

use crate::support::{Log, bounded, virtual_runtime};

type Child = LocalBoxFuture<'static, ()>;

/// Futures that wait for each other, and what must be true when all are over.
struct Scenario {
    children: Vec<Child>,
    check: Box<dyn FnOnce()>,
}

impl Scenario {
    fn new(children: Vec<Child>, check: impl FnOnce() + 'static) -> Self {
        let check = Box::new(check);
        Scenario { children, check }
    }
}

const CHILDREN: usize = 5;

fn lock() -> Scenario {
    let (lock, log) = (Rc::new(Lock::new(0)), Log::new());
    let child = |n: usize| -> Child {
        let (lock, log) = (lock.clone(), log.clone());
        Box::pin(async move {
            for _ in 0..3 {
                let mut value = lock.acquire().await;
                let seen = *value;
                yield_now().await;
                *value = seen + 1;
                log.add(n.to_string());
            }
        })
    };
    let children = (0..CHILDREN).map(child).collect();
    Scenario::new(children, move || {
        assert_eq!(*lock.try_acquire().unwrap(), 3 * CHILDREN);
        // Handed round in the same order each time, whatever that order is.
        let text = log.text();
        assert_eq!(text.len(), 2 * 3 * CHILDREN - 1);
        let rounds: Vec<_> = text
            .as_bytes()
            .chunks(2 * CHILDREN)
            .map(|r| &r[..2 * CHILDREN - 1])
            .collect();
        assert!(rounds.iter().all(|round| *round == rounds[0]), "{text}");
    })
}

fn event() -> Scenario {
    let (event, released) = (Rc::new(Event::new()), Rc::new(Cell::new(0)));
    let mut children: Vec<Child> = (0..CHILDREN)
        .map(|_| -> Child {
            let (event, released) = (event.clone(), released.clone());
            Box::pin(async move {
                event.wait().await;
                released.set(released.get() + 1);
            })
        })
        .collect();
    children.push({
        let (event, released) = (event.clone(), released.clone());
        Box::pin(async move {
            for _ in 0..3 {
                yield_now().await;
            }
            assert_eq!(released.get(), 0);
            event.set();
            event.clear();
        })
    });
    Scenario::new(children, move || assert_eq!(released.get(), CHILDREN))
}

fn queue() -> Scenario {
    const ITEMS: usize = 20;
    let queue = Rc::new(Queue::bounded(1));
    let (taken, joined) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(false)));
    let producing = Rc::new(Cell::new(2));
    let mut children: Vec<Child> = Vec::new();
    for producer in 0..2 {
        let (queue, producing, joined) = (queue.clone(), producing.clone(), joined.clone());
        children.push(Box::pin(async move {
            for n in 0..ITEMS {
                queue.put((producer, n)).await.unwrap();
            }
            producing.set(producing.get() - 1);
            if producing.get() == 0 {
                queue.join().await;
                joined.set(true);
                queue.close();
            }
        }));
    }
    for _ in 0..2 {
        let (queue, taken) = (queue.clone(), taken.clone());
        children.push(Box::pin(async move {
            while let Ok(item) = queue.take().await {
                yield_now().await;
                taken.borrow_mut().push(*item);
            }
        }));
    }
    Scenario::new(children, move || {
        let taken = taken.take();
        assert_eq!(taken.len(), 2 * ITEMS);
        for producer in 0..2 {
            let mut of_one: Vec<_> = taken.iter().filter(|item| item.0 == producer).collect();
            of_one.sort_unstable();
            of_one.dedup();
            assert_eq!(of_one.len(), ITEMS);
        }
        assert!(joined.get() && queue.is_closed() && queue.is_empty());
        assert_eq!(queue.unfinished(), 0);
    })
}

fn yields() -> Scenario {
    let log = Log::new();
    let child = |n: usize| -> Child {
        let log = log.clone();
        Box::pin(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            log.add(n.to_string());
        })
    };
    let children = (0..CHILDREN).map(child).collect();
    Scenario::new(children, move || assert_eq!(log.len(), CHILDREN))
}

/// Needs a runtime: sleeps of equal and different lengths.
fn sleeps() -> Scenario {
    let log = Log::new();
    let child = |n: u64| -> Child {
        let log = log.clone();
        Box::pin(async move {
            sleep(Duration::from_millis(10 - n)).await;
            timeout(Duration::from_millis(n), std::future::pending::<()>())
                .await
                .unwrap_err();
            sleep(Duration::ZERO).await;
            log.add(n.to_string());
        })
    };
    let children = (1..=CHILDREN as u64).map(child).collect();
    Scenario::new(children, move || assert_eq!(log.len(), CHILDREN))
}

/// Needs a runtime: handles of tasks, and handles of tasks that await handles.
fn handles() -> Scenario {
    let sum = Rc::new(Cell::new(0));
    let child = |n: usize| -> Child {
        let sum = sum.clone();
        Box::pin(async move {
            let inner = spawn(async move {
                yield_now().await;
                n
            });
            let outer = spawn(async move { inner.await.unwrap() });
            let n = outer.await.unwrap();
            sum.set(sum.get() + n);
        })
    };
    let children = (0..CHILDREN).map(child).collect();
    Scenario::new(children, move || assert_eq!(sum.get(), 10))
}

const ANYWHERE: [fn() -> Scenario; 4] = [lock, event, queue, yields];
const WITH_RUNTIME: [fn() -> Scenario; 6] = [lock, event, queue, yields, sleeps, handles];

type Combine = fn(Vec<Child>) -> Child;

/// Ways to poll several futures in one task.
const COMBINATORS: [(&str, Combine); 6] = [
    ("join!", |children| {
        children
            .into_iter()
            .rev()
            .reduce(|rest, child| Box::pin(async { drop(futures::join!(child, rest)) }))
            .expect("there are children")
    }),
    ("join_all", |children| {
        Box::pin(async { drop(future::join_all(children).await) })
    }),
    // Above thirty it changes to another mechanism.
    ("join_all of many", |mut children| {
        children.extend((0..40).map(|_| -> Child { Box::pin(yield_now()) }));
        Box::pin(async { drop(future::join_all(children).await) })
    }),
    ("FuturesUnordered", |children| {
        let mut all: FuturesUnordered<_> = children.into_iter().collect();
        Box::pin(async move { while all.next().await.is_some() {} })
    }),
    ("nested FuturesUnordered", |children| {
        let mut all: FuturesUnordered<_> = children
            .into_iter()
            .map(|child| {
                let inner: FuturesUnordered<_> = [child].into_iter().collect();
                inner.collect::<Vec<()>>()
            })
            .collect();
        Box::pin(async move { while all.next().await.is_some() {} })
    }),
    ("select_all", |mut children| {
        Box::pin(async move {
            while !children.is_empty() {
                children = future::select_all(children).await.2;
            }
        })
    }),
];

/// Runs all scenarios, each with every combinator.
fn with_combinators(scenarios: &[fn() -> Scenario], run: impl Fn(Child)) {
    for scenario in scenarios {
        for (name, combine) in COMBINATORS {
            let Scenario { children, check } = scenario();
            println!("{name}");
            run(combine(children));
            check();
        }
    }
}

#[test]
fn under_combinators_inside_turnwise() {
    bounded(|| {
        with_combinators(&WITH_RUNTIME, |all| virtual_runtime().block_on(all));
        with_combinators(&WITH_RUNTIME, |all| Runtime::new().block_on(all));
        with_combinators(&WITH_RUNTIME, |all| {
            virtual_runtime().block_on(async { spawn(all).await.unwrap() });
        });
    });
}

#[test]
fn as_tasks_of_turnwise() {
    bounded(|| {
        for scenario in WITH_RUNTIME {
            let Scenario { children, check } = scenario();
            virtual_runtime().block_on(async {
                let tasks: Vec<_> = children.into_iter().map(spawn).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            check();
        }
    });
}

#[test]
fn under_the_executor_of_futures() {
    bounded(|| with_combinators(&ANYWHERE, futures::executor::block_on));
    bounded(|| {
        for scenario in ANYWHERE {
            use futures::task::LocalSpawnExt;
            let Scenario { children, check } = scenario();
            let mut pool = futures::executor::LocalPool::new();
            for child in children {
                pool.spawner().spawn_local(child).unwrap();
            }
            pool.run();
            check();
        }
    });
}

#[test]
fn under_tokio() {
    let tokio = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    bounded(move || {
        with_combinators(&ANYWHERE, |all| {
            tokio::task::LocalSet::new().block_on(&tokio(), all);
        });
        for scenario in ANYWHERE {
            let Scenario { children, check } = scenario();
            tokio::task::LocalSet::new().block_on(&tokio(), async {
                let tasks: Vec<_> = children.into_iter().map(tokio::task::spawn_local).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            check();
        }
    });
}

#[test]
fn under_the_executor_of_smol() {
    bounded(|| {
        with_combinators(&ANYWHERE, |all| {
            let executor = async_executor::LocalExecutor::new();
            futures::executor::block_on(executor.run(all));
        });
        for scenario in ANYWHERE {
            let Scenario { children, check } = scenario();
            let executor = async_executor::LocalExecutor::new();
            let tasks: Vec<_> = children
                .into_iter()
                .map(|child| executor.spawn(child))
                .collect();
            futures::executor::block_on(executor.run(future::join_all(tasks)));
            check();
        }
    });
}

#[test]
fn a_turnwise_task_and_a_tokio_task_of_one_thread_share_a_primitive() {
    bounded(|| {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let queue = Rc::new(Queue::bounded(1));
        let runtime = Runtime::new();
        let producer = runtime.spawn({
            let queue = queue.clone();
            async move {
                for n in 0..10 {
                    queue.put(n).await.unwrap();
                }
                queue.close();
            }
        });
        let received = tokio::task::LocalSet::new().block_on(&tokio, async {
            let consumer = tokio::task::spawn_local({
                let queue = queue.clone();
                async move {
                    let mut received = Vec::new();
                    while let Ok(item) = queue.get().await {
                        received.push(item);
                    }
                    received
                }
            });
            while !producer.is_finished() {
                runtime.turn(Some(Duration::ZERO));
                tokio::task::yield_now().await;
            }
            consumer.await.unwrap()
        });
        assert_eq!(received, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn an_executor_inside_a_turnwise_task_is_foreign() {
    bounded(|| {
        Runtime::new().block_on(async {
            let event = Rc::new(Event::new());
            // Blocks this thread, so whatever it waits for must come from inside.
            futures::executor::block_on(async {
                futures::join!(event.wait(), async {
                    yield_now().await;
                    event.set();
                });
            });
            yield_now().await;
        });
    });
}

#[test]
fn a_wait_that_moves_between_tasks_wakes_the_last_one_that_polled_it() {
    let log = Log::new();
    Runtime::new().block_on(async {
        let event = Rc::new(Event::new());
        let wait = {
            let event = event.clone();
            let wait: Child = Box::pin(async move { event.wait().await });
            Rc::new(RefCell::new(wait))
        };
        let poller = |name: &'static str, polls: usize| {
            let (log, wait) = (log.clone(), wait.clone());
            let mut left = polls;
            poll_fn(move |cx| {
                log.add(name);
                left -= 1;
                if wait.borrow_mut().as_mut().poll(cx).is_ready() || left == 0 {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
        };
        // The first gives up after one poll; the second, and then a combinator, take over.
        spawn(poller("first", 1)).await.unwrap();
        spawn(poller("second", 1)).await.unwrap();
        let third = poller("third", 2);
        let third = spawn(async move {
            let mut all: FuturesUnordered<_> = [third].into_iter().collect();
            while all.next().await.is_some() {}
        });
        yield_now().await;
        event.set();
        third.await.unwrap();
    });
    assert_eq!(log.text(), "first second third third");
}

#[test]
fn futures_are_pinned_to_the_stack_and_polled_by_reference() {
    virtual_runtime().block_on(async {
        let lock = Lock::new(0);
        let held = lock.acquire().await;
        let (first, late) = (lock.acquire(), sleep(Duration::from_secs(1)));
        pin_mut!(first, late);
        // The one that loses keeps its place, and is awaited after all.
        let Either::Right((_, first)) = future::select(first, late).await else {
            panic!("nobody has released the lock");
        };
        let second = lock.acquire();
        pin_mut!(second);
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(held);
        *first.await += 1;
        *second.await += 1;
        assert_eq!(*lock.acquire().await, 2);
    });
}
