//! Hangs over futures that are kept but not polled.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::select;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::sync::{Condition, Lock, Queue, RwLock, Semaphore};
use turnwise::{sleep, spawn, yield_now};

use super::{Hang, certain, next};
use crate::support::{forever, poll_once};

const SECOND: Duration = Duration::from_secs(1);

pub(super) const TABLE: &[Hang] = &[
    certain(
        "a select that keeps its loser",
        &[
            "cycle of one task",
            "    granted    lock made at {made}\n               at {loser}, to a future that it does not poll\n",
            "was granted lock made at {made}",
            "granted to task #0 (main), which asked at {loser}",
            "at {waits}",
        ],
        || {
            async {
                next("made");
                let lock = Rc::new(Lock::new(()));
                let holder = spawn(hold_for_a_while(lock.clone()));
                yield_now().await;
                next("loser");
                let mut loser = pin!(lock.acquire());
                let _ = select(&mut loser, pin!(sleep(SECOND))).await;
                next("waits");
                let _ = lock.acquire().await;
                holder.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a permit granted to a future that is not polled",
        &[
            "was granted a permit of semaphore",
            "at {loser}",
            "its task ran since without polling that future",
            "at {waits}",
        ],
        || {
            async {
                let semaphore = Rc::new(Semaphore::new(1));
                let holder = spawn({
                    let semaphore = semaphore.clone();
                    async move {
                        let _permit = semaphore.acquire().await;
                        sleep(2 * SECOND).await;
                    }
                });
                yield_now().await;
                next("loser");
                let mut loser = pin!(semaphore.acquire());
                let _ = select(&mut loser, pin!(sleep(SECOND))).await;
                next("waits");
                let _permit = semaphore.acquire().await;
                holder.await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "an item reserved for a future that is not polled",
        &["was granted an item of queue", "at {loser}", "at {waits}"],
        || {
            async {
                let queue = Queue::unbounded();
                next("loser");
                let mut loser = pin!(queue.get());
                let _ = select(&mut loser, pin!(sleep(SECOND))).await;
                queue.put(1).await.unwrap();
                next("waits");
                queue.get().await.unwrap();
            }
            .boxed_local()
        },
    ),
    certain(
        "a notification that goes to a future that is not polled",
        &["was granted condition", "at {loser}", "at {waits}"],
        || {
            async {
                let (lock, condition) = (Lock::new(()), Condition::new());
                let guard = lock.acquire().await;
                next("loser");
                let mut loser = pin!(condition.wait(guard));
                let _ = select(&mut loser, pin!(sleep(SECOND))).await;
                let guard = lock.acquire().await;
                condition.notify_one();
                next("waits");
                let _guard = condition.wait(guard).await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a guard inside a future that is not polled",
        &["cycle of one task", "at {holds}", "at {waits}"],
        || {
            async {
                let lock = Lock::new(());
                let mut kept = pin!(async {
                    next("holds");
                    let _guard = lock.acquire().await;
                    sleep(2 * SECOND).await;
                });
                let _ = select(&mut kept, pin!(sleep(SECOND))).await;
                next("waits");
                let _ = lock.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a forgotten future that holds a guard",
        &["taken by task #1 at {holds}", "at {waits}"],
        || {
            async {
                let lock = forever(Lock::new(()));
                let forgets = spawn(async {
                    let mut future = Box::pin(async {
                        next("holds");
                        let _guard = lock.acquire().await;
                        std::future::pending::<()>().await
                    });
                    assert!(poll_once(&mut future).is_pending());
                    Box::leak(Box::new(future));
                });
                forgets.await.unwrap();
                next("waits");
                let _ = lock.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a forgotten waiter that was granted the lock",
        &[
            "granted to task #0 (main), which asked at {forgotten}",
            "at {waits}",
        ],
        || {
            async {
                let lock = forever(Lock::new(()));
                let guard = lock.acquire().await;
                next("forgotten");
                let mut waiter = Box::pin(lock.acquire());
                let _ = select(&mut waiter, pin!(yield_now())).await;
                std::mem::forget(waiter);
                drop(guard);
                next("waits");
                let _ = lock.acquire().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a preferred writer that was let in and is not polled, before a reader",
        &[
            "cycle of one task",
            "granted    write access to rwlock made at {made}\n               at {writer}, to a future",
            "granted to task #0 (main), which asked at {writer}",
            "at {waits}",
        ],
        || {
            async {
                next("made");
                let lock = RwLock::prefer_writers(());
                let reading = lock.read().await;
                next("writer");
                let mut writer = pin!(lock.write());
                let _ = poll_once(&mut writer);
                drop(reading);
                next("waits");
                let _ = lock.read().await;
            }
            .boxed_local()
        },
    ),
    certain(
        "a reader that was let in and is not polled, before a preferred writer",
        &[
            "cycle of one task",
            "granted to task #0 (main), which asked at {reader}",
            "at {waits}",
        ],
        || {
            async {
                let lock = RwLock::prefer_writers(());
                let writing = lock.write().await;
                next("reader");
                let mut reader = pin!(lock.read());
                let _ = poll_once(&mut reader);
                drop(writing);
                next("waits");
                let _ = lock.write().await;
            }
            .boxed_local()
        },
    ),
    // The stream had its waker woken, and keeps none.
    certain(
        "a stream of buffered work that is not polled while its items are worked off",
        &["was granted lock", "at {child}", "at {waits}"],
        || {
            async {
                let lock = forever(Lock::new(()));
                let mut work: FuturesUnordered<_> = (0..3)
                    .map(|_| async {
                        next("child");
                        let guard = lock.acquire().await;
                        yield_now().await;
                        drop(guard);
                    })
                    .collect();
                while work.next().await.is_some() {
                    next("waits");
                    let _ = lock.acquire().await;
                }
            }
            .boxed_local()
        },
    ),
];

async fn hold_for_a_while(lock: Rc<Lock<()>>) {
    let _guard = lock.acquire().await;
    sleep(2 * SECOND).await;
}
