//! What comes from inside, in ways that a careless check could take for the end.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::future::{join_all, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};
use turnwise::sync::{
    Barrier, Condition, CountDownLatch, Event, Lock, OnceCell, Queue, RwLock, Semaphore, oneshot,
};
use turnwise::task::{spawn_eager, wait_quiescent};
use turnwise::{
    Elapsed, gather_spawned, interval, race, sleep, spawn, timeout, try_task_group, yield_now,
};

use super::{Sound, inside};

const SECOND: Duration = Duration::from_secs(1);

pub(super) const TABLE: &[Sound] = &[
    inside("a sleep", || sleep(SECOND).boxed_local()),
    inside("a sleep of nothing", || sleep(Duration::ZERO).boxed_local()),
    inside("an interval", || {
        async {
            let mut ticks = interval(SECOND);
            ticks.tick().await;
            ticks.tick().await;
        }
        .boxed_local()
    }),
    inside("a time limit on what never comes", || {
        async {
            let never = timeout(SECOND, std::future::pending::<()>()).await;
            assert!(never.is_err());
        }
        .boxed_local()
    }),
    inside("a time limit on a lock taken twice", || {
        async {
            let lock = Lock::new(());
            let _guard = lock.acquire().await;
            let twice = timeout(SECOND, lock.acquire()).await;
            assert!(matches!(twice, Err(Elapsed { .. })));
        }
        .boxed_local()
    }),
    inside("AB-BA that a time limit breaks", || {
        async {
            let (a, b) = (Rc::new(Lock::new(())), Rc::new(Lock::new(())));
            let other = spawn({
                let (a, b) = (a.clone(), b.clone());
                async move {
                    let _b = b.acquire().await;
                    yield_now().await;
                    let _a = a.acquire().await;
                }
            });
            let one = async {
                let _a = a.acquire().await;
                yield_now().await;
                let _b = b.acquire().await;
            };
            assert!(timeout(SECOND, one).await.is_err());
            other.await.unwrap();
        }
        .boxed_local()
    }),
    inside("AB-BA that somebody cancels", || {
        async {
            let (a, b) = (Rc::new(Lock::new(())), Rc::new(Lock::new(())));
            let task = |first: &Rc<Lock<()>>, second: &Rc<Lock<()>>| {
                let (first, second) = (first.clone(), second.clone());
                spawn(async move {
                    let _first = first.acquire().await;
                    yield_now().await;
                    let _second = second.acquire().await;
                })
            };
            let (one, two) = (task(&a, &b), task(&b, &a));
            sleep(SECOND).await;
            one.cancel();
            two.await.unwrap();
            assert!(one.await.is_err());
        }
        .boxed_local()
    }),
    inside("an event that another task sets", || {
        async {
            let event = Rc::new(Event::new());
            let setter = spawn({
                let event = event.clone();
                async move { event.set() }
            });
            event.wait().await;
            setter.await.unwrap();
        }
        .boxed_local()
    }),
    inside("an event set by a destructor", || {
        async {
            struct Sets(Rc<Event>);
            impl Drop for Sets {
                fn drop(&mut self) {
                    self.0.set();
                }
            }
            let event = Rc::new(Event::new());
            let sets = Sets(event.clone());
            drop(spawn(async move {
                yield_now().await;
                drop(sets);
            }));
            event.wait().await;
        }
        .boxed_local()
    }),
    inside("a lock that goes round", || {
        async {
            let lock = Rc::new(Lock::new(0));
            let task = || {
                let lock = lock.clone();
                async move {
                    let mut guard = lock.acquire().await;
                    yield_now().await;
                    *guard += 1;
                }
            };
            gather_spawned((0..10).map(|_| task())).await;
            assert_eq!(*lock.acquire().await, 10);
        }
        .boxed_local()
    }),
    inside("a lock in a set of futures", || {
        async {
            let lock = Lock::new(());
            let work = || async {
                let _guard = lock.acquire().await;
                yield_now().await;
            };
            let work: FuturesUnordered<_> = (0..5).map(|_| work()).collect();
            work.collect::<()>().await;
        }
        .boxed_local()
    }),
    inside("a big join_all over an event", || {
        async {
            let event = Event::new();
            let waits = join_all((0..40).map(|_| event.wait()));
            futures::join!(waits, async {
                yield_now().await;
                event.set();
            });
        }
        .boxed_local()
    }),
    inside("a select that keeps its loser and polls it again", || {
        async {
            let lock = Rc::new(Lock::new(()));
            let holder = spawn({
                let lock = lock.clone();
                async move {
                    let _guard = lock.acquire().await;
                    sleep(2 * SECOND).await;
                }
            });
            yield_now().await;
            let mut loser = pin!(lock.acquire());
            let _ = select(&mut loser, pin!(sleep(SECOND))).await;
            sleep(2 * SECOND).await;
            drop(loser.await);
            holder.await.unwrap();
        }
        .boxed_local()
    }),
    inside("a race that drops its loser", || {
        async {
            let lock = Lock::new(());
            let guard = lock.acquire().await;
            let loses = async { drop(lock.acquire().await) };
            race((loses.boxed_local(), sleep(SECOND).boxed_local())).await;
            drop(guard);
            drop(lock.acquire().await);
        }
        .boxed_local()
    }),
    inside("a condition", || {
        async {
            let (lock, condition) = (Rc::new(Lock::new(0)), Rc::new(Condition::new()));
            let other = spawn({
                let (lock, condition) = (lock.clone(), condition.clone());
                async move {
                    *lock.acquire().await = 1;
                    condition.notify_one();
                }
            });
            let guard = lock.acquire().await;
            assert_eq!(*condition.wait_for(guard, |value| *value == 1).await, 1);
            other.await.unwrap();
        }
        .boxed_local()
    }),
    inside("a barrier that fills", || {
        async {
            let barrier = Rc::new(Barrier::new(3));
            let come = (0..3).map(|_| {
                let barrier = barrier.clone();
                async move { barrier.wait().await.map(drop).unwrap() }
            });
            gather_spawned(come).await;
        }
        .boxed_local()
    }),
    inside("a latch", || {
        async {
            let latch = Rc::new(CountDownLatch::new(2));
            for _ in 0..2 {
                let latch = latch.clone();
                drop(spawn(async move { latch.count_down() }));
            }
            latch.wait().await;
        }
        .boxed_local()
    }),
    inside("a queue of one place", || {
        async {
            let queue = Rc::new(Queue::bounded(1));
            let producer = spawn({
                let queue = queue.clone();
                async move {
                    for n in 0..10 {
                        queue.put(n).await.unwrap();
                    }
                    queue.close();
                }
            });
            let mut count = 0;
            while queue.get().await.is_ok() {
                count += 1;
            }
            assert_eq!(count, 10);
            producer.await.unwrap();
        }
        .boxed_local()
    }),
    inside("readers and writers", || {
        async {
            let lock = Rc::new(RwLock::new(0));
            let tasks = (0..9).map(|n| {
                let lock = lock.clone();
                async move {
                    if n % 3 == 0 {
                        let mut value = lock.write().await;
                        yield_now().await;
                        *value += 1;
                    } else {
                        let _value = lock.read().await;
                        yield_now().await;
                    }
                }
            });
            gather_spawned(tasks).await;
        }
        .boxed_local()
    }),
    inside("a semaphore", || {
        async {
            let semaphore = Rc::new(Semaphore::new(2));
            let tasks = (0..6).map(|n| {
                let semaphore = semaphore.clone();
                async move {
                    let _permits = semaphore.acquire_many(n % 2 + 1).await;
                    yield_now().await;
                }
            });
            gather_spawned(tasks).await;
        }
        .boxed_local()
    }),
    inside("a cell whose initialiser fails once", || {
        async {
            let cell = OnceCell::new();
            let fails = cell.get_or_try_init(async || {
                yield_now().await;
                Err(())
            });
            let works = cell.get_or_try_init(async || Ok::<_, ()>(1));
            assert_eq!(futures::join!(fails, works), (Err(()), Ok(&1)));
        }
        .boxed_local()
    }),
    inside("a oneshot", || {
        async {
            let (sender, receiver) = oneshot::channel();
            drop(spawn(async move { sender.send(7).unwrap() }));
            assert_eq!(receiver.await.unwrap(), 7);
        }
        .boxed_local()
    }),
    inside("a group", || {
        async {
            let group = try_task_group(async |group| {
                drop(group.spawn(sleep(SECOND)));
                Ok::<(), std::io::Error>(())
            });
            group.await.unwrap();
        }
        .boxed_local()
    }),
    inside("a task that was started eagerly", || {
        async {
            let event = Rc::new(Event::new());
            let task = spawn_eager({
                let event = event.clone();
                async move { event.wait().await }
            });
            event.set();
            task.await.unwrap();
        }
        .boxed_local()
    }),
    inside("a waker that another task keeps", || {
        async {
            let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
            let waker = kept.clone();
            drop(spawn(async move { waker.take().unwrap().wake() }));
            let mut polled = false;
            poll_fn(|cx| {
                kept.replace(Some(cx.waker().clone()));
                match std::mem::replace(&mut polled, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
        .boxed_local()
    }),
    inside("a wake inside the poll", || {
        async {
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                cx.waker().wake_by_ref();
                if polls > 3 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
        .boxed_local()
    }),
    inside("a foreign stream between tasks", || {
        async {
            let (mut sender, receiver) = futures::channel::mpsc::channel(1);
            let producer = spawn(async move {
                for n in 0..10 {
                    sender.send(n).await.unwrap();
                }
            });
            assert_eq!(receiver.count().await, 10);
            producer.await.unwrap();
        }
        .boxed_local()
    }),
    inside("tokio's mutex between tasks", || {
        async {
            let mutex = Rc::new(tokio::sync::Mutex::new(0));
            let tasks = (0..5).map(|_| {
                let mutex = mutex.clone();
                async move {
                    let mut guard = mutex.lock().await;
                    yield_now().await;
                    *guard += 1;
                }
            });
            gather_spawned(tasks).await;
        }
        .boxed_local()
    }),
    inside("tokio's barrier between tasks", || {
        async {
            let barrier = Rc::new(tokio::sync::Barrier::new(3));
            let come = (0..3).map(|_| {
                let barrier = barrier.clone();
                async move {
                    barrier.wait().await;
                }
            });
            gather_spawned(come).await;
        }
        .boxed_local()
    }),
    inside("an executor inside a task", || {
        async {
            let event = Event::new();
            let executor = async_executor::LocalExecutor::new();
            let task = executor.spawn(event.wait());
            let setter = executor.spawn(async {
                yield_now().await;
                event.set();
            });
            executor.run(async { futures::join!(task, setter) }).await;
        }
        .boxed_local()
    }),
    inside("waiting for everybody to be blocked", || {
        async {
            let event = Rc::new(Event::new());
            let task = spawn({
                let event = event.clone();
                async move { event.wait().await }
            });
            wait_quiescent().await;
            assert!(!task.is_finished());
            event.set();
            task.await.unwrap();
        }
        .boxed_local()
    }),
];
