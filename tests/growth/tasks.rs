//! Tasks: spawned, switched, joined, cancelled, in groups.

use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt;
use turnwise::sync::oneshot;
use turnwise::task::spawn_eager;
use turnwise::{
    GroupError, Runtime, When, as_completed, gather_spawned, race, spawn, try_gather_spawned,
    try_task_group, wait, yield_now,
};

use crate::tools::{idle, in_order, join, many, really, shuffled, virtually};
use crate::{Shape, shape};

const N: usize = 1000;

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        shape("spawn and join, one by one", N, |n| really(one_by_one(n))),
        shape("spawn beside idle tasks", N, |n| really(beside_idle(n))),
        shape("join in order", N, |n| {
            really(async move { join(many_ready(n)).await })
        }),
        shape("join backwards", N, |n| {
            really(async move {
                let tasks = many_ready(n);
                join(tasks.into_iter().rev()).await;
            })
        }),
        shape("join shuffled", N, |n| {
            really(async move {
                let tasks = many_ready(n);
                join(in_order(tasks, shuffled(n))).await;
            })
        }),
        shape("detached", N, |n| {
            really(async move {
                many_ready(n).into_iter().for_each(drop);
                yield_now().await;
            })
        }),
        shape("spawned eagerly", N, |n| {
            really(async move {
                join((0..n).map(|_| spawn_eager(yield_now()))).await;
            })
        }),
        shape("named", N, |n| {
            really(async move {
                let named = |at: usize| spawn(ready(())).named(format!("task {at}"));
                join((0..n).map(named)).await;
            })
        }),
        shape("a chain of spawns", N, |n| really(chain(n))),
        shape("switch among n", N, |n| really(switch(n))),
        shape("cancelled in order", N, |n| really(cancelled(n, false))),
        shape("cancelled shuffled", N, |n| really(cancelled(n, true))),
        shape("cancelled before the first poll", N, |n| {
            really(async move {
                let tasks = many(n, |_| pending::<()>());
                tasks.iter().for_each(|task| _ = task.cancel());
                join(tasks).await;
            })
        }),
        shape("dropped with the runtime", N, |n| {
            let runtime = Runtime::new();
            runtime.block_on(async move { drop(idle(n).await) });
        }),
        shape("spawned and cancelled within a poll", N, |n| {
            really(async move {
                for _ in 0..n {
                    spawn(pending::<()>()).cancel();
                }
            })
        }),
        shape("block_on again", N, |n| {
            let runtime = Runtime::new();
            let idle = runtime.block_on(idle(n));
            (0..n).for_each(|_| runtime.block_on(yield_now()));
            drop(idle);
        }),
        shape("a turn of the host", N, |n| {
            let runtime = Runtime::new();
            let idle = runtime.block_on(idle(n));
            for _ in 0..n {
                drop(runtime.spawn(ready(())));
                runtime.turn(Some(Duration::ZERO));
            }
            drop(idle);
        }),
        shape("gather", N, |n| {
            really(async move {
                gather_spawned((0..n).map(|_| yield_now())).await;
            })
        }),
        shape("try_gather, the first fails", N, |n| {
            really(async move {
                let one = |at| async move {
                    yield_now().await;
                    if at == 0 { Err(()) } else { pending().await }
                };
                let _: Result<Vec<()>, ()> = try_gather_spawned((0..n).map(one)).await;
            })
        }),
        shape("race, one after another", N, |n| {
            really(async move {
                let idle = idle(n).await;
                for _ in 0..n {
                    race((yield_now(), pending::<()>())).await;
                }
                drop(idle);
            })
        }),
        shape("a wide group", N, |n| really(group(n, false))),
        shape("a wide group, the first fails", N, |n| {
            really(group(n, true))
        }),
        shape("a wide group, cancelled", N, |n| really(group_cancelled(n))),
        shape("groups one after another", N, |n| {
            really(async move {
                let idle = idle(n).await;
                for _ in 0..n {
                    group(2, false).await;
                }
                drop(idle);
            })
        }),
        shape("a deep group", 200, |n| really(deep(n, false))),
        shape("a deep group, cancelled", 200, |n| really(deep(n, true))),
        shape("wait for all", N, |n| virtually(wait_for(n, When::All))),
        shape("wait for the first error", N, |n| {
            virtually(wait_for(n, When::FirstError))
        }),
        shape("wait for the first, again and again", N, |n| {
            virtually(wait_again(n))
        })
        .grows("each call is O(handles), as its page says"),
        shape("as_completed", N, |n| virtually(completed(n, false))),
        shape("as_completed, the last first", N, |n| {
            virtually(completed(n, true))
        }),
        shape("a very deep group, cancelled", 20_000, |n| {
            really(deep(n, true))
        })
        .slow(),
    ]
}

