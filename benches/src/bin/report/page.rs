//! The page, from the figures.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use turnwise_benches::ROWS;
use turnwise_benches::results::Figures;
use turnwise_benches::scaling::SERIES;
use turnwise_benches::table::{number, table};

use crate::bars::{All, Bar, bars};
use crate::hello::{PROGRAMS, run};
use crate::svg::OURS;

/// What the timeouts have in common.
const TIMEOUT: &str = "ntex's wheel turns in steps of 16 ms, and reads the clock once per step; our deadlines are exact \
                       to the nanosecond and read it for each timer";

/// Where we may be behind, and why. Each stands alone: those before it may not be on the page.
const REASONS: [(&str, &str); 12] = [
    (
        "spawn+join",
        "a task here also gets a place, a generation, a spawn number, panic capture and a handle that reports; \
         its memory is one box, without `unsafe`",
    ),
    (
        "spawn+join 1000",
        "a task here also gets a place, a generation, a spawn number, panic capture and a handle that reports, and a \
         thousand at once no longer fit the first-level cache",
    ),
    (
        "semaphore 10 of 1000",
        "more than half of it is spawn and join",
    ),
    (
        "queue 1:1 cap 16",
        "every item is handed over through the wait queue, strictly in order, and either end may be dropped \
         at any time without losing it",
    ),
    (
        "queue 1:1 cap 1024",
        "either end may be dropped at any time without losing an item, and many putters and getters share one queue; \
         the peers' receiver has no rival",
    ),
    (
        "oneshot",
        "its wait is a place in the thread's line with a record for reports; the fastest peers keep one waker in a cell",
    ),
    ("timeout 1", TIMEOUT),
    ("timeout 100", TIMEOUT),
    ("timeout 10k", TIMEOUT),
    (
        "sleep 100k",
        "ntex wakes once for all timers of 16 ms, and comes as late; ours come one by one every 500 ns, which leaves the \
         loop no time to sleep in; *sleep 100k coarse* compares like with like",
    ),
    (
        "sleep 100k coarse",
        "of 100,000 tasks none is in a cache when it is woken, and ours go to memory twice, one after the other: for the \
         task's slot, which the one before it in the ready queue names, and for its box; ntex's queue holds the boxes",
    ),
    (
        "from a thread",
        "items cross by a mutex and a batch, in safe code; the peers' channels have no lock",
    ),
];

const PEERS: [&str; 19] = [
    "async-channel",
    "async-executor",
    "async-io",
    "async-lock",
    "async-unsync",
    "compio",
    "criterion",
    "event-listener",
    "futures",
    "futures-lite",
    "local-runtime",
    "local-sync",
    "monoio",
    "ntex-net",
    "ntex-rt",
    "ntex-util",
    "runite",
    "tokio",
    "unsend",
];

pub fn write(all: &All, fastest: bool) -> io::Result<String> {
    let mut page = String::from(
        "# Performance\n\n<!-- Written by `report` in benches/; do not edit. -->\n\n\
         turnwise beside its peers, each used as its own documents recommend, on one machine, in one run. \
         The rows are described in [benches/README.md](../benches/README.md). \
         What is compared is the ratio; the nanoseconds are those of this machine. *limit* is the least that safe \
         Rust has to do for the same work, without cancellation, panics or diagnostics.\n\n\
         ```sh\ncargo run --release --manifest-path benches/Cargo.toml --bin report\n```\n\n\
         ![Time per operation, as a multiple of turnwise's](performance.svg)\n\n",
    );
    page += "## Bars\n\n";
    page += &of_bars(&bars(all));
    times(&mut page, &all.times, fastest);
    counts(&mut page, all);
    page += "\n## Memory and sleep\n\nBytes of the heap per task, 100,000 of them parked; all of a task's \
             state, its handle not counted. Our tasks and waiters live in tables that grow by an eighth. What the peers do not keep is what the reports tell: where a task was spawned, who \
             awaits it, on which line it waits and since when.\n\n";
    page += &table("bytes", &all.memory.rows(), &all.memory);
    page += "\nA sleep of 100 µs, median of a thousand. The system's timer slack alone is 50 µs at most.\n\n";
    page += &table("µs late", &all.late.rows(), &all.late);
    echo(&mut page, &all.echo);
    hello(&mut page, &all.hello);
    scaling(&mut page, &all.scaling);
    machine(&mut page)?;
    Ok(page)
}

fn of_bars(bars: &[Bar]) -> String {
    let mut text = String::from("| bar | | figures |\n| --- | --- | --- |\n");
    for bar in bars {
        let met = match bar.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        line(
            &mut text,
            format_args!("| {} | {met} | {} |", bar.bar, bar.figures),
        );
    }
    text
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("a string takes all");
}

fn times(page: &mut String, times: &Figures, fastest: bool) {
    *page += "\n## Time\n\nThe best peer is bold; *monoio, no turn* does less work and does not compete.";
    *page += match fastest {
        true => " Each time is its fastest sample, since others used the machine too.\n\n",
        false => " Each time is a median.\n\n",
    };
    let rows: Vec<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    *page += &table("ns per operation", &rows, times);
    let behind: Vec<(&str, &str, f64)> = rows
        .iter()
        .filter_map(|row| {
            let (peer, best) = times.best_peer(row)?;
            let ours = times.get(row, OURS)?;
            (ours >= best).then_some((*row, peer, ours / best))
        })
        .collect();
    if !behind.is_empty() {
        *page += "\nWhere we are behind:\n\n";
    }
    for (row, peer, ratio) in behind {
        let reason = REASONS
            .iter()
            .find(|(of, _)| *of == row)
            .map(|(_, reason)| *reason);
        let reason = reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        line(
            page,
            format_args!("- *{row}*, {ratio:.2} × {peer}{reason}."),
        );
    }
}

