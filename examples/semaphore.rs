//! Semaphore: ten workers, three at a time (block E11 of the text).
//!
//! # What the text gets wrong
//!
//! Its `SimpleSemaphore` (block E12) counts a permit as free while the waiter it wakes has not run
//! yet. A newcomer takes it, the waiter takes it too, and the value is -1: four workers where three
//! are allowed. Here a returned permit belongs to the head waiter at once.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::Semaphore;
use turnwise::{sleep, spawn, yield_now};

fn main() {
    let options = Options::parse("Ten workers share a semaphore of three permits.");
    options.runtime().block_on(async {
        three_of_ten().await;
        a_newcomer_does_not_overtake().await;
        a_big_ask_is_not_starved().await;
    });
}

/// How many work at the same time, and how many ever did.
#[derive(Default)]
struct Gauge {
    now: Cell<u32>,
    most: Cell<u32>,
}

impl Gauge {
    fn enter(&self) {
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
    }

    fn leave(&self) {
        self.now.set(self.now.get() - 1);
    }
}

/// The text's program.
async fn three_of_ten() {
    part("Three of ten at a time");
    let semaphore = Rc::new(Semaphore::new(3));
    let gauge = Rc::new(Gauge::default());
    let workers = (0..10).map(|n| spawn(worker(semaphore.clone(), gauge.clone(), n)));
    all(workers).await;
    say!("never more than {} at a time", gauge.most.get());
    assert_eq!(gauge.most.get(), 3);
    assert_eq!(semaphore.available(), 3);
}

async fn worker(semaphore: Rc<Semaphore>, gauge: Rc<Gauge>, n: u32) {
    let _permit = semaphore.acquire().await;
    say!("worker {n} acquired the semaphore");
    gauge.enter();
    sleep(Duration::from_secs(1)).await;
    gauge.leave();
    say!("worker {n} is releasing the semaphore");
}

async fn a_newcomer_does_not_overtake() {
    part("A newcomer does not overtake");
    let semaphore = Rc::new(Semaphore::new(1));
    let permit = semaphore.acquire().await;
    let waiter = spawn({
        let semaphore = semaphore.clone();
        async move {
            let _permit = semaphore.acquire().await;
            say!("the waiter has the permit");
        }
    });
    yield_now().await;
    drop(permit);
    say!("returned, and at once the waiter's: {semaphore:?}");
    assert_eq!(semaphore.available(), 0, "it is the waiter's already");
    assert!(semaphore.try_acquire().is_none());
    let _permit = semaphore.acquire().await;
    say!("the newcomer has it, after the waiter");
    assert!(waiter.is_finished());
}

/// Who asks for many permits gets them all at once, and is not overtaken meanwhile by small asks.
async fn a_big_ask_is_not_starved() {
    part("A big ask is not starved by small ones");
    let semaphore = Rc::new(Semaphore::new(3));
    let asks = [("small 1", 1), ("big", 3), ("small 2", 1), ("small 3", 1)];
    let tasks = asks.map(|(name, permits)| {
        let semaphore = semaphore.clone();
        spawn(async move {
            let permit = semaphore.acquire_many(permits).await;
            say!("{name} has {} of 3 permits", permit.num_permits());
            sleep(Duration::from_secs(1)).await;
            name
        })
    });
    all(tasks).await;
}
