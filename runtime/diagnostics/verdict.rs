//! Whether the program can ever move again: what is counted for it, and the verdict.
//!
//! # Invariant
//!
//! **No false Certain.** Whatever outside can wake a task holds something that is counted, publishes
//! its message first and gives up the count afterwards; the verdict reads the counts first, then a
//! fence, and the inbox last. So a count that is seen at zero has its message seen too.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{Ordering, fence};

use super::state;
use crate::runtime::base::text::legible;
use crate::runtime::kernel::Kernel;
use crate::runtime::reactor::{self, Awaited};
use crate::runtime::threads::external;

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
    pub(super) fn count(kernel: &Kernel) -> Self {
        let wakers = kernel.count_cloned();
        Outside::count_beside(kernel, wakers)
    }

    /// Counts the rest, where it is known how many tasks foreign code has wakers of.
    fn count_beside(kernel: &Kernel, wakers: usize) -> Self {
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
    /// that sleeps has thousands of descriptors to wait for, and one is enough.
    pub(super) fn is_sustained(kernel: &Kernel) -> bool {
        let strict = state::is_strict();
        if external::is_working() || kernel.mail().links() > 0 {
            return true;
        }
        let tasks = kernel.tasks();
        reactor::find_awaited(&tasks, |source, awaited| {
            awaited == Awaited::Yes && !(strict && source.ends_program())
        })
    }

    /// The verdict on a loop in which nothing is ready or due, and that nothing sustains. Where clones of
    /// wakers are left the rest does not matter: only the wakers that were polled since the last verdict are
    /// looked at, and the drop of the last clone wakes the loop.
    pub(super) fn judge(kernel: &Kernel) -> Verdict {
        if !kernel.let_go_of_cloned() {
            return Outside::count_beside(kernel, 0).verdict(kernel);
        }
        match kernel.mail().has_mail() {
            true => Verdict::Idle,
            false => Verdict::Suspected,
        }
    }

    /// Whether other threads can run what they like here.
    pub(crate) fn is_anyone(&self) -> bool {
        !self.working.is_empty() || self.remotes > 0
    }

    /// The verdict on a loop in which nothing is ready or due. The counts have been read before.
    pub(crate) fn verdict(&self, kernel: &Kernel) -> Verdict {
        fence(Ordering::SeqCst);
        let mail = kernel.mail().has_mail();
        let strict = state::is_strict();
        if mail || self.is_anyone() || self.sources > 0 || (self.signals > 0 && !strict) {
            Verdict::Idle
        } else if self.wakers + self.signals + self.lapsed > 0 {
            Verdict::Suspected
        } else {
            Verdict::Certain
        }
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