fn many_ready(n: usize) -> Vec<turnwise::JoinHandle<()>> {
    many(n, |_| ready(()))
}

async fn one_by_one(n: usize) {
    for _ in 0..n {
        spawn(ready(())).await.expect("it ends");
    }
}

async fn beside_idle(n: usize) {
    let idle = idle(n).await;
    one_by_one(n).await;
    drop(idle);
}

/// Each spawns the next; over when the last one is.
async fn chain(n: usize) {
    let (ended, end) = oneshot::channel();
    drop(spawn(link(n, ended)));
    end.await.expect("the last one sends");
}

fn link(n: usize, ended: oneshot::Sender<()>) -> Pin<Box<dyn Future<Output = ()>>> {
    async move {
        match n {
            0 => ended.send(()).expect("it is awaited"),
            _ => drop(spawn(link(n - 1, ended))),
        }
    }
    .boxed_local()
}

async fn switch(n: usize) {
    let turns = |_| async {
        for _ in 0..8 {
            yield_now().await;
        }
    };
    join(many(n, turns)).await;
}

async fn cancelled(n: usize, shuffle: bool) {
    let tasks = idle(n).await;
    match shuffle {
        false => tasks.iter().for_each(|task| _ = task.cancel()),
        true => shuffled(n).for_each(|at| _ = tasks[at].cancel()),
    }
    join(tasks).await;
}

async fn group(n: usize, fails: bool) {
    let result: Result<(), GroupError<()>> = try_task_group(async |group| {
        for at in 0..n {
            let child = async move {
                yield_now().await;
                match at {
                    0 if fails => Err(()),
                    _ => Ok(()),
                }
            };
            group.try_spawn(child);
        }
        Ok(())
    })
    .await;
    assert_eq!(result.is_err(), fails);
}

async fn group_cancelled(n: usize) {
    let result: Result<(), GroupError<()>> = try_task_group(async |group| {
        (0..n).for_each(|_| drop(group.spawn(pending::<()>())));
        yield_now().await;
        group.cancel();
        Ok(())
    })
    .await;
    assert!(result.is_ok(), "the body gave its value");
}

/// A group in a child of a group, and so on; the innermost rests or ends.
fn level(n: usize, rest: bool) -> Pin<Box<dyn Future<Output = ()>>> {
    async move {
        let _: Result<(), GroupError<()>> = try_task_group(async |group| {
            match (n, rest) {
                (0, false) => {}
                (0, true) => pending().await,
                _ => drop(group.spawn(level(n - 1, rest))),
            }
            Ok(())
        })
        .await;
    }
    .boxed_local()
}

async fn deep(n: usize, cancel: bool) {
    let task = spawn(level(n, cancel));
    if cancel {
        for _ in 0..n + 8 {
            yield_now().await;
        }
        task.cancel();
    }
    let _ = task.await;
}

/// Tasks that end one per pass.
fn staggered(n: usize) -> Vec<turnwise::JoinHandle<Result<(), ()>>> {
    many(n, |at| async move {
        turnwise::sleep(Duration::from_millis(at as u64)).await;
        Ok(())
    })
}

async fn wait_for(n: usize, when: When) {
    let mut tasks: Vec<_> = staggered(n);
    let ended = wait(&mut tasks).until(when).await;
    assert_eq!(ended.len(), n);
}

async fn wait_again(n: usize) {
    let mut tasks = staggered(n);
    while !tasks.is_empty() {
        wait(&mut tasks).until(When::FirstCompleted).await;
    }
}

async fn completed(n: usize, backwards: bool) {
    let mut tasks = staggered(n);
    if backwards {
        tasks.reverse();
    }
    let mut ended = as_completed(tasks);
    while futures::StreamExt::next(&mut ended).await.is_some() {}
}
