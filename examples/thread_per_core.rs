//! One runtime per core: an echo server that grows past one thread without sharing anything.
//!
//! ```text
//!              ┌─ listener ─ runtime ─ thread 0
//!   port ──────┼─ listener ─ runtime ─ thread 1      the system hands each new connection
//!  (SO_REUSEPORT) ─ listener ─ runtime ─ thread 2    to one of the listeners
//! ```
//!
//! Each thread has its own listener on the same port, its own runtime, tasks and counters. A
//! connection stays where it was accepted, so nothing is locked and nothing moves. Threads hear
//! from outside only that they should end: through a channel, as any thread would tell them.
//!
//! The program tests itself with clients over loopback, from a thread and a runtime of their own,
//! and stops. How evenly connections are spread is the system's business: it goes by a hash of
//! their addresses.

mod support;

use std::cell::Cell;
use std::io;
use std::net::{self, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::thread;
use std::time::Instant;

use futures::channel::oneshot;
use lexopt::prelude::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use support::{NAME, number, or_exit, print, usage_error};
use turnwise::io::{TcpListener, TcpStream};
use turnwise::{GroupError, TaskGroup, block_on, race, try_gather_spawned, try_task_group};

struct Arguments {
    threads: usize,
    clients: u64,
    requests: u64,
}

impl Arguments {
    fn parse() -> Arguments {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut parsed = Arguments {
            threads: cores,
            clients: 64,
            requests: 200,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("threads") => {
                    parsed.threads = number(&mut arguments, "--threads", 1, 1024) as usize
                }
                Long("clients") => parsed.clients = number(&mut arguments, "--clients", 1, 10_000),
                Long("requests") => {
                    parsed.requests = number(&mut arguments, "--requests", 1, 10_000_000)
                }
                Short('h') | Long("help") => help(),
                other => usage_error(other.unexpected()),
            }
        }
        parsed
    }
}

fn help() -> ! {
    print(format_args!(
        "Echoes over TCP with one runtime per core, tests itself over loopback, and ends.\n\n\
         Usage: {NAME} [OPTIONS]\n\n\
         Options:\n      \
             --threads N   threads, each with a runtime [default: the number of cores]\n      \
             --clients N   connections of the test [default: 64]\n      \
             --requests N  requests of each [default: 200]\n  \
         -h, --help        print this"
    ));
    process::exit(0)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    // All listeners exist before the first connection: one that comes later would take its share
    // of the hash away from connections that wait in the line of another.
    let first = listener(0)?;
    let address = first.local_addr()?;
    let more = (1..arguments.threads).map(|_| listener(address.port()));
    let listeners = std::iter::once(Ok(first)).chain(more);
    let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
    print(format_args!(
        "{} runtimes listen on {address}",
        listeners.len()
    ));

    let cores: Vec<_> = (0..)
        .zip(listeners)
        .map(|(n, listener)| Core::start(n, listener))
        .collect();
    let cores = cores.into_iter().collect::<io::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let clients = block_on(load(address, arguments));
    let took = begun.elapsed();
    // Whatever came of the clients: every thread is told to end, and is waited for.
    let served: io::Result<Vec<Served>> = cores.into_iter().map(Core::stop).collect();
    clients?;
    summarize(&served?, arguments, took.as_secs_f64());
    Ok(())
}

fn summarize(served: &[Served], arguments: &Arguments, seconds: f64) {
    for (core, served) in served.iter().enumerate() {
        print(format_args!(
            "thread {core}: {} connections, {} bytes echoed",
            served.connections, served.bytes
        ));
    }
    let connections: u64 = served.iter().map(|served| served.connections).sum();
    let requests = arguments.clients * arguments.requests;
    print(format_args!(
        "together: {connections} connections, {requests} requests, {:.0} per second",
        requests as f64 / seconds
    ));
}

/// A listener that shares its port with others of this program; port 0 lets the system choose.
fn listener(port: u16) -> io::Result<net::TcpListener> {
    let kind = (AddressFamily::INET, SocketType::STREAM);
    let socket: OwnedFd = rustix::net::socket_with(kind.0, kind.1, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    rustix::net::listen(&socket, 1024)?;
    Ok(net::TcpListener::from(socket))
}

/// What one thread has done.
struct Served {
    connections: u64,
    bytes: u64,
}

/// A thread with a runtime, as the main thread holds it.
struct Core {
    end: oneshot::Sender<()>,
    thread: thread::JoinHandle<io::Result<Served>>,
}

impl Core {
    fn start(number: usize, listener: net::TcpListener) -> io::Result<Core> {
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new().name(format!("core {number}"));
        // The listener is registered on its own thread, by the runtime that will poll it.
        let thread = thread.spawn(move || block_on(serve(listener, ended)))?;
        Ok(Core { end, thread })
    }

    fn stop(self) -> io::Result<Served> {
        // A thread that has ended by itself hears nothing, and says why.
        let _ = self.end.send(());
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
    }
}

/// What a thread counts: plain cells, because it shares them with nobody.
#[derive(Default)]
struct Counts {
    connections: Cell<u64>,
    bytes: Cell<u64>,
}

/// Accepts and echoes until it is told to end.
async fn serve(listener: net::TcpListener, ended: oneshot::Receiver<()>) -> io::Result<Served> {
    let listener = TcpListener::from_std(listener)?;
    let counts = Rc::new(Counts::default());
    let shared = counts.clone();
    let connections = try_task_group(async move |group: TaskGroup<io::Error>| {
        loop {
            let (stream, _) = listener.accept().await?;
            shared.connections.set(shared.connections.get() + 1);
            drop(group.try_spawn(echo(stream, shared.clone())));
        }
    });
    let until_failure = async {
        let result: Result<(), GroupError<io::Error>> = connections.await;
        result.map_err(io::Error::other)
    };
    // Whoever is dropped takes its connections along.
    race((until_failure, async {
        let _ = ended.await;
        Ok(())
    }))
    .await?;
    Ok(Served {
        connections: counts.connections.get(),
        bytes: counts.bytes.get(),
    })
}

async fn echo(stream: TcpStream, counts: Rc<Counts>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => {
                stream.write_all(&buffer[..count]).await?;
                counts.bytes.set(counts.bytes.get() + count as u64);
            }
        }
    }
}

/// Plays the clients, all at once on one thread.
async fn load(address: SocketAddr, arguments: &Arguments) -> io::Result<()> {
    let requests = arguments.requests;
    let clients = (0..arguments.clients).map(move |n| client(address, n, requests));
    try_gather_spawned(clients).await.map(drop)
}

async fn client(address: SocketAddr, number: u64, requests: u64) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    for request in 0..requests {
        let (sent, mut answer) = ((number << 32 | request).to_be_bytes(), [0; 8]);
        stream.write_all(&sent).await?;
        stream.read_exact(&mut answer).await?;
        if answer != sent {
            return Err(io::Error::other("the server sent something else back"));
        }
    }
    Ok(())
}
