//! Sentences of the documents that no other file pins: the small print of what dropping costs, and
//! what is said to whom comes without a runtime.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::executor;
use turnwise::sync::{BoundedSemaphore, Event, Queue, Semaphore, oneshot};
use turnwise::task::wait_quiescent;
use turnwise::{block_on, gather, io, race, sleep, spawn, timeout, yield_now};

use crate::support::{Log, panic_of, poll_once};

fn is_ready<F: Future>(future: Pin<&mut F>) -> bool {
    poll_once(&mut { future }).is_ready()
}

#[test]
fn a_join_that_comes_back_waits_for_what_was_put_since() {
    let queue = Queue::unbounded();
    queue.try_put(1).expect("it has room");
    let (mut kept, mut dropped) = (pin!(queue.join()), Box::pin(queue.join()));
    assert!(!is_ready(kept.as_mut()) && !is_ready(dropped.as_mut()));
    queue.try_get().expect("it has an item");
    queue.task_done().expect("it is unfinished");
    queue.try_put(2).expect("it has room");
    drop(dropped);
    assert!(is_ready(kept.as_mut()) && !is_ready(pin!(queue.join())));
}

#[test]
fn an_event_that_was_cleared_is_waited_for_again() {
    let event = Event::new();
    let (mut kept, mut dropped) = (pin!(event.wait()), Box::pin(event.wait()));
    assert!(!is_ready(kept.as_mut()) && !is_ready(dropped.as_mut()));
    event.set();
    event.clear();
    drop(dropped);
    assert!(is_ready(kept.as_mut()) && !is_ready(pin!(event.wait())));
}

#[turnwise::test]
async fn who_asks_again_for_quiescence_waits_for_the_next() {
    let log = Log::default();
    let busy = log.clone();
    let first = spawn(async move {
        wait_quiescent().await;
        yield_now().await;
        busy.add("busy");
    });
    let kept = spawn({
        let log = log.clone();
        async move {
            wait_quiescent().await;
            log.add("kept");
        }
    });
    let (mut rest, mut polls) = (Box::pin(wait_quiescent()), 0);
    let again = poll_fn(|cx| {
        polls += 1;
        if polls == 2 {
            rest = Box::pin(wait_quiescent());
        }
        rest.as_mut().poll(cx)
    });
    again.await;
    log.add("again");
    assert!(first.await.is_ok() && kept.await.is_ok());
    assert_eq!(log.text(), "kept busy again");
}

/// In asyncio each of these cancels the tasks.
#[turnwise::test]
async fn a_task_goes_on_when_who_waits_for_its_handle_gives_up() {
    let log = Log::default();
    let task = || {
        let log = log.clone();
        spawn(async move {
            sleep(Duration::from_secs(9)).await;
            log.add("done");
        })
    };
    let limit = Duration::from_secs(1);
    assert!(timeout(limit, task()).await.is_err());
    assert!(timeout(limit, gather([task(), task()])).await.is_err());
    assert!(timeout(limit, race([task(), task()])).await.is_err());
    let handle = task();
    let waits = spawn(handle);
    yield_now().await;
    waits.cancel();
    assert!(waits.await.is_err());
    sleep(Duration::from_secs(9)).await;
    assert_eq!(log.text(), "done done done done done done");
}

#[test]
fn a_permit_that_the_head_could_not_use_is_not_given_to_a_newcomer() {
    let semaphore = Semaphore::new(1);
    let mut two = pin!(semaphore.acquire_many(2));
    assert!(!is_ready(two.as_mut()));
    assert_eq!(semaphore.available(), 1);
    assert!(semaphore.try_acquire().is_none() && !is_ready(pin!(semaphore.acquire())));
    assert!(semaphore.try_acquire_many(0).is_some() && is_ready(pin!(semaphore.acquire_many(0))));

    let semaphore = BoundedSemaphore::new(2);
    let _one = semaphore.try_acquire();
    let mut two = pin!(semaphore.acquire_many(2));
    assert!(!is_ready(two.as_mut()));
    assert_eq!(semaphore.available(), 1);
    assert!(semaphore.try_acquire().is_none() && semaphore.try_acquire_many(0).is_some());
}

#[test]
fn a_receiver_that_closed_its_own_end_is_not_told_that_the_sender_was_dropped() {
    block_on(async {
        let (sender, mut receiver) = oneshot::channel();
        receiver.close();
        let error = (&mut receiver).await.expect_err("it is closed");
        assert!(!error.to_string().contains("sender was dropped"), "{error}");
        assert_eq!(sender.send(1), Err(turnwise::sync::Closed(1)));

        let (sender, mut receiver) = oneshot::channel();
        sender.send(1).expect("somebody waits");
        assert_eq!((&mut receiver).await, Ok(1));
        receiver.await.expect_err("it is taken");
    });
}

#[test]
fn a_lookup_without_a_runtime_names_what_needs_one() {
    let lookup = || executor::block_on(io::lookup_host("localhost:80"));
    let text = panic_of(lookup);
    assert!(
        text.contains("no runtime on this thread: a blocking call needs one"),
        "{text}"
    );
}

#[cfg(feature = "process")]
#[test]
fn a_command_without_a_runtime_starts_nothing() {
    // No program is looked for: that would be an `Err`.
    let mut command = io::Command::new("/no/such/program");
    for text in [
        panic_of(|| drop(command.status())),
        panic_of(|| drop(command.output())),
    ] {
        assert!(text.contains("no runtime on this thread"), "{text}");
    }
}
