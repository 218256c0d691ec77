//! Connecting to one of several addresses.

use std::io::ErrorKind;
use std::net::{self, SocketAddr};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use turnwise::io::{TcpListener, TcpStream};
use turnwise::time::Instant;
use turnwise::timeout;

use crate::support::alone;

/// An address that does not answer: its queue is full, and the system drops what comes. With what keeps it so.
fn silent() -> (SocketAddr, Vec<net::TcpStream>, net::TcpListener) {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&fd, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&fd, 0).unwrap();
    let listener = net::TcpListener::from(fd);
    let address = listener.local_addr().unwrap();
    let short = Duration::from_millis(50);
    let filled = std::iter::from_fn(|| net::TcpStream::connect_timeout(&address, short).ok());
    (address, filled.collect(), listener)
}

/// An address where nothing listens.
fn refused() -> SocketAddr {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[turnwise::test]
async fn the_next_address_has_its_turn_after_a_quarter_of_a_second() {
    let (silent, _queue, _listener) = silent();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let start = Instant::now();
    let stream = TcpStream::connect([silent, silent, address]).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(500));
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[turnwise::test]
async fn one_that_refuses_makes_room_at_once() {
    let (silent, _queue, _listener) = silent();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let start = Instant::now();
    let stream = TcpStream::connect([refused(), refused(), address]).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), address);
    assert_eq!(start.elapsed(), Duration::ZERO);
    // The silent one has its time, then each refusal brings the next.
    let stream = TcpStream::connect([silent, refused(), refused(), address]).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), address);
    assert_eq!(start.elapsed(), Duration::from_millis(250));
}

#[turnwise::test]
async fn where_none_answers_the_error_is_the_last_one() {
    let error = TcpStream::connect([refused(), refused()])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn attempts_that_are_given_up_leave_no_socket_behind() {
    alone("io::stagger::leaves_no_socket");
}

#[turnwise::test]
#[ignore = "is run in a process of its own"]
async fn leaves_no_socket() {
    let (silent, _queue, _listener) = silent();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let before = descriptors();
    let connecting = TcpStream::connect([silent, silent]);
    assert!(timeout(Duration::from_secs(1), connecting).await.is_err());
    let stream = TcpStream::connect([silent, address]).await.unwrap();
    assert_eq!(descriptors(), before + 1, "the one that answered");
    drop(stream);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
