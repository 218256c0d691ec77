//! CountDownLatch: a coordinator waits for five workers (block E20 of the text).
//!
//! # What the text gets wrong
//!
//! Its `count_down` is async only because of the lock inside, so that a worker can be cancelled in
//! the middle of counting. Here it is a plain function: it can be called from a destructor, as the
//! last scene does, and then even a worker that fails is counted.

mod support;

use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::CountDownLatch;
use turnwise::{sleep, spawn};

fn main() {
    let options = Options::parse("A coordinator waits until five workers have counted down.");
    options.runtime().block_on(async {
        five_workers().await;
        everyone_counts_who_leaves().await;
    });
}

/// The text's program.
async fn five_workers() {
    part("Five workers, one coordinator");
    let latch = Rc::new(CountDownLatch::new(5));
    let workers: Vec<_> = (0..5).map(|n| spawn(worker(latch.clone(), n))).collect();
    let coordinator = spawn(coordinator(latch.clone()));
    all(workers).await;
    all([coordinator]).await;

    latch.wait().await;
    say!("a latch stays open: {latch:?}");
    assert_eq!(latch.count(), 0);
}

async fn worker(latch: Rc<CountDownLatch>, n: u32) {
    let work = (n + 1) * Duration::from_millis(200);
    say!("worker {n} starting, will take {:.1}s", work.as_secs_f64());
    sleep(work).await;
    say!("worker {n} completed, counting down");
    latch.count_down();
}

async fn coordinator(latch: Rc<CountDownLatch>) {
    say!("coordinator waiting for all workers to complete");
    latch.wait().await;
    say!("all workers completed, coordinator proceeding");
}

/// Counts down when it is dropped, on whatever way out.
struct CountsDown(Rc<CountDownLatch>);

impl Drop for CountsDown {
    fn drop(&mut self) {
        self.0.count_down();
    }
}

async fn everyone_counts_who_leaves() {
    part("A worker that is cancelled counts as well");
    let latch = Rc::new(CountDownLatch::new(2));
    let workers = [1, 3600].map(|seconds| {
        let done = CountsDown(latch.clone());
        spawn(async move {
            let _done = done;
            sleep(Duration::from_secs(seconds)).await;
        })
    });
    sleep(Duration::from_secs(2)).await;
    say!("one has finished, one would take an hour: {latch:?}");
    workers[1].cancel();
    latch.wait().await;
    say!("it was cancelled, and the latch is open");
    assert_eq!(latch.count(), 0);
}
