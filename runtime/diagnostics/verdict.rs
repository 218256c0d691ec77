//! Whether the program can ever move again: the verdict, and what follows from it.
//!
//! It is asked for only when the loop is about to sleep without a deadline, so it costs nothing
//! while a program runs.
//!
//! ```text
//!   about to sleep for ever ──▶ anything counted outside? ──yes──▶ Idle: sleep
//!                                 │ no
//!                                 ├─ clones of a waker left ──▶ Suspected: sleep for the grace,
//!                                 │                             then say so once (strict: fail)
//!                                 │                             and watch for the last to go
//!                                 └─ none ──▶ Certain: give up with the report
//! ```
//!
//! # Invariant
//!
//! **No false Certain.** Whoever outside can wake a task holds something that is counted, publishes
//! its letter first and gives up the count afterwards; the verdict reads the counts first, then a
//! fence, and the inbox last. So a count that is seen at zero has its letter seen too.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::problems;
use super::report::{Report, has_clones};
use crate::runtime::base::foreign::{call_foreign, print};
use crate::runtime::base::text::legible;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::clock;
use crate::runtime::reactor::askers::Awaited;

/// Labels of work in flight that are printed before the rest is only counted.
const MOST: usize = 8;

/// How long foreign wakers are given to prove that somebody still means to use them.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

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
    pub(crate) working: Vec<Cow<'static, str>>,
    /// Sources of the reactor that a task waits for.
    pub(crate) sources: usize,
    /// Sources that a task may have given up waiting for (`readiness.rs`).
    pub(crate) lapsed: usize,
    /// Awaited requests to end the program (Ctrl-C, SIGTERM): help in a program, hardly in a test.
    pub(crate) signals: usize,
    /// Tasks of which somebody keeps a waker.
    pub(crate) wakers: usize,
    /// Handles through which other threads can spawn.
    pub(crate) remotes: usize,
}

impl Outside {
    pub(crate) fn count(kernel: &Kernel) -> Self {
        let (mut sources, mut signals, mut lapsed) = (0, 0, 0);
        let tasks = kernel.tasks.borrow();
        if let Some(reactor) = &mut *kernel.reactor.borrow_mut() {
            reactor.find_awaited(&tasks, |source, awaited| {
                match awaited {
                    Awaited::No => {}
                    Awaited::Perhaps => lapsed += 1,
                    Awaited::Yes if source.ends_program.get() => signals += 1,
                    Awaited::Yes => sources += 1,
                }
                false
            });
        }
        let cloned = kernel.cloned.borrow();
        let wakers = cloned.iter().filter_map(|(_, waker)| waker.as_ref());
        let wakers = wakers.filter(|waker| waker.is_cloned()).count();
        // Those that our own threads keep are told as work.
        let working = kernel.working.borrow();
        let waiting = working
            .iter()
            .filter_map(|(_, work)| tasks.get(work.awaited_by?));
        let ours = waiting.filter(|task| has_clones(kernel, task)).count();
        Outside {
            working: working.iter().map(|(_, work)| work.label.clone()).collect(),
            sources,
            lapsed,
            signals,
            wakers: wakers.saturating_sub(ours),
            remotes: kernel
                .link
                .borrow()
                .as_ref()
                .map_or(0, |link| link.remotes()),
        }
    }

    /// Whether something counted can wake the loop, found without looking at everything: a server
    /// that sleeps has thousands of descriptors to wait for, and one is enough.
    fn is_sustained(kernel: &Kernel) -> bool {
        let strict = kernel.options.borrow().strict;
        let link = kernel.link.borrow();
        if kernel.is_working() || link.as_ref().is_some_and(|link| link.remotes() > 0) {
            return true;
        }
        let tasks = kernel.tasks.borrow();
        let mut reactor = kernel.reactor.borrow_mut();
        reactor.as_mut().is_some_and(|reactor| {
            reactor.find_awaited(&tasks, |source, awaited| {
                awaited == Awaited::Yes && !(strict && source.ends_program.get())
            })
        })
    }

    /// Whether other threads can run what they like here.
    pub(crate) fn is_anyone(&self) -> bool {
        !self.working.is_empty() || self.remotes > 0
    }

