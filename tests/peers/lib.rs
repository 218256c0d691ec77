//! TLS by rustls over our TCP: both directions at once, clean and abrupt ends.

#![cfg(test)]
#![allow(
    clippy::async_yields_async,
    reason = "a task that is started is awaited later"
)]

mod compat;
mod pooled;
mod postgres;
mod redis_client;
mod side_by_side;
mod web;
mod web_sockets;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector, client, server};
use turnwise::io::{TcpListener, TcpStream};
use turnwise::{block_on, spawn, timeout};

const SIZE: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

type Client = client::TlsStream<TcpStream>;
type Server = server::TlsStream<TcpStream>;

/// Both ends of a connection, after the handshake.
async fn connected() -> (Client, Server) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let signed = signed.expect("it signs itself");
    let certificate = signed.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("it is well-formed");
    let theirs = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key fits");
    let ours = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();

    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("there is a port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    let accepting = async {
        let (stream, _) = listener.accept().await.expect("the client connects");
        let acceptor = TlsAcceptor::from(Arc::new(theirs));
        acceptor.accept(stream).await.expect("it speaks TLS")
    };
    let connecting = async {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(ours));
        connector
            .connect(name, stream)
            .await
            .expect("it is trusted")
    };
    futures::join!(connecting, accepting)
}

/// Bounds a test; the virtual clock would not see the other end work.
fn bounded<F: Future>(test: F) -> F::Output {
    let in_time = block_on(async { timeout(PATIENCE, test).await });
    in_time.expect("it hangs")
}

fn data() -> Rc<Vec<u8>> {
    Rc::new((0..SIZE).map(|n| (n * 31 % 251) as u8).collect())
}

/// Sends all of `data`, and reads as much of the other's; the streams live on.
async fn exchange<S>(mut stream: S, data: Rc<Vec<u8>>) -> S
where
    S: futures::AsyncRead + futures::AsyncWrite + Unpin,
{
    {
        let (mut reader, mut writer) = AsyncReadExt::split(&mut stream);
        let writing = async {
            writer.write_all(&data).await.expect("the other reads");
            writer.flush().await.expect("the other reads");
        };
        let reading = async {
            let mut back = vec![0; SIZE];
            reader
                .read_exact(&mut back)
                .await
                .expect("the other writes");
            assert!(back == *data, "other bytes than were sent");
        };
        futures::join!(writing, reading);
    }
    stream
}

#[test]
fn sixty_four_megabytes_go_both_ways_at_once_and_end_cleanly() {
    bounded(async {
        let (client, server) = connected().await;
        let data = data();
        let client = spawn(exchange(client, data.clone()));
        let server = spawn(exchange(server, data));
        let mut client = client.await.expect("its checks hold");
        let mut server = server.await.expect("its checks hold");
        // close_notify one way, then the other: each is the end of a stream, not an error.
        client.close().await.expect("the server is there");
        let mut rest = Vec::new();
        assert_eq!(server.read_to_end(&mut rest).await.expect("an end"), 0);
        server.close().await.expect("it may be gone already");
        assert_eq!(client.read_to_end(&mut rest).await.expect("an end"), 0);
    });
}

#[test]
fn an_abrupt_close_is_an_error_and_no_end() {
    bounded(async {
        let (mut client, mut server) = connected().await;
        let reading = spawn(async move {
            server.write_all(b"!").await?;
            server.flush().await?;
            let mut all = Vec::new();
            server.read_to_end(&mut all).await
        });
        // What is left unread would make the end a reset: the server's tickets come before this.
        let mut byte = [0];
        client.read_exact(&mut byte).await.expect("it is sent");
        // The connection ends, but nobody said that it would.
        drop(client);
        let result = reading.await.expect("it returns");
        let error = result.expect_err("a truncated stream is no clean end");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_peer_that_goes_while_much_is_written_ends_the_write() {
    bounded(async {
        let (mut client, server) = connected().await;
        let writing = spawn(async move { client.write_all(&data()).await });
        turnwise::sleep(Duration::from_millis(20)).await;
        assert!(!writing.is_finished(), "nobody reads");
        drop(server);
        let result = writing.await.expect("it returns");
        let error = result.expect_err("nobody read it");
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{error}");
    });
}
