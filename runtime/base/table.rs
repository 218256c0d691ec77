//! A table whose entries stay where they are and are filled in again.
//!
//! A slab takes and gives whole entries. A wait that built its entry and had it copied there spent a
//! fifth of its time on the copy, which has to wait for the stores before it; here it writes field by
//! field to where the entry stays (docs/decisions/0011-what-tuning-kept.md).
//!
//! A caller that gives an entry back has taken out what is not plain data: a table drops nothing.

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// The first of the two keys that no entry has; what it means is the owner's business.
pub(crate) const SPECIAL: u32 = NONE - 1;

/// What lies in a [`Table`].
pub(crate) trait Entry {
    /// An entry that was never used.
    fn blank() -> Self;

    /// A field that means something only while the entry is in use, lent to the table at other times.
    fn link(&mut self) -> &mut u32;

    /// Whether the entry is in use.
    fn is_used(&self) -> bool;
}

/// Entries by key. The keys of those that are not in use may be given out again.
pub(crate) struct Table<T> {
    entries: Vec<T>,
    /// The first entry that is not in use; the others follow by their links.
    free: u32,
    /// How many are in use.
    used: u32,
    slack: Slack,
}

impl<T: Entry> Table<T> {
    pub(crate) const fn new() -> Self {
        Table {
            entries: Vec::new(),
            free: NONE,
            used: 0,
            slack: Slack::new(),
        }
    }

    /// Takes an entry into use, which still says what it said before, and returns it with its key.
    #[inline]
    pub(crate) fn take(&mut self) -> (u32, &mut T) {
        self.used += 1;
        let key = self.free;
        if (key as usize) < self.entries.len() {
            let entry = &mut self.entries[key as usize];
            self.free = *entry.link();
            return (key, entry);
        }
        self.grow()
    }

    #[cold]
    fn grow(&mut self) -> (u32, &mut T) {
        let len = self.entries.len();
        let key = u32::try_from(len).ok().filter(|key| *key < SPECIAL);
        let key = key.expect("fewer than four billion entries fit into memory");
        if len == self.entries.capacity() {
            self.entries.reserve_exact(growth(len));
            self.slack.grown();
        }
        self.entries.push(T::blank());
        (key, &mut self.entries[len])
    }

    /// Gives an entry in use back.
    #[inline]
    pub(crate) fn give(&mut self, key: u32) {
        if let Some(entry) = self.entries.get_mut(key as usize) {
            *entry.link() = std::mem::replace(&mut self.free, key);
            self.used -= 1;
        }
    }

    /// Forgets all entries, none of which is in use, and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.free = NONE;
        self.used = 0;
    }

    /// Gives back what a burst has left, if that is worth the walk over all entries: those behind the last one
    /// in use go, and the free ones before it are taken from the first on.
    #[inline]
    pub(crate) fn trim(&mut self, pass: u64) {
        let room = self.entries.capacity();
        if room >= MUCH && self.slack.is_worth_a_walk(room, self.used, pass) {
            self.trim_now();
        }
    }

    #[cold]
    fn trim_now(&mut self) {
        let last = self.entries.iter().rposition(T::is_used);
        self.entries.truncate(last.map_or(0, |last| last + 1));
        self.entries.shrink_to_fit();
        self.free = NONE;
        for (key, entry) in self.entries.iter_mut().enumerate().rev() {
            if !entry.is_used() {
                *entry.link() = std::mem::replace(&mut self.free, key as u32);
            }
        }
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

/// Less room than this is not worth giving back.
pub(crate) const MUCH: usize = 1024;

/// How many more places a full table of so many gets. Doubling would leave up to half of a large
/// one unused.
pub(crate) fn growth(places: usize) -> usize {
    places / 8 + 8
}

/// When a table was walked over last, and how many entries it had in use.
pub(crate) struct Slack {
    used: u32,
    pass: u64,
}

impl Slack {
    pub(crate) const fn new() -> Self {
        Slack {
            used: u32::MAX,
            pass: 0,
        }
    }

    /// The table has grown.
    pub(crate) fn grown(&mut self) {
        self.used = u32::MAX;
    }

    /// Whether a table of so much room, with so many entries in use, should be walked over. Notes that it is.
    #[inline(never)]
    pub(crate) fn is_worth_a_walk(&mut self, room: usize, used: u32, pass: u64) -> bool {
        let slack = (used as usize) < room / 4;
        let worth = slack && (used <= self.used / 2 || pass >= self.pass + room as u64);
        if worth {
            (self.used, self.pass) = (used, pass);
        }
        worth
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

        fn is_used(&self) -> bool {
            self.1 != '-'
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
    fn what_a_burst_left_is_given_back_and_the_rest_is_taken_from_the_first_on() {
        let mut table = Table::new();
        let keys: Vec<_> = (0..10_000).map(|_| insert(&mut table, 'x')).collect();
        let free = |table: &mut Table<(u32, char)>, key: u32| {
            table.get_mut(key).unwrap().1 = '-';
            table.give(key);
        };
        for key in keys.into_iter().filter(|key| *key != 20).rev() {
            free(&mut table, key);
            table.trim(0);
        }
        assert!(table.slots() < MUCH, "{}", table.slots());
        table.trim_now();
        assert_eq!(table.slots(), 21);
        assert_eq!([(); 3].map(|()| insert(&mut table, 'y')), [0, 1, 2]);
        for key in [0, 20, 2, 1] {
            free(&mut table, key);
        }
        table.trim_now();
        assert_eq!((table.slots(), table.entries.capacity()), (0, 0));
        assert_eq!(insert(&mut table, 'z'), 0);
    }

    #[test]
    fn no_entry_has_the_key_none() {
        let mut table: Table<(u32, char)> = Table::new();
        table.give(NONE);
        assert!(table.get(NONE).is_none() && table.get_mut(0).is_none());
        assert_eq!(table.slots(), 0);
    }
}
