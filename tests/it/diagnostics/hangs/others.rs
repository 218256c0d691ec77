//! Hangs over what nobody in particular would bring: the report says what everybody waits for.

use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use futures::{FutureExt, StreamExt};
use turnwise::sync::{
    Barrier, BoundedSemaphore, Condition, CountDownLatch, Event, Left, LifoQueue, Lock, Owner,
    PriorityQueue, Queue, Semaphore, WaitQueue, oneshot,
};
use turnwise::task::spawn_eager;
use turnwise::{
    as_completed, gather, gather_spawned, race, spawn, try_task_group, wait, yield_now,
};

use super::{Hang, certain, next};

pub(super) const TABLE: &[Hang] = &[
    certain(
        "an event that nobody sets",
        &["waits for event made at {made}", "at {waits}"],
        || {
            async {
                next("made");
                let event = Event::new();
                next("waits");
                event.wait().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a barrier short of one",
        &[
            "barrier made at {made}",
            "still to come: 1",
            "place 2 in line",
        ],
        || {
            async {
                next("made");
                let barrier = Rc::new(Barrier::new(3));
                let other = spawn({
                    let barrier = barrier.clone();
                    async move {
                        let _ = barrier.wait().await;
                    }
                });
                next("waits");
                let _ = barrier.wait().await;
                drop(other);
            }
            .boxed_local()
        },
    ),
    certain(
        "a latch short of one",
        &[
            "latch made at {made}",
            "at {waits}",
            "left to count down: 1",
        ],
        || {
            async {
                next("made");
                let latch = CountDownLatch::new(2);
                latch.count_down();
                next("waits");
                latch.wait().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a condition without a notifier",
        &["condition made at {made}", "at {waits}"],
        || {
            async {
                let lock = Lock::new(());
                next("made");
                let condition = Condition::new();
                let guard = lock.acquire().await;
                next("waits");
                let _guard = condition.wait(guard).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a notification before the wait",
        &["condition", "at {waits}"],
        || {
            async {
                let (lock, condition) = (Lock::new(()), Condition::new());
                condition.notify_one();
                let guard = lock.acquire().await;
                next("waits");
                let _guard = condition.wait(guard).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a predicate that never holds",
        &["condition", "at {waits}"],
        || {
            async {
                let (lock, condition) = (Rc::new(Lock::new(1)), Rc::new(Condition::new()));
                let notifier = spawn({
                    let condition = condition.clone();
                    async move { condition.notify_all() }
                });
                let guard = lock.acquire().await;
                next("waits");
                let _guard = condition.wait_for(guard, |value| *value > 1).await;
                drop(notifier);
            }
            .boxed_local()
        },
    ),
    certain(
        "a queue without a producer",
        &["an item of queue made at {made}", "at {waits}"],
        || {
            async {
                next("made");
                let queue = Queue::<()>::unbounded();
                next("waits");
                let _ = queue.get().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a full queue without a consumer",
        &["room in queue made", "at {waits}"],
        || {
            async {
                let queue = Queue::bounded(1);
                queue.put(1).await.unwrap();
                next("waits");
                queue.put(2).await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "two tasks that fill each other's queue",
        &["at {a}", "at {b}", "queue made at {made}"],
        || {
            async {
                next("made");
                let a = Rc::new(Queue::bounded(1));
                let b = Rc::new(Queue::bounded(1));
                let other = spawn({
                    let (a, b) = (a.clone(), b.clone());
                    async move {
                        loop {
                            a.put(()).await.unwrap();
                            next("a");
                            a.put(()).await.unwrap();
                            b.get().await.unwrap();
                        }
                    }
                });
                loop {
                    b.put(()).await.unwrap();
                    next("b");
                    b.put(()).await.unwrap();
                    a.get().await.unwrap();
                    if other.is_finished() {
                        break;
                    }
                }
            }
            .boxed_local()
        },
    ),
    certain(
        "an item that is never done",
        &[
            "the end of work on queue",
            "at {waits}",
            "items not done: 1",
        ],
        || {
            async {
                let queue = Queue::unbounded();
                queue.put(1).await.unwrap();
                queue.get().await.unwrap();
                next("waits");
                queue.join().await;
            }
            .boxed_local()
        },
    ),
    certain("an empty stack", &["queue", "at {waits}"], || {
        async {
            let queue = LifoQueue::<()>::unbounded();
            next("waits");
            let _ = queue.get().await;
        }
        .boxed_local()
    }),
    certain("an empty priority queue", &["queue", "at {waits}"], || {
        async {
            let queue = PriorityQueue::<i32>::unbounded();
            next("waits");
            let _ = queue.get().await;
        }
        .boxed_local()
    }),
    certain(
        "a permit that was forgotten",
        &[
            "semaphore made at {made}",
            "at {waits}",
            "permits in hand: 0\n",
        ],
        || {
            async {
                next("made");
                let semaphore = Semaphore::new(1);
                semaphore.acquire().await.forget();
                next("waits");
                let _permit = semaphore.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "more permits than there are",
        &["semaphore", "at {waits}"],
        || {
            async {
                let semaphore = Semaphore::new(1);
                next("waits");
                let _permits = semaphore.acquire_many(2).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a small ask behind one that is too big",
        &["place 2 in line", "at {big}", "at {small}"],
        || {
            async {
                let semaphore = Rc::new(Semaphore::new(1));
                let big = spawn({
                    let semaphore = semaphore.clone();
                    async move {
                        next("big");
                        let _permits = semaphore.acquire_many(2).await;
                    }
                });
                yield_now().await;
                next("small");
                let _permit = semaphore.acquire().await;
                drop(big);
            }
            .boxed_local()
        },
    ),
    certain(
        "permits kept by a task that is awaited",
        &["semaphore", "at {waits}"],
        || {
            async {
                let semaphore = Rc::new(BoundedSemaphore::new(1));
                let _permit = semaphore.acquire().await;
                let child = spawn({
                    let semaphore = semaphore.clone();
                    async move {
                        next("waits");
                        let _permit = semaphore.acquire().await;
                    }
                });
                child.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a oneshot whose sender waits",
        &["oneshot", "at {waits}"],
        || {
            async {
                let (sender, receiver) = oneshot::channel::<()>();
                next("waits");
                let _ = receiver.await;
                drop(sender);
            }
            .boxed_local()
        },
    ),
    certain(
        "a future that is never ready",
        &["nothing that this runtime knows of can wake it"],
        || pending().boxed_local(),
    ),
    certain(
        "a future that keeps no waker",
        &["task #0 (main) [waiting], spawned at", "nothing that"],
        || poll_fn(|_| Poll::Pending).boxed_local(),
    ),
    certain(
        "a spawned task that keeps no waker",
        &["spawned at {spawned}", "nothing that"],
        || {
            async {
                next("spawned");
                spawn(poll_fn(|_| Poll::<()>::Pending)).await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a child of a group that waits for nothing",
        &["the children #1 of a task group made at {group}"],
        || {
            async {
                next("group");
                let all = try_task_group(async |group| {
                    drop(group.spawn(pending::<()>()));
                    Ok::<(), std::io::Error>(())
                });
                all.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "futures gathered inline",
        &[
            "at {a}",
            "at {b}",
            "├─ waits for event",
            "└─ waits for event",
        ],
        || {
            async {
                let event = Event::new();
                next("a");
                let one = event.wait();
                next("b");
                let two = event.wait();
                gather((one, two)).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "futures gathered as tasks",
        &["the children #1, #2 of a gather", "at {waits}"],
        || {
            async {
                let event = Rc::new(Event::new());
                let waits = (0..2).map(|_| {
                    let event = event.clone();
                    async move {
                        next("waits");
                        event.wait().await;
                    }
                });
                gather_spawned(waits).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a race that nobody wins",
        &["event made at {made}", "latch"],
        || {
            async {
                next("made");
                let event = Event::new();
                let latch = CountDownLatch::new(1);
                race((event.wait(), latch.wait())).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "results of tasks that do not end",
        &["of a as_completed", "at {waits}"],
        || {
            async {
                let waits = || {
                    spawn(async {
                        next("waits");
                        Event::new().wait().await;
                    })
                };
                as_completed([waits(), waits()]).next().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "handles of tasks that do not end",
        &["the end of task #1", "at {wait}"],
        || {
            async {
                let mut handles = vec![spawn(pending::<()>())];
                next("wait");
                let _ = wait(&mut handles).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a task that was started eagerly",
        &["the end of task #1", "at {waits}"],
        || {
            async {
                let task = spawn_eager(async {
                    next("waits");
                    Event::new().wait().await;
                });
                task.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a primitive of one's own",
        &["waits for turnstile made at {made}", "at {waits}"],
        || {
            async {
                struct Nobody;
                impl Owner for Nobody {
                    fn left(&self, _: Left) {}
                }
                next("made");
                let queue = WaitQueue::new("turnstile");
                next("waits");
                queue.wait(&Nobody, 0).await;
            }
            .boxed_local()
        },
    ),
];
