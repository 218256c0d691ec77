//! Hangs that mix primitives, tasks and combinators.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::sync::{Event, Lock, Queue, RwLock, Semaphore};
use turnwise::task::spawn_eager;
use turnwise::{spawn, spawn_blocking, timeout, try_task_group, yield_now};

use super::{Hang, certain, next, suspected};
use crate::support::forever;

pub(super) const TABLE: &[Hang] = &[
    certain(
        "a read guard that was forgotten, and a writer",
        &[
            "readers: 1, the last since {reads}",
            "write access to rwlock",
            "at {waits}",
        ],
        || {
            async {
                let lock = forever(RwLock::new(()));
                next("reads");
                std::mem::forget(lock.read().await);
                next("waits");
                drop(lock.write().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a writer that became a reader and writes again",
        &["readers: 1, the last since {reads}", "at {waits}"],
        || {
            async {
                let lock = RwLock::new(());
                let write = lock.write().await;
                next("reads");
                let _read = write.downgrade();
                next("waits");
                drop(lock.write().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a wait given up in time, and one that is not",
        &[
            "place 1 in line",
            "taken by task #0 (main) at {holds}",
            "at {waits}",
        ],
        || {
            async {
                let lock = Lock::new(());
                next("holds");
                let _guard = lock.acquire().await;
                let given_up = timeout(Duration::from_secs(1), lock.acquire()).await;
                assert!(given_up.is_err());
                next("waits");
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard that a task left in somebody else's pocket",
        &["taken by task #1 at {holds}\n        it has ended: its guard was moved or leaked\n"],
        || {
            async {
                let lock = forever(Lock::new(()));
                let pocket = Rc::new(RefCell::new(None));
                let inside = pocket.clone();
                let task = spawn(async move {
                    next("holds");
                    let guard = lock.acquire().await;
                    inside.replace(Some(guard));
                });
                task.await.unwrap();
                drop(lock.acquire().await);
                drop(pocket);
            }
            .boxed_local()
        },
    ),
    certain(
        "a child of a group that wants the permit of the body",
        &[
            "permits in hand: 1, the last since {holds}",
            "a permit of semaphore",
            "at {waits}",
        ],
        || {
            async {
                let permits = Rc::new(Semaphore::new(1));
                next("holds");
                let _permit = permits.acquire_owned().await;
                let wanted = permits.clone();
                let group = try_task_group(async move |group| {
                    group.spawn(async move {
                        next("waits");
                        drop(wanted.acquire().await);
                    });
                    Ok::<(), ()>(())
                });
                let _ = group.await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a producer that waits for room while the consumer waits for the end of work",
        &[
            "room in queue",
            "at {puts}",
            "items not done: 1",
            "at {joins}",
        ],
        || {
            async {
                let queue = Rc::new(Queue::bounded(1));
                queue.put(1).await.unwrap();
                let producer = spawn({
                    let queue = queue.clone();
                    async move {
                        next("puts");
                        queue.put(2).await.unwrap();
                    }
                });
                yield_now().await;
                next("joins");
                queue.join().await;
                producer.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a blocking call that has come back, and an event that it did not set",
        &["waits for event", "at {waits}"],
        || {
            async {
                spawn_blocking(|| ()).await.unwrap();
                next("waits");
                Event::new().wait().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a waker that a thread was given and has dropped",
        &["task #0 (main) [waiting]", "outside: nothing"],
        || {
            let mut given = false;
            poll_fn(move |cx| {
                if !std::mem::replace(&mut given, true) {
                    let waker = cx.waker().clone();
                    thread::spawn(move || drop(waker)).join().unwrap();
                }
                Poll::<()>::Pending
            })
            .boxed_local()
        },
    ),
    suspected(
        "sets of futures in a set, over a lock that is taken",
        &["taken by task #0 (main) at {holds}", "at {waits}"],
        || {
            async {
                let lock = Lock::new(());
                next("holds");
                let _guard = lock.acquire().await;
                let wait = || async {
                    next("waits");
                    drop(lock.acquire().await);
                };
                let set = || (0..2).map(|_| wait()).collect::<FuturesUnordered<_>>();
                let sets = (0..2).map(|_| set().collect::<Vec<_>>());
                sets.collect::<FuturesUnordered<_>>()
                    .collect::<Vec<_>>()
                    .await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a primitive of one's own that keeps wakers",
        &["foreign code keeps its waker"],
        || {
            let line: Rc<RefCell<Vec<Waker>>> = Rc::default();
            poll_fn(move |cx| {
                line.borrow_mut().push(cx.waker().clone());
                Poll::<()>::Pending
            })
            .boxed_local()
        },
    ),
    certain(
        "a task that nobody cancels in a task that waits for it",
        &["the end of task #1", "the end of task #2"],
        || {
            async {
                let outer = spawn_eager(async { spawn(pending::<()>()).await });
                let _ = outer.await;
            }
            .boxed_local()
        },
    ),
];
