//! Sources of readiness, and a loop that a host drives through a descriptor.

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustix::event::{PollFd, PollFlags, poll};
use turnwise::io::{AsyncFd, Fd};
use turnwise::{Runtime, block_on, sleep, spawn, yield_now};

use crate::support::virtual_runtime;

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    ours.set_nonblocking(true)
        .expect("a socket can be non-blocking");
    (ours, theirs)
}

async fn read(source: &AsyncFd<Fd<UnixStream>>, buffer: &mut [u8]) -> std::io::Result<usize> {
    source.read_with(|source| (&source.0).read(buffer)).await
}

#[test]
fn a_read_waits_until_the_peer_writes() {
    let (ours, mut theirs) = pair();
    block_on(async {
        let source = AsyncFd::from_fd(ours).expect("a socket can be watched");
        let reader = spawn(async move {
            let mut buffer = [0; 8];
            let n = read(&source, &mut buffer).await.expect("the peer writes");
            buffer[..n].to_vec()
        });
        yield_now().await;
        assert!(!reader.is_finished());
        theirs.write_all(b"late").expect("the reader is there");
        assert_eq!(reader.await.expect("the reader returns"), b"late");
    });
}

#[test]
fn end_of_input_wakes_the_reader() {
    let (ours, theirs) = pair();
    block_on(async {
        let source = AsyncFd::from_fd(ours).expect("a socket can be watched");
        let reader = spawn(async move { read(&source, &mut [0; 8]).await });
        yield_now().await;
        drop(theirs);
        assert_eq!(
            reader
                .await
                .expect("the reader returns")
                .expect("it is the end"),
            0
        );
    });
}

#[test]
fn a_task_that_never_waits_does_not_starve_a_reader() {
    let (ours, mut theirs) = pair();
    block_on(async {
        let source = AsyncFd::from_fd(ours).expect("a socket can be watched");
        let heard = Rc::new(Cell::new(false));
        let reader = spawn({
            let heard = heard.clone();
            async move {
                read(&source, &mut [0; 8]).await.expect("the peer writes");
                heard.set(true);
            }
        })
        .named("reader");
        drop(reader);
        yield_now().await;
        theirs.write_all(b"x").expect("the reader is there");
        let patience = Instant::now() + Duration::from_secs(5);
        while !heard.get() {
            assert!(
                Instant::now() < patience,
                "the loop never looked at the reactor"
            );
            yield_now().await;
        }
    });
}

#[test]
fn a_writer_that_is_always_ready_yields_in_time() {
    block_on(async {
        let sink = AsyncFd::from_fd(pair().0).map(drop);
        sink.expect("a socket can be watched");
        let (ours, mut theirs) = pair();
        theirs
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let source = AsyncFd::from_fd(ours).expect("a socket can be watched");
        let turns = Rc::new(Cell::new(0));
        let other = spawn({
            let turns = turns.clone();
            async move {
                loop {
                    turns.set(turns.get() + 1);
                    yield_now().await;
                }
            }
        });
        let mut sent = 0;
        while sent < 1000 {
            source
                .write_with(|source| (&source.0).write(b"x"))
                .await
                .expect("there is room");
            sent += 1;
            let _ = theirs.read(&mut [0; 64]);
        }
        assert!(
            turns.get() >= 1000 / 128,
            "only {} turns for the other task",
            turns.get()
        );
        other.cancel();
    });
}

#[test]
fn a_source_waits_under_a_combinator_too() {
    let (mut peers, sources): (Vec<_>, Vec<_>) =
        (0..10).map(|_| pair()).map(|(a, b)| (b, a)).unzip();
    block_on(async {
        let sources: Vec<_> = sources
            .into_iter()
            .map(|s| AsyncFd::from_fd(s).expect("watched"))
            .collect();
        let mut reads: FuturesUnordered<_> = sources
            .iter()
            .enumerate()
            .map(|(i, source)| async move {
                read(source, &mut [0; 8]).await.expect("the peer writes");
                i
            })
            .collect();
        let writer = spawn(async move {
            for (i, peer) in peers.iter_mut().enumerate().rev() {
                peer.write_all(&[i as u8]).expect("the reader is there");
                sleep(Duration::from_millis(1)).await;
            }
            peers
        });
        let mut order = Vec::new();
        while let Some(i) = reads.next().await {
            order.push(i);
        }
        assert_eq!(order, (0..10).rev().collect::<Vec<_>>());
        drop(writer.await);
    });
}

#[test]
fn a_source_that_outlives_its_runtime_says_so() {
    let runtime = Runtime::new();
    let source = runtime.block_on(async { AsyncFd::from_fd(pair().0).expect("watched") });
    drop(runtime);
    let error = block_on(source.readable()).expect_err("its reactor is gone");
    assert!(error.to_string().contains("register it again"), "{error}");
}

