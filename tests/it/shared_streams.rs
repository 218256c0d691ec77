//! One stream, several tasks: each is woken, whether it waits through a method or a trait.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, poll};
use turnwise::io::UnixStream;
use turnwise::{gather, spawn, timeout, yield_now};

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
            spawn(async move { (&*ours).write_all(&vec![1; 1_000_000]).await })
        })
        .collect();
    drop(ours);
    let mut all = Vec::new();
    (&theirs).read_to_end(&mut all).await.unwrap();
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
            async move { stream.read_exact(&mut [0; 1]).await.unwrap() }
        };
        let readers: FuturesUnordered<_> = (0..CROWD).map(reads_one).collect();
        readers.count().await
    });
    yield_now().await;
    for byte in 0..CROWD {
        (&theirs).write_all(&[byte as u8]).await.unwrap();
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
