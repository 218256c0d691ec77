//! A thread updates a counter, and the loop reacts to every update (block E22 of the text).
//!
//! # What the text gets wrong
//!
//! Its thread looks for the loop with `get_event_loop()`, which a thread other than the loop's does
//! not have: the thread dies of that at its first update, and main waits for ever. And an event is
//! a flag, not a count: two updates that come before the loop has looked are one wake-up, while the
//! program waits for five.
//!
//! Here the thread is given an [`Sender`], made where the loop is. The handler behind it owns the
//! counter, which need not be `Send`, and stays at home with it. Updates arrive in their order, none
//! is merged with another, and they are handled between two polls: so the counter needs no lock.
//!
//! A thread that wants an answer starts a task through a [`Remote`] and waits for its handle.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use support::{Options, part, say};
use turnwise::sync::{Event, Queue};
use turnwise::thread::{Remote, Sender, expect_external, remote, sender};

fn main() {
    let options = Options::parse("A thread updates a counter, and the loop hears of every update.");
    options.runtime().block_on(async {
        every_update_is_heard().await;
        the_thread_asks().await;
        an_event_is_no_count().await;
    });
}

/// A counter of the loop's thread, and the updates that nobody has looked at.
struct Counter {
    value: Cell<u32>,
    updates: Queue<u32>,
}

impl Counter {
    fn new() -> Rc<Counter> {
        Rc::new(Counter {
            value: Cell::new(0),
            updates: Queue::unbounded(),
        })
    }

    fn add(&self, amount: u32) {
        self.value.set(self.value.get() + amount);
        let queued = self.updates.try_put(amount);
        queued.expect("an open queue without a limit takes everything");
    }
}

/// The text's program: five updates.
async fn every_update_is_heard() {
    part("A thread sends, the loop reacts");
    let counter = Counter::new();
    let updated = counter.clone();
    let inlet: Sender<u32> = sender(move |amount| updated.add(amount));
    // Until the thread is done the loop waits for it, and a virtual clock stands still.
    let expected = expect_external("five updates");
    let thread = thread::spawn(move || {
        for amount in 1..=5 {
            thread::sleep(Duration::from_millis(100));
            let sent = inlet.send(amount);
            sent.expect("the loop runs until it has heard us");
        }
        drop(expected);
    });
    let mut sum = 0;
    for _ in 1..=5 {
        let amount = counter.updates.get().await.expect("the queue is open");
        sum += amount;
        say!("an update by {amount}: {sum} in all");
    }
    thread.join().expect("the thread does not panic");
    assert_eq!((sum, counter.value.get()), (15, 15), "no update is lost");
}

/// A thread that waits for answers.
async fn the_thread_asks() {
    part("A thread starts tasks and waits for their results");
    let expected = expect_external("three answers");
    let remote = remote();
    let (tell, told) = futures::channel::oneshot::channel();
    let thread = thread::spawn(move || {
        let answers = [10, 20, 30].map(|number| ask(&remote, number));
        // Publish first, give up the expectation after.
        let _ = tell.send(answers);
        drop(expected);
    });
    let answers = told.await.expect("the thread tells us");
    thread.join().expect("the thread does not panic");
    say!("the thread was told {answers:?}");
    assert_eq!(answers, [100, 400, 900]);
}

/// Called on the other thread: blocks it, not the loop.
fn ask(remote: &Remote, number: u32) -> u32 {
    // The function is sent; the future is made where it runs, and need not be `Send`.
    let task = remote.spawn(move || async move {
        let number = Rc::new(number);
        turnwise::yield_now().await; // It is a task like any other.
        *number * *number
    });
    task.blocking_wait().expect("nothing cancels the task")
}

/// Why the text's event is not enough.
async fn an_event_is_no_count() {
    part("An event that is set twice wakes once");
    let (event, queue) = (Event::new(), Queue::unbounded());
    for update in 1..=2 {
        event.set();
        queue
            .try_put(update)
            .expect("an open queue without a limit takes everything");
    }
    let mut wakes = 0;
    while event.is_set() {
        event.wait().await;
        event.clear();
        wakes += 1;
    }
    say!(
        "two updates: the event was heard {wakes} time, the queue holds {}",
        queue.len()
    );
    assert_eq!((wakes, queue.len()), (1, 2));
}
