//! The wakers of tasks of which others have, or had, clones.
//!
//! ```text
//!                       park: others have clones
//!   adopted ──▶ fresh ────────────────────────────▶ loose ──▶ polled: fresh
//!                 └────────────────────────────────▶ quiet ──▶ polled: fresh
//!                       park: nothing has one
//! ```
//!
//! - *fresh*: it was with a poll since the last park of this kind, which may have cloned it.
//! - *loose*: only others have it. The kernel has let go of it, to hear of its end (`task_waker.rs`).
//! - *quiet*: only the kernel has it, so nothing can clone it before its task is polled.
//!
//! # Implementation
//!
//! A park looks at the fresh ones alone. They are listed from the first such park on: before it, and when the
//! list gets longer than the table, all of them count as fresh. That is O(1) a poll, amortised.

use std::mem;

use super::task_waker::{Loose, PollWaker};
use crate::runtime::base::table::MUCH;
use crate::runtime::base::trimmed_slab::TrimmedSlab;

/// The table of them.
pub(super) struct Cloned {
    wakers: TrimmedSlab<Own>,
    /// Keys of the fresh ones, some twice; all, if there is no list.
    fresh: Option<Vec<u32>>,
}

/// A waker that stays with its task.
pub(super) enum Own {
    /// Fresh or quiet.
    Held(PollWaker),
    Loose(Loose),
}

impl Cloned {
    pub(super) const fn new() -> Self {
        Cloned {
            wakers: TrimmedSlab::new(),
            fresh: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    pub(super) fn insert(&mut self, waker: PollWaker) -> u32 {
        let key = self.wakers.insert(Own::Held(waker)) as u32;
        self.note(key);
        key
    }

    /// Takes a waker out for a poll.
    pub(super) fn lend(&mut self, key: u32) -> Option<Own> {
        let place = self.wakers.get_mut(key as usize)?;
        Some(mem::replace(place, Own::Loose(Loose::nothing())))
    }

    /// The poll is over.
    pub(super) fn put_back(&mut self, key: u32, waker: PollWaker) {
        if let Some(place) = self.wakers.get_mut(key as usize) {
            *place = Own::Held(waker);
            self.note(key);
        }
    }

    pub(super) fn remove(&mut self, key: u32) -> Option<Own> {
        self.wakers.try_remove(key as usize)
    }

    /// Whether others have clones of a waker.
    pub(super) fn is_cloned(&self, key: u32) -> bool {
        self.wakers.get(key as usize).is_some_and(Own::is_cloned)
    }

    /// Of how many wakers others have clones.
    pub(super) fn count(&self) -> usize {
        let cloned = self.wakers.iter().filter(|(_, own)| own.is_cloned());
        cloned.count()
    }

    /// Lets go of the fresh ones that others have clones of.
    pub(super) fn let_go(&mut self) {
        match &mut self.fresh {
            Some(fresh) => {
                for key in fresh.drain(..) {
                    self.wakers.get_mut(key as usize).map(Own::let_go);
                }
                fresh.shrink_to(MUCH);
            }
            None if self.wakers.is_empty() => {}
            None => {
                self.wakers.iter_mut().for_each(Own::let_go);
                self.fresh = Some(Vec::new());
            }
        }
    }

    fn note(&mut self, key: u32) {
        if let Some(fresh) = &mut self.fresh {
            if fresh.len() < self.wakers.len() {
                fresh.push(key)
            } else {
                self.fresh = None
            }
        }
    }
}

impl Own {
    fn is_cloned(&self) -> bool {
        match self {
            Own::Held(waker) => waker.is_cloned(),
            Own::Loose(loose) => loose.is_cloned(),
        }
    }

    fn let_go(&mut self) {
        if !matches!(self, Own::Held(waker) if waker.is_cloned()) {
            return;
        }
        if let Own::Held(waker) = mem::replace(self, Own::Loose(Loose::nothing())) {
            *self = Own::Loose(waker.let_go());
        }
    }
}
