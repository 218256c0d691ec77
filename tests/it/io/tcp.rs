//! TCP, against peers of the standard library.

use std::cell::Cell;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use rustix::net::SendFlags;
use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use turnwise::io::{TcpListener, TcpStream, lookup_host};
use turnwise::{block_on, race, sleep, spawn, timeout, yield_now};

use crate::support::{alone, bounded};

const LOCAL: &str = "127.0.0.1:0";

/// Runs `test` on this thread's runtime with a stream that is connected to `peer` on a thread.
#[track_caller]
fn with_peer<F, R>(
    peer: impl FnOnce(net::TcpStream) + Send + 'static,
    test: impl FnOnce(TcpStream) -> F + Send + 'static,
) where
    F: Future<Output = R>,
{
    bounded(move || {
        block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let thread = thread::spawn(move || {
                peer(net::TcpStream::connect(address).expect("somebody listens"))
            });
            let (stream, _) = listener.accept().await.expect("the peer connects");
            test(stream).await;
            join(thread);
        })
    });
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("the peer's own checks hold")
}

#[test]
fn a_peer_that_ends_writing_can_still_read() {
    with_peer(
        |mut peer| {
            peer.write_all(b"question").expect("ours reads");
            peer.shutdown(Shutdown::Write).expect("it is connected");
            let mut text = String::new();
            peer.read_to_string(&mut text).expect("ours answers");
            assert_eq!(text, "answer to question");
        },
        |mut stream| async move {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("it ends");
            stream
                .write_all(format!("answer to {text}").as_bytes())
                .await
                .expect("the peer reads");
            stream.close().await.expect("it is connected");
        },
    );
}

#[test]
fn our_end_can_read_after_it_ended_writing() {
    with_peer(
        |mut peer| {
            let mut text = String::new();
            peer.read_to_string(&mut text).expect("ours ends writing");
            peer.write_all(format!("answer to {text}").as_bytes())
                .expect("ours reads");
        },
        |stream| async move {
            stream.write_all(b"question").await.expect("the peer reads");
            stream.shutdown(Shutdown::Write).expect("it is connected");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("it ends");
            assert_eq!(text, "answer to question");
            let error = stream.write(b"more").await.expect_err("writing has ended");
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        },
    );
}

#[test]
fn the_end_is_seen_after_a_short_read() {
    // Data and end may be announced together or apart; both must come through every time.
    bounded(|| {
        block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let thread = thread::spawn(move || {
                for n in 0..500 {
                    let mut peer = net::TcpStream::connect(address).expect("somebody listens");
                    peer.write_all(b"abc").expect("ours reads");
                    if n % 3 == 0 {
                        thread::yield_now();
                    }
                }
            });
            for n in 0..500 {
                let (stream, _) = listener.accept().await.expect("the peer connects");
                if n % 2 == 0 {
                    sleep(Duration::from_micros(50)).await;
                }
                let mut buffer = [0; 64];
                let mut total = 0;
                loop {
                    match stream.read(&mut buffer).await.expect("a clean end") {
                        0 => break,
                        count => total += count,
                    }
                }
                assert_eq!(total, 3);
            }
            join(thread);
        })
    });
}

#[test]
fn a_read_that_stops_at_urgent_data_does_not_stop_for_good() {
    with_peer(
        |mut peer| {
            peer.write_all(b"abc").expect("ours reads");
            rustix::net::send(&peer, b"!", SendFlags::OOB).expect("TCP has urgent data");
            peer.write_all(b"def").expect("ours reads");
            let mut reply = [0; 1];
            peer.read_exact(&mut reply).expect("ours got everything");
        },
        |stream| async move {
            sleep(Duration::from_millis(20)).await;
            let (mut buffer, mut text) = ([0; 64], Vec::<u8>::new());
            while text.len() < 6 {
                let count = stream.read(&mut buffer).await.expect("there is more");
                text.extend(&buffer[..count]);
            }
            assert_eq!(text, b"abcdef");
            stream.write(b"k").await.expect("the peer waits");
        },
    );
}

