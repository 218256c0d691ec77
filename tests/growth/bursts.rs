//! Bursts: a million of something, and then none. The memory of the process comes back while the program goes on.
//!
//! What the system says of the process is compared, so a burst counts whatever part of the program took the memory.
//! Before that the allocator gives back what is free; `count.rs` sees to it that it has one heap, which it can.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use turnwise::io::UnixStream;
use turnwise::sync::{Event, LifoQueue, Lock, PriorityQueue, Queue, oneshot};
use turnwise::thread::{expect_external, remote, sender};
use turnwise::{
    GroupError, Runtime, sleep, spawn, spawn_blocking, timeout, try_task_group, yield_now,
};

use crate::tools::{join, many};
use crate::{Check, check};

pub(crate) const CHECKS: &[Check] = &[
    check("a burst of tasks", || after(tasks)),
    check("a burst of tasks that are cancelled", || after(cancelled)),
    check("a burst of tasks dropped in a poll", || {
        after(dropped_in_a_poll)
    }),
    check("a burst of children of a group that lives on", in_a_group),
    check("a burst of waiters", || after(waiters)),
    check("a burst of locks that are waited for", || after(locks)),
    check("a burst of oneshots", || after(oneshots)),
    check("a burst of timers", || after(timers)),
    check("a burst of foreign wakers", || after(foreign)),
    check("a burst of tasks with foreign wakers", || {
        after(foreign_tasks)
    }),
    check("a burst of tasks that may be lost", || after(suspects)),
    check("a burst of wakes from a thread", || after(wakes)),
    check("a burst of tasks from a thread", || after(remote_tasks)),
    check("a burst of items through an inlet", || after(items)),
    check("a burst of items in a queue that lives on", in_a_queue),
    check(
        "a burst of items in a lifo queue that lives on",
        in_a_lifo_queue,
    ),
    check(
        "a burst of items in a priority queue that lives on",
        in_a_priority_queue,
    ),
    check("a burst of blocking calls", || after(blocking)),
    check("a burst of blocking calls given up", || after(given_up)),
    check("a burst of work outside", || after(expected)),
    check("a burst of connections", || after(connections)),
];

/// Of a burst.
const MANY: usize = 1_000_000;

/// The memory of the process is within a tenth of what it was when a burst is over and the loop has slept.
///
/// A small burst goes before it, so that code and threads are there.
fn after<F: Future<Output = ()>>(burst: impl Fn(usize) -> F) {
    let runtime = Runtime::builder().on_unobserved(|_| ()).build();
    let run = |n| {
        runtime.block_on(async {
            burst(n).await;
            yield_now().await;
            sleep(Duration::from_millis(1)).await;
        });
    };
    run(1000);
    let before = resident_trimmed();
    run(MANY);
    let (after, peak) = (resident_trimmed(), resident("VmHWM:"));
    println!("{before:>7} kB before, {peak} kB at the peak, {after} kB after");
    assert!(peak > before + 2000, "that is no burst");
    assert!(after * 10 <= before * 11, "more than a tenth stays");
}

/// The memory of this process in kB, without what is free.
fn resident_trimmed() -> u64 {
    #[allow(unsafe_code, reason = "glibc gives memory back in no other way")]
    unsafe {
        libc::malloc_trim(0)
    };
    resident("VmRSS:")
}

/// What the system says of the memory of this process, in kB.
fn resident(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let digits = line.unwrap_or("").chars().filter(char::is_ascii_digit);
    digits.collect::<String>().parse().expect("a number")
}

/// Tasks that wait for one event.
fn waiting(n: usize) -> (Rc<Event>, Vec<turnwise::JoinHandle<()>>) {
    let event = Rc::new(Event::new());
    let tasks = many(n, |_| {
        let event = event.clone();
        async move { event.wait().await }
    });
    (event, tasks)
}

async fn tasks(n: usize) {
    let (event, tasks) = waiting(n);
    yield_now().await;
    event.set();
    join(tasks).await;
}

async fn cancelled(n: usize) {
    let (_event, tasks) = waiting(n);
    yield_now().await;
    tasks.iter().for_each(|task| _ = task.cancel());
    join(tasks).await;
}

async fn dropped_in_a_poll(n: usize) {
    (0..n).for_each(|_| _ = spawn(pending::<()>()).cancel());
}

/// The group is there before the burst and after it.
fn in_a_group() {
    let children = Rc::new(Queue::unbounded());
    let (given, over) = (children.clone(), Rc::new(Event::new()));
    let ended = over.clone();
    let group = async move {
        let _: Result<(), GroupError<()>> = try_task_group(async |group| {
            while let Ok(n) = given.get().await {
                (0..n).for_each(|_| drop(group.spawn(yield_now())));
                while !group.is_empty() {
                    yield_now().await;
                }
                ended.set();
            }
            Ok(())
        })
        .await;
    };
    let group = Cell::new(Some(group));
    after(|n| {
        if let Some(group) = group.take() {
            drop(spawn(group));
        }
        over.clear();
        children.try_put(n).expect("it has room");
        let over = over.clone();
        async move { over.wait().await }
    });
}

