//! What follows from the verdict where the loop is about to sleep without a deadline.
//!
//! The verdict is asked for there only, so it costs nothing while a program runs.
//!
//! ```text
//!   about to sleep for ever ──▶ anything counted outside? ──yes──▶ Idle: sleep
//!                                 │ no
//!                                 ├─ clones of a waker left ──▶ Suspected: sleep for the grace,
//!                                 │                             then say so once (strict: fail)
//!                                 │                             and watch for the last to go
//!                                 └─ none ──▶ Certain: give up with the report
//! ```

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::lost;
use super::report::Report;
use super::verdict::{Outside, Verdict};
use crate::runtime::base::foreign::{call_foreign, print};
use crate::runtime::kernel::{Kernel, clock};

/// How long foreign wakers are given to prove that somebody still means to use them.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What the verdict remembers from one park to the next.
pub(crate) struct Suspicion {
    /// Real time of the first park of a row at which only foreign wakers were left; 0 is none.
    since: Cell<u64>,
    /// It was reported; once is enough.
    told: Cell<bool>,
    /// A `block_on` is under way: no code outside the tasks runs on this thread.
    judging: Cell<bool>,
    grace: Cell<Duration>,
    /// A suspected deadlock fails like a certain one.
    strict: Cell<bool>,
    hook: RefCell<Option<SuspectedHook>>,
}

/// The hook for suspected deadlocks.
pub(crate) type SuspectedHook = Rc<dyn Fn(&Report)>;

/// How this thread's next runtime judges. It begins with no suspicion.
pub(crate) fn configure(
    kernel: &Kernel,
    grace: Duration,
    strict: bool,
    hook: Option<SuspectedHook>,
) {
    let suspicion = &kernel.suspicion;
    suspicion.since.set(0);
    suspicion.told.set(false);
    suspicion.grace.set(grace);
    suspicion.strict.set(strict);
    suspicion.hook.replace(hook);
}

impl Suspicion {
    pub(crate) const fn new() -> Self {
        Suspicion {
            since: Cell::new(0),
            told: Cell::new(false),
            judging: Cell::new(false),
            grace: Cell::new(GRACE),
            strict: Cell::new(false),
            hook: RefCell::new(None),
        }
    }

    /// Lets go of the hook.
    pub(crate) fn close(&self) {
        let hook = self.hook.take();
        drop(hook);
    }

    /// Whether a suspected deadlock fails like a certain one.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict.get()
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
            if lost::report(kernel) && kernel.has_ready() {
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
    let grace = clock::nanos(suspicion.grace.get());
    let end = suspicion.since.get().saturating_add(grace);
    if now < end {
        return Park::Until(end);
    }
    if suspicion.is_strict() {
        return Park::GiveUp(verdict);
    }
    suspicion.told.set(true);
    let report = Report::take_judged(kernel, verdict);
    let hook = suspicion.hook.borrow().clone();
    match hook {
        Some(hook) => call_foreign(|| hook(&report)),
        None => print(&report),
    }
    Park::Again
}
