//! The redis crate over a `SendStream`: it asks for `Send`, and keeps the stream in the task of its driver. The server is
//! the one of examples/real.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, RedisConnectionInfo};
use turnwise::io::{TcpListener, TcpStream, split};
use turnwise::sync::Event;
use turnwise::{JoinHandle, gather_spawned, sleep, spawn};

use crate::bounded;

#[path = "../../examples/real/src/kv.rs"]
mod kv;

/// A server at an address, until the event is set.
async fn server() -> (SocketAddr, Rc<Event>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let stop = Rc::new(Event::new());
    (address, stop.clone(), spawn(kv::serve(listener, stop)))
}

/// A client, whose driver is a task here.
async fn client(address: SocketAddr) -> MultiplexedConnection {
    // Its time limits need tokio or smol; ours are around the calls.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let stream = TcpStream::connect(address).await.expect("it listens");
    let about = RedisConnectionInfo::default();
    let made = MultiplexedConnection::new_with_config(&about, stream.into_send(), config);
    let (connection, driver) = made.await.expect("the server answers");
    spawn(driver);
    connection
}

#[test]
fn a_thousand_calls_are_multiplexed_and_the_end_is_orderly() {
    bounded(async {
        let (address, stop, serving) = server().await;
        let connection = client(address).await;
        let calls = (0..1000).map(|n| {
            let mut connection = connection.clone();
            async move {
                let () = connection
                    .set(n, format!("value {n}"))
                    .await
                    .expect("it is set");
                let value: String = connection.get(n).await.expect("it is there");
                assert_eq!(value, format!("value {n}"));
            }
        });
        gather_spawned(calls).await;
        let mut one = connection.clone();
        let value: Option<String> = one.get("missing").await.expect("it answers");
        assert_eq!(value, None);
        assert_eq!(
            one.del::<_, i32>(&[1, 2, 5000]).await.expect("it answers"),
            2
        );
        stop.set();
        serving.await.expect("no panic");
        let after: Result<i32, _> = one.get(3).await;
        assert!(after.is_err(), "one clean error");
    });
}

#[test]
fn values_expire() {
    bounded(async {
        let (address, stop, serving) = server().await;
        let mut client = client(address).await;
        let () = client.set_ex("short", 1, 1).await.expect("it is set");
        let () = client.set("long", 2).await.expect("it is set");
        assert_eq!(client.ttl::<_, i32>("long").await.expect("it answers"), -1);
        assert_eq!(client.ttl::<_, i32>("none").await.expect("it answers"), -2);
        assert!(
            client
                .expire::<_, bool>("long", 600)
                .await
                .expect("it answers")
        );
        assert!(
            !client
                .expire::<_, bool>("none", 600)
                .await
                .expect("it answers")
        );
        assert_eq!(client.ttl::<_, i32>("long").await.expect("it answers"), 600);
        sleep(Duration::from_millis(1010)).await;
        assert_eq!(
            client
                .get::<_, Option<i32>>("short")
                .await
                .expect("it answers"),
            None
        );
        assert_eq!(
            client
                .get::<_, Option<i32>>("long")
                .await
                .expect("it answers"),
            Some(2)
        );
        let wrong = redis::cmd("SET")
            .arg("alone")
            .query_async::<()>(&mut client)
            .await;
        assert!(
            wrong
                .expect_err("a word is missing")
                .to_string()
                .contains("arguments")
        );
        drop(client);
        stop.set();
        serving.await.expect("no panic");
    });
}

#[test]
fn subscribers_hear_what_is_published() {
    bounded(async {
        let (address, stop, serving) = server().await;
        let mut publisher = client(address).await;
        // The crate's own subscriber needs tokio's tasks.
        let stream = TcpStream::connect(address).await.expect("it listens");
        let (mut reader, mut writer) = split(stream);
        let subscribe = b"*3\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n$4\r\nmore\r\n";
        writer.write_all(subscribe).await.expect("it reads");
        writer.flush().await.expect("it reads");
        let mut hears = async |expected: &str| {
            let mut heard = vec![0; expected.len()];
            reader.read_exact(&mut heard).await.expect("it comes");
            assert_eq!(String::from_utf8_lossy(&heard), expected);
        };
        hears("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n").await;
        hears("*3\r\n$9\r\nsubscribe\r\n$4\r\nmore\r\n:2\r\n").await;
        let mut publish = async |channel| {
            let reached = publisher.publish::<_, _, i32>(channel, "hello").await;
            reached.expect("it answers")
        };
        assert_eq!(publish("news").await, 1);
        assert_eq!(publish("olds").await, 0);
        hears("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n").await;
        drop((reader, writer));
        while publish("news").await > 0 {
            sleep(Duration::from_millis(1)).await;
        }
        stop.set();
        serving.await.expect("no panic");
    });
}
