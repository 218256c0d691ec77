//! hyper and tokio's traits over our streams.

#![cfg(all(feature = "hyper", feature = "tokio-io"))]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::Timer;
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turnwise::io::{HyperTimer, SendStream, TcpListener, TcpStream, UnixStream};
use turnwise::{Runtime, block_on, sleep, spawn, spawn_blocking};

use crate::support::{bounded, panic_of, poll_once};

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body.expect("the client sends it").to_bytes();
    let text = format!("{path} {}", body.len());
    Ok(Response::new(Full::new(Bytes::from(text))))
}

/// Serves connections until the runtime ends; returns where.
async fn serve() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    drop(spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("the client connects");
            let connection = server::conn::http1::Builder::new()
                .timer(HyperTimer::new())
                .header_read_timeout(Duration::from_millis(200))
                .serve_connection(stream, service_fn(answer));
            drop(spawn(connection));
        }
    }));
    address
}

#[test]
fn a_thousand_requests_over_one_connection() {
    bounded(|| {
        block_on(async {
            let address = serve().await;
            let stream = TcpStream::connect(address).await.expect("it listens");
            let (mut sender, connection) = client::conn::http1::handshake(stream)
                .await
                .expect("it speaks HTTP");
            drop(spawn(connection));
            for n in 0..1000_usize {
                let body = Full::new(Bytes::from(vec![b'x'; n * 37 % 20_000]));
                let request = Request::post(format!("/{n}")).body(body).expect("valid");
                sender.ready().await.expect("the connection is kept");
                let response = sender.send_request(request).await.expect("it answers");
                let body = response.into_body().collect().await.expect("it ends");
                let expected = format!("/{n} {}", n * 37 % 20_000);
                assert_eq!(body.to_bytes(), expected.as_bytes());
            }
        })
    });
}

#[test]
fn an_upgrade_hands_the_stream_over() {
    async fn upgrade(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        drop(spawn(async move {
            let upgraded = hyper::upgrade::on(request)
                .await
                .expect("the client upgrades");
            let parts = upgraded.downcast::<SendStream<TcpStream>>();
            let parts = parts.expect("it is what was served");
            let stream = parts.io.into_inner().expect("this is its thread");
            let mut line = [0; 5];
            stream
                .read_exact(&mut line)
                .await
                .expect("the client writes");
            stream.write_all(&line).await.expect("the client reads");
        }));
        let response = Response::builder()
            .status(hyper::StatusCode::SWITCHING_PROTOCOLS)
            .header("upgrade", "echo")
            .header("connection", "upgrade");
        Ok(response.body(Full::default()).expect("valid"))
    }
    bounded(|| {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let stream = TcpStream::connect(listener.local_addr().expect("bound")).await;
            let (server, _) = listener.accept().await.expect("the client connects");
            let served = server::conn::http1::Builder::new()
                .serve_connection(server.into_send(), service_fn(upgrade))
                .with_upgrades();
            drop(spawn(served));
            let stream = stream.expect("it listens").into_send();
            let handshake = client::conn::http1::handshake(stream).await;
            let (mut sender, connection) = handshake.expect("it speaks HTTP");
            drop(spawn(connection.with_upgrades()));
            let request = Request::get("/")
                .header("upgrade", "echo")
                .header("connection", "upgrade")
                .body(Full::<Bytes>::default())
                .expect("valid");
            let response = sender.send_request(request).await.expect("it answers");
            let upgraded = hyper::upgrade::on(response).await.expect("it agrees");
            let parts = upgraded.downcast::<SendStream<TcpStream>>();
            let mut stream = parts.expect("it is ours").io;
            stream.write_all(b"hello").await.expect("it reads");
            let mut back = [0; 5];
            stream.read_exact(&mut back).await.expect("it echoes");
            assert_eq!(&back, b"hello");
        })
    });
}

#[test]
fn a_client_that_says_nothing_is_sent_away_in_time() {
    bounded(|| {
        block_on(async {
            let address = serve().await;
            let silent = spawn_blocking(move || {
                let begun = Instant::now();
                let mut stream = std::net::TcpStream::connect(address).expect("it listens");
                stream.write_all(b"GET / HT").expect("it reads");
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).expect("it hangs up");
                begun.elapsed()
            });
            let waited = silent.await.expect("its checks hold");
            assert!(waited >= Duration::from_millis(200), "{waited:?}");
        })
    });
}

