//! A virtual clock beside real sockets.

use std::time::Duration;

use turnwise::io::{TcpListener, TcpStream};
use turnwise::{gather, spawn, timeout};

/// What a client with a header and a body does. Nagle's algorithm would hold the second write until the first is
/// acknowledged, which the system puts off for 40 ms of real time; virtual time is past every limit by then.
#[turnwise::test]
async fn two_small_writes_are_answered_before_time_jumps() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = gather((TcpStream::connect(address), listener.accept())).await;
    let (client, (server, _)) = (client.unwrap(), server.unwrap());
    let serving = spawn(async move {
        let mut request = [0; 8];
        while server.read_exact(&mut request).await.is_ok() {
            server.write_all(b"an").await.unwrap();
            server.write_all(b"swer").await.unwrap();
        }
    });
    for round in 0..20 {
        let exchange = async {
            client.write_all(b"head").await.unwrap();
            client.write_all(b"body").await.unwrap();
            client.read_exact(&mut [0; 6]).await.unwrap();
        };
        let answered = timeout(Duration::from_secs(10), exchange).await;
        assert!(answered.is_ok(), "no answer in round {round}");
    }
    drop(client);
    serving.await.unwrap();
}
