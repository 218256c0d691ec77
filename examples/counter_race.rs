//! A race without threads: a counter with and without a lock (blocks E21 and E32 of the text).
//!
//! One task at a time runs, yet a task that reads, awaits and then writes overwrites what others wrote
//! meanwhile. The text only says that the result is wrong; with a first-come order it can be told.
//! All five tasks read the same value and write the same successor, a hundred times: 100 of 500,
//! and on the virtual clock exactly that, every time. So a race can be tested, and this one is.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::Lock;
use turnwise::{sleep, spawn};

const TASKS: u32 = 5;
const TIMES: u32 = 100;
const IO: Duration = Duration::from_millis(10);

#[derive(Default)]
struct UnsafeCounter {
    value: Cell<u32>,
}

impl UnsafeCounter {
    async fn increment(&self) {
        let current = self.value.get();
        sleep(IO).await;
        self.value.set(current + 1);
    }
}

#[derive(Default)]
struct SafeCounter {
    value: Lock<u32>,
}

impl SafeCounter {
    async fn increment(&self) {
        let mut value = self.value.acquire().await;
        let current = *value;
        sleep(IO).await;
        *value = current + 1;
    }
}

/// Needs no lock: nothing can run between its reading and its writing.
#[derive(Default)]
struct AtomicCounter {
    value: Cell<u32>,
}

impl AtomicCounter {
    async fn increment(&self) {
        sleep(IO).await;
        self.value.set(self.value.get() + 1);
    }
}

fn main() {
    let options = Options::parse("Five tasks add to a counter a hundred times each.");
    options.runtime().block_on(async {
        part("Read, await, write");
        let counter = Rc::new(UnsafeCounter::default());
        count(&counter, UnsafeCounter::increment).await;
        report("unsafe counter", counter.value.get());
        // On a real clock a machine that stalls may shift the tasks against each other.
        assert!(counter.value.get() < TASKS * TIMES);

        part("The same under a lock");
        let counter = Rc::new(SafeCounter::default());
        count(&counter, SafeCounter::increment).await;
        let value = *counter.value.acquire().await;
        report("safe counter", value);
        assert_eq!(value, TASKS * TIMES);

        part("No await between reading and writing");
        let counter = Rc::new(AtomicCounter::default());
        count(&counter, AtomicCounter::increment).await;
        let value = counter.value.get();
        report("atomic counter", value);
        assert_eq!(value, TASKS * TIMES);
    });
}

/// Calls `increment` a hundred times in each of five tasks.
async fn count<C: 'static>(counter: &Rc<C>, increment: impl AsyncFn(&C) + Copy + 'static) {
    let tasks = (0..TASKS).map(|_| {
        let counter = counter.clone();
        spawn(async move {
            for _ in 0..TIMES {
                increment(&counter).await;
            }
        })
    });
    all(tasks).await;
}

fn report(counter: &str, value: u32) {
    say!("{counter}: {value} (wanted: {})", TASKS * TIMES);
}
