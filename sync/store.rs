//! Where a queue keeps its items.

/// Where a queue keeps its items, and which one it gives next. Sealed.
///
/// A store that runs code of its items does so with nothing borrowed (rule R4), and is as it was if
/// that code panics.
pub trait Store: sealed::Store {
    /// What is stored.
    type Item;
    /// Name of the queue in reports.
    const KIND: &'static str;
    /// Adds an item.
    fn push(&self, item: Self::Item);
    /// Takes out the item that is next.
    fn pop(&self) -> Option<Self::Item>;
    /// Keeps room for so many items, if it has more.
    fn shrink_to(&self, room: usize);
    /// Takes out all items, in the order in which `pop` would give them.
    fn drain(&self) -> Vec<Self::Item>;
}

pub(super) mod sealed {
    pub trait Store {}
}
