//! What is measured, each stage by a program of its own.

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use turnwise_benches::callgrind::callgrind;
use turnwise_benches::results::{Figures, criterion, target};
use turnwise_benches::scaling::lines;
use turnwise_benches::{BEYOND_MEMORY, Case, cases};

use crate::hello;
use crate::hello::run;
use crate::progress::Progress;
use crate::svg::OURS;

pub struct Stage {
    pub name: &'static str,
    pub what: &'static str,
    pub measure: fn(&mut Means) -> io::Result<Figures>,
}

pub const STAGES: [Stage; 9] = [
    Stage {
        name: "times",
        what: "ns per operation, by criterion",
        measure: times,
    },
    Stage {
        name: "late",
        what: "how late a sleep of 100 µs ends, µs",
        measure: late,
    },
    Stage {
        name: "memory",
        what: "bytes per parked task",
        measure: memory,
    },
    Stage {
        name: "allocations",
        what: "allocations per operation",
        measure: allocations,
    },
    Stage {
        name: "syscalls",
        what: "system calls per operation, by strace",
        measure: syscalls,
    },
    Stage {
        name: "instructions",
        what: "instructions per operation, by callgrind",
        measure: instructions,
    },
    Stage {
        name: "scaling",
        what: "the same from 1 to 1,000,000",
        measure: scaling,
    },
    Stage {
        name: "echo",
        what: "echo over TCP: time and system calls per request, memory per idle connection",
        measure: echo,
    },
    Stage {
        name: "hello",
        what: "a small program: crates, time to build, size",
        measure: hello_world,
    },
];

/// What stages work with.
pub struct Means {
    pub smoke: bool,
    pub fastest: bool,
    /// Where the programs of this package are.
    pub programs: PathBuf,
    /// Where figures are kept.
    pub kept: PathBuf,
    pub progress: Progress,
}

impl Means {
    /// What was measured last. Criterion keeps its own.
    pub fn figures(&self, stage: &str) -> Figures {
        if stage == "times" {
            return criterion(&target().join("criterion"), self.fastest);
        }
        Figures::load(&self.kept.join(stage).with_extension("tsv"))
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }
}

