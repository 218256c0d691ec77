//! TaskLimiter: ten jobs, two workers, at most three at once, at most five waiting (blocks E25 and
//! E31 of the text).
//!
//! # What the text gets wrong
//!
//! A job that fails kills its worker, and `task_done` is never called for it: after two failures
//! nobody works any more and `join()` hangs. Here a job ends in a result, a panic included; the
//! worker goes on, and the item's guard says `task_done` on every way out.
//!
//! [`TaskLimiter`] stands on its own (with the `futures` crate for `catch_unwind`): lift it into a
//! program.

mod support;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use support::{Options, part, say};
use turnwise::sync::{Closed, Queue, Semaphore};
use turnwise::{JoinHandle, sleep, spawn};

type Job<E> = Pin<Box<dyn Future<Output = Result<(), E>>>>;

/// Runs jobs, a few at once; a few more may wait, and then who adds one waits.
///
/// Dropping it cancels what runs and drops what waits.
#[derive(Debug)]
pub struct TaskLimiter<E> {
    shared: Rc<Shared<E>>,
    workers: Vec<JoinHandle<()>>,
}

/// Why a job did not succeed.
#[derive(Debug)]
pub enum Failure<E> {
    /// It returned an error.
    Error(E),
    /// It panicked; the payload.
    Panic(Box<dyn Any + Send>),
}

#[derive(Debug)]
struct Shared<E> {
    running: Semaphore,
    pending: Queue<Job<E>>,
    failures: RefCell<Vec<Failure<E>>>,
}

impl<E: 'static> TaskLimiter<E> {
    /// Starts `workers` workers, of which `max_concurrent` run a job at the same time; `max_pending`
    /// more jobs can wait.
    ///
    /// # Panics
    ///
    /// If one of the three is zero: no job would ever end.
    pub fn start(max_concurrent: usize, max_pending: usize, workers: usize) -> Self {
        assert!(
            workers > 0 && max_concurrent > 0,
            "without a worker no job ends"
        );
        let shared = Rc::new(Shared {
            running: Semaphore::new(max_concurrent),
            pending: Queue::bounded(max_pending),
            failures: RefCell::new(Vec::new()),
        });
        let work = |n| spawn(work(shared.clone())).named(format!("limiter worker {n}"));
        let workers = (0..workers).map(work).collect();
        TaskLimiter { shared, workers }
    }

    /// Adds a job, waiting while there is no room for it. Nothing of it runs in here.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the job after a shutdown.
    pub async fn add(
        &self,
        job: impl Future<Output = Result<(), E>> + 'static,
    ) -> Result<(), Closed<Job<E>>> {
        self.shared.pending.put(Box::pin(job)).await
    }

    /// Waits until all jobs so far have ended, and returns the failures since the last time.
    pub async fn join(&self) -> Vec<Failure<E>> {
        self.shared.pending.join().await;
        self.shared.failures.take()
    }

    /// Cancels what runs, waits until it has ended, and returns how many jobs did not start.
    pub async fn shutdown(mut self) -> usize {
        let left = self.shared.pending.close_now().len();
        for worker in &self.workers {
            worker.cancel();
        }
        for worker in self.workers.drain(..) {
            // Cancelled, or ended by itself because the queue is closed: it is gone.
            let _ = worker.await;
        }
        left
    }
}

impl<E> Drop for TaskLimiter<E> {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.cancel();
        }
    }
}

async fn work<E>(shared: Rc<Shared<E>>) {
    while let Ok(mut job) = shared.pending.take().await {
        let _permit = shared.running.acquire().await;
        let failure = match AssertUnwindSafe(job.as_mut()).catch_unwind().await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panic(payload),
        };
        shared.failures.borrow_mut().push(failure);
    }
}

fn main() {
    let options = Options::parse_seeded("Ten jobs, two workers, at most five jobs waiting.");
    options.runtime().block_on(async {
        ten_jobs(options.random()).await;
        failing_jobs_do_not_hang_join().await;
        the_limit_counts_not_the_workers().await;
        shutdown_drops_what_runs_and_waits().await;
    });
}

/// The text's program.
async fn ten_jobs(mut random: Rng) {
    part("Ten jobs");
    let limiter = TaskLimiter::start(3, 5, 2);
    for n in 0..10 {
        let job = sample_job(n, Duration::from_millis(random.u64(500..=2000)));
        let added = limiter.add(job).await;
        added.expect("it is not shut down");
        say!("added job {n} to the limiter");
    }
    say!("waiting for all jobs to complete");
    assert!(limiter.join().await.is_empty());
    assert_eq!(limiter.shutdown().await, 0);
    say!("all jobs completed, limiter shut down");
}

async fn sample_job(n: u32, takes: Duration) -> Result<(), String> {
    say!("job {n} running (will take {:.2}s)", takes.as_secs_f64());
    sleep(takes).await;
    say!("job {n} completed");
    Ok(())
}

async fn failing_jobs_do_not_hang_join() {
    part("Two workers, three failures, one panic, and a good job");
    let limiter = TaskLimiter::start(3, 5, 2);
    for n in 0..3 {
        let job = async move {
            sleep(Duration::from_secs(1)).await;
            Err(format!("job {n} is broken"))
        };
        limiter.add(job).await.expect("it is not shut down");
    }
    // As a panic!, without the message on the terminal.
    let panics = async { resume_unwind(Box::new("job 3 panicked")) };
    limiter.add(panics).await.expect("it is not shut down");
    let good = sample_job(4, Duration::from_secs(1));
    limiter.add(good).await.expect("it is not shut down");

    let failures = limiter.join().await;
    for failure in &failures {
        match failure {
            Failure::Error(error) => say!("error: {error}"),
            Failure::Panic(payload) => say!("panic: {:?}", payload.downcast_ref::<&str>()),
        }
    }
    assert_eq!(failures.len(), 4);
    limiter.shutdown().await;
}

async fn the_limit_counts_not_the_workers() {
    part("Five workers, at most three jobs at once");
    let limiter = TaskLimiter::<String>::start(3, 5, 5);
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    for _ in 0..10 {
        let (now, most) = (now.clone(), most.clone());
        let job = async move {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            sleep(Duration::from_secs(1)).await;
            now.set(now.get() - 1);
            Ok(())
        };
        limiter.add(job).await.expect("it is not shut down");
    }
    limiter.join().await;
    say!("never more than {} at once", most.get());
    assert_eq!(most.get(), 3);
}

async fn shutdown_drops_what_runs_and_waits() {
    part("Shutdown in the middle");
    let limiter = TaskLimiter::start(3, 5, 2);
    for n in 0..5 {
        let job = sample_job(n, Duration::from_secs(3600));
        limiter.add(job).await.expect("it is not shut down");
    }
    sleep(Duration::from_secs(1)).await;
    let left = limiter.shutdown().await;
    say!("two jobs were cancelled, {left} never started");
    assert_eq!(left, 3);
}
