//! The rows. Each function does its work `rounds` times and returns the time that took, without the
//! time to start and to end an executor.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::peer::{
    Event, Executor, Lock, Oneshot, Outside, Queue, Relay, Semaphore, Signal, Timers,
};

/// One task at a time: started, run, awaited.
pub fn spawn_join<E: Executor>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let start = Instant::now();
        for n in 0..rounds {
            let task = executor.spawn(async move { black_box(n) });
            black_box(E::join(task).await);
        }
        start.elapsed()
    })
}

/// `TASKS` are started, then awaited one by one.
pub fn spawn_join_many<E: Executor, const TASKS: usize>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for n in 0..rounds {
            tasks.extend((0..TASKS).map(|_| executor.spawn(async move { black_box(n) })));
            for task in tasks.drain(..) {
                black_box(E::join(task).await);
            }
        }
        start.elapsed()
    })
}

/// `TASKS` tasks that do nothing but yield, timed from the first poll of the first to the last poll of
/// the last: starting and joining them is not part of it.
pub fn switch<E: Executor, const TASKS: usize>(rounds: u64) -> Duration {
    switch_among::<E>(TASKS, rounds)
}

/// The same with a number of tasks that is not known to the compiler.
pub fn switch_among<E: Executor>(tasks: usize, rounds: u64) -> Duration {
    E::block_on(move |executor| async move {
        let start = Rc::new(Cell::new(None));
        let end = Rc::new(Cell::new(None));
        together(executor, tasks, |_| {
            let (start, end) = (start.clone(), end.clone());
            async move {
                if start.get().is_none() {
                    start.set(Some(Instant::now()));
                }
                for _ in 0..rounds {
                    E::yield_now().await;
                }
                if Rc::strong_count(&start) == 2 {
                    end.set(Some(Instant::now()));
                }
            }
        })
        .await;
        end.get().unwrap() - start.get().unwrap()
    })
}

/// Starts `tasks` tasks, waits for all, and returns the time from the first start to the last end.
pub async fn together<E, F>(executor: E, tasks: usize, mut make: impl FnMut(usize) -> F) -> Duration
where
    E: Executor,
    F: Future<Output: 'static> + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..tasks).map(|n| executor.spawn(make(n))).collect();
    for task in tasks {
        E::join(task).await;
    }
    start.elapsed()
}

/// Adds one to what a guard gives access to.
///
/// Behind a black box, or the compiler makes one vector addition of this and of the borrow count
/// beside it in a `RefCell`, and the processor has to wait for the store of that count.
fn count(value: &mut u64) {
    *black_box(value) += 1;
}

/// One task takes a free lock and gives it back.
pub fn lock_free<E: Executor, L: Lock>(rounds: u64) -> Duration {
    E::block_on(|_| async move {
        let lock = black_box(L::new());
        let start = Instant::now();
        for _ in 0..rounds {
            count(&mut *lock.acquire().await);
        }
        let took = start.elapsed();
        assert_eq!(*lock.acquire().await, rounds);
        took
    })
}

/// `TASKS` tasks that each take the lock, yield while they have it, and give it back, again and again.
pub fn lock_contended<E: Executor, L: Lock, const TASKS: usize>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let lock = Rc::new(L::new());
        together(executor, TASKS, |_| {
            let lock = lock.clone();
            async move {
                for _ in 0..rounds {
                    let mut value = lock.acquire().await;
                    E::yield_now().await;
                    count(&mut value);
                }
            }
        })
        .await
    })
}

/// Starts 1000 tasks that each take one of ten permits once, and yield while they have it.
pub fn semaphore<E: Executor, S: Semaphore>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let permits = Rc::new(S::new(10));
        let mut took = Duration::ZERO;
        for _ in 0..rounds {
            took += together(executor.clone(), 1000, |_| {
                let permits = permits.clone();
                async move {
                    let _permit = permits.acquire().await;
                    E::yield_now().await;
                }
            })
            .await;
        }
        took
    })
}

/// `WAITERS` tasks wait, are woken at once, and wait again.
pub fn event<E: Executor, V: Event, const WAITERS: usize>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let event = Rc::new(V::new());
        let arrived = Rc::new(Cell::new(0));
        together(executor, WAITERS + 1, |n| {
            let (event, arrived) = (event.clone(), arrived.clone());
            async move {
                for _ in 0..rounds {
                    if n < WAITERS {
                        arrived.set(arrived.get() + 1);
                        event.wait().await;
                    } else {
                        while arrived.get() < WAITERS {
                            E::yield_now().await;
                        }
                        arrived.set(0);
                        event.wake_all();
                        E::yield_now().await;
                    }
                }
            }
        })
        .await
    })
}