fn times(means: &mut Means) -> io::Result<Figures> {
    if means.smoke {
        // `cargo bench -- --test` is the test of these.
        return Ok(means.figures("times"));
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["bench", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .args(["--", "--noplot"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut bench = command.spawn()?;
    for line in BufReader::new(bench.stdout.take().expect("it is piped")).lines() {
        // "Benchmarking ROW/PEER: Analyzing"
        let line = line?;
        if let Some(name) = line.strip_prefix("Benchmarking ") {
            means
                .progress
                .say(name.split(": ").next().unwrap_or_default());
        }
    }
    if !bench.wait()?.success() {
        return Err(io::Error::other("cargo bench failed"));
    }
    Ok(criterion(&target().join("criterion"), means.fastest))
}

fn late(means: &mut Means) -> io::Result<Figures> {
    let samples = if means.smoke { "3" } else { "1000" };
    run(means.program("scale").args(["late", samples])).map(|text| Figures::parse(&text))
}

fn memory(means: &mut Means) -> io::Result<Figures> {
    let tasks = if means.smoke { "1000" } else { "100000" };
    run(means.program("heap").args(["parked", tasks])).map(|text| Figures::parse(&text))
}

fn allocations(means: &mut Means) -> io::Result<Figures> {
    let few: &[&str] = if means.smoke {
        &["allocations", "notify"]
    } else {
        &["allocations"]
    };
    run(means.program("heap").args(few)).map(|text| Figures::parse(&text))
}

/// Calls of two runs, one longer than the other, so that starting and ending do not count.
fn syscalls(means: &mut Means) -> io::Result<Figures> {
    let file = means.kept.join("strace.txt");
    each_case(
        means,
        |_| true,
        2_000,
        |means, case, rounds| {
            let mut command = Command::new("strace");
            command
                .args(["-f", "-c", "-U", "calls,name", "-o"])
                .arg(&file);
            run(command
                .arg(means.programs.join("one"))
                .args([case.row, case.peer, rounds]))?;
            let text = std::fs::read_to_string(&file)?;
            let total = text
                .lines()
                .find(|line| line.trim_end().ends_with(" total"));
            let calls = total.and_then(|line| line.split_whitespace().next()?.parse().ok());
            calls.ok_or_else(|| io::Error::other("strace counted nothing"))
        },
    )
}

/// Ours, the limit's, and those of the peer that has the best time.
fn instructions(means: &mut Means) -> io::Result<Figures> {
    let times = means.figures("times");
    let wanted = move |case: &Case| {
        let timed = BEYOND_MEMORY.contains(&case.row);
        let best = times.best_peer(case.row).map(|(peer, _)| peer);
        !timed && (["turnwise", "limit"].contains(&case.peer) || best == Some(case.peer))
    };
    each_case(means, wanted, 10_000, |means, case, rounds| {
        callgrind(Command::new(means.programs.join("one")).args([case.row, case.peer, rounds]))
    })
}

/// A count per operation: of three times the rounds, less that of the rounds.
fn each_case(
    means: &mut Means,
    wanted: impl Fn(&Case) -> bool,
    operations: u64,
    count: impl Fn(&Means, &Case, &str) -> io::Result<f64>,
) -> io::Result<Figures> {
    let mut figures = Figures::default();
    for case in cases().iter().filter(|case| wanted(case)) {
        if means.smoke && (case.row, case.peer) != ("notify", "turnwise") {
            continue;
        }
        means.progress.say(&format!("{}, {}", case.row, case.peer));
        let rounds = (operations / case.operations).max(1);
        let few = count(means, case, &rounds.to_string());
        let many = count(means, case, &(3 * rounds).to_string());
        match few.and_then(|few| Ok(many? - few)) {
            Ok(more) => {
                let each = more.max(0.0) / (2 * rounds * case.operations) as f64;
                figures.set(case.row, case.peer, each);
            }
            Err(error) => means
                .progress
                .warn(&format!("{}, {}: {error}", case.row, case.peer)),
        }
    }
    Ok(figures)
}

/// The rows are `SERIES N`, and `SERIES N, instructions` for ours.
fn scaling(means: &mut Means) -> io::Result<Figures> {
    let most = if means.smoke { 10 } else { 1_000_000 };
    let operations = if means.smoke { "1000" } else { "200000" };
    let sizes = std::iter::successors(Some(1), |n| Some(n * 10)).take_while(|n| *n <= most);
    let sizes: Vec<usize> = sizes.collect();
    let mut figures = Figures::default();
    // Of each point the shortest of several sweeps, which are apart in time: noise only adds.
    for _ in 0..if means.smoke { 1 } else { 5 } {
        for (line, n) in lines()
            .iter()
            .flat_map(|line| sizes.iter().map(move |n| (line, n)))
            .filter(|(line, n)| **n <= line.most)
        {
            means
                .progress
                .say(&format!("{} {n}, {}", line.series, line.peer));
            let point = [line.series, line.peer, &n.to_string(), operations];
            let text = run(means.program("scale").args(point))?;
            for (row, peer, value) in Figures::parse(&text).iter() {
                let known = figures.get(row, peer).unwrap_or(f64::MAX);
                figures.set(row, peer, value.min(known));
            }
        }
    }
    let counted: &[usize] = if means.smoke { &[] } else { &[100, 10_000] };
    let ours = lines().into_iter().filter(|line| line.peer == "turnwise");
    // When a timer fires is not a matter of instructions, and a burst or a crowd would be counted as well.
    for line in ours.take(4) {
        for n in counted {
            let row = format!("{} {n}, instructions", line.series);
            means.progress.say(&row);
            let [few, many] = [50_000, 150_000].map(|operations: u64| {
                let [n, operations] = [n.to_string(), operations.to_string()];
                let point = [line.series, line.peer, &n, &operations];
                callgrind(means.program("scale").args(point))
            });
            figures.set(&row, line.peer, (many? - few?) / 100_000.0);
        }
    }
    Ok(figures)
}

/// Two tables: peer, connections, µs and calls; and peer, connections, bytes.
fn echo(means: &mut Means) -> io::Result<Figures> {
    let mut figures = Figures::default();
    if means.smoke {
        let text = run(means.program("echo").args([OURS, "2", "10"]))?;
        figures.set(OURS, OURS, text.trim().parse().map_err(io::Error::other)?);
        return Ok(figures);
    }
    for line in run(&mut means.program("echo"))?.lines() {
        let mut set = |row: String, peer, value: &str| {
            if let Ok(value) = value.parse() {
                figures.set(&row, peer, value);
            }
        };
        match line.split('\t').collect::<Vec<_>>()[..] {
            [peer, connections, time, calls] => {
                set(
                    format!("µs per request, {connections} connections"),
                    peer,
                    time,
                );
                set(
                    format!("calls per request and end, {connections} connections"),
                    peer,
                    calls,
                );
            }
            [peer, _, bytes] => set("bytes per idle connection".to_owned(), peer, bytes),
            _ => {}
        }
    }
    Ok(figures)
}

fn hello_world(means: &mut Means) -> io::Result<Figures> {
    hello::measure(&means.kept.join("hello"), means.smoke, &mut means.progress)
}
