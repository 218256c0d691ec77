//! RwLock: five readers and two writers, writers first (blocks E18 and E19 of the text).
//!
//! # What the text gets wrong
//!
//! - Its `ReadWriteLock` goes on counting a waiting writer that was cancelled, and readers then wait
//!   for a writer that will never come. Here a wait that is dropped lets in those behind it.
//! - Its `release_read` awaits a lock, so that a cancel in the middle of it leaves a reader counted
//!   for ever. Here releasing is the drop of a guard and awaits nothing.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use support::{Options, all, part, say};
use turnwise::sync::RwLock;
use turnwise::{JoinHandle, sleep, spawn, yield_now};

fn main() {
    let options = Options::parse_seeded("Five readers and two writers share a value.");
    options.runtime().block_on(async {
        readers_and_writers(options.random()).await;
        a_cancelled_writer_lets_readers_in().await;
        a_cancelled_reader_releases().await;
        a_writer_becomes_a_reader().await;
    });
}

/// The text's program; reading and writing take a moment here, so that there is something to see.
async fn readers_and_writers(mut random: Rng) {
    part("Five readers, two writers");
    let value = Rc::new(RwLock::prefer_writers(0));
    let most = Rc::new(Cell::new(0));
    let mut tasks: Vec<JoinHandle<()>> = Vec::new();
    for n in 0..5 {
        tasks.push(spawn(reader(value.clone(), most.clone(), n, random.fork())));
    }
    for n in 0..2 {
        tasks.push(spawn(writer(value.clone(), n, random.fork())));
    }
    all(tasks).await;
    say!("as many as {} read at the same time", most.get());
    assert!(most.get() > 1, "readers share");
}

async fn reader(value: Rc<RwLock<u32>>, most: Rc<Cell<usize>>, n: u32, mut random: Rng) {
    for _ in 0..5 {
        {
            let value_now = value.read().await;
            most.set(most.get().max(value.readers()));
            assert!(!value.is_write_locked(), "nobody writes meanwhile");
            say!("reader {n} reads {}", *value_now);
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(random.u64(100..=500))).await;
    }
}

async fn writer(value: Rc<RwLock<u32>>, n: u32, mut random: Rng) {
    for i in 0..3 {
        sleep(Duration::from_millis(random.u64(500..=1000))).await;
        let mut value_now = value.write().await;
        assert_eq!(value.readers(), 0, "nobody reads meanwhile");
        *value_now = n * 100 + i;
        say!("writer {n} writes {}", *value_now);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn a_cancelled_writer_lets_readers_in() {
    part("A cancelled writer lets the readers behind it in");
    let value = Rc::new(RwLock::prefer_writers("the value"));
    let reading = value.read().await;
    let writer = spawn({
        let value = value.clone();
        async move { *value.write().await = "changed" }
    });
    yield_now().await;
    let reader = spawn({
        let value = value.clone();
        async move {
            say!(
                "the reader behind the writer reads {:?}",
                *value.read().await
            )
        }
    });
    yield_now().await;
    say!("one reads, a writer waits, a reader waits behind it");
    assert!(!reader.is_finished(), "writers first");
    say!("the writer is cancelled");
    writer.cancel();
    assert!(writer.await.is_err());
    all([reader]).await;
    drop(reading);
}

async fn a_cancelled_reader_releases() {
    part("A cancelled reader has released");
    let value = Rc::new(RwLock::new(1));
    let reader = spawn({
        let value = value.clone();
        async move {
            let _reading = value.read().await;
            sleep(Duration::from_secs(3600)).await;
        }
    });
    yield_now().await;
    reader.cancel();
    // A second cancel, in the middle of the clean-up, changes nothing: there is no middle.
    reader.cancel();
    *value.write().await += 1;
    say!("the writer got in: {}", *value.read().await);
    assert!(reader.await.is_err());
    assert!(!value.is_locked());
}

async fn a_writer_becomes_a_reader() {
    part("A writer becomes a reader, and nobody writes in between");
    let value = Rc::new(RwLock::new(0));
    let mut writing = value.write().await;
    let other = spawn({
        let value = value.clone();
        async move { *value.write().await = 2 }
    });
    yield_now().await;
    *writing = 1;
    let reading = writing.downgrade();
    yield_now().await;
    say!("still {} after a turn of the other writer", *reading);
    assert_eq!(*reading, 1);
    drop(reading);
    all([other]).await;
    assert_eq!(*value.read().await, 2);
}