    /// The verdict on a loop in which nothing is ready or due. The counts have been read before.
    pub(crate) fn verdict(&self, kernel: &Kernel) -> Verdict {
        fence(Ordering::SeqCst);
        let mail = kernel
            .inbox
            .borrow()
            .as_ref()
            .is_some_and(|inbox| inbox.has_mail());
        let strict = kernel.options.borrow().strict;
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

/// What the verdict remembers from one park to the next.
pub(crate) struct Suspicion {
    /// Real time of the first park of a row at which only foreign wakers were left; 0 is none.
    since: Cell<u64>,
    /// It was reported; once is enough.
    told: Cell<bool>,
    /// A `block_on` is under way: no code outside the tasks runs on this thread.
    judging: Cell<bool>,
}

impl Suspicion {
    pub(crate) const fn new() -> Self {
        Suspicion {
            since: Cell::new(0),
            told: Cell::new(false),
            judging: Cell::new(false),
        }
    }

    /// A runtime begins with none.
    pub(crate) fn reset(&self) {
        self.since.set(0);
        self.told.set(false);
    }

    /// Something has happened since the last park.
    #[inline]
    pub(crate) fn relieve(&self) {
        self.since.set(0);
    }

    pub(crate) fn is_judging(&self) -> bool {
        self.judging.get()
    }

    pub(crate) fn set_judging(&self, judging: bool) -> bool {
        self.judging.replace(judging)
    }
}

/// What to do at a park without a deadline.
pub(crate) enum Park {
    /// Sleep until something happens.
    Sleep,
    /// Sleep until something happens, or until nobody has a clone of a waker any more.
    Watch,
    /// Sleep at most until then, in real time, and ask again.
    Until(u64),
    /// Do not sleep: foreign code has run and may have woken somebody.
    Again,
    /// Do not sleep: nothing will ever happen, or nobody believes it any more.
    GiveUp(Verdict),
}

/// Decides at a park without a deadline. Runs the hook when it reports.
#[cold]
pub(crate) fn at_park(kernel: &Kernel) -> Park {
    let suspicion = &kernel.suspicion;
    let (verdict, wakers) = match Outside::is_sustained(kernel) {
        true => (Verdict::Idle, 0),
        false => {
            if problems::tell_lost(kernel) && kernel.has_ready() {
                return Park::Again;
            }
            let outside = Outside::count(kernel);
            (outside.verdict(kernel), outside.wakers)
        }
    };
    match verdict {
        Verdict::Certain => return Park::GiveUp(verdict),
        Verdict::Suspected if !suspicion.told.get() => {}
        Verdict::Suspected if wakers > 0 => return Park::Watch,
        Verdict::Suspected => return Park::Sleep,
        Verdict::Idle => {
            suspicion.relieve();
            return Park::Sleep;
        }
    }
    let now = clock::real();
    if suspicion.since.get() == 0 {
        suspicion.since.set(now);
    }
    let (grace, strict, hook) = {
        let options = kernel.options.borrow();
        (options.grace, options.strict, options.on_suspected.clone())
    };
    let end = suspicion.since.get().saturating_add(clock::nanos(grace));
    if now < end {
        return Park::Until(end);
    }
    if strict {
        return Park::GiveUp(verdict);
    }
    suspicion.told.set(true);
    let report = Report::take_judged(kernel, verdict);
    match hook {
        Some(hook) => call_foreign(|| hook(&report)),
        None => print(&report),
    }
    Park::Again
}

/// Nothing can ever wake the program again, or in tests: nothing is likely to.
///
/// Returned by [`Runtime::try_block_on`](crate::Runtime::try_block_on), and the text of the panic
/// of [`block_on`](crate::block_on).
///
/// # Examples
///
/// ```
/// use turnwise::{Runtime, Verdict, sync::Event};
///
/// let never = async { Event::new().wait().await };
/// let deadlock = Runtime::new().try_block_on(never).unwrap_err();
/// assert_eq!(deadlock.report().verdict(), Verdict::Certain);
/// assert!(deadlock.to_string().contains("waits for event made at"));
/// ```
pub struct Deadlock {
    // Boxed, so that a result with it is no larger than one without.
    report: Box<Report>,
}

impl Deadlock {
    pub(crate) fn new(report: Report) -> Self {
        Deadlock {
            report: Box::new(report),
        }
    }

    /// Who waits for what. Its [`verdict`](Report::verdict) says how sure this is.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.report, f)
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Deadlock {}
