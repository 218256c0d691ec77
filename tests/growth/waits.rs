//! Waiting on primitives: in lines of `n`, beside `n` others, and leaving them.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{join_all, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::sync::{
    Barrier, Condition, CountDownLatch, Event, LifoQueue, Lock, OnceCell, PriorityQueue, Queue,
    RwLock, Semaphore, oneshot,
};
use turnwise::{spawn, timeout, yield_now};

use crate::tools::{idle, join, many, really, shuffled, virtually};
use crate::{Shape, shape};

const N: usize = 1000;

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        shape("lock in turns", N, |n| really(lock(n))),
        shape("locks, each held and awaited", N, |n| really(dense(n))),
        shape("semaphore, every third asks for many", N, |n| {
            really(semaphore(n))
        }),
        shape("event for all", N, |n| really(event(n))),
        shape("event for one beside n waiters", N, |n| {
            really(event_beside(n))
        }),
        shape("condition, one at a time", N, |n| {
            really(condition(n, false))
        }),
        shape("condition, all at once", N, |n| really(condition(n, true))),
        shape("barrier", N, |n| {
            really(async move {
                let barrier = Rc::new(Barrier::new(n));
                join(many(n, |_| {
                    let barrier = barrier.clone();
                    async move { assert!(barrier.wait().await.is_ok()) }
                }))
                .await;
            })
        }),
        shape("latch", N, |n| {
            really(async move {
                let latch = Rc::new(CountDownLatch::new(n));
                let tasks = many(n, |_| {
                    let latch = latch.clone();
                    async move {
                        latch.count_down();
                        latch.wait().await;
                    }
                });
                join(tasks).await;
            })
        }),
        shape("rwlock, readers and writers", N, |n| {
            really(async move {
                let lock = Rc::new(RwLock::new(0));
                let tasks = many(n, |at| {
                    let lock = lock.clone();
                    async move {
                        match at % 4 {
                            0 => *lock.write().await += 1,
                            _ => drop(lock.read().await),
                        }
                        yield_now().await;
                    }
                });
                join(tasks).await;
            })
        }),
        shape("queue, putters in line", N, |n| really(putters(n))),
        shape("queue, getters in line", N, |n| really(getters(n))),
        shape("queue of n items", N, |n| {
            really(async move {
                let queue = Queue::unbounded();
                (0..n).for_each(|at| queue.try_put(at).expect("it has room"));
                while queue.try_get().is_ok() {}
            })
        }),
        shape("lifo queue", N, |n| {
            really(async move {
                let queue = LifoQueue::unbounded();
                (0..n).for_each(|at| queue.try_put(at).expect("it has room"));
                while queue.try_get().is_ok() {}
            })
        }),
        // A heap: the logarithm grows less the larger it is.
        shape("priority queue", 20 * N, |n| {
            really(async move {
                let queue = PriorityQueue::unbounded();
                shuffled(n).for_each(|at| queue.try_put(at).expect("it has room"));
                while queue.try_get().is_ok() {}
            })
        }),
        shape("oneshots", N, |n| {
            really(async move {
                let (senders, receivers): (Vec<_>, Vec<_>) =
                    (0..n).map(|_| oneshot::channel()).unzip();
                let tasks: Vec<_> = receivers.into_iter().map(spawn).collect();
                yield_now().await;
                senders
                    .into_iter()
                    .for_each(|one| one.send(()).expect("it is awaited"));
                join(tasks).await;
            })
        }),
        shape("once_cell", N, |n| {
            really(async move {
                let cell = Rc::new(OnceCell::new());
                let tasks = many(n, |_| {
                    let cell = cell.clone();
                    async move {
                        cell.get_or_init(yield_now).await;
                    }
                });
                join(tasks).await;
            })
        }),
        shape("waiters leave from the front", N, |n| {
            leave(n, (0..n).collect())
        }),
        shape("waiters leave from the back", N, |n| {
            leave(n, (0..n).rev().collect())
        }),
        shape("waiters leave in the middle", N, |n| {
            leave(n, shuffled(n).collect())
        }),
        shape("waiters leave after the grant", N, |n| really(granted(n))),
        shape("waiters time out", N, |n| virtually(timed_out(n))),
        shape("primitives made and dropped", N, |n| {
            really(async move {
                let idle = idle(n).await;
                for _ in 0..n {
                    let event = Event::new();
                    assert!(event.wait().now_or_never().is_none());
                }
                drop(idle);
            })
        }),
        shape("one task waits for n events", N, |n| {
            really(async move {
                let events: Vec<_> = (0..n).map(|_| Rc::new(Event::new())).collect();
                let all = join_all(
                    events
                        .iter()
                        .cloned()
                        .map(|event| async move { event.wait().await }),
                );
                let task = spawn(all);
                yield_now().await;
                events.iter().for_each(|event| event.set());
                let _ = task.await;
            })
        }),
        shape("FuturesUnordered of n", N, |n| {
            really(async move {
                let mut all: FuturesUnordered<_> = (0..n).map(|_| yield_now()).collect();
                while all.next().await.is_some() {}
            })
        }),
        shape("foreign wakers, n tasks with some", N, |n| {
            really(foreign(n))
        }),
        shape("foreign wakers beside n of them", N, |n| {
            really(foreign_beside(n))
        }),
        shape("select, again and again", N, |n| {
            really(async move {
                let event = Event::new();
                for _ in 0..n {
                    select(pin!(event.wait()), pin!(yield_now())).await;
                }
            })
        }),
    ]
}

