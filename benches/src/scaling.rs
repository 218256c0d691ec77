//! The same operation among ever more tasks, waiters and timers. Starting and ending them is not in
//! the time.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::peer::{Event, Executor, Semaphore, Timers};
use crate::rows::{processor_time, switch_among, together};

/// The series, and what there are `n` of.
pub const SERIES: [&str; 9] = [
    "switch among n tasks",
    "event with n waiters",
    "semaphore with n waiting",
    "timer armed and dropped, n armed",
    "timer armed and fired, n armed",
    "child of a group of n",
    "spawn and join after a burst of n",
    "virtual sleep beside n idle sources",
    "turn beside n writers at a full peer",
];

/// Of tasks, waiters and timers.
const MOST: usize = 1_000_000;

/// A series as done by a peer.
pub struct Line {
    pub series: &'static str,
    pub peer: &'static str,
    /// The largest `n` that makes sense.
    pub most: usize,
    /// Does about so many operations among `n`, and says what one took in ns.
    pub run: fn(n: usize, operations: u64) -> f64,
}

/// All lines, in the order of [`SERIES`].
pub fn lines() -> Vec<Line> {
    use crate::peer::{limit, monoio, smol, tokio, turnwise};

    fn peer<E: Timers, S: Semaphore>(name: &'static str, to: &mut Vec<Line>) {
        to.extend([
            Line {
                series: SERIES[0],
                peer: name,
                most: MOST,
                run: switch::<E>,
            },
            Line {
                series: SERIES[2],
                peer: name,
                most: MOST,
                run: semaphore::<E, S>,
            },
            Line {
                series: SERIES[3],
                peer: name,
                most: MOST,
                run: armed::<E>,
            },
            Line {
                series: SERIES[4],
                peer: name,
                most: MOST,
                run: fired::<E>,
            },
        ]);
    }
    fn event_of<E: Executor, V: Event>(name: &'static str, to: &mut Vec<Line>) {
        to.push(Line {
            series: SERIES[1],
            peer: name,
            most: MOST,
            run: event::<E, V>,
        });
    }

    let all = &mut Vec::new();
    peer::<turnwise::Turnwise, ::turnwise::sync::Semaphore>("turnwise", all);
    event_of::<turnwise::Turnwise, ::turnwise::sync::Event>("turnwise", all);
    peer::<tokio::Tokio<true>, ::tokio::sync::Semaphore>("tokio LocalRuntime", all);
    event_of::<tokio::Tokio<true>, ::tokio::sync::Notify>("tokio LocalRuntime", all);
    peer::<smol::Smol, async_lock::Semaphore>("smol", all);
    event_of::<smol::Smol, event_listener::Event>("smol", all);
    peer::<monoio::Monoio<true>, local_sync::semaphore::Semaphore>("monoio, local-sync", all);
    peer::<limit::Limit, limit::Permits>("limit", all);
    event_of::<limit::Limit, limit::Waiters>("limit", all);
    all.extend(crate::crowds::lines());
    all.sort_by_key(|line| SERIES.iter().position(|series| *series == line.series));
    std::mem::take(all)
}

pub(crate) fn each(took: Duration, operations: u64) -> f64 {
    took.as_nanos() as f64 / operations as f64
}

/// How often all `n` do it, so that it is about so many operations.
pub(crate) fn rounds(n: usize, operations: u64) -> u64 {
    (operations / n as u64).max(2)
}

fn switch<E: Executor>(n: usize, operations: u64) -> f64 {
    let rounds = rounds(n, operations);
    each(switch_among::<E>(n, rounds), rounds * n as u64)
}

/// `n` tasks wait, are all woken, and wait again.
fn event<E: Executor, V: Event>(n: usize, operations: u64) -> f64 {
    let rounds = rounds(n, operations);
    let took = E::block_on(|executor| async move {
        let event = Rc::new(V::new());
        let waiting = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..n)
            .map(|_| {
                let (event, waiting) = (event.clone(), waiting.clone());
                executor.spawn(async move {
                    for _ in 0..=rounds {
                        waiting.set(waiting.get() + 1);
                        event.wait().await;
                    }
                })
            })
            .collect();
        let all_wait = async || {
            while waiting.get() < n {
                E::yield_now().await;
            }
            waiting.set(0);
        };
        all_wait().await;
        let start = Instant::now();
        for _ in 0..rounds {
            event.wake_all();
            all_wait().await;
        }
        let took = start.elapsed();
        event.wake_all();
        for task in tasks {
            E::join(task).await;
        }
        took
    });
    each(took, rounds * n as u64)
}

/// `n` tasks share one permit: each takes it, yields with it, gives it back and queues again.
fn semaphore<E: Executor, S: Semaphore>(n: usize, operations: u64) -> f64 {
    let served = operations.max(2 * n as u64);
    let took = E::block_on(|executor| async move {
        let permits = Rc::new(S::new(1));
        let count = Rc::new(Cell::new(0));
        let span = Rc::new(Cell::new(None));
        let start = Rc::new(Cell::new(None));
        together(executor, n, |_| {
            let (permits, count) = (permits.clone(), count.clone());
            let (span, start) = (span.clone(), start.clone());
            async move {
                while count.get() <= n as u64 + served {
                    let _permit = permits.acquire().await;
                    E::yield_now().await;
                    // Everybody has queued by the time that everybody could have been served once.
                    if count.get() == n as u64 {
                        start.set(Some(Instant::now()));
                    } else if count.get() == n as u64 + served {
                        span.set(start.get().map(|start: Instant| start.elapsed()));
                    }
                    count.set(count.get() + 1);
                }
            }
        })
        .await;
        span.get().expect("as many were served")
    });
    each(took, served)
}

type Sleeps<F> = Vec<Pin<Box<F>>>;

/// Arms `n` timers that are an hour off. The task that calls this owns them all.
async fn arm<E: Timers>(n: usize) -> Sleeps<impl Future<Output = ()>> {
    let mut random = Rng::with_seed(7);
    let mut sleeps: Sleeps<_> = (0..n)
        .map(|_| {
            Box::pin(E::sleep(Duration::from_nanos(
                3_600_000_000_000 + random.u64(..1 << 40),
            )))
        })
        .collect();
    for sleep in &mut sleeps {
        poll_once(sleep.as_mut()).await;
    }
    sleeps
}

async fn poll_once<F: Future<Output = ()>>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

fn armed<E: Timers>(n: usize, operations: u64) -> f64 {
    let took = E::block_on(move |_| async move {
        let others = arm::<E>(n - 1).await;
        let mut random = Rng::with_seed(11);
        let start = Instant::now();
        for _ in 0..operations {
            let duration = Duration::from_nanos(3_600_000_000_000 + random.u64(..1 << 40));
            poll_once(pin!(E::sleep(duration))).await;
        }
        let took = start.elapsed();
        drop(others);
        took
    });
    each(took, operations)
}

/// A thousand tasks at a time sleep up to 100 µs beside `n` timers that are far off. Processor time,
/// with the tasks' start and join.
fn fired<E: Timers>(n: usize, operations: u64) -> f64 {
    let rounds = (operations / 1000).max(1);
    let took = E::block_on(move |executor| async move {
        let others = arm::<E>(n - 1).await;
        let mut random = Rng::with_seed(13);
        let start = processor_time();
        for _ in 0..rounds {
            together(executor.clone(), 1000, |_| {
                E::sleep(Duration::from_nanos(random.u64(1_000..100_000)))
            })
            .await;
        }
        let took = processor_time() - start;
        drop(others);
        took
    });
    each(took, rounds * 1000)
}
