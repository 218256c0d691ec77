//! Items from other threads, gathered into batches.
//!
//! Only the first item of a batch has to be announced to the owner. A sender that puts in a later one
//! knows that an announcement is on its way, and is done with a push.
//!
//! ```text
//!   sender:  push ─▶ was it the first? ─▶ yes: announce · no: nothing
//!   owner:   announced ─▶ swap the batch for an empty one: the next item is a first one again
//! ```
//!
//! All of it is under one mutex, so an item is either in the batch that the owner takes or the
//! first of the next. `tests/loom` explores it together with the mailbox that carries the
//! announcements.

use super::poison::ignore_poison;
use super::shim::{Mutex, MutexGuard};

/// Gives back what a burst has left of room in a vector that was emptied.
pub(crate) fn trim<T>(emptied: &mut Vec<T>) {
    const KEPT: usize = 1024;
    emptied.shrink_to(KEPT);
}

/// Where senders put items and the owner takes them, many at a time.
pub(crate) struct Batch<T> {
    inside: Mutex<Inside<T>>,
}

struct Inside<T> {
    items: Vec<T>,
    closed: bool,
}

impl<T> Batch<T> {
    pub(crate) fn new() -> Self {
        Batch {
            inside: Mutex::new(Inside {
                items: Vec::new(),
                closed: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        ignore_poison(self.inside.lock())
    }

    /// Adds an item, or gives it back if the owner is gone. Returns whether the sender has to
    /// announce it.
    pub(crate) fn put(&self, item: T) -> Result<bool, T> {
        let mut inside = self.lock();
        if inside.closed {
            return Err(item);
        }
        inside.items.push(item);
        Ok(inside.items.len() == 1)
    }

    /// Moves all items to `into`, which should be empty: the two vectors change places.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        std::mem::swap(&mut self.lock().items, into);
    }

    /// Refuses items from now on and returns those that were not taken.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut inside = self.lock();
        inside.closed = true;
        std::mem::take(&mut inside.items)
    }
}
