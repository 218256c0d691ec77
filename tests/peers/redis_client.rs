//! The redis crate over a `SendStream`: it asks for `Send`, and keeps the stream in the task of its driver.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, RedisConnectionInfo};
use turnwise::io::{StreamReader, StreamWriter, TcpListener, TcpStream, split};
use turnwise::{gather, sleep, spawn, timeout};

use crate::bounded;

type Store = Rc<RefCell<HashMap<Vec<u8>, Vec<u8>>>>;

/// Reads a line of the protocol: what it begins with, and the number behind that.
async fn header<S>(reader: &mut StreamReader<S>) -> io::Result<Option<usize>>
where
    S: futures::AsyncRead + Unpin,
{
    let mut line = Vec::new();
    if reader.read_until(b"\r\n", &mut line).await? == 0 {
        return Ok(None);
    }
    let number = std::str::from_utf8(&line[1..line.len() - 2]).ok();
    let number = number.and_then(|number| number.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Answers GET and SET, and OK to everything else.
async fn serve(stream: TcpStream, store: Store) -> io::Result<()> {
    let (mut reader, mut writer) = split(stream);
    while let Some(count) = header(&mut reader).await? {
        let mut words = Vec::new();
        for _ in 0..count {
            let length = header(&mut reader)
                .await?
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            let mut word = vec![0; length + 2];
            reader.read_exact(&mut word).await?;
            word.truncate(length);
            words.push(word);
        }
        answer(&mut writer, &words, &store).await?;
        writer.flush().await?;
    }
    Ok(())
}

async fn answer<S>(writer: &mut StreamWriter<S>, words: &[Vec<u8>], store: &Store) -> io::Result<()>
where
    S: futures::AsyncWrite + Unpin,
{
    let found = match words {
        [verb, key] if verb.eq_ignore_ascii_case(b"get") => Some(store.borrow().get(key).cloned()),
        [verb, key, value] if verb.eq_ignore_ascii_case(b"set") => {
            store.borrow_mut().insert(key.clone(), value.clone());
            None
        }
        _ => None,
    };
    match found {
        None => writer.write_all(b"+OK\r\n").await,
        Some(None) => writer.write_all(b"$-1\r\n").await,
        Some(Some(value)) => {
            writer
                .write_all(format!("${}\r\n", value.len()).as_bytes())
                .await?;
            writer.write_all(&value).await?;
            writer.write_all(b"\r\n").await
        }
    }
}

/// A client, whose driver is a task here.
async fn client(stream: TcpStream) -> MultiplexedConnection {
    // Its time limits need tokio or smol; ours are around the calls.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let stream = stream.into_send();
    let about = RedisConnectionInfo::default();
    let made = MultiplexedConnection::new_with_config(&about, stream, config);
    let (connection, driver) = made.await.expect("the server answers");
    drop(spawn(driver));
    connection
}

#[test]
fn a_thousand_calls_are_multiplexed() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let connecting =
            async { client(TcpStream::connect(address).await.expect("it listens")).await };
        let accepting = async {
            let (stream, _) = listener.accept().await.expect("the client connects");
            spawn(serve(stream, Store::default()))
        };
        let (connection, serving) = gather((connecting, accepting)).await;
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
        turnwise::gather_spawned(calls).await;
        let mut missing = connection.clone();
        let value: Option<String> = missing.get("missing").await.expect("it answers");
        assert_eq!(value, None);
        drop((connection, missing));
        serving.await.expect("no panic").expect("a clean end");
    });
}

#[test]
fn a_server_that_hangs_up_is_one_error_for_each_call() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let connecting =
            async { client(TcpStream::connect(address).await.expect("it listens")).await };
        let accepting = async {
            let (stream, _) = listener.accept().await.expect("the client connects");
            spawn(async move {
                // It speaks for a while, and is cancelled then: the stream is closed.
                let _ = timeout(Duration::from_millis(100), serve(stream, Store::default())).await;
            })
        };
        let (mut connection, serving) = gather((connecting, accepting)).await;
        let () = connection.set("key", 1).await.expect("it is set");
        serving.await.expect("no panic");
        sleep(Duration::from_millis(1)).await;
        let again: Result<i32, _> = connection.get("key").await;
        assert!(again.is_err(), "{again:?}");
    });
}
