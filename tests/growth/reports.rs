//! Reports, statistics, and what is looked for behind the scenes.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use turnwise::report::dump;
use turnwise::sync::{Event, Lock, Semaphore};
use turnwise::{Runtime, sleep, spawn, yield_now};

use crate::tools::{idle, join, many, really, virtually};
use crate::{Shape, shape};

const N: usize = 1000;
const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        shape("dump of n tasks, as text", N, |n| {
            really(report(n, |report| report.to_string()))
        }),
        shape("dump of n tasks, all of them", N, |n| {
            really(report(n, |report| format!("{report:#}")));
        }),
        shape("dump of n tasks, as JSON", N, |n| {
            really(report(n, |report| report.to_json()))
        }),
        shape("dump of n tasks, as DOT", N, |n| {
            really(report(n, |report| report.to_dot()))
        }),
        shape("dump of 100,000 tasks", 50_000, |n| {
            really(report(n, |report| report.to_string()))
        })
        .slow(),
        shape("dump of one task with n waits", N, |n| {
            really(async move {
                let event = Rc::new(Event::new());
                let waits: Vec<_> = (0..n).map(|_| event.clone()).collect();
                let task = spawn(async move {
                    join_all(waits.iter().map(|event| event.wait())).await;
                });
                yield_now().await;
                assert!(!dump().to_string().is_empty());
                drop(task);
            })
        }),
        shape("deadlock of a chain", N, |n| deadlock(n, false)),
        shape("deadlock of a ring", N, |n| deadlock(n, true)),
        shape("all tasks", N, |n| {
            really(async move {
                let idle = idle(n).await;
                assert_eq!(turnwise::task::all().len(), n + 1);
                drop(idle);
            })
        }),
        shape("stats beside ready tasks", N, |n| {
            let runtime = Runtime::new();
            drop(many_on(&runtime, n));
            (0..n).for_each(|_| assert!(runtime.stats().ready <= n));
        })
        .grows("stats are O(tasks and waiters), as their page says"),
        shape("stats after a burst", 5 * N, |n| {
            let runtime = after_burst(n);
            (0..n).for_each(|_| assert_eq!(runtime.stats().alive, 0));
        }),
        shape("a switch after a burst", 5 * N, |n| {
            let runtime = after_burst(n);
            runtime.block_on(async move {
                for _ in 0..n {
                    yield_now().await;
                }
            });
        }),
        shape("a wake after a burst", 5 * N, |n| {
            let runtime = after_burst(n);
            runtime.block_on(async move {
                let (one, other) = (Rc::new(Semaphore::new(0)), Rc::new(Semaphore::new(0)));
                let (wakes, woken) = (one.clone(), other.clone());
                drop(spawn(async move {
                    loop {
                        woken.acquire().await.forget();
                        wakes.add_permits(1).expect("there are few");
                    }
                }));
                for _ in 0..n {
                    other.add_permits(1).expect("there are few");
                    one.acquire().await.forget();
                }
            });
        }),
        shape("a park after a suspicion was reported", N, after_suspicion),
        shape("a task looked at for being lost, beside timers", N, |n| {
            lost(n, |_| sleep(Duration::from_secs(1 << 20)));
        }),
        shape("lost tasks", N, |n| {
            let told = Rc::new(std::cell::Cell::new(0));
            let count = told.clone();
            let hook = move |_: &turnwise::task::Unobserved| count.set(count.get() + 1);
            let runtime = Runtime::builder().on_unobserved(hook).build();
            runtime.block_on(async move {
                let lost = many(n, |_| pending::<()>());
                yield_now().await;
                drop(lost);
            });
        }),
        shape(
            "polls that are timed, of a task with a name of n",
            20_000,
            |n| {
                let runtime = Runtime::builder().time_polls(true).build();
                runtime.block_on(async move {
                    let turns = async move {
                        for _ in 0..n {
                            yield_now().await;
                        }
                    };
                    let _ = spawn(turns).named("n".repeat(n)).await;
                });
            },
        ),
    ]
}

async fn report(n: usize, of: impl Fn(turnwise::report::Report) -> String) {
    let idle = idle(n).await;
    assert!(!of(dump()).is_empty());
    drop(idle);
}

/// A runtime whose tasks and waiters have ended.
fn after_burst(n: usize) -> Runtime {
    let runtime = Runtime::new();
    runtime.block_on(async move {
        join(many(n, |_| sleep(MILLISECOND))).await;
        sleep(MILLISECOND).await;
    });
    runtime
}

fn many_on(runtime: &Runtime, n: usize) -> Vec<turnwise::JoinHandle<()>> {
    (0..n).map(|_| runtime.spawn(async {})).collect()
}

/// Each holds a lock and waits for that of the next; the last for nothing, or for the first.
fn deadlock(n: usize, ring: bool) {
    let runtime = Runtime::new();
    let never = runtime.try_block_on(async move {
        let locks: Rc<Vec<Lock<()>>> = Rc::new((0..n).map(|_| Lock::new(())).collect());
        let tasks = many(n, |at| {
            let locks = locks.clone();
            async move {
                let _own = locks[at].acquire().await;
                yield_now().await;
                match at + 1 == n && !ring {
                    true => Event::new().wait().await,
                    false => drop(locks[(at + 1) % n].acquire().await),
                }
            }
        });
        for task in tasks {
            let _ = task.await;
        }
    });
    assert!(!never.expect_err("nobody can go on").to_string().is_empty());
}

/// `n` tasks keep foreign wakers, a suspicion was reported, and a thread wakes one task `n` times.
fn after_suspicion(n: usize) {
    let builder = Runtime::builder().suspect_after(Duration::ZERO);
    let runtime = builder.on_suspected(|_| ()).build();
    runtime.block_on(async move {
        let event = Rc::new(Event::new());
        let kept = many(n, |_| {
            let event = event.clone();
            async move { join_all([event.wait()]).await }
        });
        yield_now().await;
        for _ in 0..n {
            // The thread wakes only when the loop sleeps.
            let mut asked = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(1));
                    waker.wake();
                });
                Poll::Pending
            })
            .await;
        }
        drop(kept);
    });
}

/// `n` times a poll registers nothing new, in a task that waits all the same, beside `n` others.
fn lost<F: Future<Output = ()> + 'static>(n: usize, other: fn(usize) -> F) {
    virtually(async move {
        let others = many(n, other);
        yield_now().await;
        for _ in 0..n {
            let task = spawn(async {
                let event = Event::new();
                let (mut wait, mut sleep) = (pin!(event.wait()), pin!(sleep(MILLISECOND)));
                assert!(poll!(&mut wait).is_pending());
                // The poll in which the sleep ends asks for nothing; the wait still counts.
                poll_fn(|cx| {
                    let _ = sleep.as_mut().poll(cx);
                    Poll::<()>::Pending
                })
                .await;
            });
            sleep(2 * MILLISECOND).await;
            task.cancel();
            let _ = task.await;
        }
        drop(others);
    });
}
