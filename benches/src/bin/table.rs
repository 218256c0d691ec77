//! Prints what criterion measured as a markdown table: rows by peers, in ns per operation, and our
//! ratio to the best peer and to the limit.
//!
//! `table [--fastest] [DIRECTORY]`: criterion's directory, `benches/target/criterion` unless told
//! otherwise. The figure is criterion's median, or with `--fastest` the fastest sample: the better
//! choice on a machine that others use at the same time.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use turnwise_benches::{ROWS, cases};

const OURS: &str = "turnwise";
const LIMIT: &str = "limit";

fn main() {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let fastest = arguments.first().is_some_and(|word| word == "--fastest");
    if fastest {
        arguments.remove(0);
    }
    let directory = arguments.first().map_or_else(default, PathBuf::from);
    let mut peers: Vec<&str> = Vec::new();
    for case in cases() {
        if !peers.contains(&case.peer) {
            peers.push(case.peer);
        }
    }
    println!(
        "| ns per operation | {} | to best peer | to limit |",
        peers.join(" | ")
    );
    println!("|{}", " --- |".repeat(peers.len() + 3));
    for (row, operations) in ROWS {
        let found: Vec<Option<f64>> = peers
            .iter()
            .map(|peer| time(&directory, row, peer, fastest).map(|time| time / operations as f64))
            .collect();
        let of = |name: &str| found[peers.iter().position(|peer| *peer == name)?];
        let best = peers
            .iter()
            .zip(&found)
            .filter(|(peer, _)| **peer != OURS && **peer != LIMIT)
            .filter_map(|(_, time)| *time)
            .min_by(f64::total_cmp);
        let cells: Vec<String> = found.iter().map(|time| cell(*time, best)).collect();
        println!(
            "| {row} | {} | {} | {} |",
            cells.join(" | "),
            ratio(of(OURS), best),
            ratio(of(OURS), of(LIMIT)),
        );
    }
}

/// Where cargo puts it, if nobody told cargo otherwise.
fn default() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    target.join("criterion")
}

/// The time of a round in ns. Criterion says where it put what under which name.
fn time(directory: &Path, row: &str, peer: &str, fastest: bool) -> Option<f64> {
    let groups = fs::read_dir(directory).ok()?.flatten();
    for function in groups
        .filter_map(|group| fs::read_dir(group.path()).ok())
        .flatten()
        .flatten()
    {
        let new = function.path().join("new");
        let Some(names) = json(&new.join("benchmark.json")) else {
            continue;
        };
        if names["group_id"] == row && names["function_id"] == peer {
            if !fastest {
                return json(&new.join("estimates.json"))?["median"]["point_estimate"].as_f64();
            }
            let samples = json(&new.join("sample.json"))?;
            let (times, rounds) = (samples["times"].as_array()?, samples["iters"].as_array()?);
            return times
                .iter()
                .zip(rounds)
                .filter_map(|(time, rounds)| Some(time.as_f64()? / rounds.as_f64()?))
                .min_by(f64::total_cmp);
        }
    }
    None
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

fn cell(time: Option<f64>, best: Option<f64>) -> String {
    match time {
        None => "–".to_owned(),
        Some(time) if Some(time) == best => format!("**{}**", number(time)),
        Some(time) => number(time),
    }
}

fn number(time: f64) -> String {
    if time < 20.0 {
        format!("{time:.1}")
    } else {
        format!("{time:.0}")
    }
}

fn ratio(ours: Option<f64>, other: Option<f64>) -> String {
    match (ours, other) {
        (Some(ours), Some(other)) => format!("{:.2}", ours / other),
        _ => "–".to_owned(),
    }
}