#[test]
fn a_reset_with_unread_data_is_an_error_and_no_hang() {
    with_peer(
        |mut peer| {
            // Bytes that it never reads make its close a reset.
            peer.read_exact(&mut [0; 1]).expect("ours writes");
            peer.write_all(b"last words").expect("ours is there");
        },
        |stream| async move {
            stream
                .write_all(b"unread data")
                .await
                .expect("the peer reads");
            let mut all = Vec::new();
            let error = stream.read_to_end(&mut all).await.expect_err("a reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            let error = loop {
                match stream.write(b"x").await {
                    Ok(_) => {}
                    Err(error) => break error,
                }
            };
            assert!(
                [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()),
                "{error}"
            );
        },
    );
}

#[test]
fn a_reset_wakes_who_waits_to_write() {
    with_peer(
        |peer| {
            thread::sleep(Duration::from_millis(20));
            set_socket_linger(&peer, Some(Duration::ZERO)).expect("a socket lingers");
        },
        |stream| async move {
            let error = stream
                .write_all(&vec![0; 64 << 20])
                .await
                .expect_err("nobody reads");
            assert!(
                [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()),
                "{error}"
            );
        },
    );
}

#[test]
fn a_slow_reader_gets_every_byte_and_holds_nobody_else_up() {
    const SIZE: usize = 64 << 20;
    fn byte(place: usize) -> u8 {
        (place * 31 % 251) as u8
    }
    bounded(|| {
        block_on(async {
            let peers = net::TcpListener::bind(LOCAL).expect("there is a port");
            set_socket_recv_buffer_size(&peers, 8 << 10).expect("a window can be small");
            let address = peers.local_addr().expect("it is bound");
            let thread = thread::spawn(move || {
                let (mut peer, _) = peers.accept().expect("ours connects");
                let (mut buffer, mut place) = (vec![0; 256 << 10], 0);
                loop {
                    let count = peer.read(&mut buffer).expect("ours writes");
                    if count == 0 {
                        return place;
                    }
                    for read in &buffer[..count] {
                        assert_eq!(*read, byte(place));
                        place += 1;
                    }
                    if place % (1 << 20) < count {
                        thread::sleep(Duration::from_millis(2));
                    }
                }
            });
            let ticks = Rc::new(Cell::new(0));
            let ticker = spawn({
                let ticks = ticks.clone();
                async move {
                    loop {
                        sleep(Duration::from_millis(1)).await;
                        ticks.set(ticks.get() + 1);
                    }
                }
            });
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let data: Vec<u8> = (0..SIZE).map(byte).collect();
            let before = ticks.get();
            stream.write_all(&data).await.expect("the peer reads");
            stream.close().await.expect("it is connected");
            ticker.cancel();
            assert_eq!(join(thread), SIZE);
            assert!(ticks.get() > before + 10, "only {} ticks", ticks.get());
        })
    });
}

#[test]
fn bytes_that_come_one_by_one_arrive_in_order() {
    with_peer(
        |mut peer| {
            peer.set_nodelay(true).expect("TCP has it");
            for n in 0..2000_u32 {
                peer.write_all(&[n as u8]).expect("ours reads");
            }
        },
        |stream| async move {
            let (mut buffer, mut got) = ([0; 7], Vec::<u8>::new());
            loop {
                match stream.read(&mut buffer).await.expect("a clean end") {
                    0 => break,
                    count => got.extend(&buffer[..count]),
                }
            }
            assert_eq!(got, (0..2000_u32).map(|n| n as u8).collect::<Vec<_>>());
        },
    );
}

#[test]
fn a_slow_peer_is_waited_for_through_the_traits_too() {
    with_peer(
        |mut peer| {
            for n in 0..50_u8 {
                peer.write_all(&[n]).expect("ours reads");
                thread::sleep(Duration::from_millis(1));
            }
            let mut echoed = vec![0; 50];
            peer.read_exact(&mut echoed).expect("ours writes");
            assert_eq!(echoed, (0..50).collect::<Vec<u8>>());
        },
        |stream| async move {
            let mut bytes = [0; 50];
            (&mut &stream)
                .read_exact(&mut bytes)
                .await
                .expect("the peer writes");
            (&mut &stream).write_all(&bytes).await.expect("it reads");
        },
    );
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = net::TcpListener::bind(LOCAL).expect("there is a port");
    listener.local_addr().expect("it is bound")
}

