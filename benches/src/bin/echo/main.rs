//! Echo over loopback, both ends in one loop: turnwise beside its peers.
//!
//! ```text
//! echo                        everything, as tab-separated values; needs strace for the calls
//! echo PEER CONNECTIONS N     one case: N requests of 64 bytes on each connection
//! echo PEER idle CONNECTIONS  what a connection costs in memory that waits in a read
//! ```
//!
//! A request is: the client writes 64 bytes, the server reads them and writes them back, the client
//! reads them. Each connection has one request under way at a time. Time is processor time of the whole
//! process, user and system. System calls are the difference of two runs under `strace`.

mod peers;
mod run;

use std::process::{Command, ExitCode};

use peers::{Monoio, Smol, Tokio, Turnwise};

const PEERS: [&str; 4] = ["turnwise", "tokio", "smol", "monoio"];
const CONNECTIONS: [u64; 3] = [1, 64, 512];
/// Of the times, the shortest of so many runs: the machine is seldom ours alone.
const RUNS: usize = 7;
const IDLE: u64 = 5000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().expect("a number");
    match words[..] {
        [] => all(),
        [peer, "idle", count] => println!("{}", idle(peer, number(count))),
        [peer, connections, rounds] => {
            println!("{}", echo(peer, number(connections), number(rounds)))
        }
        _ => {
            eprintln!("echo [PEER CONNECTIONS N | PEER idle CONNECTIONS]; peers: {PEERS:?}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Processor time per request in nanoseconds.
fn echo(peer: &str, connections: u64, rounds: u64) -> f64 {
    match peer {
        "turnwise" => run::echo::<Turnwise>(connections, rounds),
        "tokio" => run::echo::<Tokio>(connections, rounds),
        "smol" => run::echo::<Smol>(connections, rounds),
        "monoio" => run::echo::<Monoio>(connections, rounds),
        _ => panic!("no peer {peer:?}; there are {PEERS:?}"),
    }
}

/// Resident bytes per idle connection.
fn idle(peer: &str, connections: u64) -> f64 {
    match peer {
        "turnwise" => run::idle::<Turnwise>(connections),
        "tokio" => run::idle::<Tokio>(connections),
        "smol" => run::idle::<Smol>(connections),
        "monoio" => run::idle::<Monoio>(connections),
        _ => panic!("no peer {peer:?}; there are {PEERS:?}"),
    }
}

/// Every peer at every size, each in a process of its own.
fn all() {
    println!("peer\tconnections\tcpu_us_per_request\tcalls_per_request_and_end");
    for connections in CONNECTIONS {
        let rounds = 40_000 / connections;
        let mut times = [f64::INFINITY; PEERS.len()];
        // In turns, so that what the machine does besides hits all alike.
        for _ in 0..RUNS {
            for (time, peer) in times.iter_mut().zip(PEERS) {
                *time = time.min(ask(&mut own(peer, connections, rounds)));
            }
        }
        for (time, peer) in times.iter().zip(PEERS) {
            let calls = calls(peer, connections).map_or("-".into(), |calls| format!("{calls:.3}"));
            println!("{peer}\t{connections}\t{:.2}\t{calls}", time / 1000.0);
        }
    }
    println!("\npeer\tidle_connections\tbytes_per_connection");
    for peer in PEERS {
        let mut command = Command::new(this());
        command.args([peer, "idle", &IDLE.to_string()]);
        println!("{peer}\t{IDLE}\t{:.0}", ask(&mut command));
    }
}

fn this() -> std::path::PathBuf {
    std::env::current_exe().expect("a program knows where it is")
}

fn own(peer: &str, connections: u64, rounds: u64) -> Command {
    let mut command = Command::new(this());
    command.args([peer, &connections.to_string(), &rounds.to_string()]);
    command
}

/// The figure that a case prints.
fn ask(command: &mut Command) -> f64 {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?} failed: {output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a case prints a number")
}

/// System calls per request and end, without what starting and connecting costs.
fn calls(peer: &str, connections: u64) -> Option<f64> {
    let rounds = 6000 / connections;
    let (few, many) = (
        traced(peer, connections, rounds)?,
        traced(peer, connections, 3 * rounds)?,
    );
    Some((many - few) / (2 * rounds * connections) as f64 / 2.0)
}

fn traced(peer: &str, connections: u64, rounds: u64) -> Option<f64> {
    let case = own(peer, connections, rounds);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-U", "calls,name"]);
    strace.arg(case.get_program()).args(case.get_args());
    let output = strace.output().ok()?;
    let table = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines = table.lines().rev();
    let total = lines.find(|line| line.trim_end().ends_with("total"))?;
    total.split_whitespace().next()?.parse().ok()
}
