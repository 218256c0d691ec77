//! One stream, several tasks: each is woken, whether it waits through a method or a trait.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt, poll};
use turnwise::io::UnixStream;
use turnwise::{JoinHandle, gather, sleep, spawn, timeout, yield_now};

use crate::support::{Spy, poll_with};

/// More than a direction remembers.
const CROWD: usize = 200;

/// The two ends of a stream, one of them for several tasks.
fn pair() -> (Rc<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Rc::new(ours), theirs)
}

/// Reads through the trait, not the method of the same name.
async fn read(mut stream: &UnixStream) -> std::io::Result<usize> {
    AsyncReadExt::read(&mut stream, &mut [0; 4]).await
}

#[turnwise::test(real_time)]
async fn writers_through_the_trait_are_all_woken() {
    let (ours, theirs) = pair();
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let ours = ours.clone();
            spawn(async move { AsyncWriteExt::write_all(&mut &*ours, &vec![1; 1_000_000]).await })
        })
        .collect();
    drop(ours);
    let mut all = Vec::new();
    theirs.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), 3_000_000);
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
}

#[turnwise::test(real_time)]
async fn a_reader_that_gives_up_takes_nobody_s_wake_along() {
    let (ours, theirs) = pair();
    let stays = spawn({
        let ours = ours.clone();
        async move { read(&ours).await }
    });
    yield_now().await;
    let given_up = timeout(Duration::from_millis(1), read(&ours)).await;
    assert!(given_up.is_err());
    theirs.write(b"data").await.unwrap();
    assert_eq!(stays.await.unwrap().unwrap(), 4);
}

#[turnwise::test(real_time)]
async fn a_method_and_a_trait_wait_side_by_side() {
    let (ours, theirs) = pair();
    let by_method = spawn({
        let ours = ours.clone();
        async move { ours.read(&mut [0; 4]).await }
    });
    let by_trait = spawn(async move { read(&ours).await });
    yield_now().await;
    // Whoever reads first leaves nothing for the other, which goes on waiting.
    for _ in 0..2 {
        theirs.write(b"data").await.unwrap();
        yield_now().await;
    }
    let read = gather([by_method, by_trait]).await;
    assert!(read.into_iter().all(|read| read.unwrap().unwrap() > 0));
}

#[turnwise::test(real_time)]
async fn a_crowd_in_one_task_reads_one_stream() {
    let (ours, theirs) = pair();
    let crowd = spawn(async move {
        let reads_one = |_| {
            let mut stream = &*ours;
            async move {
                AsyncReadExt::read_exact(&mut stream, &mut [0; 1])
                    .await
                    .unwrap()
            }
        };
        let readers: FuturesUnordered<_> = (0..CROWD).map(reads_one).collect();
        readers.count().await
    });
    yield_now().await;
    for byte in 0..CROWD {
        theirs.write_all(&[byte as u8]).await.unwrap();
        yield_now().await;
    }
    assert_eq!(crowd.await.unwrap(), CROWD);
}

#[turnwise::test(real_time)]
async fn those_who_asked_and_ended_crowd_nobody_out() {
    let (ours, theirs) = pair();
    let stays = spawn({
        let ours = ours.clone();
        async move { read(&ours).await }
    });
    for _ in 0..10 * CROWD {
        let ours = ours.clone();
        let asks = spawn(async move {
            assert!(poll!(pin!(read(&ours))).is_pending());
        });
        asks.await.unwrap();
    }
    // The one that stays was woken early now and then, and asked again.
    theirs.write(b"data").await.unwrap();
    assert_eq!(stays.await.unwrap().unwrap(), 4);
}

/// Tasks that wait to read one stream, through the trait, and how often they were polled.
fn crowd(size: usize) -> (Rc<Cell<usize>>, Vec<JoinHandle<usize>>, UnixStream) {
    let (ours, theirs) = pair();
    let polls = Rc::new(Cell::new(0));
    let readers = (0..size)
        .map(|_| {
            let (ours, polls) = (ours.clone(), polls.clone());
            spawn(async move {
                let mut stream = &*ours;
                let mut buffer = [0];
                let mut read = AsyncReadExt::read(&mut stream, &mut buffer);
                let read = poll_fn(|cx| {
                    polls.set(polls.get() + 1);
                    read.poll_unpin(cx)
                });
                read.await.unwrap()
            })
        })
        .collect();
    (polls, readers, theirs)
}

#[turnwise::test]
async fn however_many_wait_for_one_stream_they_sleep() {
    for size in [64, 65, 200, 1_000] {
        let (polls, readers, theirs) = crowd(size);
        // A virtual hour: while a task spins, the clock stands still.
        sleep(Duration::from_secs(3600)).await;
        let settled = polls.get();
        assert!(settled <= 3 * size, "{settled} polls of {size} readers");
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(polls.get(), settled, "of {size} readers");
        // One reads, the others find nothing, and all of them wait again.
        theirs.write(b"x").await.unwrap();
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(polls.get(), settled + size, "of {size} readers");
        drop(theirs);
        let mut bytes = 0;
        for reader in readers {
            bytes += reader.await.unwrap();
        }
        assert_eq!(bytes, 1);
    }
}

#[turnwise::test]
async fn those_who_looked_and_went_are_forgotten_though_others_wait() {
    let (ours, _theirs) = pair();
    let waiting = spawn({
        let ours = ours.clone();
        async move { join_all((0..100).map(|_| read(&ours))).await }
    });
    yield_now().await;
    let mut wakers = Vec::new();
    let mut most = 0;
    for n in 0..20_000 {
        let (spy, waker) = Spy::new();
        assert!(poll_with(&mut pin!(read(&ours)), &waker).is_pending());
        drop(waker);
        wakers.push(Arc::downgrade(&spy));
        if n % 100 == 0 {
            yield_now().await;
            wakers.retain(|waker| waker.strong_count() > 0);
            most = most.max(wakers.len());
        }
    }
    assert!(most < 2_000, "{most} wakers are kept");
    waiting.cancel();
    assert!(waiting.await.is_err());
}
