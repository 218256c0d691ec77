//! The work, the same for every peer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::peers::Peer;

const REQUEST: usize = 64;

/// Processor time of this process, in nanoseconds.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Serves one connection until its client hangs up.
async fn serve<P: Peer>(mut stream: P::Stream) {
    let mut buffer = vec![0; 256];
    loop {
        let count;
        (count, buffer) = P::read(&mut stream, buffer).await;
        if count == 0 {
            return;
        }
        buffer = P::write(&mut stream, buffer, count).await;
    }
}

async fn ask<P: Peer>(mut stream: P::Stream, rounds: u64) {
    let mut buffer = vec![7; 256];
    for _ in 0..rounds {
        buffer = P::write(&mut stream, buffer, REQUEST).await;
        let mut got = 0;
        while got < REQUEST {
            let count;
            (count, buffer) = P::read(&mut stream, buffer).await;
            assert!(count > 0, "the server hung up");
            got += count;
        }
    }
}

/// Processor time per request.
pub fn echo<P: Peer>(connections: u64, rounds: u64) -> f64 {
    P::block_on(async move {
        let (listener, address) = P::bind().await;
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(P::connect(address).await);
            let accepted = P::accept(&listener).await;
            P::detach(P::spawn(serve::<P>(accepted)));
        }
        let begun = processor_time();
        let clients: Vec<_> = streams
            .into_iter()
            .map(|stream| P::spawn(ask::<P>(stream, rounds)))
            .collect();
        for client in clients {
            P::join(client).await;
        }
        let took = processor_time() - begun;
        took as f64 / (connections * rounds) as f64
    })
}

/// Resident memory of this process.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux says");
    let pages = text.split(' ').nth(1).expect("the second is resident");
    pages.parse::<f64>().expect("a number") * 4096.0
}

/// Resident bytes per connection that waits in a read of 256 bytes. Its client is a plain socket.
pub fn idle<P: Peer>(connections: u64) -> f64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let all = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all).expect("up to the hard one");
    P::block_on(async move {
        let (listener, address) = P::bind().await;
        let mut clients = Vec::new();
        let mut connect = async |count: u64| {
            for _ in 0..count {
                clients.push(TcpStream::connect(address).expect("it listens"));
                let accepted = P::accept(&listener).await;
                P::detach(P::spawn(serve::<P>(accepted)));
            }
            // Until all of them wait: the last one's answer comes after the others have looked.
            let mut last = clients.last().expect("there are some");
            last.write_all(&[7]).expect("it reads");
            P::sleep(Duration::from_millis(50)).await;
            last.read_exact(&mut [0]).expect("it answers");
            resident()
        };
        // What is there once, and first, is not counted.
        let before = connect(connections / 5).await;
        let after = connect(connections - connections / 5).await;
        (after - before) / (connections - connections / 5) as f64
    })
}
