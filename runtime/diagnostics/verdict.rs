//! The verdict: a deadlock, a suspected one, or neither.
//!
//! A loop in which no task is ready is judged by what can still wake it from outside (`outside.rs`). What the
//! loop then does is decided in `at_park.rs`.
//!
//! # Invariant
//!
//! **No false Certain.** Whatever outside can wake a task holds something that is counted, publishes
//! its message first and gives up the count afterwards; the verdict reads the counts first, then a
//! fence, and the inbox last. So a count that is seen at zero has its message seen too.

use std::sync::atomic::{Ordering, fence};

use super::outside::Outside;
use crate::runtime::kernel::Kernel;

/// What can be said of a program in which no task is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing inside or outside can ever wake it.
    Certain,
    /// Only foreign code that keeps clones of wakers might still wake it, another thread or a combinator
    /// inside a task that waits itself; or a signal that asks the program to end.
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

impl Outside {
    /// The verdict on a loop in which nothing is ready or due, and that nothing sustains. Where clones of
    /// wakers are left the rest does not matter, and is not counted: only the wakers that were polled since the
    /// last verdict are looked at, and the drop of the last clone wakes the loop.
    pub(super) fn judge(kernel: &Kernel) -> (Verdict, Option<Outside>) {
        if !kernel.let_go_of_cloned() {
            let outside = Outside::count_beside(kernel, 0);
            return (outside.verdict(kernel), Some(outside));
        }
        if kernel.mail().has_mail() {
            (Verdict::Idle, None)
        } else {
            (Verdict::Suspected, None)
        }
    }

    /// Whether nothing is left but requests to end the program.
    pub(super) fn is_only_signals(&self) -> bool {
        self.signals > 0 && self.sources + self.wakers + self.lapsed == 0 && !self.is_anyone()
    }

    /// The verdict on a loop in which nothing is ready or due. The counts have been read before.
    pub(crate) fn verdict(&self, kernel: &Kernel) -> Verdict {
        fence(Ordering::SeqCst);
        let mail = kernel.mail().has_mail();
        if mail || self.is_anyone() || self.sources > 0 {
            Verdict::Idle
        } else if self.wakers + self.signals + self.lapsed > 0 {
            Verdict::Suspected
        } else {
            Verdict::Certain
        }
    }
}
