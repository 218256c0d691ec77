//! Hangs in programs that keep guards and wakers where nobody would look.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::future::select;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::sync::{
    Event, Left, Lock, LockGuard, Owner, Queue, RwLock, Semaphore, Wait, WaitQueue,
};
use turnwise::task::TaskLocal;
use turnwise::task::spawn_eager;
use turnwise::{sleep, spawn, spawn_blocking, timeout, try_task_group, yield_now};

use super::{Hang, certain, next, suspected};
use crate::support::{Homemade, forever};

const SECOND: Duration = Duration::from_secs(1);
const KEEPS: &str = "foreign code keeps its waker";

pub(super) const TABLE: &[Hang] = &[
    certain(
        "a guard that moved to a task which waits for ever",
        &[
            "task #1 \"keeper\" [waiting], spawned at {keeper}",
            "at {event}",
            "taken by task #0 (main) at {takes}",
            "at {waits}",
        ],
        || {
            async {
                let lock = forever(Lock::new(()));
                next("takes");
                let guard = lock.acquire().await;
                next("keeper");
                let keeper = spawn(async move {
                    let _guard = guard;
                    next("event");
                    Event::new().wait().await;
                });
                drop(keeper.named("keeper"));
                next("waits");
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard that was left in a queue by a task that ended",
        &[
            "taken by task #1 at {takes}\n        it has ended: its guard was moved or leaked\n",
            "at {waits}",
        ],
        || {
            async {
                let lock = forever(Lock::new(()));
                let guards = Rc::new(Queue::unbounded());
                let given = guards.clone();
                let giver = spawn(async move {
                    next("takes");
                    let guard = lock.acquire().await;
                    given.try_put(guard).ok().unwrap();
                });
                giver.await.unwrap();
                next("waits");
                drop(lock.acquire().await);
                drop(guards);
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard in a task-local of the task that waits",
        &["cycle of one task", "at {takes}", "at {waits}"],
        || {
            async {
                static KEPT: TaskLocal<Cell<Option<LockGuard<'static, ()>>>> = TaskLocal::new();
                let lock = forever(Lock::new(()));
                next("takes");
                KEPT.set(Cell::new(Some(lock.acquire().await)));
                next("waits");
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard that its own task forgot",
        &["cycle of one task", "at {takes}", "at {waits}"],
        || {
            async {
                let lock = forever(Lock::new(()));
                next("takes");
                std::mem::forget(lock.acquire().await);
                next("waits");
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a read guard that was forgotten, and a writer",
        &["readers: 1, the last since {takes}", "at {waits}"],
        || {
            async {
                let lock = forever(RwLock::new(()));
                next("takes");
                std::mem::forget(lock.read().await);
                next("waits");
                drop(lock.write().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a lock after a wait for it ran out of time",
        &[
            "cycle of one task",
            "at {takes}",
            "at {waits}",
            "place 1 in line",
        ],
        || {
            async {
                let lock = Lock::new(());
                next("takes");
                let _guard = lock.acquire().await;
                assert!(timeout(SECOND, lock.acquire()).await.is_err());
                next("waits");
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    certain(
        "a loser kept in a child of a group",
        &[
            "cycle of one task",
            "was granted lock",
            "at {loser}",
            "at {waits}",
            "of a task group made at {group}",
        ],
        || {
            async {
                let lock = forever(Lock::new(()));
                let guard = lock.acquire().await;
                drop(spawn(async {
                    sleep(2 * SECOND).await;
                    drop(guard);
                }));
                next("group");
                let all = try_task_group(async |group| {
                    drop(group.spawn(async {
                        next("loser");
                        let mut loser = pin!(lock.acquire());
                        let _ = select(&mut loser, pin!(sleep(SECOND))).await;
                        next("waits");
                        drop(lock.acquire().await);
                    }));
                    Ok::<(), std::io::Error>(())
                });
                all.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "eager tasks in eager tasks, and the lock of the outermost",
        &[
            "cycle of 3 tasks",
            "at {takes}",
            "at {waits}",
            "the end of task #2",
        ],
        || {
            async {
                let lock = forever(Lock::new(()));
                next("takes");
                let _guard = lock.acquire().await;
                let outer = spawn_eager(async {
                    let inner = spawn_eager(async {
                        next("waits");
                        drop(lock.acquire().await);
                    });
                    inner.await.unwrap();
                });
                outer.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a home-made gate whose opener gave up",
        &[
            "waits for gate made at {made}",
            "at {waits}",
            "place 1 in line",
        ],
        || {
            async {
                next("made");
                let gate = Rc::new(Gate(WaitQueue::new("gate")));
                let opens = spawn({
                    let gate = gate.clone();
                    async move {
                        sleep(SECOND).await;
                        gate.0.grant_head();
                    }
                });
                yield_now().await;
                opens.cancel();
                next("waits");
                gate.pass().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "permits that a leaked task keeps, after the clock has run down",
        &["permits in hand: 2, the last since {takes}", "at {waits}"],
        || {
            async {
                let permits = Rc::new(Semaphore::new(2));
                let keeps = spawn({
                    let permits = permits.clone();
                    async move {
                        next("takes");
                        let _both = permits.acquire_many(2).await;
                        sleep(SECOND).await;
                        Event::new().wait().await;
                    }
                });
                sleep(2 * SECOND).await;
                next("waits");
                let _permit = permits.acquire().await;
                drop(keeps);
            }
            .boxed_local()
        },
    ),
    certain(
        "a waker that a thread has dropped",
        &["nothing that this runtime knows of can wake it"],
        || {
            async {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                thread::spawn(move || drop(waker)).join().unwrap();
                std::future::pending::<()>().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a lock that is taken across a blocking call",
        &[
            "cycle of one task",
            "at {takes}",
            "at {waits}",
            "outside: nothing",
        ],
        || {
            async {
                let lock = Lock::new(());
                next("takes");
                let _guard = lock.acquire().await;
                spawn_blocking(thread::yield_now).await.unwrap();
                next("waits");
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    suspected(
        "a home-made channel whose giver waits for its taker",
        &[KEEPS, "the end of task #1 \"taker\"\n        at {joins}"],
        || {
            async {
                let channel = Rc::new(Homemade::default());
                let taker = spawn({
                    let channel = channel.clone();
                    async move { channel.take().await }
                });
                next("joins");
                let given = taker.named("taker").await.unwrap();
                channel.give(given);
            }
            .boxed_local()
        },
    ),
    suspected(
        "sets of futures in sets of futures over one event",
        &[KEEPS, "at {waits}", "place 4 in line"],
        || {
            async {
                let event = Event::new();
                let inner = || {
                    let wait = || async {
                        next("waits");
                        event.wait().await;
                    };
                    let waits: FuturesUnordered<_> = (0..2).map(|_| wait()).collect();
                    waits.collect::<()>()
                };
                let outer: FuturesUnordered<_> = (0..2).map(|_| inner()).collect();
                outer.collect::<()>().await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "buffered work, one of which wants all the permits",
        &[KEEPS, "2 permits of semaphore", "at {waits}"],
        || {
            async {
                let permits = Semaphore::new(2);
                let _kept = permits.acquire().await;
                let work = futures::stream::iter(1..3).map(|n| {
                    let permits = &permits;
                    async move {
                        next("waits");
                        let _permits = permits.acquire_many(n).await;
                    }
                });
                work.buffer_unordered(2).collect::<()>().await;
            }
            .boxed_local()
        },
    ),
    suspected(
        "a shared future that two tasks await",
        &[KEEPS, "event made at {made}"],
        || {
            async {
                next("made");
                let event = forever(Event::new());
                let shared = event.wait().map(drop).boxed_local().shared();
                let other = spawn(shared.clone());
                shared.await;
                other.await.unwrap();
            }
            .boxed_local()
        },
    ),
];

struct Gate(WaitQueue);

impl Gate {
    #[track_caller]
    fn pass(&self) -> Wait<'_, Self> {
        self.0.wait(self, 1)
    }
}

impl Owner for Gate {
    fn left(&self, _: Left) {}
}
