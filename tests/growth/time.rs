//! Deadlines, in orders that a structure of timers may not like.

use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use turnwise::{Runtime, interval, sleep, timeout, yield_now};

use crate::tools::{idle, join, many, shuffled, virtually};
use crate::{Shape, shape};

const N: usize = 1000;

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        shape("sleeps, ever later", N, |n| sleeps((0..n).collect())),
        shape("sleeps, ever earlier", N, |n| {
            sleeps((0..n).rev().collect())
        }),
        shape("sleeps, shuffled", N, |n| sleeps(shuffled(n).collect())),
        shape("sleeps, all the same", N, |n| sleeps(vec![7; n])),
        shape("sleeps, near and far in turn", N, |n| {
            let far = |at| if at % 2 == 0 { at } else { at * 1_000_000 };
            sleeps((0..n).map(far).collect());
        }),
        shape("sleeps, bisecting", N, |n| sleeps(bisecting(n))),
        shape("timers armed and dropped, in order", N, |n| {
            dropped((0..n).collect())
        }),
        shape("timers armed and dropped, backwards", N, |n| {
            dropped((0..n).rev().collect())
        }),
        shape("timers armed and dropped, shuffled", N, |n| {
            dropped(shuffled(n).collect())
        }),
        shape("a timer armed and dropped beside n", N, |n| {
            beside(n, async || {
                assert!(timeout(ms(5), yield_now()).await.is_ok())
            });
        }),
        shape("a timer that fires beside n", N, |n| {
            beside(n, async || sleep(ms(1)).await)
        }),
        shape("a timeout that is over at once", N, |n| {
            beside(n, async || {
                assert!(timeout(ms(0), pending::<()>()).await.is_err())
            });
        }),
        shape("a timeout of what is ready", N, |n| {
            beside(n, async || assert!(timeout(ms(1), ready(())).await.is_ok()));
        }),
        shape("a deadline moved to and fro", N, |n| virtually(moved(n))),
        shape("an interval beside n timers", N, |n| virtually(ticks(n))),
        shape("the next deadline asked for", N, |n| {
            let runtime = Runtime::builder().virtual_clock().build();
            let sleepers = runtime.block_on(sleepers(n));
            (0..n).for_each(|_| assert!(runtime.next_deadline().is_some()));
            drop(sleepers);
        }),
        shape("timeouts around timeouts", N, |n| {
            virtually(async move {
                let nested = |_| timeout(ms(9), timeout(ms(8), timeout(ms(7), pending::<()>())));
                join(many(n, nested)).await;
            })
        }),
    ]
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One task for each, asleep that many milliseconds.
fn sleeps(order: Vec<usize>) {
    virtually(async move {
        join(many(order.len(), |at| sleep(ms(order[at] as u64)))).await;
    });
}

/// The middle, the middles of both halves, and so on.
fn bisecting(n: usize) -> Vec<usize> {
    let bits = n.next_power_of_two().trailing_zeros();
    let turned = |at: usize| at.reverse_bits() >> (usize::BITS - bits);
    (0..n.next_power_of_two())
        .map(turned)
        .filter(|at| *at < n)
        .collect()
}

/// `n` timers of one task, dropped in that order.
fn dropped(order: Vec<usize>) {
    virtually(async move {
        let sleep_of = |at: usize| Some(Box::pin(sleep(ms(at as u64 + 1))));
        let mut sleeps: Vec<_> = (0..order.len()).map(sleep_of).collect();
        poll_fn(|cx| {
            for sleep in sleeps.iter_mut().flatten() {
                assert!(sleep.poll_unpin(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        order.iter().for_each(|at| sleeps[*at] = None);
    });
}

async fn sleepers(n: usize) -> Vec<turnwise::JoinHandle<()>> {
    let tasks = many(n, |at| sleep(Duration::from_secs(1_000_000 + at as u64)));
    yield_now().await;
    tasks
}

/// `n` times, while `n` tasks sleep and as many wait.
fn beside(n: usize, once: impl AsyncFn()) {
    virtually(async move {
        let (sleepers, idle) = (sleepers(n).await, idle(n).await);
        for _ in 0..n {
            once().await;
        }
        drop((sleepers, idle));
    });
}

async fn moved(n: usize) {
    let sleepers = sleepers(n).await;
    let mut sleep = pin!(sleep(ms(1)));
    let now = turnwise::time::Instant::now();
    for at in 0..n as u64 {
        let to = if at % 2 == 0 { 2_000_000 } else { 1 };
        sleep
            .as_mut()
            .get_mut()
            .reset(now + Duration::from_secs(to + at));
        assert!((&mut *sleep).now_or_never().is_none());
    }
    drop(sleepers);
}

async fn ticks(n: usize) {
    let sleepers = sleepers(n).await;
    let mut ticks = interval(ms(10));
    for _ in 0..n {
        ticks.tick().await;
    }
    drop(sleepers);
}