#[test]
fn a_hundred_thousand_sources_in_one_descriptor_hear_nothing_of_each_other() {
    crate::support::bounded(|| {
        block_on(async {
            let mut used = std::collections::BTreeSet::new();
            for n in 0..100_000_u32 {
                let (ours, mut theirs) = pair();
                used.insert(ours.as_raw_fd());
                let source = AsyncFd::from_fd(ours).expect("watched");
                if n % 3 == 0 {
                    // Known to be empty: only an event of its own may wake the next read.
                    let empty = source.try_read_with(|source| (&source.0).read(&mut [0; 8]));
                    assert_eq!(
                        empty.expect_err("empty").kind(),
                        std::io::ErrorKind::WouldBlock
                    );
                }
                theirs.write_all(&n.to_le_bytes()).expect("there is room");
                if n % 2 == 0 {
                    // Dropped with an event that nobody has taken yet.
                    continue;
                }
                let mut buffer = [0; 8];
                let count = read(&source, &mut buffer).await.expect("it was written");
                assert_eq!(&buffer[..count], n.to_le_bytes());
                let empty = source.try_read_with(|source| (&source.0).read(&mut buffer));
                assert_eq!(
                    empty.expect_err("empty").kind(),
                    std::io::ErrorKind::WouldBlock
                );
            }
            // The test means something only if descriptors were used again.
            assert!(used.len() < 1000, "{} descriptors", used.len());
        })
    });
}

#[test]
fn a_regular_file_is_refused_when_it_is_registered() {
    let file = std::fs::File::open(file!()).expect("tests run in the package's folder");
    let refused = block_on(async { AsyncFd::from_fd(file).map(drop) });
    assert_eq!(
        refused.expect_err("epoll watches no files").raw_os_error(),
        Some(1)
    );
}

#[test]
fn a_dropped_source_leaves_its_descriptor_to_others() {
    block_on(async {
        let (ours, mut theirs) = pair();
        let source = AsyncFd::from_fd(ours).expect("watched");
        let again = AsyncFd::new(source.into_inner()).expect("watched again");
        theirs.write_all(b"x").expect("the reader is there");
        assert_eq!(read(&again, &mut [0; 8]).await.expect("the peer wrote"), 1);
    });
}

/// Whether the loop's descriptor is readable within `patience`.
fn readable(runtime: &Runtime, patience: Duration) -> bool {
    let fd = runtime.embed().expect("a descriptor");
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let patience = patience.try_into().expect("it is short");
    poll(&mut fds, Some(&patience)).expect("poll works") > 0
}

const AT_ONCE: Duration = Duration::ZERO;
const A_WHILE: Duration = Duration::from_secs(10);

#[test]
fn the_descriptor_is_readable_when_a_task_is_ready_and_quiet_when_none_is() {
    let runtime = Runtime::new();
    assert!(!readable(&runtime, AT_ONCE));
    let task = runtime.spawn(async {
        yield_now().await;
        std::future::pending::<()>().await;
    });
    assert!(
        readable(&runtime, AT_ONCE),
        "a task was spawned outside a turn"
    );
    assert!(runtime.turn(Some(AT_ONCE)), "it has yielded");
    assert!(readable(&runtime, AT_ONCE), "it is ready again");
    assert!(!runtime.turn(Some(AT_ONCE)));
    assert!(!readable(&runtime, AT_ONCE), "nothing is left to do");
    task.cancel();
    assert!(
        readable(&runtime, AT_ONCE),
        "it was cancelled outside a turn"
    );
    runtime.run_until_stalled();
    assert!(task.is_finished());
    assert!(!readable(&runtime, AT_ONCE));
}

#[test]
fn the_descriptor_hears_timers_io_and_other_threads() {
    let runtime = Runtime::new();
    let (ours, mut theirs) = pair();
    let log = Rc::new(std::cell::RefCell::new(Vec::new()));
    readable(&runtime, AT_ONCE);
    let source = {
        let made = Rc::new(Cell::new(None));
        let slot = made.clone();
        drop(runtime.spawn(async move { slot.set(AsyncFd::from_fd(ours).ok()) }));
        runtime.run_until_stalled();
        made.take().expect("a socket can be watched")
    };
    let (by_timer, by_io) = (log.clone(), log.clone());
    drop(runtime.spawn(async move {
        sleep(Duration::from_millis(5)).await;
        by_timer.borrow_mut().push("timer");
    }));
    drop(runtime.spawn(async move {
        read(&source, &mut [0; 8]).await.expect("the peer writes");
        by_io.borrow_mut().push("io");
    }));
    runtime.run_until_stalled();
    assert!(log.borrow().is_empty());
    assert!(readable(&runtime, A_WHILE), "the timer is due");
    runtime.run_until_stalled();
    assert_eq!(*log.borrow(), ["timer"]);
    assert!(!readable(&runtime, AT_ONCE));

    theirs.write_all(b"x").expect("the reader is there");
    assert!(readable(&runtime, A_WHILE), "the peer wrote");
    runtime.run_until_stalled();
    assert_eq!(*log.borrow(), ["timer", "io"]);
    assert!(!readable(&runtime, AT_ONCE));

    let remote = runtime.remote();
    let caller = std::thread::spawn(move || remote.call(|| {}).expect("the runtime is alive"));
    caller.join().expect("the call is delivered");
    assert!(readable(&runtime, A_WHILE), "another thread called");
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
}

#[test]
fn what_wakes_nobody_does_not_hurry_a_virtual_clock() {
    let (ours, theirs) = pair();
    virtual_runtime().block_on(async {
        // That it can be written to is announced at once, and nobody waits for it.
        let source = AsyncFd::from_fd(ours).expect("a socket can be watched");
        let reader = spawn(async move { read(&source, &mut [0; 8]).await });
        let begun = Instant::now();
        sleep(Duration::from_secs(3600)).await;
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(1), "only {waited:?}");
        drop(theirs);
        reader.await.expect("it ends").expect("it is the end");
    });
}
