//! Programs that mix primitives, tasks and combinators, and go on.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::future::select_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::sync::{Event, Lock, Queue, RwLock, Semaphore};
use turnwise::thread::remote;
use turnwise::{sleep, spawn, spawn_blocking, timeout, try_task_group, yield_now};

use super::{Gate, Sound, inside, outside};
use crate::support::forever;

const SECOND: Duration = Duration::from_secs(1);

pub(super) const INSIDE: &[Sound] = &[
    inside("sets of futures in a set, over one lock", || {
        async {
            let lock = Lock::new(0);
            let add = || async { *lock.acquire().await += 1 };
            let set = || (0..3).map(|_| add()).collect::<FuturesUnordered<_>>();
            let sets = (0..3).map(|_| set().collect::<Vec<_>>());
            sets.collect::<FuturesUnordered<_>>()
                .collect::<Vec<_>>()
                .await;
            assert_eq!(lock.into_inner(), 9);
        }
        .boxed_local()
    }),
    inside("a primitive of one's own that keeps wakers", || {
        async {
            let line: Rc<RefCell<Vec<Waker>>> = Rc::default();
            let open = Rc::new(Cell::new(false));
            let opener = spawn({
                let (line, open) = (line.clone(), open.clone());
                async move {
                    sleep(SECOND).await;
                    open.set(true);
                    line.take().into_iter().for_each(Waker::wake);
                }
            });
            poll_fn(|cx| match open.get() {
                true => Poll::Ready(()),
                false => {
                    line.borrow_mut().push(cx.waker().clone());
                    Poll::Pending
                }
            })
            .await;
            opener.await.unwrap();
        }
        .boxed_local()
    }),
    inside(
        "a gate of one's own, whose head leaves after the grant",
        || {
            async {
                let gate = Gate::new();
                let mut first = Box::pin(gate.pass());
                assert!(futures::poll!(&mut first).is_pending());
                let mut second = Box::pin(gate.pass());
                assert!(futures::poll!(&mut second).is_pending());
                gate.open();
                drop(first);
                assert_eq!(second.await, 1);
            }
            .boxed_local()
        },
    ),
    inside(
        "a wait dropped by its time limit, and those behind it",
        || {
            async {
                let permits = Rc::new(Semaphore::new(2));
                let one = permits.acquire_owned().await;
                let both = timeout(SECOND, permits.acquire_many(2));
                let behind = async {
                    yield_now().await;
                    permits.acquire().await.num_permits()
                };
                let (both, behind) = futures::join!(both, behind);
                assert!(both.is_err() && behind == 1);
                drop(one);
            }
            .boxed_local()
        },
    ),
    inside("a group in a group, the outer one cancelled", || {
        async {
            let lock = Rc::new(Lock::new(()));
            let wanted = lock.clone();
            let outer = spawn(async move {
                let group = try_task_group(async move |outer| {
                    let inner = wanted.clone();
                    outer.spawn(async move {
                        let group = try_task_group(async move |group| {
                            group.spawn(async move {
                                let _guard = inner.acquire().await;
                                sleep(100 * SECOND).await;
                            });
                            Ok::<(), ()>(())
                        });
                        let _ = group.await;
                    });
                    Ok::<(), ()>(())
                });
                let _ = group.await;
            });
            sleep(SECOND).await;
            assert!(lock.is_locked());
            outer.cancel();
            drop(lock.acquire().await);
            let _ = outer.await;
        }
        .boxed_local()
    }),
    inside("a guard that another task keeps for a while", || {
        async {
            let lock = forever(Lock::new(0));
            let guard = lock.acquire().await;
            let keeper = spawn(async move {
                sleep(SECOND).await;
                drop(guard);
            });
            drop(lock.acquire().await);
            keeper.await.unwrap();
        }
        .boxed_local()
    }),
    inside(
        "a select of many, whose losers are dropped with their grants",
        || {
            async {
                let lock = RwLock::new(());
                let write = lock.write().await;
                let reads: Vec<_> = (0..4).map(|_| Box::pin(lock.read())).collect();
                let release = async {
                    yield_now().await;
                    drop(write);
                };
                let ((guard, _, losers), ()) = futures::join!(select_all(reads), release);
                drop((guard, losers));
                drop(lock.write().await);
            }
            .boxed_local()
        },
    ),
];

pub(super) const OUTSIDE: &[Sound] = &[
    outside(
        "two threads with a waker, one of which only drops it",
        || {
            let (sender, wakers) = mpsc::channel::<Waker>();
            let mut given = false;
            thread::spawn(move || {
                let waker = wakers.recv().unwrap();
                let other = waker.clone();
                let dropper = thread::spawn(move || drop(other));
                waker.wake();
                dropper.join().unwrap();
            });
            poll_fn(move |cx| match std::mem::replace(&mut given, true) {
                true => Poll::Ready(()),
                false => {
                    sender.send(cx.waker().clone()).unwrap();
                    Poll::Pending
                }
            })
            .boxed_local()
        },
    ),
    outside("a blocking call that starts a task here", || {
        async {
            let (remote, queue) = (remote(), Queue::unbounded());
            let call = spawn_blocking(move || remote.spawn(|| async { 7 }).blocking_wait());
            queue.try_put(call.await.unwrap().unwrap()).unwrap();
            assert_eq!(queue.get().await.unwrap(), 7);
        }
        .boxed_local()
    }),
    outside("blocking calls of a group, in a set of futures", || {
        async {
            let event = Rc::new(Event::new());
            let calls: FuturesUnordered<_> = (0..3)
                .map(|n| {
                    try_task_group(async move |group| {
                        group.spawn(async move {
                            spawn_blocking(move || n).await.unwrap();
                        });
                        Ok::<(), ()>(())
                    })
                })
                .collect();
            let done = event.clone();
            let setter = spawn(async move {
                assert!(calls.collect::<Vec<_>>().await.iter().all(Result::is_ok));
                done.set();
            });
            event.wait().await;
            setter.await.unwrap();
        }
        .boxed_local()
    }),
];