async fn lock(n: usize) {
    let lock = Rc::new(Lock::new(0));
    let tasks = many(n, |_| {
        let lock = lock.clone();
        async move {
            let mut guard = lock.acquire().await;
            yield_now().await;
            *guard += 1;
        }
    });
    join(tasks).await;
}

/// A philosopher's table: each holds one and waits for the next, until the last gives way.
async fn dense(n: usize) {
    let locks: Rc<Vec<Lock<()>>> = Rc::new((0..=n).map(|_| Lock::new(())).collect());
    let last = locks[n].try_acquire();
    let tasks = many(n, |at| {
        let locks = locks.clone();
        async move {
            let _own = locks[at].acquire().await;
            yield_now().await;
            let _next = locks[at + 1].acquire().await;
        }
    });
    yield_now().await;
    yield_now().await;
    drop(last);
    join(tasks).await;
}

async fn semaphore(n: usize) {
    let semaphore = Rc::new(Semaphore::new(4));
    let tasks = many(n, |at| {
        let semaphore = semaphore.clone();
        async move {
            let asks = if at % 3 == 0 { 3 } else { 1 };
            let _permit = semaphore.acquire_many(asks).await;
            yield_now().await;
        }
    });
    join(tasks).await;
}

async fn event(n: usize) {
    let event = Rc::new(Event::new());
    let tasks = many(n, |_| {
        let event = event.clone();
        async move { event.wait().await }
    });
    yield_now().await;
    event.set();
    join(tasks).await;
}

async fn event_beside(n: usize) {
    let idle = idle(n).await;
    for _ in 0..n {
        let event = Rc::new(Event::new());
        let theirs = event.clone();
        let task = spawn(async move { theirs.wait().await });
        yield_now().await;
        event.set();
        let _ = task.await;
    }
    drop(idle);
}

async fn condition(n: usize, all: bool) {
    let shared = Rc::new((Lock::new(()), Condition::new()));
    let tasks = many(n, |_| {
        let shared = shared.clone();
        async move {
            let (lock, condition) = &*shared;
            let guard = lock.acquire().await;
            drop(condition.wait(guard).await);
        }
    });
    for _ in 0..n + 2 {
        yield_now().await;
        match all {
            true => shared.1.notify_all(),
            false => shared.1.notify_one(),
        }
    }
    join(tasks).await;
}

async fn putters(n: usize) {
    let queue = Rc::new(Queue::bounded(1));
    let tasks = many(n, |at| {
        let queue = queue.clone();
        async move { queue.put(at).await.expect("it is open") }
    });
    yield_now().await;
    for _ in 0..n {
        queue.get().await.expect("it is open");
    }
    join(tasks).await;
}

async fn getters(n: usize) {
    let queue = Rc::new(Queue::unbounded());
    let tasks = many(n, |_| {
        let queue = queue.clone();
        async move { queue.get().await.expect("it is open") }
    });
    yield_now().await;
    for at in 0..n {
        queue.put(at).await.expect("it is open");
    }
    join(tasks).await;
}

/// `n` futures wait in one line, in one task, and are dropped in that order.
fn leave(n: usize, order: Vec<usize>) {
    really(async move {
        let lock = Lock::new(());
        let _held = lock.acquire().await;
        let mut waits: Vec<_> = (0..n).map(|_| Some(Box::pin(lock.acquire()))).collect();
        poll_fn(|cx| {
            for wait in waits.iter_mut().flatten() {
                assert!(wait.poll_unpin(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        order.into_iter().for_each(|at| waits[at] = None);
    });
}

async fn granted(n: usize) {
    let lock = Rc::new(Lock::new(()));
    let held = lock.acquire().await;
    let tasks = many(n, |_| {
        let lock = lock.clone();
        async move { drop(lock.acquire().await) }
    });
    yield_now().await;
    drop(held);
    // Each has the lock when it is cancelled, and passes it on.
    tasks.iter().for_each(|task| _ = task.cancel());
    join(tasks).await;
}

async fn timed_out(n: usize) {
    let lock = Rc::new(Lock::new(()));
    let held = lock.acquire().await;
    let tasks = many(n, |at| {
        let lock = lock.clone();
        let limit = Duration::from_millis((at % 64) as u64 + 1);
        async move { assert!(timeout(limit, lock.acquire()).await.is_err()) }
    });
    join(tasks).await;
    drop(held);
}

async fn foreign(n: usize) {
    let event = Rc::new(Event::new());
    let tasks = many(n, |_| {
        let event = event.clone();
        async move {
            join_all([event.wait(), event.wait()]).await;
        }
    });
    yield_now().await;
    event.set();
    join(tasks).await;
}

async fn foreign_beside(n: usize) {
    let event = Rc::new(Event::new());
    let idle = many(n, |_| {
        let event = event.clone();
        async move {
            join_all([event.wait()]).await;
            pending::<()>().await;
        }
    });
    for _ in 0..n {
        yield_now().await;
        join_all([yield_now(), yield_now()]).await;
    }
    drop(idle);
}
