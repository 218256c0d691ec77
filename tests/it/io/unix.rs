//! Unix sockets, against peers of the standard library.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{AsyncWriteExt, FutureExt, StreamExt};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg};
use turnwise::io::{UnixDatagram, UnixListener, UnixStream};
use turnwise::{block_on, sleep, timeout};

use crate::support::bounded;

/// A path for a socket, which is removed when this goes.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let name = format!("turnwise-{}-{name}", std::process::id());
        Place(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An address that is no path.
fn abstract_address(name: &str) -> SocketAddr {
    let name = format!("turnwise-{}-{name}", std::process::id());
    SocketAddr::from_abstract_name(name).expect("it is short")
}

/// Sends back what it gets.
fn echo(mut peer: net::UnixStream) {
    let mut buffer = [0; 4096];
    loop {
        match peer.read(&mut buffer).expect("ours writes") {
            0 => return,
            count => peer.write_all(&buffer[..count]).expect("ours reads"),
        }
    }
}

async fn expect_echo(mut stream: UnixStream) {
    let data: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
    let mut echoed = Vec::new();
    let writing = async {
        (&mut &stream)
            .write_all(&data)
            .await
            .expect("the peer reads");
        stream.shutdown(Shutdown::Write).expect("it is connected");
    };
    let reader = &stream;
    let reading = reader.read_to_end(&mut echoed);
    let ((), count) = futures::join!(writing, reading);
    assert_eq!(count.expect("a clean end"), data.len());
    assert_eq!(echoed, data);
    stream.close().await.expect("closing twice is no error");
}

#[test]
fn a_path_is_listened_at_and_connected_to() {
    bounded(|| {
        let place = Place::new("path");
        block_on(async {
            let listener = UnixListener::bind(&place.0).expect("nothing is there yet");
            let path = place.0.clone();
            let thread =
                thread::spawn(move || echo(net::UnixStream::connect(path).expect("it listens")));
            let (stream, _) = listener.accept().await.expect("the peer connects");
            expect_echo(stream).await;
            thread.join().expect("the peer's own checks hold");
            let taken = UnixListener::bind(&place.0).expect_err("something is there");
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        });
    });
}

#[test]
fn an_abstract_address_is_listened_at_and_connected_to() {
    bounded(|| {
        block_on(async {
            let address = abstract_address("stream");
            let listener = net::UnixListener::bind_addr(&address).expect("it is free");
            let thread = thread::spawn(move || echo(listener.accept().expect("ours connects").0));
            let stream = UnixStream::connect_addr(&address).await;
            expect_echo(stream.expect("it listens")).await;
            thread.join().expect("the peer's own checks hold");
            let error = UnixStream::connect_addr(&address)
                .await
                .expect_err("it is gone");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = UnixStream::connect("/no/such/socket")
                .await
                .expect_err("never was");
            assert_eq!(error.kind(), ErrorKind::NotFound);
        });
    });
}

#[test]
fn a_read_that_stops_at_descriptors_does_not_stop_for_good() {
    bounded(|| {
        block_on(async {
            let (ours, theirs) = net::UnixStream::pair().expect("there are descriptors");
            let stream = UnixStream::from_std(ours).expect("it is watched");
            (&theirs).write_all(b"abc").expect("there is room");
            let fds = [theirs.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
            let slices = [IoSlice::new(b"def")];
            sendmsg(&theirs, &slices, &mut control, SendFlags::empty()).expect("there is room");
            (&theirs).write_all(b"ghi").expect("there is room");
            sleep(Duration::from_millis(1)).await;
            let (mut buffer, mut text) = ([0; 64], Vec::new());
            while text.len() < 9 {
                let read = timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
                let count = read.expect("there is more").expect("there is more");
                text.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(text, b"abcdefghi");
        });
    });
}

#[test]
fn the_end_and_a_broken_pipe_are_seen() {
    bounded(|| {
        block_on(async {
            let (a, b) = UnixStream::pair().expect("there are descriptors");
            let waiting = async {
                let mut buffer = [0; 64];
                assert_eq!(a.read(&mut buffer).await.expect("data"), 3);
                assert_eq!(a.read(&mut buffer).await.expect("the end"), 0);
                assert_eq!(a.read(&mut buffer).await.expect("still the end"), 0);
                let error = a.write(b"x").await.expect_err("nobody is there");
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            };
            let ending = async {
                sleep(Duration::from_millis(1)).await;
                b.write(b"abc").await.expect("there is room");
                drop(b);
            };
            futures::join!(waiting, ending);
        });
    });
}

#[test]
fn datagrams_wait_for_room_and_keep_their_bounds() {
    bounded(|| {
        block_on(async {
            let (a, b) = UnixDatagram::pair().expect("there are descriptors");
            let sending = async {
                for n in 0..2000_u32 {
                    a.send(&n.to_le_bytes()).await.expect("the peer receives");
                }
            };
            let receiving = async {
                let mut buffer = [0; 16];
                for n in 0..2000_u32 {
                    let count = b.recv(&mut buffer).await.expect("the peer sends");
                    assert_eq!(&buffer[..count], n.to_le_bytes());
                }
            };
            futures::join!(sending, receiving);
        });
    });
}

#[test]
fn datagrams_go_to_paths_and_to_abstract_addresses() {
    bounded(|| {
        let place = Place::new("datagram");
        block_on(async {
            let at_path = UnixDatagram::bind(&place.0).expect("nothing is there yet");
            let at_name = UnixDatagram::bind_addr(&abstract_address("datagram"));
            let at_name = at_name.expect("it is free");
            let name = at_name.local_addr().expect("it is bound");
            let path = SocketAddr::from_pathname(&place.0).expect("it is short");
            at_path.send_to(b"one", name).await.expect("it is there");
            let mut buffer = [0; 16];
            let (count, from) = at_name.recv_from(&mut buffer).await.expect("it was sent");
            assert_eq!(&buffer[..count], b"one");
            assert_eq!(from.as_pathname(), Some(&*place.0));
            at_name.send_to(b"two", path).await.expect("it is there");
            assert_eq!(at_path.recv(&mut buffer).await.expect("it was sent"), 3);
            let loose = UnixDatagram::unbound().expect("there are descriptors");
            loose.connect(&place.0).expect("it is there");
            loose.send(b"three").await.expect("it is there");
            assert_eq!(at_path.recv(&mut buffer).await.expect("it was sent"), 5);
        });
    });
}

#[test]
fn a_read_that_stops_at_urgent_data_does_not_stop_for_good() {
    bounded(|| {
        block_on(async {
            let (ours, theirs) = net::UnixStream::pair().expect("there are descriptors");
            let stream = UnixStream::from_std(ours).expect("it is watched");
            (&theirs).write_all(b"abc").expect("there is room");
            match send(&theirs, b"!", SendFlags::OOB) {
                Err(Errno::OPNOTSUPP) => return eprintln!("this system has no urgent data"),
                sent => assert_eq!(sent, Ok(1)),
            }
            (&theirs).write_all(b"def").expect("there is room");
            sleep(Duration::from_millis(1)).await;
            let (mut buffer, mut text) = ([0; 64], Vec::new());
            while text.len() < 6 {
                let read = timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
                let count = read.expect("there is more").expect("there is more");
                text.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(text, b"abcdef");
        });
    });
}

#[test]
fn a_receiver_that_others_have_filled_is_not_tried_without_end() {
    let place = Place::new("full");
    bounded(move || {
        block_on(async {
            let receiver = UnixDatagram::bind(&place.0).expect("nothing is there");
            let other = net::UnixDatagram::unbound().expect("there are descriptors");
            other.set_nonblocking(true).expect("a socket can be");
            while other.send_to(b"early", &place.0).is_ok() {}
            let sender = UnixDatagram::unbound().expect("there are descriptors");
            let address = SocketAddr::from_pathname(&place.0).expect("a short path");
            let tries = Cell::new(0);
            let sending = async {
                let mut late = pin!(sender.send_to(b"late", address));
                let counted = poll_fn(|cx| {
                    tries.set(tries.get() + 1);
                    late.as_mut().poll(cx)
                });
                counted.await.expect("there is room in the end");
            };
            let receiving = async {
                // Twice the longest rest, after the shorter ones.
                sleep(Duration::from_millis(40)).await;
                assert!(tries.get() < 30, "{} tries", tries.get());
                let mut buffer = [0; 16];
                loop {
                    let count = receiver.recv(&mut buffer).await.expect("somebody sends");
                    if &buffer[..count] == b"late" {
                        break;
                    }
                }
            };
            // Tasks of their own: a join polls both when one is woken.
            let mut both =
                FuturesUnordered::from_iter([sending.boxed_local(), receiving.boxed_local()]);
            while both.next().await.is_some() {}
        });
    });
}
