//! Who is at the other end of a Unix stream, and sockets that a program has left behind.

#![cfg(feature = "unix")]

use std::io::ErrorKind;
use std::path::PathBuf;

use turnwise::io::{UnixListener, UnixStream};

/// A path where nothing is.
fn path(name: &str) -> PathBuf {
    let name = format!("turnwise-{}-{name}", std::process::id());
    std::env::temp_dir().join(name)
}

#[cfg(target_os = "linux")]
#[turnwise::test(real_time)]
async fn the_peer_has_a_process_a_user_and_a_group() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let peer = ours.peer_credentials().unwrap();
    assert_eq!(peer.process, std::process::id());
    assert_eq!(peer.user, rustix::process::getuid().as_raw());
    assert_eq!(peer.group, rustix::process::getgid().as_raw());
}

#[turnwise::test(real_time)]
async fn a_socket_that_was_left_is_taken_over_and_nothing_else() {
    let path = path("left");
    drop(UnixListener::bind(&path).unwrap());
    let in_use = UnixListener::bind(&path).unwrap_err();
    assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
    let listener = UnixListener::take_over(&path).unwrap();
    let client = UnixStream::connect(&path).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    client.write_all(b"x").await.unwrap();
    server.read_exact(&mut [0]).await.unwrap();
    // One that listens stays.
    let in_use = UnixListener::take_over(&path).unwrap_err();
    assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
    UnixStream::connect(&path).await.unwrap();
    drop(listener);
    std::fs::remove_file(&path).unwrap();
    // So does what is no socket.
    std::fs::write(&path, "precious").unwrap();
    let in_use = UnixListener::take_over(&path).unwrap_err();
    assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    drop(UnixListener::take_over(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
}