#[test]
fn connecting_where_nobody_listens_is_refused() {
    bounded(|| {
        block_on(async {
            let error = TcpStream::connect(nobody()).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        })
    });
}

#[test]
fn the_next_address_is_tried_when_one_refuses() {
    bounded(|| {
        block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let stream = TcpStream::connect([nobody(), nobody(), address]).await;
            let stream = stream.expect("the last one listens");
            assert_eq!(stream.peer_addr().expect("connected"), address);
            let error = TcpStream::connect(Vec::new()).await.expect_err("none");
            assert_eq!(error.kind(), ErrorKind::NotFound);
        })
    });
}

#[test]
fn names_are_looked_up_off_the_loop() {
    bounded(|| {
        block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let port = listener.local_addr().expect("it is bound").port();
            let found = lookup_host(("localhost", port)).await.expect("it is known");
            assert!(found.iter().all(|address| address.ip().is_loopback()));
            let text = format!("localhost:{port}");
            TcpStream::connect(text).await.expect("one of them listens");
            TcpStream::connect(("localhost", port))
                .await
                .expect("one of them listens");
            lookup_host("there is no such host:1")
                .await
                .expect_err("not a name");
        })
    });
}

#[test]
fn a_connect_that_is_dropped_leaves_nothing_behind() {
    alone("io::tcp::dropped_connects");
}

#[test]
#[ignore = "is run in a process of its own"]
fn dropped_connects() {
    bounded(|| {
        block_on(async {
            let full = net::TcpListener::bind(LOCAL).expect("there is a port");
            let address = full.local_addr().expect("it is bound");
            let _ = timeout(Duration::ZERO, TcpStream::connect(address)).await;
            // The loop has its own descriptors now.
            let before = descriptors();
            for _ in 0..100 {
                drop(TcpStream::connect(address));
                let _ = timeout(Duration::ZERO, TcpStream::connect(address)).await;
            }
            assert_eq!(descriptors(), before);
        })
    });
}

/// Open descriptors of this process, the listing's own included.
fn descriptors() -> usize {
    let list = std::fs::read_dir("/proc/self/fd").expect("Linux lists them");
    list.count()
}

#[test]
fn ten_thousand_connections_one_after_the_other() {
    bounded(|| {
        block_on(async {
            let listener = Rc::new(TcpListener::bind(LOCAL).await.expect("there is a port"));
            let address = listener.local_addr().expect("it is bound");
            let server = spawn({
                let listener = listener.clone();
                async move {
                    loop {
                        let (stream, _) = listener.accept().await.expect("the client connects");
                        drop(spawn(async move {
                            let mut buffer = [0; 16];
                            let count = stream.read(&mut buffer).await.expect("it writes");
                            stream.write(&buffer[..count]).await.expect("it reads");
                        }));
                    }
                }
            });
            for n in 0..10_000_u32 {
                let stream = TcpStream::connect(address).await.expect("it listens");
                // No TIME_WAIT: the ports of the machine are few.
                set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket lingers");
                stream.write(&n.to_le_bytes()).await.expect("it reads");
                let mut buffer = [0; 16];
                let count = stream.read(&mut buffer).await.expect("it answers");
                assert_eq!(&buffer[..count], n.to_le_bytes());
            }
            server.cancel();
        })
    });
}

#[test]
fn two_tasks_share_a_stream_by_reference() {
    with_peer(
        |mut peer| {
            let mut buffer = [0; 4096];
            loop {
                match peer.read(&mut buffer).expect("ours writes") {
                    0 => break,
                    count => peer.write_all(&buffer[..count]).expect("ours reads"),
                }
            }
        },
        |stream| async move {
            const SIZE: usize = 4 << 20;
            let writing = async {
                (&mut &stream)
                    .write_all(&vec![7; SIZE])
                    .await
                    .expect("the peer reads");
                stream.shutdown(Shutdown::Write).expect("it is connected");
            };
            let reading = async {
                let (mut buffer, mut total) = (vec![0; 64 << 10], 0);
                loop {
                    match stream.read(&mut buffer).await.expect("a clean end") {
                        0 => return total,
                        count => total += count,
                    }
                }
            };
            let ((), total) = futures::join!(writing, reading);
            assert_eq!(total, SIZE);
        },
    );
}

