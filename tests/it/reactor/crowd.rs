//! Many connections at once: 10,000 that are idle and 1,000 that are busy, from a second process.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Peer};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use turnwise::io::TcpListener;
use turnwise::{block_on, sleep, spawn, spawn_blocking};

use crate::support::{alone, bounded, rerun};

const IDLE: usize = 10_000;
const ACTIVE: usize = 1_000;
/// What each busy one asks.
const REQUESTS: usize = 20;
/// One in so many asks as it comes, so that no more than these stand in the listener's queue: a connection that
/// the system drops there is tried again a second later.
const BATCH: usize = 100;
const ADDRESS: &str = "CROWD_ADDRESS";

/// As many descriptors as this process may have; whether that is enough.
fn enough_descriptors() -> bool {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, all).expect("up to the hard limit");
    limit
        .maximum
        .is_none_or(|most| most > (IDLE + ACTIVE + 200) as u64)
}

#[test]
fn eleven_thousand_connections_cost_little_and_leave_nothing() {
    if !enough_descriptors() {
        return eprintln!("the hard limit of open files is too low; nothing was tried");
    }
    alone("reactor::crowd::serves");
}

fn descriptors() -> usize {
    let list = std::fs::read_dir("/proc/self/fd").expect("Linux lists them");
    list.count()
}

/// Resident memory of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux says");
    let pages = text.split(' ').nth(1).expect("the second is resident");
    pages.parse::<usize>().expect("a number") * rustix::param::page_size()
}

#[test]
#[ignore = "is run in a process of its own"]
fn serves() {
    assert!(enough_descriptors());
    bounded(|| {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            // The pool's thread and the loop's descriptors are there before anything is measured.
            spawn_blocking(|| ()).await.expect("it does nothing");
            sleep(Duration::from_millis(1)).await;
            let (fds, memory) = (descriptors(), resident());
            let visit = spawn_blocking(move || {
                let mut command = rerun("reactor::crowd::visits");
                let command = command.env(ADDRESS, address.to_string());
                command.output().expect("a test runs again")
            });
            let (gone, echoed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            for _ in 0..IDLE + ACTIVE {
                let (stream, _) = listener.accept().await.expect("there are descriptors");
                let (gone, echoed) = (gone.clone(), echoed.clone());
                drop(spawn(async move {
                    let mut buffer = [0; 256];
                    loop {
                        match stream.read(&mut buffer).await.expect("a clean end") {
                            0 => break,
                            count => {
                                echoed.set(echoed.get() + count);
                                let back = stream.write_all(&buffer[..count]).await;
                                back.expect("the client reads");
                            }
                        }
                    }
                    gone.set(gone.get() + 1);
                }));
            }
            let each = resident().saturating_sub(memory) / (IDLE + ACTIVE);
            println!("{each} bytes per connection");
            assert!(each < 3000, "{each} bytes per connection");
            let visit = visit.await.expect("it only waits");
            let text = String::from_utf8_lossy(&visit.stdout);
            assert!(visit.status.success(), "{text}");
            while gone.get() < IDLE + ACTIVE {
                sleep(Duration::from_millis(1)).await;
            }
            let all = ACTIVE * REQUESTS * 200 + (IDLE + ACTIVE) / BATCH;
            assert_eq!(echoed.get(), all);
            assert_eq!(descriptors(), fds);
        })
    });
}

/// The second process: opens all, asks on some, and hangs up.
#[test]
#[ignore = "is run by crowd::serves"]
fn visits() {
    assert!(enough_descriptors());
    let address = std::env::var(ADDRESS).expect("the server says where");
    let address: SocketAddr = address.parse().expect("an address");
    let connect = |n: usize| {
        let mut peer = Peer::connect(address).expect("it listens");
        if n % BATCH == 0 {
            peer.write_all(b"!").expect("the server reads");
            peer.read_exact(&mut [0]).expect("the server answers");
        }
        peer
    };
    let idle: Vec<Peer> = (0..IDLE).map(connect).collect();
    let mut active: Vec<Peer> = (0..ACTIVE).map(connect).collect();
    for request in 0..REQUESTS {
        for (n, peer) in active.iter_mut().enumerate() {
            let bytes = [(n + request) as u8; 200];
            peer.write_all(&bytes).expect("the server reads");
        }
        for (n, peer) in active.iter_mut().enumerate() {
            let mut bytes = [0; 200];
            peer.read_exact(&mut bytes).expect("the server answers");
            assert_eq!(bytes, [(n + request) as u8; 200]);
        }
    }
    drop((idle, active));
}
