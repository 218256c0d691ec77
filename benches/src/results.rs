//! Figures: what was measured, of which row, of which peer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cases;

/// Figures of one kind, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<(String, String, f64)>);

impl Figures {
    /// Adds one, or replaces it.
    pub fn set(&mut self, row: &str, peer: &str, value: f64) {
        self.0
            .retain(|(a, b, _)| (a.as_str(), b.as_str()) != (row, peer));
        self.0.push((row.to_owned(), peer.to_owned(), value));
    }

    pub fn get(&self, row: &str, peer: &str) -> Option<f64> {
        let found = self.0.iter().find(|(a, b, _)| a == row && b == peer);
        found.map(|(_, _, value)| *value)
    }

    /// Names of the rows, each once.
    pub fn rows(&self) -> Vec<&str> {
        once(self.0.iter().map(|(row, _, _)| row.as_str()))
    }

    /// Names of the peers, each once.
    pub fn peers(&self) -> Vec<&str> {
        once(self.0.iter().map(|(_, peer, _)| peer.as_str()))
    }

    /// Row, peer and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, f64)> {
        let all = self.0.iter();
        all.map(|(row, peer, value)| (row.as_str(), peer.as_str(), *value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The best of those who do the same work, ourselves and the limit apart.
    pub fn best_peer(&self, row: &str) -> Option<(&str, f64)> {
        self.best_of(row, |_| true)
    }

    /// The best of some of them.
    pub fn best_of(&self, row: &str, some: impl Fn(&str) -> bool) -> Option<(&str, f64)> {
        self.0
            .iter()
            .filter(|(of, peer, _)| of == row && competes(peer) && some(peer))
            .map(|(_, peer, value)| (peer.as_str(), *value))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Reads lines of row, peer and value, separated by tabs. Other lines are left out.
    pub fn parse(text: &str) -> Self {
        let mut figures = Figures::default();
        for line in text.lines() {
            if let [row, peer, value] = line.split('\t').collect::<Vec<_>>()[..]
                && let Ok(value) = value.parse()
            {
                figures.set(row, peer, value);
            }
        }
        figures
    }

    pub fn load(path: &Path) -> Self {
        fs::read_to_string(path).map_or_else(|_| Figures::default(), |text| Figures::parse(&text))
    }

    pub fn save(&self, path: &Path) -> io::Result<()> {
        let lines = self.0.iter();
        let text: String = lines
            .map(|(row, peer, value)| format!("{row}\t{peer}\t{value}\n"))
            .collect();
        fs::write(path, text)
    }
}

/// Whether a peer does the work of a row in full.
pub fn competes(peer: &str) -> bool {
    !["turnwise", "limit", "monoio, no turn"].contains(&peer)
}

fn once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// Where cargo puts what it builds for this package, if nobody told cargo otherwise.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    )
}

/// ns per operation as criterion measured it: its median, or the fastest sample.
pub fn criterion(directory: &Path, fastest: bool) -> Figures {
    let measured = read(directory, fastest);
    let mut figures = Figures::default();
    for case in cases() {
        let round = measured
            .iter()
            .find(|(row, peer, _)| row == case.row && peer == case.peer);
        if let Some((_, _, round)) = round {
            figures.set(case.row, case.peer, round / case.operations as f64);
        }
    }
    figures
}

/// The times of rounds in ns. Criterion says where it put what under which name.
fn read(directory: &Path, fastest: bool) -> Vec<(String, String, f64)> {
    let groups = fs::read_dir(directory).into_iter().flatten().flatten();
    groups
        .filter_map(|group| fs::read_dir(group.path()).ok())
        .flatten()
        .flatten()
        .filter_map(|function| {
            let new = function.path().join("new");
            let names = json(&new.join("benchmark.json"))?;
            let name = |key: &str| Some(names[key].as_str()?.to_owned());
            let time = if fastest {
                shortest(&new)
            } else {
                median(&new)
            };
            Some((name("group_id")?, name("function_id")?, time?))
        })
        .collect()
}

fn median(new: &Path) -> Option<f64> {
    json(&new.join("estimates.json"))?["median"]["point_estimate"].as_f64()
}

fn shortest(new: &Path) -> Option<f64> {
    let samples = json(&new.join("sample.json"))?;
    let (times, rounds) = (samples["times"].as_array()?, samples["iters"].as_array()?);
    times
        .iter()
        .zip(rounds)
        .filter_map(|(time, rounds)| Some(time.as_f64()? / rounds.as_f64()?))
        .min_by(f64::total_cmp)
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}
