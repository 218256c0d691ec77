//! A line a second on a terminal while a search goes on.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::exploration::grouped;
use crate::runtime::base::foreign::print;

/// Says how far a search has come.
pub(super) struct Progress<'a> {
    name: &'a str,
    began: Instant,
    next: Duration,
    shows: bool,
    shown: bool,
}

impl<'a> Progress<'a> {
    const EVERY: Duration = Duration::from_secs(1);

    pub(super) fn begin(name: &'a str) -> Self {
        let shows = io::stderr().is_terminal();
        Progress {
            name,
            began: Instant::now(),
            next: Self::EVERY,
            shows,
            shown: false,
        }
    }

    /// How long the search has gone on.
    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// Shows a line if one is due; `took` is how long the search has gone on.
    pub(super) fn show(&mut self, took: Duration, what: &str, runs: u64, longest: usize) {
        if !self.shows || took < self.next {
            return;
        }
        self.next = took + Self::EVERY;
        self.shown = true;
        let rate = runs as f64 / took.as_secs_f64() / 1e6;
        let (name, runs) = (self.name, grouped(runs));
        let line = format!(
            "explore {name}: {what}, {runs} schedules, {rate:.1} M/s, longest {longest} choices"
        );
        // A terminal that is gone is no reason to end the search.
        _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.shown {
            print("");
        }
    }
}