#[test]
fn a_read_that_loses_a_race_loses_no_byte() {
    with_peer(
        |mut peer| {
            for n in 0..1000_u32 {
                peer.write_all(&n.to_be_bytes()).expect("ours reads");
                if n % 16 == 0 {
                    thread::sleep(Duration::from_micros(300));
                }
            }
        },
        |stream| async move {
            let (mut got, mut lost) = (Vec::new(), 0);
            loop {
                let mut buffer = [0; 64];
                let read = async { Some(stream.read(&mut buffer).await.expect("a clean end")) };
                let tick = async {
                    sleep(Duration::from_micros(100)).await;
                    None
                };
                match race((read, tick)).await {
                    Some(0) => break,
                    Some(count) => got.extend_from_slice(&buffer[..count]),
                    None => lost += 1,
                }
            }
            let sent: Vec<u8> = (0..1000_u32).flat_map(u32::to_be_bytes).collect();
            assert_eq!(got, sent);
            assert!(lost > 0, "no race was lost");
        },
    );
}

#[test]
fn a_peek_leaves_the_bytes_and_vectors_fill_in_order() {
    with_peer(
        |mut peer| {
            peer.write_all(b"abcdef").expect("ours reads");
            let mut text = String::new();
            peer.read_to_string(&mut text).expect("ours writes");
            assert_eq!(text, "one two");
        },
        |mut stream| async move {
            let mut buffer = [0; 64];
            while stream.peek(&mut buffer).await.expect("there is data") < 6 {
                sleep(Duration::from_millis(1)).await;
            }
            let (mut a, mut b) = ([0; 4], [0; 4]);
            let mut buffers = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            let count = stream.read_vectored(&mut buffers).await;
            assert_eq!(count.expect("there is data"), 6);
            assert_eq!((&a[..], &b[..2]), (&b"abcd"[..], &b"ef"[..]));
            let slices = [IoSlice::new(b"one "), IoSlice::new(b"two")];
            assert_eq!(stream.write_vectored(&slices).await.expect("room"), 7);
            stream.set_nodelay(true).expect("TCP has it");
            assert!(stream.nodelay().expect("TCP has it"));
        },
    );
}

#[test]
fn a_stream_goes_to_the_standard_library_and_back() {
    with_peer(
        |mut peer| peer.write_all(b"abc").expect("ours reads"),
        |stream| async move {
            stream.readable().await.expect("the runtime is alive");
            let std = stream.into_std().expect("it can block");
            let stream = TcpStream::from_std(std).expect("watched again");
            let mut text = String::new();
            (&mut &stream)
                .read_to_string(&mut text)
                .await
                .expect("a clean end");
            assert_eq!(text, "abc");
        },
    );
}

#[test]
fn the_incoming_stream_takes_many_at_once() {
    bounded(|| {
        block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let clients: FuturesUnordered<_> = (0..100_u8)
                .map(|n| async move {
                    let stream = TcpStream::connect(address).await.expect("it listens");
                    stream.write(&[n]).await.expect("it reads");
                    stream
                })
                .collect();
            let server = async {
                let mut seen: Vec<u8> = listener
                    .incoming()
                    .take(100)
                    .then(async |stream| {
                        let mut byte = [0];
                        let stream = stream.expect("a connection");
                        stream.read(&mut byte).await.expect("it writes");
                        byte[0]
                    })
                    .collect()
                    .await;
                seen.sort_unstable();
                seen
            };
            let (clients, seen) = futures::join!(clients.collect::<Vec<_>>(), server);
            assert_eq!(seen, (0..100).collect::<Vec<u8>>());
            drop(clients);
        })
    });
}

#[test]
fn without_free_descriptors_a_listener_neither_spins_nor_stalls() {
    alone("io::tcp::a_full_process");
}

