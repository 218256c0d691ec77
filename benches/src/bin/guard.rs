//! Compares the instructions of our rows with those that `instructions.tsv` has, and fails where a row
//! takes more. Instructions depend on the compiler: under another one the figures are shown and
//! nothing fails.

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;

use lexopt::prelude::*;
use turnwise_benches::callgrind::callgrind;
use turnwise_benches::results::Figures;
use turnwise_benches::{BEYOND_MEMORY, Case, cases};

/// What a row may take more than it did.
const MORE: f64 = 1.03;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.tsv");

fn main() -> ExitCode {
    match guard() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("guard: {error}");
            ExitCode::FAILURE
        }
    }
}

fn guard() -> io::Result<bool> {
    let mut write = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(io::Error::other)? {
        match argument {
            Long("write") => write = true,
            Short('h') | Long("help") => {
                println!(
                    "Counts the instructions of our rows and compares them with instructions.tsv.\n\n\
                     usage: guard [--write]\n\n  --write   keep what was counted, for a change that is worth it"
                );
                return Ok(true);
            }
            other => return Err(io::Error::other(other.unexpected())),
        }
    }
    let compiler = compiler()?;
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    let same = kept.lines().next() == Some(&format!("# {compiler}"));
    let before = Figures::parse(&kept);
    let now = count(&before)?;
    let mut within = true;
    println!("{:<24}{:>12}{:>12}{:>8}", "row", "kept", "now", "ratio");
    for (row, peer, value) in now.iter() {
        let Some(old) = before.get(row, peer) else {
            println!("{row:<24}{:>12}{value:>12.1}", "-");
            continue;
        };
        let ratio = value / old;
        let more = ratio > MORE;
        within &= !more;
        let mark = if more { "  more" } else { "" };
        println!("{row:<24}{old:>12.1}{value:>12.1}{ratio:>8.3}{mark}");
    }
    if write {
        now.save(Path::new(KEPT))?;
        let lines = std::fs::read_to_string(KEPT)?;
        std::fs::write(KEPT, format!("# {compiler}\n{lines}"))?;
    } else if !same {
        println!("counted under another compiler, so nothing is concluded: {compiler}");
    } else if !within {
        eprintln!("guard: the rows marked `more` take over {MORE} of what they took");
    }
    Ok(write || !same || within)
}

/// Instructions per operation of every row of ours in memory, two at a time. How often the loop looks
/// at the clock depends on the time, so a row that takes more is given two more tries.
fn count(before: &Figures) -> io::Result<Figures> {
    let ours = |case: &Case| case.peer == "turnwise" && !BEYOND_MEMORY.contains(&case.row);
    let left: Vec<Case> = cases().into_iter().filter(ours).collect();
    let rows: Vec<_> = left.iter().map(|case| case.row).collect();
    let (left, counted) = (Mutex::new(left), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let next = || left.lock().expect("nothing panics in here").pop();
                while let Some(case) = next() {
                    let most = before.get(case.row, case.peer).map(|old| old * MORE);
                    let mut each = each(&case);
                    for _ in 0..2 {
                        match (&each, most) {
                            (Ok(value), Some(most)) if *value > most => each = self::each(&case),
                            _ => break,
                        }
                    }
                    let mut counted = counted.lock().expect("nothing panics in here");
                    counted.push((case.row, each));
                }
            });
        }
    });
    let mut figures = Figures::default();
    let mut counted = counted.into_inner().expect("nothing panics in there");
    counted.sort_by_key(|(row, _)| rows.iter().position(|known| known == row));
    for (row, each) in counted {
        figures.set(row, "turnwise", each?);
    }
    Ok(figures)
}

/// Of three times the rounds, less that of the rounds.
fn each(case: &Case) -> io::Result<f64> {
    let rounds = (2_000 / case.operations).max(2);
    let one = std::env::current_exe()?.with_file_name("one");
    let run = |rounds: u64| {
        callgrind(Command::new(&one).args([case.row, case.peer, &rounds.to_string()]))
    };
    let more = run(3 * rounds)? - run(rounds)?;
    Ok(more / (2 * rounds * case.operations) as f64)
}

/// The compiler and the machine that the counts belong to.
fn compiler() -> io::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key));
        found.map(str::trim).unwrap_or_default().to_owned()
    };
    Ok(format!("rustc {}, {}", line("release:"), line("host:")))
}
