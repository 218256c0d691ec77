//! PriorityQueue: three workers take the most urgent job first (block E24 of the text).
//!
//! # What the text gets wrong
//!
//! - It puts `(priority, name)` as the *item* and leaves the queue's own `priority` at zero for all
//!   of them, so that the jobs come out in the order in which they were put.
//! - It calls 3 the high priority and keeps a heap that gives the smallest number first.
//!
//! Here the queue asks the item's own order, and the order is a type: `High` is less than `Low`
//! because it is written above it. Among equals it is first come, first served.

mod support;

use std::cmp::Ordering;
use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::PriorityQueue;
use turnwise::{sleep, spawn};

/// The most urgent first: the queue gives the smallest item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    High,
    Medium,
    Low,
}

/// A job; for the queue only its priority counts.
struct Job {
    priority: Priority,
    name: &'static str,
}

impl Ord for Job {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.cmp(&other.priority)
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Job {}

fn main() {
    let options = Options::parse("Three workers take the most urgent job first.");
    options.runtime().block_on(async {
        three_workers().await;
        urgent_at_the_last_moment().await;
    });
}

/// The jobs of the text, in its order, under names whose alphabet would give another one.
fn jobs() -> [Job; 6] {
    use Priority::{High, Low, Medium};
    [
        (High, "put out the fire"),
        (Low, "water the plants"),
        (Medium, "read the mail"),
        (High, "close the valve"),
        (Low, "dust the shelf"),
        (Medium, "answer the mail"),
    ]
    .map(|(priority, name)| Job { priority, name })
}

/// The text's program.
async fn three_workers() {
    part("Three workers, six jobs");
    let queue = Rc::new(PriorityQueue::unbounded());
    let workers: Vec<_> = (0..3).map(|n| spawn(worker(queue.clone(), n))).collect();
    for job in jobs() {
        say!("put: {} ({:?})", job.name, job.priority);
        queue.put(job).await.expect("the queue is open");
    }
    queue.close();
    let done = all(workers).await;
    let names: Vec<_> = done.iter().map(|names| names[0]).collect();
    assert_eq!(
        names,
        ["put out the fire", "close the valve", "read the mail"]
    );
    let names: Vec<_> = done.iter().map(|names| names[1]).collect();
    assert_eq!(
        names,
        ["answer the mail", "water the plants", "dust the shelf"]
    );
}

async fn worker(queue: Rc<PriorityQueue<Job>>, n: u32) -> Vec<&'static str> {
    let mut done = Vec::new();
    while let Ok(job) = queue.get().await {
        say!("worker {n} processing: {} ({:?})", job.name, job.priority);
        sleep(Duration::from_millis(500)).await;
        done.push(job.name);
    }
    say!("worker {n} shutting down");
    done
}

/// A waiting worker is granted *an* item; which one is decided when it runs.
async fn urgent_at_the_last_moment() {
    part("Urgent at the last moment");
    let queue = Rc::new(PriorityQueue::unbounded());
    let worker = spawn(worker(queue.clone(), 0));
    sleep(Duration::from_secs(1)).await;
    for (priority, name) in [
        (Priority::Low, "first"),
        (Priority::High, "second, but urgent"),
    ] {
        queue
            .try_put(Job { priority, name })
            .expect("the queue is open");
    }
    queue.close();
    let done = worker.await.expect("the worker does not fail");
    assert_eq!(done, ["second, but urgent", "first"]);
}
