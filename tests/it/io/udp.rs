//! UDP, against peers of the standard library.

use std::io::ErrorKind;
use std::net::{self, SocketAddr};
use std::thread;
use std::time::Duration;

use turnwise::io::UdpSocket;
use turnwise::{block_on, sleep, timeout};

use crate::support::bounded;

const LOCAL: &str = "127.0.0.1:0";

async fn bind() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(LOCAL).await.expect("there is a port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

#[test]
fn datagrams_are_answered() {
    bounded(|| {
        block_on(async {
            let (socket, address) = bind().await;
            let thread = thread::spawn(move || {
                let peer = net::UdpSocket::bind(LOCAL).expect("there is a port");
                let mut buffer = [0; 64];
                for n in 0..100_u8 {
                    peer.send_to(&[n], address).expect("it is sent");
                    let (count, from) = peer.recv_from(&mut buffer).expect("ours answers");
                    assert_eq!((&buffer[..count], from), (&[n, n][..], address));
                }
            });
            let mut buffer = [0; 64];
            for _ in 0..100 {
                let (count, from) = socket.recv_from(&mut buffer).await.expect("it is sent");
                assert_eq!(count, 1);
                let answer = [buffer[0]; 2];
                socket.send_to(&answer, from).await.expect("it is sent");
            }
            thread.join().expect("the peer's own checks hold");
        })
    });
}

#[test]
fn what_does_not_fit_is_cut_and_the_next_datagram_is_whole() {
    bounded(|| {
        block_on(async {
            let ((a, _), (b, to)) = (bind().await, bind().await);
            a.send_to(b"0123456789", to).await.expect("it is sent");
            a.send_to(b"next", to).await.expect("it is sent");
            a.send_to(b"", to).await.expect("it is sent");
            a.send_to(&[7; 65_507], to).await.expect("it is sent");
            let mut small = [0; 4];
            assert_eq!(b.recv(&mut small).await.expect("it was sent"), 4);
            assert_eq!(&small, b"0123");
            let (count, _) = b.peek_from(&mut small).await.expect("it was sent");
            assert_eq!(&small[..count], b"next");
            assert_eq!(b.recv(&mut small).await.expect("it was sent"), 4);
            assert_eq!(&small, b"next");
            assert_eq!(b.recv(&mut small).await.expect("empty, not the end"), 0);
            let mut large = vec![0; 65_507];
            assert_eq!(b.recv(&mut large).await.expect("it was sent"), 65_507);
            let none = timeout(Duration::from_millis(1), b.recv(&mut large)).await;
            none.expect_err("nothing else was sent");
        })
    });
}

#[test]
fn a_connected_socket_learns_that_nobody_is_there() {
    bounded(|| {
        block_on(async {
            let ((socket, _), (gone, address)) = (bind().await, bind().await);
            drop(gone);
            socket.connect(address).expect("nothing is sent");
            assert_eq!(socket.peer_addr().expect("connected"), address);
            socket.send(b"hello?").await.expect("it is sent");
            let error = socket.recv(&mut [0; 8]).await.expect_err("nobody is there");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            // The socket is as good as before.
            let back = net::UdpSocket::bind(address).expect("the port is free");
            socket.send(b"hello?").await.expect("it is sent");
            let (_, from) = back.recv_from(&mut [0; 8]).expect("it was sent");
            back.send_to(b"yes", from).expect("it is sent");
            assert_eq!(socket.recv(&mut [0; 8]).await.expect("it was sent"), 3);
        })
    });
}

#[test]
fn a_flood_does_not_starve_timers() {
    bounded(|| {
        block_on(async {
            let ((a, _), (b, to)) = (bind().await, bind().await);
            let flood = async {
                let mut buffer = [0; 16];
                loop {
                    a.send_to(b"x", to).await.expect("it is sent");
                    b.recv(&mut buffer).await.expect("it was sent");
                }
            };
            let limit = timeout(Duration::from_millis(50), flood).await;
            limit.expect_err("the flood never ends");
        })
    });
}

#[test]
fn a_socket_goes_to_the_standard_library_and_back() {
    bounded(|| {
        block_on(async {
            let ((a, _), (b, to)) = (bind().await, bind().await);
            let b = UdpSocket::from_std(b.into_std().expect("it blocks")).expect("watched again");
            let (sent, got) = futures::join!(
                async {
                    sleep(Duration::from_millis(2)).await;
                    a.send_to(b"x", to).await
                },
                async { b.recv(&mut [0; 8]).await }
            );
            assert_eq!((sent.expect("sent"), got.expect("received")), (1, 1));
        })
    });
}
