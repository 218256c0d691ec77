//! The mark of a lost task: one that waits, and that nothing can wake. Diagnostics looks for such tasks.

use std::cell::Cell;

/// Whether a task is suspected of being lost, or was reported as lost.
pub(crate) struct LostMark {
    /// Used while it is found out whether anything can wake the task.
    suspect: Cell<bool>,
    /// The task was reported as having nothing that can wake it.
    lost: Cell<bool>,
}

impl LostMark {
    pub(super) const fn none() -> Self {
        LostMark {
            suspect: Cell::new(false),
            lost: Cell::new(false),
        }
    }

    /// Begins, unless the task was reported before.
    pub(crate) fn suspect(&self) {
        self.suspect.set(!self.lost.get());
    }

    /// Something can wake the task.
    pub(crate) fn clear(&self) {
        self.suspect.set(false);
    }

    /// Whether the task is a suspect still; then it counts as reported.
    pub(crate) fn take_lost(&self) -> bool {
        let lost = self.suspect.take();
        self.lost.set(self.lost.get() || lost);
        lost
    }
}