#[test]
#[ignore = "is run in a process of its own"]
fn a_full_process() {
    const LIMIT: u64 = 64;
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(LIMIT),
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).expect("a limit can be lowered");
    bounded(|| {
        block_on(async {
            let listener = Rc::new(TcpListener::bind(LOCAL).await.expect("there is a port"));
            let address = listener.local_addr().expect("it is bound");
            let (connected, is_connected) = mpsc::channel();
            let thread = thread::spawn(move || {
                // It keeps trying until all have been served.
                let mut served = 0;
                while served < 200 {
                    match net::TcpStream::connect(address) {
                        Ok(mut stream) => {
                            let _ = connected.send(());
                            stream.read_exact(&mut [0; 1]).expect("ours answers");
                            served += 1;
                        }
                        Err(_) => thread::sleep(Duration::from_millis(1)),
                    }
                }
            });
            is_connected.recv().expect("there is room for a client");
            let mut hoard = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                hoard.push(file);
            }
            let start = std::time::Instant::now();
            let (mut errors, mut polls) = (0, 0);
            while start.elapsed() < Duration::from_millis(200) {
                polls += 1;
                match listener.accept().await {
                    Ok(_) => panic!("there was no descriptor"),
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(24), "{error}");
                        errors += 1;
                    }
                }
            }
            assert!((5..=40).contains(&errors), "{errors} errors in 200 ms");
            assert_eq!(errors, polls);
            hoard.clear();
            for _ in 0..200 {
                let (stream, _) = loop {
                    match listener.accept().await {
                        Ok(accepted) => break accepted,
                        Err(_) => yield_now().await,
                    }
                };
                stream.write(b"k").await.expect("the client reads");
            }
            join(thread);
        })
    });
}

#[test]
fn a_source_that_goes_ends_the_rest_of_a_full_listener() {
    alone("io::tcp::a_full_process_that_closes");
}

#[test]
#[ignore = "is run in a process of its own"]
fn a_full_process_that_closes() {
    bounded(|| {
        let runtime = turnwise::Runtime::builder().virtual_clock().build();
        runtime.block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let clients: Vec<_> = (0..2)
                .map(|_| net::TcpStream::connect(address).expect("it listens"))
                .collect();
            let (mine, _) = listener.accept().await.expect("the first");
            let next = std::fs::File::open("/dev/null").expect("there is room yet");
            let limit = Rlimit {
                current: Some(next.as_raw_fd() as u64),
                maximum: getrlimit(Resource::Nofile).maximum,
            };
            setrlimit(Resource::Nofile, limit).expect("a limit can be lowered");
            drop(next);
            listener.accept().await.expect_err("no descriptor is left");
            // On the virtual clock: what ends the wait before 10 ms are over is the close.
            let begun = turnwise::time::Instant::now();
            let closer = spawn(async move {
                sleep(Duration::from_millis(3)).await;
                drop(mine);
            });
            listener.accept().await.expect("there is one again");
            assert_eq!(begun.elapsed(), Duration::from_millis(3));
            closer.await.expect("it only closes");
            drop(clients);
        })
    });
}

#[test]
fn a_full_listener_gets_over_it_though_its_waits_are_dropped() {
    alone("io::tcp::a_full_process_in_a_hurry");
}

#[test]
#[ignore = "is run in a process of its own"]
fn a_full_process_in_a_hurry() {
    bounded(|| {
        let runtime = turnwise::Runtime::builder().virtual_clock().build();
        runtime.block_on(async {
            let listener = TcpListener::bind(LOCAL).await.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let client = net::TcpStream::connect(address).expect("it listens");
            let next = std::fs::File::open("/dev/null").expect("there is room yet");
            let before = getrlimit(Resource::Nofile);
            let limit = Rlimit {
                current: Some(next.as_raw_fd() as u64),
                maximum: before.maximum,
            };
            setrlimit(Resource::Nofile, limit).expect("a limit can be lowered");
            drop(next);
            listener.accept().await.expect_err("no descriptor is left");
            setrlimit(Resource::Nofile, before).expect("a limit can be raised again");
            let mut waits = 0;
            let accepted = loop {
                waits += 1;
                assert!(waits < 10, "it rests for ever");
                let hurried = timeout(Duration::from_millis(4), listener.accept());
                if let Ok(accepted) = hurried.await {
                    break accepted;
                }
            };
            accepted.expect("there is a descriptor");
            drop(client);
        })
    });
}
