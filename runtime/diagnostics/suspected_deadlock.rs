//! What is remembered of a suspected deadlock from one park to the next.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::report::Report;
use crate::runtime::kernel::clock;

/// How long foreign wakers are given to prove that their holders still mean to use them.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// The hook for suspected deadlocks.
pub(crate) type SuspectedHook = Rc<dyn Fn(&Report)>;

/// A suspected deadlock, from the first park at which there is one to its report.
pub(super) struct SuspectedDeadlock {
    /// Real time of the first park of a row at which only foreign wakers were left; 0 is none.
    since: Cell<u64>,
    /// It was reported; once is enough.
    reported: Cell<bool>,
    grace: Cell<Duration>,
    /// A suspected deadlock fails like a certain one.
    strict: Cell<bool>,
    hook: RefCell<Option<SuspectedHook>>,
}

impl SuspectedDeadlock {
    pub(super) const fn new() -> Self {
        SuspectedDeadlock {
            since: Cell::new(0),
            reported: Cell::new(false),
            grace: Cell::new(GRACE),
            strict: Cell::new(false),
            hook: RefCell::new(None),
        }
    }

    /// Begins for a runtime, which suspects nothing yet.
    pub(super) fn begin(&self, grace: Duration, strict: bool, hook: Option<SuspectedHook>) {
        self.since.set(0);
        self.reported.set(false);
        self.grace.set(grace);
        self.strict.set(strict);
        self.hook.replace(hook);
    }

    /// Takes the hook out, to be dropped.
    pub(super) fn take_hook(&self) -> Option<SuspectedHook> {
        self.hook.take()
    }

    pub(super) fn is_strict(&self) -> bool {
        self.strict.get()
    }

    pub(super) fn is_reported(&self) -> bool {
        self.reported.get()
    }

    /// Notes that something has happened since the last park.
    #[inline]
    pub(super) fn relieve(&self) {
        self.since.set(0);
    }

    /// The end of the grace, which begins now if it has not begun. A `brief` one is what readiness gets on a
    /// virtual clock.
    pub(super) fn end_of_grace(&self, now: u64, brief: bool) -> u64 {
        if self.since.get() == 0 {
            self.since.set(now);
        }
        let grace = match clock::nanos(self.grace.get()) {
            grace if brief => grace.min(clock::BEFORE_JUMP),
            grace => grace,
        };
        self.since.get().saturating_add(grace)
    }

    /// Notes that it is reported now. Returns the hook that hears of it.
    pub(super) fn begin_report(&self) -> Option<SuspectedHook> {
        self.reported.set(true);
        self.hook.borrow().clone()
    }
}
