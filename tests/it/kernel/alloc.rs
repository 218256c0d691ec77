//! Allocations, counted per thread: none per wait, wake, switch and timer once everything has
//! grown to its size, one per spawn, and nothing is left behind.

use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use turnwise::sync::{Event, Lock, Queue};
use turnwise::{Runtime, sleep, spawn, timeout, yield_now};

use crate::support::{virtual_runtime, yields};

/// Allocations of `rounds` of `work` on a runtime where it has been done before.
fn counted<W, F>(runtime: &Runtime, rounds: usize, mut work: W) -> AllocationInfo
where
    W: FnMut() -> F,
    F: Future<Output = ()>,
{
    runtime.block_on(async {
        for _ in 0..20 {
            work().await;
        }
    });
    measure(|| {
        runtime.block_on(async {
            for _ in 0..rounds {
                work().await;
            }
        });
    })
}

const ROUNDS: usize = 1000;

#[test]
fn the_counter_counts() {
    let runtime = virtual_runtime();
    let boxes = counted(&runtime, ROUNDS, || async {
        drop(std::hint::black_box(Box::new(1)))
    });
    assert_eq!((boxes.count_total, boxes.count_current), (ROUNDS as u64, 0));
    let mut kept = None;
    let leak = measure(|| kept = Some(std::hint::black_box(Box::new(1))));
    assert_eq!((leak.count_current, kept.as_deref()), (1, Some(&1)));
}

/// Asserts that `work` allocates nothing, on the virtual clock and on the real one.
fn allocates_nothing<F: Future<Output = ()>>(work: impl Fn() -> F) {
    for runtime in [virtual_runtime, Runtime::new] {
        let runtime = runtime();
        let info = counted(&runtime, ROUNDS, &work);
        assert_eq!((info.count_total, info.count_current), (0, 0));
    }
}

#[test]
fn switches_allocate_nothing() {
    allocates_nothing(|| yields(3));
}

#[test]
fn locks_allocate_nothing() {
    let lock = Lock::new(0);
    allocates_nothing(|| async {
        let section = async || {
            let mut guard = lock.acquire().await;
            yield_now().await;
            *guard += 1;
        };
        futures::join!(section(), section(), section());
        drop(lock.try_acquire());
    });
}

#[test]
fn events_allocate_nothing() {
    let event = Event::new();
    allocates_nothing(|| async {
        futures::join!(event.wait(), event.wait(), async {
            yield_now().await;
            event.set();
        });
        event.clear();
    });
}

#[test]
fn queues_allocate_nothing() {
    let queue = Queue::bounded(2);
    allocates_nothing(|| async {
        let put = async {
            for n in 0..5 {
                queue.put(n).await.unwrap();
            }
        };
        let get = async {
            for n in 0..5 {
                assert_eq!(*queue.take().await.unwrap(), n);
            }
        };
        futures::join!(put, get, async {
            yield_now().await;
            queue.join().await;
        });
    });
}

#[test]
fn timers_allocate_nothing() {
    allocates_nothing(|| async {
        let nano = Duration::from_nanos(1);
        sleep(Duration::ZERO).await;
        futures::join!(sleep(nano), sleep(2 * nano), sleep(nano));
        timeout(Duration::from_secs(9), yield_now()).await.unwrap();
        timeout(nano, pending::<()>()).await.unwrap_err();
        let mut ticks = turnwise::interval(nano);
        ticks.tick().await;
        ticks.tick().await;
    });
}

#[test]
fn waits_that_are_given_up_allocate_nothing() {
    let (event, lock) = (Event::new(), Lock::new(()));
    allocates_nothing(|| async {
        let _guard = lock.acquire().await;
        for _ in 0..3 {
            let mut wait = event.wait();
            let mut acquire = lock.acquire();
            let mut long = sleep(Duration::from_secs(9));
            poll_fn(|cx| {
                assert!(std::pin::Pin::new(&mut wait).poll(cx).is_pending());
                assert!(std::pin::Pin::new(&mut acquire).poll(cx).is_pending());
                assert!(std::pin::Pin::new(&mut long).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        }
    });
}

#[test]
fn wakes_between_tasks_allocate_nothing() {
    let runtime = virtual_runtime();
    let (ping, pong) = (Rc::new(Event::new()), Rc::new(Event::new()));
    let partner = runtime.spawn({
        let (ping, pong) = (ping.clone(), pong.clone());
        async move {
            loop {
                ping.wait().await;
                ping.clear();
                pong.set();
            }
        }
    });
    let info = counted(&runtime, ROUNDS, || async {
        ping.set();
        pong.wait().await;
        pong.clear();
    });
    assert_eq!((info.count_total, info.count_current), (0, 0));
    drop(partner);
}

#[test]
fn wakes_through_a_cloned_waker_allocate_nothing() {
    allocates_nothing(|| async {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    });
}

#[test]
fn a_spawn_with_its_join_is_one_allocation() {
    for runtime in [virtual_runtime, Runtime::new] {
        let runtime = runtime();
        let info = counted(&runtime, ROUNDS, || async {
            let output = spawn(async {
                yield_now().await;
                [1u64; 8]
            });
            assert_eq!(output.await.unwrap()[7], 1);
        });
        assert_eq!((info.count_total, info.count_current), (ROUNDS as u64, 0));
        // Detached, and started with others.
        let info = counted(&runtime, ROUNDS, || async {
            drop(spawn(yields(1)));
            drop(spawn(yields(2)));
            yields(4).await;
        });
        assert_eq!(
            (info.count_total, info.count_current),
            (2 * ROUNDS as u64, 0)
        );
    }
}

#[test]
fn ten_thousand_cancelled_tasks_leave_nothing_behind() {
    const TASKS: usize = 10_000;
    let runtime = virtual_runtime();
    let (lock, event) = (Rc::new(Lock::new(())), Rc::new(Event::new()));
    let mut n = 0;
    let info = counted(&runtime, TASKS, || {
        n += 1;
        let way = n % 5;
        let (lock, event) = (lock.clone(), event.clone());
        async move {
            let task = spawn(async move {
                let _guard = lock.acquire().await;
                futures::join!(event.wait(), sleep(Duration::from_secs(9)));
            });
            match way {
                0 => drop(task.cancel()),
                1 => {
                    yield_now().await;
                    task.cancel();
                }
                2 => {
                    yield_now().await;
                    task.cancel();
                    return drop(task);
                }
                3 => {
                    timeout(Duration::from_secs(1), pending::<()>())
                        .await
                        .unwrap_err();
                    task.cancel();
                }
                // Ends by itself, because its sleep is over in virtual time.
                _ => {
                    sleep(Duration::from_secs(1)).await;
                    task.cancel_because("enough");
                }
            }
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
    assert_eq!((info.count_current, info.bytes_current), (0, 0));
    let stats = runtime.stats();
    assert_eq!((stats.waiters, stats.timers), (0, 0));
}

#[test]
fn a_runtime_leaves_nothing_behind() {
    let life = || {
        let runtime = virtual_runtime();
        runtime.block_on(async {
            let lock = Rc::new(Lock::new(()));
            for _ in 0..100 {
                let lock = lock.clone();
                drop(spawn(async move {
                    let _guard = lock.acquire().await;
                    sleep(Duration::from_secs(1)).await;
                }));
            }
            sleep(Duration::from_secs(5)).await;
        });
        drop(runtime.remote());
    };
    life();
    let info = measure(|| (0..10).for_each(|_| life()));
    assert_eq!((info.count_current, info.bytes_current), (0, 0));
}
