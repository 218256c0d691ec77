//! A TCP echo server: one task per connection, and an orderly end.
//!
//! ```text
//! cargo run --release --example echo_server                      serve until Ctrl-C
//! cargo run --release --example echo_server -- --clients 100     measure itself over loopback
//! ```
//!
//! The server stops accepting at Ctrl-C or SIGTERM, gives the connections a moment to finish what
//! they are at, and says what it has done. A second Ctrl-C ends it at once. Running out of
//! descriptors is no end: `accept` says so, at most every 10 ms, and the server goes on.

mod support;

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use lexopt::prelude::*;
use support::{NAME, number, or_exit, print, usage_error};
use turnwise::io::{SignalKind, TcpListener, TcpStream, ctrl_c, signal};
use turnwise::sync::{CountDownLatch, Event};
use turnwise::time::Instant;
use turnwise::{race, spawn, timeout};

/// How long open connections may go on after the server was asked to end.
const GRACE: Duration = Duration::from_secs(2);

struct Arguments {
    port: u16,
    clients: u64,
    requests: u64,
    size: usize,
}

impl Arguments {
    fn parse() -> Arguments {
        let mut parsed = Arguments {
            port: 7007,
            clients: 0,
            requests: 1000,
            size: 64,
        };
        let mut arguments = lexopt::Parser::from_env();
        let mut port = None;
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("port") => port = Some(number(&mut arguments, "--port", 0, 65_535)),
                Long("clients") => parsed.clients = number(&mut arguments, "--clients", 1, 10_000),
                Long("requests") => {
                    parsed.requests = number(&mut arguments, "--requests", 1, 10_000_000)
                }
                Long("size") => parsed.size = number(&mut arguments, "--size", 1, 1 << 20) as usize,
                Short('h') | Long("help") => help(),
                other => usage_error(other.unexpected()),
            }
        }
        // A test of its own does not care which port is free.
        let usual = if parsed.clients > 0 { 0 } else { parsed.port };
        parsed.port = port.map_or(usual, |port| port as u16);
        parsed
    }
}

fn help() -> ! {
    print(format_args!(
        "Sends back what it gets, on 127.0.0.1, until Ctrl-C or SIGTERM.\n\n\
         Usage: {NAME} [OPTIONS]\n\n\
         Options:\n      \
             --port N      listen there, 0 for any that is free [default: 7007]\n      \
             --clients N   test the server with N connections of its own, then end\n      \
             --requests N  with --clients: requests of each [default: 1000]\n      \
             --size N      with --clients: bytes of a request [default: 64]\n  \
         -h, --help        print this"
    ));
    std::process::exit(0)
}

/// What the server has done.
#[derive(Default)]
struct Summary {
    connections: Cell<u64>,
    open: Cell<u64>,
    bytes: Cell<u64>,
    failures: Cell<u64>,
    /// Set while no connection is open.
    idle: Event,
}

impl Summary {
    fn opened(&self) {
        self.connections.set(self.connections.get() + 1);
        self.open.set(self.open.get() + 1);
        self.idle.clear();
    }

    fn closed(&self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            self.idle.set();
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match turnwise::block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    // Listen for the end before saying that we are there.
    let interrupted = ctrl_c();
    let mut terminated = signal(SignalKind::TERMINATE)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let address = listener.local_addr()?;
    print(format_args!("listening on {address}"));

    let summary = Rc::new(Summary::default());
    summary.idle.set();
    let server = spawn(serve(listener, summary.clone()));
    let end = async {
        race((
            async { interrupted.await.map(|()| "Ctrl-C") },
            async { terminated.recv().await.map(|()| "SIGTERM") },
            async {
                match arguments.clients {
                    0 => std::future::pending().await,
                    _ => load(address, &arguments).await.map(|()| "the last client"),
                }
            },
        ))
        .await
    };
    let begun = Instant::now();
    let reason = end.await?;
    server.cancel();
    print(format_args!("ending after {reason}"));
    wait_for_the_open(&summary).await;
    print(format_args!(
        "{} connections, {} bytes echoed, {} failures, {:.1} s",
        summary.connections.get(),
        summary.bytes.get(),
        summary.failures.get(),
        begun.elapsed().as_secs_f64()
    ));
    Ok(())
}

async fn serve(listener: TcpListener, summary: Rc<Summary>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(spawn(connection(stream, summary.clone()))),
            // Too many open files, for example: the next call waits until that may be over.
            Err(error) => eprintln!("{NAME}: cannot accept: {error}"),
        }
    }
}

async fn connection(stream: TcpStream, summary: Rc<Summary>) {
    summary.opened();
    if echo(stream, &summary).await.is_err() {
        // A peer that breaks off is its own affair.
        summary.failures.set(summary.failures.get() + 1);
    }
    summary.closed();
}

async fn echo(stream: TcpStream, summary: &Summary) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
        summary.bytes.set(summary.bytes.get() + count as u64);
    }
}

/// Lets open connections come to their end, for a while.
async fn wait_for_the_open(summary: &Summary) {
    if timeout(GRACE, summary.idle.wait()).await.is_err() {
        print(format_args!("leaving {} connections", summary.open.get()));
    }
}

/// Plays the clients and prints how long requests took.
async fn load(address: std::net::SocketAddr, arguments: &Arguments) -> io::Result<()> {
    let (requests, size) = (arguments.requests, arguments.size);
    let gate = Rc::new(CountDownLatch::new(arguments.clients as usize));
    let clients = (0..arguments.clients).map(|_| {
        let gate = gate.clone();
        async move {
            let stream = TcpStream::connect(address).await;
            // All start together; one that could not connect holds nobody up.
            gate.count_down();
            gate.wait().await;
            client(stream?, requests, size).await
        }
    });
    let begun = Instant::now();
    let results = turnwise::gather_spawned(clients).await;
    let seconds = begun.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for result in results {
        times.extend(result?);
    }
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100];
    print(format_args!(
        "{} requests of {size} bytes over {} connections in {seconds:.2} s: {:.0} per second, \
         median {:?}, 99 % within {:?}",
        times.len(),
        arguments.clients,
        times.len() as f64 / seconds,
        percentile(50),
        percentile(99)
    ));
    Ok(())
}

/// One client: request, answer, request; returns how long each took.
async fn client(stream: TcpStream, requests: u64, size: usize) -> io::Result<Vec<Duration>> {
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(requests as usize);
    let mut answer = vec![0; size];
    for n in 0..requests {
        let request = vec![n as u8; size];
        let begun = Instant::now();
        // A request may be larger than what the sockets hold: read while writing.
        let (wrote, read): (io::Result<()>, io::Result<()>) =
            both(stream.write_all(&request), stream.read_exact(&mut answer)).await;
        wrote.and(read)?;
        times.push(begun.elapsed());
        if answer != request {
            return Err(io::Error::other("the server sent something else back"));
        }
    }
    Ok(times)
}

async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    turnwise::gather((a, b)).await
}
