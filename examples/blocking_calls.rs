//! Blocking calls on a pool of threads: ten calls, five threads (block E23 of the text).
//!
//! `spawn_blocking` sends a function to the runtime's pool; its handle is that of a task, so it
//! can be awaited, gathered, bounded by a timeout and cancelled like any other. The pool needs no
//! shutdown call: the end of the runtime is its end.
//!
//! On the virtual clock no time passes while a call runs: what it does is real.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use support::{Options, part, say, start};
use turnwise::{gather, gather_spawned, interval, spawn, spawn_blocking};

/// Threads that make calls.
const THREADS: usize = 5;
/// How long a call takes, on any clock.
const CALL: Duration = Duration::from_millis(100);

fn main() {
    let options = Options::parse("Ten blocking calls on five threads; the loop goes on meanwhile.");
    let runtime = options.builder().blocking_threads(THREADS).build();
    start();
    runtime.block_on(async {
        ten_calls().await;
        failures_stay_where_they_are().await;
        what_has_not_begun_can_be_cancelled().await;
    });
}

/// The text's program.
async fn ten_calls() {
    part("Ten calls on five threads");
    // A meeting of five: it shows that five calls run at once, or the program would hang.
    let five = Arc::new(Barrier::new(THREADS));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let begun = std::time::Instant::now();
    let calls = (0..10).map(|x| {
        let (five, running, most) = (five.clone(), running.clone(), most.clone());
        spawn_blocking(move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            five.wait();
            thread::sleep(CALL); // A slow disk, a database driver, a long computation.
            running.fetch_sub(1, Ordering::SeqCst);
            x * 2
        })
    });
    let ticker = spawn(tick());
    let results = gather_spawned(calls).await;
    ticker.cancel();
    let results: Vec<u32> = results
        .into_iter()
        .map(|result| result.expect("the calls do not panic"))
        .collect();
    say!("results: {results:?}");
    say!("calls that ran at once: {}", most.load(Ordering::SeqCst));
    assert_eq!(results, (0..10).map(|x| x * 2).collect::<Vec<_>>());
    assert_eq!(most.load(Ordering::SeqCst), THREADS);
    let took = begun.elapsed();
    assert!(
        took >= 2 * CALL,
        "ten calls on five threads take two rounds, not {took:?}"
    );
}

/// The loop goes on while threads are busy.
async fn tick() {
    let mut ticks = interval(CALL / 2);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        say!("the loop goes on meanwhile");
    }
}

/// An error of a call is its result; a panic would be the `JoinError` of its handle alone.
async fn failures_stay_where_they_are() {
    part("A call that fails");
    let divide = |divisor: u32| {
        let quotient = move || 100_u32.checked_div(divisor).ok_or("a divisor of zero");
        spawn_blocking(quotient)
    };
    for result in gather([4, 0, 5].map(divide)).await {
        match result.expect("the calls do not panic") {
            Ok(quotient) => say!("a call returned {quotient}"),
            Err(error) => say!("a call failed: {error}"),
        }
    }
}

/// A call in line is cancelled for good; one that has begun can only be left alone.
async fn what_has_not_begun_can_be_cancelled() {
    part("Cancelling a call");
    let gate = Arc::new(Barrier::new(THREADS + 1));
    let busy: Vec<_> = (0..THREADS)
        .map(|_| {
            let gate = gate.clone();
            spawn_blocking(move || gate.wait().is_leader())
        })
        .collect();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let in_line = spawn_blocking(move || count.fetch_add(1, Ordering::SeqCst));
    in_line.cancel_because("nobody needs it any more");
    let error = in_line
        .await
        .expect_err("all threads are busy, so it has not begun");
    say!("{error}");
    // The threads are there already or will be at once: this does not hold up the loop.
    gate.wait();
    gather(busy).await;
    spawn_blocking(|| ()).await.expect("the pool is fine");
    say!("runs of the cancelled call: {}", ran.load(Ordering::SeqCst));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}
