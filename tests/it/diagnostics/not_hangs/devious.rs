//! Programs that were written to be taken for dead: what wakes them is kept where nobody would look.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{abortable, join_all, select};
use futures::stream::{FuturesOrdered, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use turnwise::sync::{Event, Lock, OnceCell, Queue, Semaphore};
use turnwise::task::TaskLocal;
use turnwise::task::{spawn_eager, wait_quiescent};
use turnwise::thread::{expect_external, remote};
use turnwise::{
    JoinHandle, Runtime, gather, race, sleep, spawn, spawn_blocking, timeout, try_task_group,
    yield_now,
};

use super::outside::{wait_with, worker};
use super::{Gate, Sound, inside, outside};
use crate::support::{Homemade, forever};

const SECOND: Duration = Duration::from_secs(1);

pub(super) const INSIDE: &[Sound] = &[
    inside("a guard that moves to a task which drops it later", || {
        async {
            let lock = forever_once();
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
        "a guard in a queue, found by a task that sleeps first",
        || {
            async {
                let lock = forever_once();
                let guards = Rc::new(Queue::unbounded());
                guards.put(lock.acquire().await).await.unwrap();
                let finder = spawn({
                    let guards = guards.clone();
                    async move {
                        sleep(SECOND).await;
                        drop(guards.get().await.unwrap());
                    }
                });
                drop(lock.acquire().await);
                finder.await.unwrap();
            }
            .boxed_local()
        },
    ),
    inside(
        "a guard that a task-local keeps to the end of its task",
        || {
            async {
                static KEPT: TaskLocal<Cell<Option<turnwise::sync::LockGuard<'static, ()>>>> =
                    TaskLocal::new();
                let lock = forever_once();
                let keeper = spawn(async {
                    KEPT.set(Cell::new(Some(lock.acquire().await)));
                    sleep(SECOND).await;
                });
                yield_now().await;
                drop(lock.acquire().await);
                keeper.await.unwrap();
            }
            .boxed_local()
        },
    ),
    inside("a guard that a panic drops", || {
        async {
            let lock = forever_once();
            let panics = spawn(async {
                let _guard = lock.acquire().await;
                sleep(SECOND).await;
                std::panic::resume_unwind(Box::new("meant"));
            });
            yield_now().await;
            drop(lock.acquire().await);
            assert!(panics.await.is_err_and(|error| error.is_panic()));
        }
        .boxed_local()
    }),
    inside("a guard that a cancelled task drops", || {
        async {
            let lock = forever_once();
            let holder = spawn(async {
                let _guard = lock.acquire().await;
                never().await;
            });
            yield_now().await;
            let (waiter, ()) = futures::join!(lock.acquire(), async {
                yield_now().await;
                holder.cancel();
            });
            drop(waiter);
            assert!(holder.await.is_err_and(|error| error.is_cancelled()));
        }
        .boxed_local()
    }),
    inside("wakers that a home-made channel keeps in an Rc", || {
        async {
            let channel = Rc::new(Homemade::default());
            let taker = spawn({
                let channel = channel.clone();
                async move { channel.take().await + channel.take().await }
            });
            for n in [1, 2] {
                sleep(SECOND).await;
                channel.give(n);
            }
            assert_eq!(taker.await.unwrap(), 3);
        }
        .boxed_local()
    }),
    inside("a home-made gate whose grants are abandoned", || {
        async {
            let gate = Rc::new(Gate::new());
            let impatient = (0..3).map(|_| timeout(SECOND, gate.pass()));
            let opens = spawn({
                let gate = gate.clone();
                async move {
                    sleep(2 * SECOND).await;
                    gate.open();
                }
            });
            let gave_up = join_all(impatient).await;
            assert!(gave_up.iter().all(Result::is_err));
            // Granted, then dropped: the opening goes to the one behind.
            let mut first = Box::pin(gate.pass());
            let _ = select(&mut first, pin!(yield_now())).await;
            let second = spawn({
                let gate = gate.clone();
                async move { gate.pass().await }
            });
            opens.await.unwrap();
            drop(first);
            second.await.unwrap();
        }
        .boxed_local()
    }),
    inside("sets of futures in sets of futures", || {
        async {
            let (lock, event) = (Lock::new(0), Event::new());
            let inner = || {
                let work: FuturesUnordered<_> = (0..3)
                    .map(|_| async {
                        event.wait().await;
                        let mut guard = lock.acquire().await;
                        yield_now().await;
                        *guard += 1;
                    })
                    .collect();
                work.collect::<()>()
            };
            let outer: FuturesUnordered<_> = (0..3).map(|_| inner()).collect();
            futures::join!(outer.collect::<()>(), async {
                sleep(SECOND).await;
                event.set();
            });
            assert_eq!(*lock.acquire().await, 9);
        }
        .boxed_local()
    }),
    inside("a stream of buffered work over few permits", || {
        async {
            let permits = Semaphore::new(2);
            let work = futures::stream::iter(0..8).map(|n| {
                let permits = &permits;
                async move {
                    let _permit = permits.acquire_many(n % 2 + 1).await;
                    sleep(SECOND).await;
                }
            });
            work.buffer_unordered(4).collect::<()>().await;
            assert_eq!(permits.available(), 2);
        }
        .boxed_local()
    }),
    inside("a shared future whose first poller is cancelled", || {
        async {
            let event = Rc::new(Event::new());
            let awaited = event.clone();
            let shared = async move { awaited.wait().await }.boxed_local().shared();
            let first = spawn(shared.clone());
            yield_now().await;
            let second = spawn(shared);
            yield_now().await;
            first.cancel();
            yield_now().await;
            event.set();
            second.await.unwrap();
            assert!(first.await.is_err());
        }
        .boxed_local()
    }),
    inside("a future that another task aborts", || {
        async {
            let (never, handle) = abortable(pending::<()>());
            drop(spawn(async move {
                sleep(SECOND).await;
                handle.abort();
            }));
            assert!(never.await.is_err());
        }
        .boxed_local()
    }),
    inside("an event that a destructor sets when time is up", || {
        async {
            struct SetOnDrop(Rc<Event>);
            impl Drop for SetOnDrop {
                fn drop(&mut self) {
                    self.0.set();
                }
            }
            let event = Rc::new(Event::new());
            let sets = SetOnDrop(event.clone());
            drop(spawn(timeout(SECOND, async move {
                let _sets = sets;
                never().await;
            })));
            event.wait().await;
            yield_now().await;
        }
        .boxed_local()
    }),
    inside("a foreign sender that a cancelled task drops", || {
        async {
            let (sender, receiver) = oneshot::channel::<()>();
            let keeper = spawn(async move {
                let _sender = sender;
                never().await;
            });
            yield_now().await;
            let (received, ()) = futures::join!(receiver, async {
                yield_now().await;
                keeper.cancel();
            });
            assert!(received.is_err());
            assert!(keeper.await.is_err());
        }
        .boxed_local()
    }),
    inside("a cell whose initialiser runs out of time", || {
        async {
            let cell = OnceCell::new();
            let slow = timeout(SECOND, cell.get_or_init(pending::<i32>)).map(drop);
            let next = async {
                yield_now().await;
                assert_eq!(*cell.get_or_init(async || 7).await, 7);
            };
            futures::join!(slow, next);
        }
        .boxed_local()
    }),
    inside(
        "a group that a time limit ends in the middle of a wait",
        || {
            async {
                let lock = forever_once();
                let _all = timeout(
                    SECOND,
                    try_task_group(async |group| {
                        for _ in 0..3 {
                            drop(group.spawn(async {
                                let _guard = lock.acquire().await;
                                sleep(10 * SECOND).await;
                            }));
                        }
                        Ok::<(), std::io::Error>(())
                    }),
                )
                .await
                .unwrap_err();
                drop(lock.acquire().await);
            }
            .boxed_local()
        },
    ),
    inside(
        "children of a group that await each other's handles",
        || {
            async {
                let group = try_task_group(async |group| {
                    let mut last = None;
                    for _ in 0..5 {
                        let before = last.take();
                        last = Some(spawn(async move {
                            match before {
                                Some(before) => join(before).await,
                                None => sleep(SECOND).await,
                            }
                        }));
                    }
                    drop(group.spawn(async move { last.unwrap().await.unwrap() }));
                    Ok::<(), std::io::Error>(())
                });
                group.await.unwrap();
            }
            .boxed_local()
        },
    ),
    inside(
        "eager tasks in eager tasks, and a lock between them",
        || {
            async {
                let lock = forever_once();
                let guard = lock.acquire().await;
                let outer = spawn_eager(async {
                    let inner = spawn_eager(async { drop(lock.acquire().await) });
                    inner.await.unwrap();
                });
                drop(guard);
                outer.await.unwrap();
            }
            .boxed_local()
        },
    ),
    inside("two who wait for everybody to be blocked", || {
        async {
            let tasks = [spawn(wait_quiescent()), spawn(wait_quiescent())];
            sleep(SECOND).await;
            join_all(tasks).await;
        }
        .boxed_local()
    }),
    inside("an executor in a set of futures in a task", || {
        async {
            let (event, executor) = (Event::new(), async_executor::LocalExecutor::new());
            let work: FuturesOrdered<_> = (0..3).map(|_| executor.spawn(event.wait())).collect();
            let all = executor.run(work.collect::<Vec<_>>());
            futures::join!(all, async {
                sleep(SECOND).await;
                event.set();
            });
        }
        .boxed_local()
    }),
];

pub(super) const OUTSIDE: &[Sound] = &[
    outside("two threads, one of which drops its waker", || {
        async {
            let (sender, wakers) = std_mpsc::channel::<Waker>();
            worker(move || wakers.recv().unwrap().wake());
            let (drops, dropped) = std_mpsc::channel::<Waker>();
            worker(move || drop(dropped.recv().unwrap()));
            wait_with(move |waker| {
                drops.send(waker.clone()).unwrap();
                sender.send(waker).unwrap();
            })
            .await;
        }
        .boxed_local()
    }),
    outside("a waker that goes through three threads", || {
        async {
            let (sender, wakers) = std_mpsc::channel::<Waker>();
            let (second, relayed) = std_mpsc::channel::<Waker>();
            let (third, late) = std_mpsc::channel::<Waker>();
            worker(move || second.send(wakers.recv().unwrap()).unwrap());
            worker(move || third.send(relayed.recv().unwrap()).unwrap());
            worker(move || late.recv().unwrap().wake());
            wait_with(move |waker| sender.send(waker).unwrap()).await;
        }
        .boxed_local()
    }),
    outside("a destructor in a thread that wakes", || {
        async {
            struct WakeOnDrop(Waker);
            impl Drop for WakeOnDrop {
                fn drop(&mut self) {
                    self.0.wake_by_ref();
                }
            }
            let (sender, wakers) = std_mpsc::channel::<WakeOnDrop>();
            worker(move || drop(wakers.recv().unwrap()));
            wait_with(move |waker| sender.send(WakeOnDrop(waker)).unwrap()).await;
        }
        .boxed_local()
    }),
    outside("a thread-local of a thread that ends", || {
        async {
            struct WakeOnExit(RefCell<Option<Waker>>);
            impl Drop for WakeOnExit {
                fn drop(&mut self) {
                    self.0.take().unwrap().wake();
                }
            }
            thread_local!(static LAST: WakeOnExit = const { WakeOnExit(RefCell::new(None)) });
            wait_with(|waker| {
                thread::spawn(|| LAST.with(|last| last.0.replace(Some(waker))));
            })
            .await;
        }
        .boxed_local()
    }),
    outside("a waker in a shared place that a thread empties", || {
        async {
            let place = Arc::new(Mutex::new(None::<Waker>));
            let (ready, go) = std_mpsc::channel();
            worker({
                let place = place.clone();
                move || {
                    go.recv().unwrap();
                    place.lock().unwrap().take().unwrap().wake();
                }
            });
            wait_with(move |waker| {
                *place.lock().unwrap() = Some(waker);
                ready.send(()).unwrap();
            })
            .await;
        }
        .boxed_local()
    }),
    outside(
        "a blocking call that is awaited last, and its sender",
        || {
            async {
                let (sender, receiver) = oneshot::channel();
                let call = spawn_blocking(move || sender.send(7).unwrap());
                assert_eq!(receiver.await, Ok(7));
                call.await.unwrap();
            }
            .boxed_local()
        },
    ),
    outside("a blocking call whose handle was cancelled", || {
        async {
            let (sender, receiver) = oneshot::channel();
            let call = spawn_blocking(move || drop(sender.send(7)));
            call.cancel();
            // Begun or dropped: either way the sender goes.
            let _ = receiver.await;
            let _ = call.await;
        }
        .boxed_local()
    }),
    outside("a blocking call that calls back", || {
        async {
            let (event, remote) = (Rc::new(Event::new()), remote());
            EVENT.set(Some(event.clone()));
            let call = spawn_blocking(move || {
                remote.call(|| EVENT.take().unwrap().set()).unwrap();
            });
            event.wait().await;
            call.await.unwrap();
        }
        .boxed_local()
    }),
    outside("a shared blocking call that three tasks await", || {
        async {
            let call = spawn_blocking(|| 7).map(Result::unwrap);
            let call = call.boxed_local().shared();
            let tasks = (0..3).map(|_| spawn(call.clone()));
            let sum: i32 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
            assert_eq!(sum, 21);
        }
        .boxed_local()
    }),
    outside("threads behind sets of futures in sets of futures", || {
        async {
            let inner = || {
                let work: FuturesUnordered<_> = (0..2)
                    .map(|_| {
                        let (sender, receiver) = oneshot::channel();
                        worker(move || sender.send(()).unwrap());
                        receiver
                    })
                    .collect();
                work.count()
            };
            let outer: FuturesUnordered<_> = (0..2).map(|_| inner()).collect();
            assert_eq!(outer.collect::<Vec<_>>().await, [2, 2]);
        }
        .boxed_local()
    }),
    Sound {
        name: "a task of a runtime on another thread",
        times: 200,
        program: || {
            async {
                let (give, taken) = oneshot::channel();
                let other = thread::spawn(move || {
                    Runtime::new().block_on(async {
                        let (stop, stopped) = oneshot::channel();
                        give.send((remote(), stop)).ok().unwrap();
                        stopped.await.unwrap();
                    });
                });
                let (remote, stop) = taken.await.unwrap();
                let answer = remote.spawn(|| async {
                    yield_now().await;
                    spawn_blocking(|| 7).await.unwrap()
                });
                assert_eq!(answer.await.unwrap(), 7);
                // One that the end of its runtime cancels.
                let never = remote.spawn(never);
                stop.send(()).unwrap();
                assert!(never.await.is_err());
                other.join().unwrap();
            }
            .boxed_local()
        },
    },
    outside(
        "a foreign stream whose last sender a thread drops late",
        || {
            async {
                let (sender, receiver) = mpsc::channel::<()>(1);
                let other = sender.clone();
                worker(move || drop(sender));
                worker(move || drop(other));
                assert_eq!(receiver.count().await, 0);
            }
            .boxed_local()
        },
    ),
    outside("an expectation that ends with a panic in a thread", || {
        async {
            let (sender, receiver) = oneshot::channel::<()>();
            let expected = expect_external("a thread");
            worker(move || {
                let panics = std::panic::AssertUnwindSafe(move || {
                    let _expected = expected;
                    let _sender = sender;
                    std::panic::resume_unwind(Box::new("meant"));
                });
                std::panic::catch_unwind(panics).unwrap_err();
            });
            assert!(receiver.await.is_err());
        }
        .boxed_local()
    }),
    outside("a race that drops what a thread would wake", || {
        async {
            let (sender, receiver) = oneshot::channel::<()>();
            let (wins, won) = oneshot::channel::<()>();
            worker(move || {
                wins.send(()).unwrap();
                let _ = sender.send(());
            });
            race((
                receiver.map(drop).boxed_local(),
                won.map(drop).boxed_local(),
            ))
            .await;
            let blocking = spawn_blocking(|| ());
            gather((blocking.map(Result::unwrap),)).await;
        }
        .boxed_local()
    }),
    #[cfg(feature = "signal")]
    outside("a signal, after a wait for it was given up", || {
        async {
            use rustix::process::{Signal, getpid, kill_process};
            use turnwise::io::{SignalKind, signal};
            let mut resized = signal(SignalKind::WINDOW_CHANGE).unwrap();
            let _ = timeout(Duration::ZERO, resized.recv()).await;
            worker(|| kill_process(getpid(), Signal::WINCH).unwrap());
            resized.recv().await.unwrap();
        }
        .boxed_local()
    }),
    #[cfg(feature = "process")]
    Sound {
        name: "a child, after a wait for it was given up",
        times: 50,
        program: || {
            async {
                let mut child = turnwise::io::Command::new("true").spawn().unwrap();
                let _ = timeout(Duration::ZERO, child.wait()).await;
                assert!(child.wait().await.unwrap().success());
            }
            .boxed_local()
        },
    },
    #[cfg(feature = "process")]
    Sound {
        name: "the output of a child in a set of futures",
        times: 50,
        program: || {
            async {
                let say = |word: &'static str| async move {
                    let mut echo = turnwise::io::Command::new("echo");
                    echo.arg(word).output().await.unwrap().stdout.len()
                };
                let all: FuturesUnordered<_> = ["a", "bc"].into_iter().map(say).collect();
                assert_eq!(all.fold(0, async |sum, n| sum + n).await, 5);
            }
            .boxed_local()
        },
    },
];

thread_local! {
    static EVENT: RefCell<Option<Rc<Event>>> = const { RefCell::new(None) };
}

/// Waits in a way that can be seen through.
async fn never() {
    Event::new().wait().await;
}

async fn join(task: JoinHandle<()>) {
    task.await.unwrap();
}

/// A free lock to borrow for ever, one for all programs: each leaves it as it found it.
fn forever_once() -> &'static Lock<()> {
    thread_local!(static LOCK: &'static Lock<()> = forever(Lock::new(())));
    LOCK.with(|lock| *lock)
}
