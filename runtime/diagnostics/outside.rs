//! What can wake the loop from outside, and what that says of it.

use std::borrow::Cow;
use std::fmt;

use crate::runtime::base::text::legible;

/// Labels of work in flight that are printed before the rest is only counted.
const MOST: usize = 8;

/// What can be said of a program in which no task is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing inside or outside can ever wake it.
    Certain,
    /// Only foreign code that keeps clones of wakers might still wake it: another thread, or a
    /// combinator inside a task that waits itself.
    Suspected,
    /// Something can wake it: a timer, a descriptor, work in flight, another thread's handle.
    Idle,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Certain => "certain",
            Verdict::Suspected => "suspected",
            Verdict::Idle => "idle",
        }
    }
}

/// What can wake the loop from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Labels of work in flight that is certain to come back.
    pub(super) working: Vec<Cow<'static, str>>,
    /// Sources of the reactor that a task waits for.
    pub(super) sources: usize,
    /// Sources that a task may have given up waiting for (`readiness.rs`).
    pub(super) lapsed: usize,
    /// Awaited requests to end the program (Ctrl-C, SIGTERM): help in a program, hardly in a test.
    pub(super) signals: usize,
    /// Tasks of which somebody keeps a waker.
    pub(super) wakers: usize,
    /// Handles through which other threads can spawn.
    pub(super) remotes: usize,
}

impl Outside {
    /// Whether other threads can run what they like here.
    pub(crate) fn is_anyone(&self) -> bool {
        !self.working.is_empty() || self.remotes > 0
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Work in flight keeps a handle of its own to come back with.
        let remotes = self.remotes.saturating_sub(self.working.len());
        let counts = [
            (self.sources, "awaited descriptor", "awaited descriptors"),
            (
                self.lapsed,
                "descriptor perhaps no longer awaited",
                "descriptors perhaps no longer awaited",
            ),
            (
                self.signals,
                "awaited signal to end the program",
                "awaited signals to end the program",
            ),
            (
                self.wakers,
                "task with foreign wakers",
                "tasks with foreign wakers",
            ),
            (remotes, "remote", "remotes"),
        ];
        let mut any = false;
        let mut comma = |f: &mut fmt::Formatter<'_>| {
            f.write_str(if std::mem::replace(&mut any, true) {
                ", "
            } else {
                ""
            })
        };
        for label in self.working.iter().take(MOST) {
            comma(f)?;
            f.write_str(&legible(label))?;
        }
        if self.working.len() > MOST {
            write!(f, " and {} more", self.working.len() - MOST)?;
        }
        for (count, one, many) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            comma(f)?;
            write!(f, "{count} {}", if count == 1 { one } else { many })?;
        }
        match any {
            true => Ok(()),
            false => f.write_str("nothing"),
        }
    }
}
