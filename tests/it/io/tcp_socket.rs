//! What is set before a socket is connected or listens.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt;
use turnwise::gather;
use turnwise::io::{TcpListener, TcpSocket, TcpStream};

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn listener() -> TcpListener {
    let socket = TcpSocket::v4().unwrap();
    socket.bind(loopback()).unwrap();
    socket.listen(16).unwrap()
}

#[turnwise::test(real_time)]
async fn a_client_is_seen_where_it_was_bound() {
    let listener = listener();
    let socket = TcpSocket::v4().unwrap();
    socket.bind(loopback()).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_keepalive(Some(Duration::from_secs(77))).unwrap();
    socket.set_send_buffer_size(1 << 16).unwrap();
    socket.set_recv_buffer_size(1 << 16).unwrap();
    let ours = socket.local_addr().unwrap();
    let connecting = socket.connect(listener.local_addr().unwrap());
    let (stream, accepted) = gather((connecting, listener.accept())).await;
    let (stream, (_, peer)) = (stream.unwrap(), accepted.unwrap());
    assert_eq!((peer, stream.local_addr().unwrap()), (ours, ours));
    assert!(stream.nodelay().unwrap());
    assert!(sockopt::socket_keepalive(&stream).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&stream).unwrap().as_secs(), 77);
    // The system doubles what it is asked for.
    assert_eq!(sockopt::socket_send_buffer_size(&stream).unwrap(), 1 << 17);
}

#[turnwise::test(real_time)]
async fn a_linger_of_zero_breaks_the_connection_off() {
    let listener = listener();
    let socket = TcpSocket::v4().unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    let connecting = socket.connect(listener.local_addr().unwrap());
    let (stream, accepted) = gather((connecting, listener.accept())).await;
    drop(stream.unwrap());
    let error = accepted.unwrap().0.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[turnwise::test(real_time)]
async fn where_nothing_listens_the_connect_is_refused() {
    let address = listener().local_addr().unwrap();
    let refused = TcpSocket::v4().unwrap().connect(address).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let wrong = TcpSocket::v6().unwrap().connect(address).await;
    assert!(wrong.is_err(), "an address of the other family");
}

#[turnwise::test(real_time)]
async fn two_listen_at_one_port_if_both_allow_it() {
    let open = |address| {
        let socket = TcpSocket::v4().unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(address).map(|()| socket.listen(1).unwrap())
    };
    let one = open(loopback()).unwrap();
    let address = one.local_addr().unwrap();
    let _two = open(address).unwrap();
    let in_use = TcpSocket::v4().unwrap().bind(address).unwrap_err();
    assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
}

#[turnwise::test(real_time)]
async fn all_addresses_of_a_name_are_listened_at() {
    let both: [SocketAddr; 2] = [loopback(), "127.0.0.2:0".parse().unwrap()];
    let listeners = TcpListener::bind_all(both).await.unwrap();
    assert_eq!(listeners.len(), 2);
    for listener in &listeners {
        let connecting = TcpStream::connect(listener.local_addr().unwrap());
        let (stream, accepted) = gather((connecting, listener.accept())).await;
        stream.unwrap();
        accepted.unwrap();
    }
    // One that is not ours is left out, unless there is no other.
    let foreign: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let listeners = TcpListener::bind_all([foreign, loopback()]).await.unwrap();
    assert_eq!(listeners.len(), 1);
    let error = TcpListener::bind_all([foreign]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    let taken = listeners[0].local_addr().unwrap();
    let error = TcpListener::bind_all([taken]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(
        !TcpListener::bind_all("localhost:0")
            .await
            .unwrap()
            .is_empty()
    );
}
