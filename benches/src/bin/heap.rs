//! Counts at the allocator: `heap allocations [ROW]` per operation, `heap parked TASKS` bytes of the heap
//! per parked task. Prints tab-separated values.

use std::alloc::System;
use std::process::ExitCode;
use std::thread;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use turnwise_benches::extra::parked;
use turnwise_benches::{Case, cases};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["allocations"] => allocations(None),
        ["allocations", row] => allocations(Some(row)),
        ["parked", tasks] => match tasks.parse() {
            Ok(tasks) => bytes(tasks),
            Err(_) => return usage(),
        },
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: heap allocations [ROW] | heap parked TASKS");
    ExitCode::FAILURE
}

/// Of so many rounds more: what warms up is in both runs.
fn allocations(row: Option<&str>) {
    let all = cases().into_iter();
    for case in all.filter(|case| row.is_none_or(|row| row == case.row)) {
        let rounds = (20_000 / case.operations).max(1);
        let few = count(&case, rounds);
        let many = count(&case, 3 * rounds);
        let each = many.saturating_sub(few) as f64 / (2 * rounds * case.operations) as f64;
        println!("{}\t{}\t{each:.3}", case.row, case.peer);
    }
}

fn count(case: &Case, rounds: u64) -> usize {
    let now = || {
        let stats = HEAP.stats();
        stats.allocations + stats.reallocations
    };
    let before = now();
    case.run(rounds);
    now() - before
}

fn bytes(tasks: usize) {
    for case in parked() {
        // What a thread keeps for its next tasks must not help the next case.
        let bytes = case.bytes;
        let bytes = thread::spawn(move || bytes(tasks, live)).join().unwrap();
        println!(
            "{}\t{}\t{:.0}",
            case.on,
            case.peer,
            bytes as f64 / tasks as f64
        );
    }
}

/// Bytes that are in use.
fn live() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}
