//! What follows from the verdict where the loop is about to sleep without a deadline.
//!
//! The verdict is asked for there only, so it costs nothing while a program runs.
//!
//! ```text
//!   about to sleep for ever ──▶ anything counted outside? ──yes──▶ Idle: sleep
//!                                 │ no
//!                                 ├─ clones of a waker left,
//!                                 │  signals that end it ─────▶ Suspected: sleep for the grace,
//!                                 │                             then say so once (strict: fail);
//!                                 │                             the last clone to go wakes the loop
//!                                 └─ none ──▶ Certain: give up with the report
//! ```

use std::time::Duration;

use super::outside::Outside;
use super::report::Report;
use super::suspected_deadlock::SuspectedHook;
use super::verdict::Verdict;
use super::{lost_tasks, state};
use crate::runtime::base::foreign::{call_foreign, print};
use crate::runtime::kernel::{Kernel, clock};

/// How this thread's next runtime judges. It begins with no suspected.
pub(crate) fn configure(grace: Duration, strict: bool, hook: Option<SuspectedHook>) {
    state::try_with(|state| state.suspected().begin(grace, strict, hook));
}

/// Notes that something has happened since the last park.
#[inline]
pub(crate) fn relieve() {
    state::try_with(|state| state.suspected().relieve());
}

/// What to do at a park without a deadline.
pub(crate) enum Park {
    /// Sleep until something happens.
    Sleep,
    /// Sleep at most until then, in real time, and ask again.
    Until(u64),
    /// Do not sleep: foreign code has run and may have woken a task.
    Again,
    /// Do not sleep: nothing will ever happen, or hardly so.
    GiveUp(Verdict),
}

/// Decides at a park without a deadline. Runs the hook when it reports.
#[cold]
pub(crate) fn at_park(kernel: &Kernel) -> Park {
    if Outside::is_sustained(kernel) {
        relieve();
        return Park::Sleep;
    }
    if lost_tasks::report(kernel) && kernel.has_ready() {
        return Park::Again;
    }
    match Outside::judge(kernel) {
        (Verdict::Certain, _) => Park::GiveUp(Verdict::Certain),
        (Verdict::Suspected, outside) => suspect(
            kernel,
            outside.is_some_and(|outside| outside.is_only_signals()),
        ),
        (Verdict::Idle, _) => {
            relieve();
            Park::Sleep
        }
    }
}

/// Decides where only foreign wakers are left, or `only_signals` that end the program.
fn suspect(kernel: &Kernel, only_signals: bool) -> Park {
    let decide = |state: &state::State| {
        let suspected = state.suspected();
        if suspected.is_reported() {
            return Err(Park::Sleep);
        }
        let now = clock::real();
        // A test that waits for a signal has sent it by now, or has it sent by work that is counted.
        let brief = only_signals && suspected.is_strict() && kernel.clock().is_virtual();
        let end = suspected.end_of_grace(now, brief);
        if now < end {
            return Err(Park::Until(end));
        }
        if suspected.is_strict() {
            return Err(Park::GiveUp(Verdict::Suspected));
        }
        Ok(())
    };
    if let Err(park) = state::try_with(decide).unwrap_or(Err(Park::Sleep)) {
        return park;
    }
    let report = Report::take_judged(kernel, Verdict::Suspected);
    if report.rests_until_its_end() {
        relieve();
        return Park::Sleep;
    }
    let hook = state::try_with(|state| state.suspected().begin_report()).flatten();
    match hook {
        Some(hook) => call_foreign(|| hook(&report)),
        None => print(&report),
    }
    Park::Again
}
