//! What needs tokio's reactor, its timers and its tasks runs inside `async_compat`, which brings a thread with them.

use std::time::Duration;

use async_compat::CompatExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turnwise::thread::expect_external;

use crate::bounded;

#[test]
fn what_calls_tokio_runs_in_a_line() {
    bounded(async {
        // tokio's thread is none that a verdict knows of.
        let _working = expect_external("tokio's thread");
        let answer = async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
                stream.write_all(b"from tokio").await
            });
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            server.await??;
            std::io::Result::Ok(text)
        };
        assert_eq!(answer.compat().await.expect("it answers"), "from tokio");
    });
}