/// Ours beside the best peer of the row, which is the one with the best time.
fn counts(page: &mut String, all: &All) {
    *page += "\n## What an operation takes\n\nInstructions by callgrind, allocations by a counting allocator, system \
              calls by strace, each the difference of two runs. The peer is the one with the best time.\n\n\
              | row | instructions: ours | peer | limit | allocations: ours | peer | system calls: ours | peer | which peer |\n\
              | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (row, _) in ROWS {
        let Some((peer, _)) = all.times.best_peer(row) else {
            continue;
        };
        let of = |figures: &Figures, peer: &str| {
            figures.get(row, peer).map_or_else(|| "–".to_owned(), count)
        };
        line(
            page,
            format_args!(
                "| {row} | {} | {} | {} | {} | {} | {} | {} | {peer} |",
                of(&all.instructions, OURS),
                of(&all.instructions, peer),
                of(&all.instructions, "limit"),
                of(&all.allocations, OURS),
                of(&all.allocations, peer),
                of(&all.syscalls, OURS),
                of(&all.syscalls, peer),
            ),
        );
    }
}

fn count(value: f64) -> String {
    match value {
        value if value < 0.005 => "0".to_owned(),
        value if value < 10.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    }
}

fn echo(page: &mut String, echo: &Figures) {
    if echo.is_empty() {
        return;
    }
    *page += "\n## Echo\n\nA server and its clients in one loop, 64 bytes to and fro over loopback TCP; processor time of both ends, \
              user and system, the shortest of several runs. The system takes nine tenths of it.\n\n";
    *page += &table("", &echo.rows(), echo);
}

fn hello(page: &mut String, hello: &Figures) {
    *page += "\n## A small program\n\nEntry point, task, sleep, lock and a TCP connection to itself: the same program with each \
              (`benches/hello`), built from nothing but downloaded sources, in cargo's release profile, with two jobs.\n\n\
              | | crates | seconds | processor seconds | KiB, stripped |\n| --- | --- | --- | --- | --- |\n";
    for (name, _, _) in PROGRAMS {
        let of = |row: &str, digits: usize| {
            hello
                .get(row, name)
                .map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
        };
        let cells = [
            of("crates", 0),
            of("seconds", 1),
            of("processor seconds", 1),
            of("KiB, stripped", 0),
        ];
        line(page, format_args!("| {name} | {} |", cells.join(" | ")));
    }
    *page += "\nMore than half of our build is turnwise itself: sockets, signals, subprocesses, primitives, reports and \
              watchdog are one crate, where the peers with fewer seconds leave them to others. What it would take to be the first is told in \
              [a record](decisions/0019-a-small-program-is-not-the-first-to-be-built.md).\n";
}

fn scaling(page: &mut String, scaling: &Figures) {
    *page += "\n## Scaling\n\n![ns per operation, from one to a million](scaling.svg)\n\nOurs, ns per operation:\n\n\
              | n | 1 | 10 | 100 | 1000 | 10,000 | 100,000 | 1,000,000 | instructions at 100 | at 10,000 |\n\
              |";
    *page += &" --- |".repeat(10);
    *page += "\n";
    for series in SERIES {
        let of = |name: String| {
            scaling
                .get(&name, OURS)
                .map_or_else(|| "–".to_owned(), number)
        };
        let cells = (0..=6).map(|power| of(format!("{series} {}", 10_u64.pow(power))));
        let counts = [100, 10_000].map(|n| of(format!("{series} {n}, instructions")));
        let cells: Vec<String> = cells.chain(counts).collect();
        line(page, format_args!("| {series} | {} |", cells.join(" | ")));
    }
    *page += "\nWhat grows:\n\n\
              - with tasks and waiters, cache misses: the instructions stay the same, but the memory of a million tasks is \
              in no cache. At one, the turn around the only task is not shared;\n\
              - with timers, the same: one that is dropped before it fires is hardly ever moved, one that fires is moved \
              once for each halving on the way to the front;\n\
              - with children of a group and idle sources, the same: the instructions of one do not grow (`tests/growth`).\n";
}

fn machine(page: &mut String) -> io::Result<()> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown", |(_, model)| model);
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    let rustc = run(Command::new("rustc").arg("--version"))?;
    let rustc = rustc.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"))?;
    let versions: Vec<String> = PEERS
        .iter()
        .filter_map(|peer| Some(format!("{peer} {}", version(&lock, peer)?)))
        .collect();
    line(
        page,
        format_args!(
            "\n## Machine and versions\n\n{model}, {cores} cores, virtual; Linux {kernel}; {rustc}, cargo's release profile as it is.\n\n{}.",
            versions.join(", ")
        ),
    );
    Ok(())
}

/// The highest version of a crate in the lock file.
fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let header = format!("name = \"{name}\"\nversion = \"");
    let versions = lock
        .match_indices(&header)
        .filter_map(|(at, _)| lock[at + header.len()..].split('"').next());
    versions.last()
}
