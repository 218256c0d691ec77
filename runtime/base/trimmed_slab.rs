//! A slab that gives back what a burst has left.
//!
//! Entries stay where they are, so the room behind the last one is what can be given back. That is looked for
//! where entries are removed, as [`Slack`] says: O(1) a removal, amortised.

use std::ops::Deref;

use slab::Slab;

use super::table::{MUCH, Slack};

/// As a [`Slab`], which it shows to be read.
pub(crate) struct TrimmedSlab<T> {
    slab: Slab<T>,
    slack: Slack,
    /// Entries removed so far, while there was much room.
    removed: u64,
}

impl<T> TrimmedSlab<T> {
    pub(crate) const fn new() -> Self {
        TrimmedSlab {
            slab: Slab::new(),
            slack: Slack::new(),
            removed: 0,
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, entry: T) -> usize {
        if self.slab.len() == self.slab.capacity() {
            self.slack.grown();
        }
        self.slab.insert(entry)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut T> {
        self.slab.get_mut(key)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slab.iter_mut().map(|(_, entry)| entry)
    }

    #[inline]
    pub(crate) fn try_remove(&mut self, key: usize) -> Option<T> {
        let removed = self.slab.try_remove(key);
        if self.slab.capacity() >= MUCH {
            self.trim();
        }
        removed
    }

    #[cold]
    fn trim(&mut self) {
        self.removed += 1;
        let (room, used) = (self.slab.capacity(), self.slab.len() as u32);
        if self.slack.is_worth_a_walk(room, used, self.removed) {
            self.slab.shrink_to_fit();
        }
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = T> {
        self.slab.into_iter().map(|(_, entry)| entry)
    }
}

impl<T> Deref for TrimmedSlab<T> {
    type Target = Slab<T>;

    fn deref(&self) -> &Slab<T> {
        &self.slab
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_burst_left_goes_as_far_as_the_last_entry() {
        let mut slab = TrimmedSlab::new();
        for round in 0..3 {
            let keys: Vec<_> = (0..10_000).map(|at| slab.insert(at)).collect();
            let stays = round * 10;
            for key in keys.into_iter().filter(|key| *key != stays) {
                assert!(slab.try_remove(key).is_some());
            }
            assert!(slab.capacity() < MUCH, "{}", slab.capacity());
            assert!(slab.try_remove(stays).is_some());
        }
        assert_eq!(slab.try_remove(0), None);
    }

    #[test]
    fn an_entry_behind_all_others_keeps_the_room_until_it_goes() {
        let mut slab = TrimmedSlab::new();
        let keys: Vec<_> = (0..10_000).map(|at| slab.insert(at)).collect();
        for key in &keys[..9_999] {
            slab.try_remove(*key);
        }
        assert_eq!((slab.get(9_999), slab.len()), (Some(&9_999), 1));
        slab.try_remove(9_999);
        assert!(slab.capacity() < MUCH, "{}", slab.capacity());
    }
}
