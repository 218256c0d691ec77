//! What is being done: one line that changes on a terminal, one line per stage elsewhere.

use std::io::{IsTerminal, Write, stderr};

pub struct Progress {
    terminal: bool,
    stage: String,
}

impl Progress {
    pub fn new() -> Self {
        Progress {
            terminal: stderr().is_terminal(),
            stage: String::new(),
        }
    }

    pub fn begin(&mut self, stage: String) {
        if self.terminal {
            self.stage = stage;
            self.say("");
        } else {
            eprintln!("{stage}");
        }
    }

    pub fn say(&mut self, what: &str) {
        if self.terminal {
            let line: String = format!("{} {what}", self.stage).chars().take(100).collect();
            eprint!("\r\x1b[K{line}");
            stderr().flush().ok();
        }
    }

    pub fn warn(&mut self, what: &str) {
        self.end();
        eprintln!("{what}");
    }

    /// Leaves the line free for others.
    pub fn end(&mut self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
