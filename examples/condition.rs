//! Condition: two consumers, three producers, a buffer of two, for ten seconds (block E08 of the
//! text).
//!
//! # What the text gets wrong
//!
//! - Producers and consumers wait on one condition, and `notify()` wakes one of them: it can wake a
//!   producer when there is an item to consume, which finds the buffer full and sleeps again. The
//!   notification is spent. Here *there is an item* and *there is room* are two conditions on the
//!   same lock, so that a notification reaches one who can use it.
//! - Its `SimpleCondition` (block E09) loses a notification when the notified task is cancelled
//!   before it runs, and a task that is cancelled while it takes the lock again releases a lock that
//!   it does not hold. Here the notification goes to the next waiter, and the lock is a guard: who
//!   has none releases none.

mod support;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use support::{Options, part, say};
use turnwise::sync::{Condition, Lock};
use turnwise::{JoinError, JoinHandle, sleep, spawn, yield_now};

/// The most that the buffer holds.
const SIZE: usize = 2;

struct Shop {
    buffer: Lock<VecDeque<String>>,
    not_empty: Condition,
    not_full: Condition,
    produced: Cell<usize>,
    consumed: Cell<usize>,
}

impl Shop {
    fn new() -> Rc<Shop> {
        Rc::new(Shop {
            buffer: Lock::new(VecDeque::new()),
            not_empty: Condition::new(),
            not_full: Condition::new(),
            produced: Cell::new(0),
            consumed: Cell::new(0),
        })
    }

    /// Waits for an item and takes it.
    async fn take(&self, who: &str) -> String {
        let mut buffer = self.buffer.acquire().await;
        if buffer.is_empty() {
            say!("{who} is waiting for items");
            let waits = self.not_empty.wait_for(buffer, |items| !items.is_empty());
            buffer = waits.await;
        }
        let item = buffer.pop_front().expect("the buffer is not empty");
        self.consumed.set(self.consumed.get() + 1);
        self.not_full.notify_one();
        item
    }

    /// Waits for room and puts an item there.
    async fn put(&self, who: &str, item: String) {
        let mut buffer = self.buffer.acquire().await;
        if buffer.len() >= SIZE {
            say!("{who} is waiting for space");
            let waits = self.not_full.wait_for(buffer, |items| items.len() < SIZE);
            buffer = waits.await;
        }
        say!("{who} produced {item}");
        buffer.push_back(item);
        assert!(buffer.len() <= SIZE);
        self.produced.set(self.produced.get() + 1);
        self.not_empty.notify_one();
    }
}

fn main() {
    let options = Options::parse("Producers and consumers share a small buffer for ten seconds.");
    options.runtime().block_on(async {
        ten_seconds().await;
        a_notification_is_not_lost().await;
        cancelled_while_it_takes_the_lock_again().await;
    });
}

/// The text's program.
async fn ten_seconds() {
    part("Two consumers, three producers, a buffer of two");
    let shop = Shop::new();
    let consumers = (0..2).map(|n| spawn(consumer(shop.clone(), n)));
    let mut tasks: Vec<_> = consumers.collect();
    tasks.extend((0..3).map(|n| spawn(producer(shop.clone(), n))));

    sleep(Duration::from_secs(10)).await;
    end(tasks).await;
    let (produced, consumed) = (shop.produced.get(), shop.consumed.get());
    let left = shop.buffer.acquire().await.len();
    say!("produced {produced}, consumed {consumed}, {left} left in the buffer");
    assert_eq!(produced, consumed + left, "nothing is lost");
    assert!(
        consumed >= 18,
        "two consumers, one item a second: nobody missed a wake-up"
    );
}

async fn consumer(shop: Rc<Shop>, n: u32) {
    let who = format!("consumer {n}");
    loop {
        let item = shop.take(&who).await;
        say!("{who} consumed {item}");
        sleep(Duration::from_secs(1)).await;
    }
}

async fn producer(shop: Rc<Shop>, n: u32) {
    let who = format!("producer {n}");
    for count in 0.. {
        shop.put(&who, format!("item {n}-{count}")).await;
        sleep(Duration::from_millis(500)).await;
    }
}

/// Cancels all tasks and waits until each has ended.
async fn end(tasks: Vec<JoinHandle<()>>) {
    for task in &tasks {
        task.cancel();
    }
    for task in tasks {
        let ended = task.await;
        assert!(
            matches!(ended, Err(JoinError::Cancelled { .. })),
            "{ended:?}"
        );
    }
}

async fn a_notification_is_not_lost() {
    part("A notification is not lost");
    let shop = Shop::new();
    let wait = |name: &'static str| {
        let shop = shop.clone();
        spawn(async move {
            let item = shop.take(name).await;
            say!("{name} got {item}");
        })
    };
    let (first, second) = (wait("the first"), wait("the second"));
    yield_now().await;
    shop.put("the producer", "the only item".to_owned()).await;
    first.cancel();
    say!("the first was notified, and is cancelled before it runs");
    assert!(first.await.is_err());
    second.await.expect("the notification was passed on");
}

async fn cancelled_while_it_takes_the_lock_again() {
    part("Cancelled while it takes the lock again");
    let shop = Shop::new();
    let waiter = spawn({
        let shop = shop.clone();
        async move {
            shop.take("the waiter").await;
        }
    });
    yield_now().await;
    let mut buffer = shop.buffer.acquire().await;
    buffer.push_back("an item".to_owned());
    shop.not_empty.notify_one();
    yield_now().await;
    say!(
        "the waiter is notified and now in line for the lock: {:?}",
        shop.buffer
    );
    waiter.cancel();
    assert!(waiter.await.is_err());
    say!(
        "the waiter is gone; the holder still has the lock: {:?}",
        shop.buffer
    );
    assert!(shop.buffer.is_locked(), "only its holder can release it");
    drop(buffer);
    assert!(!shop.buffer.is_locked());
}
