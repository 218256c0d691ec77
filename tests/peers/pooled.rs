//! The pooled client of hyper-util over a `SendStream`. Its connector has to be `Send` as well, and so is the end of a
//! channel from the task that connects.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::channel::oneshot;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, server};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use turnwise::io::{HyperExecutor, HyperTimer, SendStream, TcpListener, TcpStream};
use turnwise::spawn;

use crate::bounded;

/// Connects on this thread, for a client that would go to any.
#[derive(Clone)]
struct Connector;

impl tower_service::Service<Uri> for Connector {
    type Response = Pooled;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Pooled>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (tx, rx) = oneshot::channel();
        drop(spawn(async move {
            let target = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
            let stream = TcpStream::connect(target).await;
            let _ = tx.send(stream.map(|stream| Pooled(stream.into_send())));
        }));
        Box::pin(async {
            rx.await
                .unwrap_or(Err(io::ErrorKind::ConnectionAborted.into()))
        })
    }
}

/// A connection as the pool wants it.
struct Pooled(SendStream<TcpStream>);

impl Connection for Pooled {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Pooled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Pooled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = request.uri().path().to_owned();
    Ok(Response::new(Full::new(Bytes::from(text))))
}

#[test]
fn a_connection_is_used_again() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let accepted = Rc::new(Cell::new(0));
        let server = spawn({
            let accepted = accepted.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.expect("clients connect");
                    accepted.set(accepted.get() + 1);
                    let connection = server::conn::http1::Builder::new()
                        .timer(HyperTimer::new())
                        .serve_connection(stream, service_fn(answer));
                    drop(spawn(connection));
                }
            }
        });
        let client = Client::builder(HyperExecutor::new())
            .pool_timer(HyperTimer::new())
            .build::<_, Full<Bytes>>(Connector);
        for n in 0..100 {
            let uri: Uri = format!("http://{address}/{n}").parse().expect("valid");
            let response = client.get(uri).await.expect("it answers");
            let body = response
                .into_body()
                .collect()
                .await
                .expect("it ends")
                .to_bytes();
            assert_eq!(body, format!("/{n}"));
        }
        assert_eq!(accepted.get(), 1);
        drop(client);
        server.cancel();
    });
}
