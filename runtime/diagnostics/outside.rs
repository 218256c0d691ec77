//! What can wake the loop from outside, counted. `verdict.rs` says what follows from the counts.

use std::borrow::Cow;
use std::fmt;

use crate::runtime::base::text::legible;
use crate::runtime::kernel::Kernel;
use crate::runtime::reactor::{self, Awaited};
use crate::runtime::threads::external;

/// Labels of work in flight that are printed before the rest is only counted.
const LABELS: usize = 8;

/// What can wake the loop from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Labels of work in flight that is certain to come back.
    pub(super) working: Vec<Cow<'static, str>>,
    /// Sources of the reactor that a task waits for.
    pub(super) sources: usize,
    /// Sources that a task may have given up waiting for (`readiness.rs`).
    pub(super) lapsed: usize,
    /// Awaited requests to end the program (Ctrl-C, SIGTERM): they end a program that hangs, and help it in
    /// nothing else.
    pub(super) signals: usize,
    /// Tasks of which foreign code keeps a waker.
    pub(super) wakers: usize,
    /// Handles through which other threads can spawn.
    pub(super) remotes: usize,
}

impl Outside {
    /// Counts everything. O(tasks and sources).
    pub(super) fn count(kernel: &Kernel) -> Self {
        let wakers = kernel.count_cloned();
        Outside::count_beside(kernel, wakers)
    }

    /// Counts the rest, where it is known how many tasks foreign code has wakers of.
    pub(super) fn count_beside(kernel: &Kernel, wakers: usize) -> Self {
        let (mut sources, mut signals, mut lapsed) = (0, 0, 0);
        let tasks = kernel.tasks();
        reactor::find_awaited(&tasks, |source, awaited| {
            match awaited {
                Awaited::No => {}
                Awaited::Perhaps => lapsed += 1,
                Awaited::Yes if source.ends_program() => signals += 1,
                Awaited::Yes => sources += 1,
            }
            false
        });
        // Those that our own threads keep are counted as work.
        let (mut working, mut ours) = (Vec::new(), 0);
        external::each_work(|label, awaited_by| {
            working.push(label.clone());
            let task = awaited_by.and_then(|id| tasks.get(id));
            ours += usize::from(task.is_some_and(|task| kernel.has_clones(task)));
        });
        Outside {
            working,
            sources,
            lapsed,
            signals,
            wakers: wakers.saturating_sub(ours),
            remotes: kernel.mail().links(),
        }
    }

    /// Whether something counted can wake the loop, found without looking at everything: a server
    /// that sleeps has thousands of descriptors to wait for, and one is enough. A signal that ends the program is
    /// none.
    pub(super) fn is_sustained(kernel: &Kernel) -> bool {
        if external::is_working() || kernel.mail().links() > 0 {
            return true;
        }
        let tasks = kernel.tasks();
        reactor::find_awaited(&tasks, |source, awaited| {
            awaited == Awaited::Yes && !source.ends_program()
        })
    }

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
        for label in self.working.iter().take(LABELS) {
            comma(f)?;
            f.write_str(&legible(label))?;
        }
        if self.working.len() > LABELS {
            write!(f, " and {} more", self.working.len() - LABELS)?;
        }
        for (count, one, many) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            comma(f)?;
            write!(f, "{count} {}", if count == 1 { one } else { many })?;
        }
        if any { Ok(()) } else { f.write_str("nothing") }
    }
}
