//! Barrier: five workers start together (block E15 of the text).
//!
//! # What the text gets wrong
//!
//! Its `Barrier` goes on counting a waiter that was cancelled: a barrier of two then opens for one
//! task, which finds nobody on the other side. Here a waiter that is dropped before the barrier
//! opens has not arrived.

mod support;

use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::Barrier;
use turnwise::{sleep, spawn, yield_now};

fn main() {
    let options = Options::parse("Five workers of different speed wait for each other.");
    options.runtime().block_on(async {
        five_workers().await;
        a_cancelled_waiter_does_not_count().await;
        an_aborted_barrier_says_so().await;
    });
}

/// The text's program, with two rounds, since a barrier can be used again at once.
async fn five_workers() {
    part("Five workers, two rounds");
    let barrier = Rc::new(Barrier::new(5));
    let workers = (0..5).map(|n| spawn(worker(barrier.clone(), n)));
    let indices = all(workers).await;
    for round in 0..2 {
        let mut seen: Vec<_> = indices.iter().map(|rounds| rounds[round]).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4], "each place once a round");
    }
}

async fn worker(barrier: Rc<Barrier>, n: u32) -> Vec<usize> {
    let mut indices = Vec::new();
    say!("worker {n} starting");
    for round in 1..=2 {
        // Different times of preparation.
        sleep(n * Duration::from_millis(200)).await;
        say!("worker {n} ready, waiting at the barrier (round {round})");
        let pass = barrier.wait().await.expect("nobody breaks it");
        let leads = if pass.is_leader {
            ", as the leader"
        } else {
            ""
        };
        say!(
            "worker {n} passed the barrier (round {round}, arrival {}{leads})",
            pass.index
        );
        indices.push(pass.index);
    }
    sleep(Duration::from_millis(500)).await;
    say!("worker {n} completed");
    indices
}

async fn a_cancelled_waiter_does_not_count() {
    part("A cancelled waiter does not count");
    let barrier = Rc::new(Barrier::new(2));
    let wait = |name: &'static str| {
        let barrier = barrier.clone();
        spawn(async move {
            say!("{name} arrives");
            barrier.wait().await.expect("nobody breaks it");
            say!("{name} has passed");
        })
    };
    let first = wait("the first");
    yield_now().await;
    first.cancel();
    assert!(first.await.is_err());
    say!("the first is cancelled: {barrier:?}");
    assert_eq!(barrier.waiting(), 0);

    let second = wait("the second");
    sleep(Duration::from_secs(1)).await;
    say!("the second waits: {barrier:?}");
    assert!(!second.is_finished(), "one task is not two");
    all([second, wait("the third")]).await;
}

async fn an_aborted_barrier_says_so() {
    part("An aborted barrier lets nobody hang");
    let barrier = Rc::new(Barrier::new(2));
    let waiter = spawn({
        let barrier = barrier.clone();
        async move { barrier.wait().await.expect_err("the other will not come") }
    });
    yield_now().await;
    barrier.abort();
    let error = waiter.await.expect("the waiter returns its error");
    say!("the waiter gets an error: {error}");
    barrier.reset();
    say!("after a reset it is as new: {barrier:?}");
    assert!(!barrier.is_broken());
}