async fn waiters(n: usize) {
    let lock = Lock::new(());
    let _held = lock.acquire().await;
    let mut waits: Vec<_> = (0..n).map(|_| Box::pin(lock.acquire())).collect();
    poll_fn(|cx| {
        let parked = waits
            .iter_mut()
            .all(|wait| wait.poll_unpin(cx).is_pending());
        assert!(parked);
        Poll::Ready(())
    })
    .await;
}

async fn locks(n: usize) {
    let locks: Vec<_> = (0..n).map(Lock::new).collect();
    let held: Vec<_> = locks.iter().map(Lock::try_acquire).collect();
    let waits = locks.iter().map(Lock::acquire);
    let _ = timeout(Duration::ZERO, join_all(waits)).await;
    drop(held);
}

async fn oneshots(n: usize) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..n).map(|_| oneshot::channel::<()>()).unzip();
    let tasks: Vec<_> = receivers.into_iter().map(spawn).collect();
    yield_now().await;
    drop(senders);
    join(tasks).await;
}

async fn timers(n: usize) {
    let sleeps = (0..n).map(|at| sleep(Duration::from_secs(at as u64 + 9)));
    let _ = timeout(Duration::ZERO, join_all(sleeps)).await;
}

async fn foreign(n: usize) {
    let event = Event::new();
    let all = join_all((0..n).map(|_| event.wait()));
    futures::join!(all, async { event.set() });
}

async fn foreign_tasks(n: usize) {
    let event = Rc::new(Event::new());
    let tasks = many(n, |_| {
        let event = event.clone();
        async move { join_all([event.wait()]).await }
    });
    yield_now().await;
    event.set();
    join(tasks).await;
}

/// Each poll asks for nothing.
async fn suspects(n: usize) {
    let tasks = many(n, |_| pending::<()>());
    yield_now().await;
    tasks.iter().for_each(|task| _ = task.cancel());
    join(tasks).await;
}

/// One thread wakes many tasks while the loop is busy.
async fn wakes(n: usize) {
    let wakers = Rc::new(Queue::unbounded());
    let over = Rc::new(Event::new());
    let tasks = many(n, |_| {
        let (wakers, over) = (wakers.clone(), over.clone());
        async move {
            poll_fn(|cx| Poll::Ready(wakers.try_put(cx.waker().clone()).is_ok())).await;
            over.wait().await;
        }
    });
    yield_now().await;
    let wakers = wakers.close_now();
    let wake = move || wakers.into_iter().for_each(|waker| waker.wake());
    thread::spawn(wake).join().expect("it ends");
    yield_now().await;
    over.set();
    join(tasks).await;
}

async fn remote_tasks(n: usize) {
    let remote = remote();
    let send = move || (0..n).for_each(|_| drop(remote.spawn(|| async {})));
    thread::spawn(send).join().expect("it ends");
    sleep(Duration::from_millis(1)).await;
}

async fn items(n: usize) {
    let left = Rc::new((Cell::new(n), Event::new()));
    let counted = left.clone();
    let inlet = sender(move |_: usize| {
        counted.0.set(counted.0.get() - 1);
        if counted.0.get() == 0 {
            counted.1.set();
        }
    });
    let send = move || (0..n).for_each(|at| inlet.send(at).expect("the loop runs"));
    thread::spawn(send).join().expect("it ends");
    left.1.wait().await;
}

/// Puts many items in, takes them out, and waits for another one, as a consumer does.
macro_rules! burst_in {
    ($name:ident, $queue:ident) => {
        fn $name() {
            let queue = Rc::new($queue::unbounded());
            after(|n| {
                let queue = queue.clone();
                async move {
                    (0..n).for_each(|at| queue.try_put(at).expect("it has room"));
                    for _ in 0..n {
                        queue.get().await.expect("it is open");
                    }
                    let _ = timeout(Duration::ZERO, queue.get()).await;
                }
            });
        }
    };
}

burst_in!(in_a_queue, Queue);
burst_in!(in_a_lifo_queue, LifoQueue);
burst_in!(in_a_priority_queue, PriorityQueue);

async fn blocking(n: usize) {
    // Each is a few system calls.
    let calls = (0..n / 10).map(|_| spawn_blocking(|| ()));
    join(calls.collect::<Vec<_>>()).await;
}

/// Behind calls that take their time.
async fn given_up(n: usize) {
    let stuck: Vec<_> = (0..64)
        .map(|_| {
            let (free, freed) = mpsc::channel::<()>();
            (free, spawn_blocking(move || freed.recv().is_ok()))
        })
        .collect();
    let calls: Vec<_> = (0..n / 10)
        .map(|at| spawn_blocking(move || [at; 10]))
        .collect();
    yield_now().await;
    calls.iter().for_each(|call| _ = call.cancel());
    join(calls).await;
    for (free, call) in stuck {
        drop(free);
        call.await.expect("it ends");
    }
}

async fn expected(n: usize) {
    let works: Vec<_> = (0..n).map(|_| expect_external("an answer")).collect();
    drop(works);
}

/// As many as the system lets a program have.
async fn connections(n: usize) {
    let pairs: io::Result<Vec<_>> = (0..n.min(9000) / 2).map(|_| UnixStream::pair()).collect();
    let pairs = pairs.expect("descriptors");
    let reads = pairs.iter().map(|(one, _)| {
        let mut byte = [0];
        async move { one.read(&mut byte).await }
    });
    let _ = timeout(Duration::ZERO, join_all(reads)).await;
}
