//! What wakes the loop from outside: descriptors, threads, signals.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use turnwise::io::{SignalKind, UnixStream, signal};
use turnwise::sync::Queue;
use turnwise::thread::{remote, sender};
use turnwise::{Runtime, sleep, spawn, spawn_blocking, yield_now};

use crate::tools::{join, really, virtually};
use crate::{Shape, shape};

const N: usize = 300;

pub(crate) fn shapes() -> Vec<Shape> {
    vec![
        shape("a virtual jump beside idle sources", N, |n| {
            virtually(async move {
                let idle = pairs(n);
                for _ in 0..n {
                    sleep(Duration::from_millis(1)).await;
                }
                drop(idle);
            })
        }),
        shape("a park beside idle sources", N, |n| {
            really(parks_beside_sources(n))
        }),
        shape("sources made and dropped", N, |n| {
            really(async move {
                let idle = pairs(n);
                (0..n).for_each(|_| drop(UnixStream::pair()));
                drop(idle);
            })
        }),
        shape("sources, all awaited", N, |n| really(awaited(n))),
        shape("one stream, awaited by n tasks", N, shared_stream),
        shape("ping-pong beside awaited sources", N, |n| {
            really(ping_pong(n))
        }),
        shape("blocking calls", N, |n| {
            really(async move {
                for _ in 0..n {
                    let _ = spawn_blocking(|| ()).await;
                }
            })
        }),
        shape("blocking calls given up", N, |n| {
            really(async move {
                (0..n).for_each(|_| _ = spawn_blocking(|| ()).cancel());
                let _ = spawn_blocking(|| ()).await;
            })
        }),
        shape("tasks from a thread", N, |n| {
            really(async move {
                let remote = remote();
                let thread = thread::spawn(move || {
                    let all: Vec<_> = (0..n).map(|_| remote.spawn(|| async {})).collect();
                    all.into_iter()
                        .for_each(|one| one.blocking_wait().expect("it ends"));
                });
                over(thread).await;
            })
        }),
        shape("items through an inlet", N * 4, |n| {
            really(async move {
                let queue = Rc::new(Queue::unbounded());
                let arrived = queue.clone();
                let inlet = sender(move |at| arrived.try_put(at).expect("it has room"));
                thread::spawn(move || (0..n).for_each(|at| inlet.send(at).expect("the loop runs")));
                for _ in 0..n {
                    queue.get().await.expect("it is open");
                }
            })
        }),
        shape("wakes from a thread", N * 4, |n| {
            really(async move {
                let idle = crate::tools::idle(n).await;
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                thread::spawn(move || (0..n).for_each(|_| waker.wake_by_ref()))
                    .join()
                    .expect("it ends");
                yield_now().await;
                drop(idle);
            })
        }),
        shape("listeners of one signal", 100, |n| {
            really(async move {
                let kind = SignalKind::HANGUP;
                let all: Vec<_> = (0..n)
                    .map(|_| signal(kind).expect("it can be heard"))
                    .collect();
                drop(all);
            })
        }),
    ]
}

fn pairs(n: usize) -> Vec<(UnixStream, UnixStream)> {
    (0..n / 2)
        .map(|_| UnixStream::pair().expect("descriptors"))
        .collect()
}

async fn over(thread: thread::JoinHandle<()>) {
    spawn_blocking(move || thread.join().expect("it ends"))
        .await
        .expect("it ends");
}

/// The loop sleeps `n` times, until a thread answers.
async fn parks_beside_sources(n: usize) {
    let idle = pairs(n);
    let (here, mut there) = std::os::unix::net::UnixStream::pair().expect("descriptors");
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while there.read(&mut byte).expect("it reads") == 1 {
            // It is the loop that is to sleep first.
            thread::sleep(Duration::from_millis(1));
            there.write_all(&byte).expect("it writes");
        }
    });
    let here = UnixStream::from_std(here).expect("a descriptor");
    for _ in 0..n {
        here.write(&[1]).await.expect("it writes");
        here.read(&mut [0]).await.expect("it reads");
    }
    drop((idle, here));
    echo.join().expect("it ends");
}

async fn awaited(n: usize) {
    let (near, far): (Vec<_>, Vec<_>) = pairs(n).into_iter().unzip();
    let tasks: Vec<_> = near
        .into_iter()
        .map(|one| spawn(async move { one.read(&mut [0]).await.expect("it reads") }))
        .collect();
    yield_now().await;
    for one in &far {
        one.write(&[1]).await.expect("it writes");
    }
    join(tasks).await;
}

/// `n` turns of a loop in which `n` tasks write to a peer that does not read.
fn shared_stream(n: usize) {
    let runtime = Runtime::new();
    let (here, _there) = runtime
        .block_on(async { UnixStream::pair() })
        .expect("descriptors");
    let here = Rc::new(here);
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            let here = here.clone();
            runtime.spawn(async move { here.write_all(&vec![0; 1 << 20]).await })
        })
        .collect();
    for _ in 0..n {
        runtime.turn(Some(Duration::ZERO));
    }
    drop(tasks);
}

async fn ping_pong(n: usize) {
    let others = pairs(n);
    let tasks: Vec<_> = others
        .into_iter()
        .map(|(one, other)| {
            spawn(async move {
                let _ = one.read(&mut [0]).await;
                drop(other);
            })
        })
        .collect();
    let (here, there) = UnixStream::pair().expect("descriptors");
    let echo = spawn(async move {
        let mut byte = [0];
        while there.read_exact(&mut byte).await.is_ok() {
            there.write_all(&byte).await.expect("it writes");
        }
    });
    for _ in 0..n {
        here.write_all(&[1]).await.expect("it writes");
        here.read_exact(&mut [0]).await.expect("it reads");
    }
    drop((tasks, echo));
}
