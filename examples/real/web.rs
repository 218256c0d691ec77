//! A web server: axum's Router, served by hyper, on one thread.
//!
//! # What goes wrong without it
//!
//! `axum::serve` needs tokio, and leaves the rest to you: a client that sends its request byte by byte holds a
//! connection for ever, ten thousand clients take all descriptors, and Ctrl-C cuts answers off. Here a request has five
//! seconds for its head, connections have permits, and the end lets answers be finished.
//!
//! Handlers are `Send`, as axum asks. What waits for turnwise is a task; the handler waits for a channel from it.

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use futures_channel::oneshot;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use lexopt::prelude::*;
use support::{NAME, number, or_exit, print, usage_error};
use turnwise::io::{HyperTimer, TcpListener, TcpStream, ctrl_c};
use turnwise::sync::{Event, Semaphore};
use turnwise::{Either, gather, race_either, sleep, spawn, timeout};

/// Connections at a time.
const CONNECTIONS: usize = 1000;
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long answers may take after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(10);

const INDEX: &str = "<!doctype html><title>turnwise</title>
<h1>One thread, many connections</h1>
<ul><li><a href=/tasks>What it does right now</a><li><a href=/slow>An answer after a second</a></ul>";

fn router() -> Router {
    Router::new()
        .route("/", get(async || Html(INDEX)))
        .route("/tasks", get(async || turnwise::report::dump().to_string()))
        .route("/slow", get(slow))
}

async fn slow() -> &'static str {
    let (tx, rx) = oneshot::channel();
    spawn(async {
        sleep(Duration::from_secs(1)).await;
        let _ = tx.send("here it is\n");
    });
    rx.await.unwrap_or("it was given up\n")
}

async fn serve(listener: TcpListener, stop: Rc<Event>) {
    let permits = Rc::new(Semaphore::new(CONNECTIONS));
    let service = TowerToHyperService::new(router());
    loop {
        let permit = permits.acquire_owned().await;
        match race_either((stop.wait(), listener.accept())).await {
            Either::A(()) => break,
            Either::B(Ok((stream, _))) => {
                let (service, stop) = (service.clone(), stop.clone());
                let talk = async move {
                    let _permit = permit;
                    // A client that breaks off, or talks nonsense, is its own affair.
                    let _ = connection(stream, service, &stop).await;
                };
                spawn(talk).named("connection");
            }
            // Out of descriptors, for example: the next call waits until there may be one.
            Either::B(Err(error)) => eprintln!("cannot accept: {error}"),
        }
    }
    if timeout(PATIENCE, permits.acquire_many(CONNECTIONS))
        .await
        .is_err()
    {
        eprintln!("connections are left after {PATIENCE:?}");
    }
}

/// Answers over one connection; after `stop` no more than what was asked already.
async fn connection(
    stream: TcpStream,
    service: TowerToHyperService<Router>,
    stop: &Event,
) -> hyper::Result<()> {
    let connection = http1::Builder::new()
        .timer(HyperTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    match race_either((stop.wait(), connection.as_mut())).await {
        Either::A(()) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        Either::B(ended) => ended,
    }
}

/// Reads the port from the command line.
fn port() -> u16 {
    let mut port = 8080;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = or_exit(arguments.next()) {
        match argument {
            Long("port") => port = number(&mut arguments, "--port", 0, 65535) as u16,
            Short('h') | Long("help") => help(),
            other => usage_error(other.unexpected()),
        }
    }
    port
}

fn help() -> ! {
    print(format_args!(
        "Serves a few pages on 127.0.0.1 until Ctrl-C; one of them shows the tasks of the server.\n\n\
         Usage: {NAME} [--port N]\n\n\
         --port N   the port, 0 for a free one (default: 8080)"
    ));
    std::process::exit(0)
}

#[turnwise::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port())).await?;
    print(format_args!(
        "listening on http://{}/",
        listener.local_addr()?
    ));
    let stop = Rc::new(Event::new());
    let interrupted = async {
        let heard = ctrl_c().await;
        stop.set();
        heard
    };
    gather((serve(listener, stop.clone()), interrupted)).await.1
}
