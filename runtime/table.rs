//! A table whose entries stay where they are and are filled in again.
//!
//! A slab takes and gives whole entries. A wait that built its entry and had it copied there spent a
//! fifth of its time on the copy, which has to wait for the stores before it; here it writes field by
//! field to where the entry stays (docs/decisions/0011-what-tuning-kept.md).
//!
//! Whoever gives an entry back has taken out what is not plain data: a table drops nothing.

use super::tasks;

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// What lies in a [`Table`].
pub(crate) trait Entry {
    /// An entry that was never used.
    fn blank() -> Self;

    /// A field that means something only while the entry is in use, lent to the table meanwhile.
    fn link(&mut self) -> &mut u32;
}

/// Entries by key. The keys of those that are not in use may be given out again.
pub(crate) struct Table<T> {
    entries: Vec<T>,
    /// The first entry that is not in use; the others follow by their links.
    free: u32,
}

impl<T: Entry> Table<T> {
    pub(crate) const fn new() -> Self {
        Table {
            entries: Vec::new(),
            free: NONE,
        }
    }

    /// Takes an entry into use, which still says what it said before, and returns it with its key.
    #[inline]
    pub(crate) fn take(&mut self) -> (u32, &mut T) {
        if self.free == NONE {
            self.grow();
        }
        let key = self.free;
        let entry = &mut self.entries[key as usize];
        self.free = *entry.link();
        (key, entry)
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            self.entries.reserve_exact(tasks::growth(len));
        }
        let mut entry = T::blank();
        *entry.link() = NONE;
        self.free = len as u32;
        self.entries.push(entry);
    }

    /// Gives an entry in use back.
    #[inline]
    pub(crate) fn give(&mut self, key: u32) {
        if let Some(entry) = self.entries.get_mut(key as usize) {
            *entry.link() = std::mem::replace(&mut self.free, key);
        }
    }

    /// Forgets all entries, none of which is in use, and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.free = NONE;
    }

    #[inline]
    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        self.entries.get(key as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        self.entries.get_mut(key as usize)
    }

    /// All entries, in use or not, with their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.entries)
    }

    /// Number of entries, in use or not.
    pub(crate) fn slots(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Entry for (u32, char) {
        fn blank() -> Self {
            (0, '-')
        }

        fn link(&mut self) -> &mut u32 {
            &mut self.0
        }
    }

    fn insert(table: &mut Table<(u32, char)>, name: char) -> u32 {
        let (key, entry) = table.take();
        *entry = (7, name);
        key
    }

    #[test]
    fn what_was_given_back_last_is_taken_first() {
        let mut table = Table::new();
        let keys = ['a', 'b', 'c'].map(|name| insert(&mut table, name));
        assert_eq!((keys, table.slots()), ([0, 1, 2], 3));
        table.give(0);
        table.give(2);
        assert_eq!(insert(&mut table, 'd'), 2);
        assert_eq!(insert(&mut table, 'e'), 0);
        assert_eq!(insert(&mut table, 'f'), 3);
        let names: String = table.iter().map(|(_, (_, name))| name).collect();
        assert_eq!((names.as_str(), table.slots()), ("ebdf", 4));
    }

    #[test]
    fn no_entry_has_the_key_none() {
        let mut table: Table<(u32, char)> = Table::new();
        table.give(NONE);
        assert!(table.get(NONE).is_none() && table.get_mut(0).is_none());
        assert_eq!(table.slots(), 0);
    }
}