#[test]
fn a_timer_that_is_carried_to_another_thread_touches_none_of_its_timers() {
    bounded(|| {
        block_on(async {
            let mut carried = HyperTimer::new().sleep(Duration::from_millis(1));
            assert!(poll_once(&mut carried).is_pending());
            let elsewhere = std::thread::spawn(move || {
                block_on(async {
                    // Its timer here has the place and number that the other has at home.
                    let mut own = sleep(Duration::from_millis(1));
                    assert!(poll_once(&mut own).is_pending());
                    let text = panic_of(|| poll_once(&mut carried));
                    assert!(text.contains("keep the connection on its own"), "{text}");
                    drop(carried);
                    own.await;
                });
            });
            elsewhere.join().expect("its checks hold");
        })
    });
}

#[test]
fn on_the_virtual_clock_time_limits_are_kept_to_the_nanosecond() {
    const LIMIT: Duration = Duration::from_secs(3600);
    bounded(|| {
        let runtime = Runtime::builder().virtual_clock().build();
        runtime.block_on(async {
            let (_silent, stream) = UnixStream::pair().expect("there are descriptors");
            let begun = turnwise::time::Instant::now();
            let connection = server::conn::http1::Builder::new()
                .timer(HyperTimer::new())
                .header_read_timeout(LIMIT)
                .serve_connection(stream, service_fn(answer));
            connection.await.expect_err("the client says nothing");
            assert_eq!(begun.elapsed(), LIMIT);
        })
    });
}

#[test]
fn the_traits_of_tokio_carry_every_byte() {
    bounded(|| {
        block_on(async {
            let (mut a, mut b) = UnixStream::pair().expect("there are descriptors");
            let data: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
            let mut copy = Vec::new();
            let writing = async {
                AsyncWriteExt::write_all(&mut a, &data).await.expect("read");
                AsyncWriteExt::shutdown(&mut a).await.expect("connected");
            };
            let reading = AsyncReadExt::read_to_end(&mut b, &mut copy);
            let ((), count) = futures::join!(writing, reading);
            assert_eq!(count.expect("it ends"), data.len());
            assert!(copy == data);
        })
    });
}

#[test]
fn large_uploads_arrive_whole_over_several_connections_at_once() {
    bounded(|| {
        block_on(async {
            let address = serve().await;
            let upload = async |size: usize| {
                let stream = TcpStream::connect(address).await.expect("it listens");
                let (mut sender, connection) = client::conn::http1::handshake(stream)
                    .await
                    .expect("it speaks HTTP");
                drop(spawn(connection));
                let body = Full::new(Bytes::from(vec![b'x'; size]));
                let request = Request::post("/up").body(body).expect("valid");
                let response = sender.send_request(request).await.expect("it answers");
                let text = response.into_body().collect().await.expect("all of it");
                assert_eq!(text.to_bytes(), format!("/up {size}"));
            };
            futures::join!(upload(8 << 20), upload((5 << 20) + 1), upload(1));
        });
    });
}

#[test]
fn what_is_read_is_what_was_sent_also_when_it_comes_in_large_pieces() {
    bounded(|| {
        block_on(async {
            let (near, mut far) = UnixStream::pair().expect("a pair");
            let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
            let write = async {
                futures::AsyncWriteExt::write_all(&mut far, &sent)
                    .await
                    .expect("it is read");
                drop(far);
            };
            let mut near = near;
            let read = async {
                let mut all = Vec::new();
                let mut room = vec![std::mem::MaybeUninit::uninit(); 100_000];
                loop {
                    let mut buffer = hyper::rt::ReadBuf::uninit(&mut room);
                    let read = std::future::poll_fn(|cx| {
                        hyper::rt::Read::poll_read(
                            std::pin::Pin::new(&mut near),
                            cx,
                            buffer.unfilled(),
                        )
                    });
                    read.await.expect("the peer lives");
                    if buffer.filled().is_empty() {
                        return all;
                    }
                    all.extend_from_slice(buffer.filled());
                }
            };
            let (all, ()) = futures::join!(read, write);
            assert!(all == sent);
        });
    });
}

#[cfg(feature = "process")]
#[test]
fn the_pipes_of_a_child_have_the_traits_of_tokio() {
    bounded(|| {
        block_on(async {
            let piped = std::process::Stdio::piped;
            let mut command = turnwise::io::Command::new("cat");
            let mut child = command
                .stdin(piped())
                .stdout(piped())
                .spawn()
                .expect("it runs");
            let mut input = child.stdin.take().expect("it is piped");
            let mut output = child.stdout.take().expect("it is piped");
            AsyncWriteExt::write_all(&mut input, b"through the cat")
                .await
                .expect("it reads");
            AsyncWriteExt::shutdown(&mut input)
                .await
                .expect("a pipe closes");
            let mut text = String::new();
            AsyncReadExt::read_to_string(&mut output, &mut text)
                .await
                .expect("it ends");
            assert_eq!(text, "through the cat");
        })
    });
}