/// Two tasks flip a flag under a lock in turns, each waiting for the other.
pub fn relay<E: Executor, R: Relay>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let relay = Rc::new(R::new());
        together(executor, 2, |n| {
            let relay = relay.clone();
            async move {
                for _ in 0..rounds {
                    relay.pass(n == 1).await;
                }
            }
        })
        .await
    })
}

/// Two tasks wake each other in turns.
pub fn signal<E: Executor, S: Signal>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let signals = Rc::new([S::new(), S::new()]);
        together(executor, 2, |n| {
            let signals = signals.clone();
            async move {
                for _ in 0..rounds {
                    // The first waits before the second wakes it for the first time.
                    if n == 0 {
                        signals[0].wait().await;
                        signals[1].wake_one();
                    } else {
                        signals[0].wake_one();
                        signals[1].wait().await;
                    }
                }
            }
        })
        .await
    })
}

/// One task puts what another gets.
pub fn queue<E: Executor, Q: Queue, const CAPACITY: usize>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let (mut sender, mut receiver) = Q::new(CAPACITY);
        let start = Instant::now();
        let get = executor.spawn(async move {
            for n in 0..rounds {
                assert_eq!(Q::get(&mut receiver).await, n);
            }
        });
        let put = executor.spawn(async move {
            for n in 0..rounds {
                Q::put(&mut sender, n).await;
            }
        });
        E::join(put).await;
        E::join(get).await;
        start.elapsed()
    })
}

/// Four tasks put what four others get.
pub fn queue_shared<E, Q, const CAPACITY: usize>(rounds: u64) -> Duration
where
    E: Executor,
    Q: Queue<Receiver: Clone>,
{
    E::block_on(|executor| async move {
        let (sender, receiver) = Q::new(CAPACITY);
        together(executor, 8, |n| {
            let (mut sender, mut receiver) = (sender.clone(), receiver.clone());
            async move {
                for item in 0..rounds {
                    if n % 2 == 0 {
                        black_box(Q::get(&mut receiver).await);
                    } else {
                        Q::put(&mut sender, item).await;
                    }
                }
            }
        })
        .await
    })
}

/// What one of two tasks sends the other: the sender of the next channel.
struct Baton<O: Oneshot>(O::Sender<Baton<O>>);

/// Two tasks, a new oneshot channel per message, each message the way to answer it.
pub fn oneshot<E: Executor, O: Oneshot>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let (first, start) = O::new::<Baton<O>>();
        let (first, start) = (Cell::new(Some(first)), Cell::new(Some(start)));
        together(executor, 2, |n| {
            let mut incoming = start.take();
            let mut outgoing = if n == 1 { first.take() } else { None };
            async move {
                for _ in 0..rounds {
                    if let Some(receiver) = incoming.take() {
                        outgoing = Some(O::receive(receiver).await.0);
                    }
                    let (sender, receiver) = O::new();
                    O::send(outgoing.take().expect("a baton"), Baton(sender));
                    incoming = Some(receiver);
                }
                if n == 1 {
                    drop(O::receive(incoming.take().expect("the last baton")).await);
                }
            }
        })
        .await
    })
}

/// `TASKS` tasks that yield under a time limit that is far off.
pub fn timeout<E: Timers, const TASKS: usize>(rounds: u64) -> Duration {
    E::block_on(|executor| {
        together(executor, TASKS, move |_| async move {
            for _ in 0..rounds {
                let limit = black_box(Duration::from_secs(10));
                assert!(E::timeout(limit, E::yield_now()).await.is_some());
            }
        })
    })
}

/// 100,000 tasks that sleep for up to 50 ms each. The time is that of the processor.
pub fn sleeps<E: Timers>(rounds: u64) -> Duration {
    E::block_on(|executor| async move {
        let start = processor_time();
        for _ in 0..rounds {
            let mut random = fastrand::Rng::with_seed(7);
            together(executor.clone(), 100_000, |_| {
                let duration = Duration::from_nanos(random.u64(1_000..50_000_000));
                E::sleep(duration)
            })
            .await;
        }
        processor_time() - start
    })
}

pub fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

/// Another thread sends as fast as it can.
pub fn outside<E: Outside>(rounds: u64) -> Duration {
    E::block_on(|_| async move {
        let (mut sender, mut receiver) = E::channel();
        let start = Instant::now();
        let thread = std::thread::spawn(move || {
            for n in 0..rounds {
                E::send(&mut sender, n);
            }
        });
        for n in 0..rounds {
            assert_eq!(E::receive(&mut receiver).await, n);
        }
        let took = start.elapsed();
        thread.join().unwrap();
        took
    })
}
