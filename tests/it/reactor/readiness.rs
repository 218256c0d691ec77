//! Waits for readiness ask the system, whoever reads, and let others run (rule R9).

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as Peer;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, join, poll};
use turnwise::io::futures::WhenReady;
use turnwise::io::{AsyncFd, Fd, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use turnwise::{sleep, spawn, timeout, yield_now};

const SOON: Duration = Duration::from_millis(20);

/// One end of a pair that a library reads, and the other.
fn library() -> io::Result<(Rc<AsyncFd<Fd<Peer>>>, Peer)> {
    let (ours, theirs) = Peer::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((Rc::new(AsyncFd::from_fd(ours)?), theirs))
}

/// Reads as a library does: the source is not asked.
fn process(source: &AsyncFd<Fd<Peer>>, most: usize) -> usize {
    let mut buffer = vec![0; most];
    (&source.get_ref().0).read(&mut buffer).unwrap_or(0)
}

fn fill(mut stream: &Peer) {
    while stream.write(&[0; 4096]).is_ok() {}
}

async fn is_over(ready: WhenReady<'_>) -> bool {
    timeout(SOON, ready).await.is_ok()
}

/// Every type that has `readable` and `writable`, quiet and with something to read.
macro_rules! on_every_kind {
    (|$pair:ident| $check:expr) => {{
        let $pair = UnixStream::pair()?;
        $check;
        let $pair = UnixDatagram::pair()?;
        $check;
        let (a, b) = Peer::pair()?;
        a.set_nonblocking(true)?;
        b.set_nonblocking(true)?;
        let $pair = (AsyncFd::from_fd(a)?, AsyncFd::from_fd(b)?);
        $check;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let $pair = (listener.accept().await?.0, client);
        $check;
        let (a, b) = (
            UdpSocket::bind("127.0.0.1:0").await?,
            UdpSocket::bind("127.0.0.1:0").await?,
        );
        a.connect(b.local_addr()?)?;
        b.connect(a.local_addr()?)?;
        let $pair = (a, b);
        $check;
    }};
}

fn send(from: impl AsFd) -> io::Result<()> {
    rustix::net::send(from, b"xy", rustix::net::SendFlags::empty())?;
    Ok(())
}

fn receive(to: impl AsFd) -> io::Result<()> {
    rustix::net::recv(to, &mut [0; 2][..], rustix::net::RecvFlags::empty())?;
    Ok(())
}

#[turnwise::test(real_time)]
async fn a_fresh_source_with_nothing_to_read_is_not_readable() -> io::Result<()> {
    on_every_kind!(|pair| {
        assert!(!is_over(pair.0.readable()).await);
        assert!(is_over(pair.0.writable()).await);
    });
    Ok(())
}

#[turnwise::test(real_time)]
async fn what_is_left_unread_is_readable_again_and_what_was_read_is_not() -> io::Result<()> {
    on_every_kind!(|pair| {
        send(&pair.1)?;
        for _ in 0..3 {
            assert!(is_over(pair.0.readable()).await);
        }
        receive(&pair.0)?;
        assert!(!is_over(pair.0.readable()).await);
        send(&pair.1)?;
        assert!(is_over(pair.0.readable()).await);
    });
    Ok(())
}

#[turnwise::test(real_time)]
async fn a_full_stream_is_not_writable_whoever_filled_it() -> io::Result<()> {
    let (source, mut theirs) = library()?;
    assert!(is_over(source.writable()).await);
    fill(&source.get_ref().0);
    assert!(!is_over(source.writable()).await);
    let both = async {
        join!(source.writable(), async {
            theirs.read(&mut vec![0; 1 << 20])
        })
    };
    assert!(timeout(Duration::from_secs(5), both).await.is_ok());
    Ok(())
}

#[turnwise::test(real_time)]
async fn a_library_that_never_has_anything_to_read_lets_the_loop_sleep() -> io::Result<()> {
    let (source, _theirs) = library()?;
    let rounds = Rc::new(Cell::new(0));
    let reader = spawn({
        let rounds = rounds.clone();
        async move {
            loop {
                source.readable().await.expect("the runtime lives");
                process(&source, 16);
                rounds.set(rounds.get() + 1);
            }
        }
    });
    sleep(SOON).await;
    assert_eq!(rounds.get(), 0);
    reader.cancel();
    assert!(reader.await.is_err());
    Ok(())
}

#[turnwise::test(real_time)]
async fn a_library_that_reads_a_part_is_called_until_nothing_is_left() -> io::Result<()> {
    let (source, mut theirs) = library()?;
    let mut read = Vec::new();
    for _ in 0..2 {
        theirs.write_all(&[0; 10])?;
        while is_over(source.readable()).await {
            read.push(process(&source, 4));
        }
    }
    assert_eq!(read, [4, 4, 2, 4, 4, 2]);
    Ok(())
}

#[turnwise::test(real_time)]
async fn the_end_of_the_stream_stays_readable() -> io::Result<()> {
    let (source, theirs) = library()?;
    let mut wait = Box::pin(source.readable());
    assert!(poll!(&mut wait).is_pending());
    drop(theirs);
    wait.await?;
    for _ in 0..3 {
        assert!(is_over(source.readable()).await);
    }
    Ok(())
}

#[turnwise::test(real_time)]
async fn of_two_who_are_woken_only_who_finds_something_goes_on() -> io::Result<()> {
    let (source, mut theirs) = library()?;
    let served = Rc::new(Cell::new(0));
    let tasks = [(), ()].map(|()| {
        let (source, served) = (source.clone(), served.clone());
        spawn(async move {
            source.readable().await.expect("the runtime lives");
            assert_eq!(process(&source, 4), 4);
            served.set(served.get() + 1);
        })
    });
    yield_now().await;
    for n in 1..=2 {
        theirs.write_all(b"four")?;
        sleep(SOON).await;
        assert_eq!(served.get(), n);
    }
    for task in tasks {
        task.await.expect("it found what it was woken for");
    }
    Ok(())
}

#[turnwise::test(real_time)]
async fn an_event_that_came_before_the_wait_is_not_believed() -> io::Result<()> {
    let (source, mut theirs) = library()?;
    let mut wait = Box::pin(source.readable());
    assert!(poll!(&mut wait).is_pending());
    theirs.write_all(b"four")?;
    drop(wait);
    // The loop hears of the event.
    sleep(SOON).await;
    process(&source, 4);
    assert!(!is_over(source.readable()).await);
    Ok(())
}

#[turnwise::test]
async fn a_poll_is_enough_where_something_is_there() -> io::Result<()> {
    let (source, mut theirs) = library()?;
    theirs.write_all(b"four")?;
    assert!(source.readable().now_or_never().is_some());
    process(&source, 4);
    assert!(source.readable().now_or_never().is_none());
    Ok(())
}

#[turnwise::test]
async fn a_virtual_clock_moves_past_a_wait_that_nothing_ends() -> io::Result<()> {
    let (source, _theirs) = library()?;
    let before = turnwise::time::Instant::now();
    assert!(
        timeout(Duration::from_secs(3600), source.readable())
            .await
            .is_err()
    );
    assert!(before.elapsed() >= Duration::from_secs(3600));
    Ok(())
}

#[turnwise::test]
async fn a_source_that_is_always_ready_lets_others_run_in_between() -> io::Result<()> {
    on_every_kind!(|pair| {
        send(&pair.1)?;
        let (rounds, over) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let other = spawn({
            let (rounds, over) = (rounds.clone(), over.clone());
            async move {
                while !over.get() {
                    rounds.set(rounds.get() + 1);
                    yield_now().await;
                }
            }
        });
        for _ in 0..100 {
            pair.0.readable().await?;
            pair.0.writable().await?;
        }
        over.set(true);
        assert!(
            rounds.get() >= 199,
            "{} rounds beside 200 waits",
            rounds.get()
        );
        other.await.expect("it ends");
    });
    Ok(())
}

#[turnwise::test]
async fn loops_in_one_task_get_the_same_share() -> io::Result<()> {
    let (first, mut peer) = library()?;
    let (second, mut other_peer) = library()?;
    peer.write_all(b"x")?;
    other_peer.write_all(b"x")?;
    let counts = [Cell::new(0_i32), Cell::new(0)];
    let round = async |source: &AsyncFd<Fd<Peer>>, count: &Cell<i32>| {
        while counts.iter().all(|count| count.get() < 100) {
            source.readable().await.expect("the runtime lives");
            count.set(count.get() + 1);
        }
    };
    let check = || {
        let (one, two) = (counts[0].take(), counts[1].take());
        assert!(one.abs_diff(two) <= 2, "{one} and {two}");
    };
    join!(round(&first, &counts[0]), round(&second, &counts[1]));
    check();
    // With wakers of its own.
    join_all([round(&first, &counts[0]), round(&second, &counts[1])]).await;
    check();
    let both = [(&first, &counts[0]), (&second, &counts[1])].map(|(s, c)| round(s, c));
    both.into_iter()
        .collect::<FuturesUnordered<_>>()
        .collect::<()>()
        .await;
    check();
    Ok(())
}

#[turnwise::test]
async fn the_more_tasks_have_something_to_read_the_less_each_reads_in_a_turn() -> io::Result<()> {
    for (count, share) in [(1, 128), (16, 64), (64, 16), (200, 8)] {
        let reads = Rc::new(Cell::new(0));
        let mut flooders = Vec::new();
        for _ in 0..count {
            let (ours, theirs) = UnixStream::pair()?;
            theirs.write(&[0; 4096]).await?;
            let reads = reads.clone();
            flooders.push(spawn(async move {
                while ours.read(&mut [0]).await? > 0 {
                    reads.set(reads.get() + 1);
                }
                drop(theirs);
                io::Result::Ok(())
            }));
        }
        yield_now().await;
        for _ in 0..5 {
            let before = reads.get();
            yield_now().await;
            let turn = reads.get() - before;
            assert!(
                turn <= count * share,
                "{turn} reads of {count} tasks in a turn"
            );
            assert!(
                turn >= count * share.min(4),
                "{turn} reads of {count} tasks in a turn"
            );
        }
        for flooder in flooders {
            flooder.cancel();
            assert!(flooder.await.is_err());
        }
    }
    Ok(())
}
