//! Event: three waiters, one setter (block E05 of the text).
//!
//! # What the text gets wrong
//!
//! Its `SimpleEvent` (block E06) keeps a cancelled waiter in its list for as long as nobody sets the
//! event: a program that waits with a timeout again and again grows without end. Here a dropped wait
//! takes its entry along.

mod support;

use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::Event;
use turnwise::{sleep, spawn, timeout, yield_now};

fn main() {
    let options = Options::parse("Three tasks wait for an event that a fourth one sets.");
    options.runtime().block_on(async {
        three_waiters().await;
        given_up_waits_leave_nothing_behind().await;
        set_and_cleared_at_once().await;
    });
}

/// The text's program.
async fn three_waiters() {
    part("Three waiters, one setter");
    let event = Rc::new(Event::new());
    let waiters: Vec<_> = (0..3).map(|n| spawn(waiter(event.clone(), n))).collect();
    let setter = spawn(setter(event.clone()));
    all([setter]).await;
    all(waiters).await;
}

async fn waiter(event: Rc<Event>, n: u32) {
    say!("waiter {n} is waiting for the event");
    event.wait().await;
    say!("waiter {n} was notified, the event is set");
}

async fn setter(event: Rc<Event>) {
    say!("setter: sleeping for 2 seconds before setting the event");
    sleep(Duration::from_secs(2)).await;
    say!("setter: setting the event now");
    event.set();
}

async fn given_up_waits_leave_nothing_behind() {
    part("Waits that were given up leave nothing behind");
    let event = Event::new();
    for _ in 0..1000 {
        let waited = timeout(Duration::from_millis(1), event.wait()).await;
        assert!(waited.is_err(), "nobody sets it");
    }
    let text = format!("{event:?}");
    say!("after 1000 timeouts: {text}");
    assert_eq!(text, "Event { set: false, waiters: 0 }");
}

/// Who waited when the event was set has seen it, even if it is clear again when the task runs.
async fn set_and_cleared_at_once() {
    part("Set and cleared at once");
    let event = Rc::new(Event::new());
    let waiters: Vec<_> = (0..2).map(|n| spawn(waiter(event.clone(), n))).collect();
    yield_now().await;
    event.set();
    event.clear();
    all(waiters).await;
    say!("both passed, and the event is clear: {event:?}");
    assert!(!event.is_set());
}
