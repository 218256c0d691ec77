//! Checks: how much memory a report needs at its peak, and how much stays after a burst. Counted
//! by the allocator, in this thread, so nothing here depends on the system.

use std::future::{pending, poll_fn};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use futures::FutureExt;
use futures::future::join_all;
use turnwise::sync::{Event, Lock, oneshot};
use turnwise::{Report, Runtime, dump, sleep, spawn, spawn_blocking, timeout, yield_now};

use crate::tools::{idle, join, many, really};

/// Each check, and why it still fails.
pub(crate) const CHECKS: &[(&str, Option<&str>)] = &[
    ("memory of a dump of 1,000,000 tasks", None),
    ("memory of that dump as JSON", None),
    ("memory of that dump as DOT", None),
    ("memory of a dump of one task with 10,000 waits", None),
    ("length of a dump of one task with 10,000 waits", None),
    (
        "memory after a burst of tasks",
        Some("tables keep their size"),
    ),
    (
        "memory after a burst of waiters",
        Some("tables keep their size"),
    ),
    (
        "memory after a burst of timers",
        Some("tables keep their size"),
    ),
    (
        "memory after a burst of oneshots",
        Some("tables keep their size"),
    ),
    (
        "memory after a burst of foreign wakers",
        Some("tables keep their size"),
    ),
    (
        "memory after a burst of tasks dropped in a poll",
        Some("the ready queue keeps them"),
    ),
    (
        "memory after a burst of wakes from a thread",
        Some("each wake is a letter"),
    ),
    (
        "closures of blocking calls given up",
        Some("a thread must come to them first"),
    ),
];

/// Of a burst.
const MANY: usize = 300_000;

pub(crate) fn run(name: &str) {
    match name {
        "memory of a dump of 1,000,000 tasks" => of_dump(|report| report.to_string()),
        "memory of that dump as JSON" => of_dump(|report| report.to_json()),
        "memory of that dump as DOT" => of_dump(|report| report.to_dot()),
        "memory of a dump of one task with 10,000 waits" => of_crowd(false),
        "length of a dump of one task with 10,000 waits" => of_crowd(true),
        "memory after a burst of tasks" => after(async || drop(idle(MANY).await)),
        "memory after a burst of waiters" => after(waiters),
        "memory after a burst of timers" => after(async || {
            let sleeps = (0..MANY).map(|at| sleep(Duration::from_secs(at as u64 + 9)));
            let _ = timeout(Duration::ZERO, join_all(sleeps)).await;
        }),
        "memory after a burst of oneshots" => after(async || {
            let (keep, receivers): (Vec<_>, Vec<_>) =
                (0..MANY).map(|_| oneshot::channel::<()>()).unzip();
            let tasks: Vec<_> = receivers.into_iter().map(spawn).collect();
            yield_now().await;
            drop(keep);
            join(tasks).await;
        }),
        "memory after a burst of foreign wakers" => after(foreign),
        "memory after a burst of tasks dropped in a poll" => after(async || {
            (0..MANY).for_each(|_| _ = spawn(pending::<()>()).cancel());
        }),
        "memory after a burst of wakes from a thread" => after(wakes),
        "closures of blocking calls given up" => given_up(),
        unknown => panic!("no shape and no check has the name {unknown:?}"),
    }
}

/// A report of many tasks needs at most three tenths of what the program has.
fn of_dump(text: fn(&Report) -> String) {
    within_three_tenths(
        async || {
            let tasks = many(1_000_000, |_| async {
                // What a task of a server has at least.
                let _buffer = [0_u8; 64];
                Event::new().wait().await;
            });
            yield_now().await;
            tasks
        },
        text,
    );
}

/// As for many tasks, or: prints a screen.
fn of_crowd(print: bool) {
    let crowd = async || {
        let event = Rc::new(Event::new());
        let waits: Vec<_> = (0..10_000).map(|_| event.clone()).collect();
        let task = spawn(async move {
            join_all(waits.iter().map(|event| event.wait())).await;
        });
        yield_now().await;
        vec![task]
    };
    match print {
        false => within_three_tenths(crowd, |report| report.to_string()),
        true => really(async move {
            let crowd = crowd().await;
            let text = dump().to_string();
            println!("{:>7} bytes", text.len());
            assert!(text.len() < 20_000, "that is no screen");
            drop(crowd);
        }),
    }
}

fn within_three_tenths<K>(program: impl AsyncFn() -> K, text: fn(&Report) -> String) {
    let runtime = Runtime::new();
    let mut things = None;
    let program = measure(|| things = Some(runtime.block_on(program()))).bytes_current;
    let report = measure(|| drop(black_box(text(&runtime.dump())))).bytes_max;
    println!(
        "{:>7} kB, and {} kB for the report",
        program / 1000,
        report / 1000
    );
    assert!(report * 10 <= program as u64 * 3, "more than three tenths");
    drop(things);
}

/// At most a tenth of what a burst takes stays when it is over, for a runtime that goes on.
fn after(burst: impl AsyncFn()) {
    let runtime = Runtime::new();
    let taken = measure(|| {
        runtime.block_on(burst());
        runtime.block_on(yield_now());
    });
    println!(
        "{:>7} kB, of which {} kB stay",
        taken.bytes_max / 1000,
        taken.bytes_current / 1000
    );
    assert!(
        taken.bytes_current * 10 <= taken.bytes_max as i64,
        "more than a tenth"
    );
}

async fn waiters() {
    let lock = Lock::new(());
    let _held = lock.acquire().await;
    let mut waits: Vec<_> = (0..MANY).map(|_| Box::pin(lock.acquire())).collect();
    poll_fn(|cx| {
        let parked = waits
            .iter_mut()
            .all(|wait| wait.poll_unpin(cx).is_pending());
        assert!(parked);
        Poll::Ready(())
    })
    .await;
}

async fn foreign() {
    let event = Rc::new(Event::new());
    let tasks = many(MANY, |_| {
        let event = event.clone();
        async move { join_all([event.wait()]).await }
    });
    yield_now().await;
    event.set();
    join(tasks).await;
}

/// One thread wakes one task again and again while the loop is busy.
async fn wakes() {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    // The letters are counted where they are written.
    let wake = move || measure(|| (0..MANY).for_each(|_| waker.wake_by_ref())).bytes_current;
    let bytes = thread::spawn(wake).join().expect("it ends");
    println!("{:>7} kB of letters", bytes / 1000);
    assert!(bytes < 64_000, "the wakes of one task are many letters");
}

/// Closures of calls that nobody awaits any more, behind calls that take their time.
fn given_up() {
    really(async {
        let (block, blocked) = std::sync::mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let busy: Vec<_> = (0..64)
            .map(|_| {
                let blocked = blocked.clone();
                spawn_blocking(move || drop(blocked.lock().map(|block| block.recv())))
            })
            .collect();
        let counted = Arc::new(());
        for _ in 0..1000 {
            let theirs = counted.clone();
            let call = spawn_blocking(move || drop(theirs));
            let _ = timeout(Duration::ZERO, call).await;
        }
        let kept = Arc::strong_count(&counted) - 1;
        println!("{kept:>7} of 1000 are kept");
        drop(block);
        join(busy).await;
        assert!(kept < 100, "they are kept until a thread comes to them");
    });
}
