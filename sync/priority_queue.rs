//! The queue of producers and consumers: smallest first.
//!
//! # Implementation
//!
//! A binary heap: putting and getting compare O(log n) times. Each item carries the number of its
//! put, so that equal items leave in the order in which they came.
//!
//! Comparing is the user's code. It runs while the heap is out of its place, so it may use anything
//! but this queue (rule R4), and *before* the first item is moved, so a comparison that panics
//! leaves the heap exactly as it was. The standard heap would drop the item that it was popping.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

use super::channel::Channel;
use super::store::{Store, sealed};

/// A queue: smallest item first, first come among equals. Its verbs are those of [`Channel`].
///
/// Wrap items in [`Reverse`](std::cmp::Reverse) for largest first. A getter takes the item that is
/// smallest when it runs, not when it was granted one. An `Ord` that panics makes the verb panic
/// that compared: an item that was being put is dropped, one that was being taken stays. Using the
/// queue inside the `Ord` of its items panics.
///
/// asyncio counterpart: `asyncio.PriorityQueue`. Differences: first come, first served among equals
/// (asyncio promises no order); those of [`Queue`](super::Queue).
///
/// # Examples
///
/// ```
/// use turnwise::sync::PriorityQueue;
///
/// let jobs = PriorityQueue::unbounded();
/// for job in [(2, "write"), (1, "read"), (3, "close")] {
///     jobs.try_put(job).unwrap();
/// }
/// turnwise::block_on(async {
///     assert_eq!(jobs.get().await, Ok((1, "read")));
/// });
/// assert_eq!(jobs.close_now(), [(2, "write"), (3, "close")]);
/// ```
#[doc(alias = "BinaryHeap")]
pub struct PriorityQueue<T: Ord> {
    channel: Channel<Smallest<T>>,
}

impl<T: Ord> PriorityQueue<T> {
    /// Creates a queue that holds at most `capacity` items.
    ///
    /// # Panics
    ///
    /// On a capacity of zero.
    #[track_caller]
    pub const fn bounded(capacity: usize) -> Self {
        PriorityQueue {
            channel: Channel::new(Smallest::new(), capacity),
        }
    }

    /// Creates a queue without a limit: `put` never waits.
    #[track_caller]
    pub const fn unbounded() -> Self {
        PriorityQueue {
            channel: Channel::new(Smallest::new(), usize::MAX),
        }
    }
}

impl<T: Ord> Deref for PriorityQueue<T> {
    type Target = Channel<Smallest<T>>;

    fn deref(&self) -> &Self::Target {
        &self.channel
    }
}

impl<T: Ord> fmt::Debug for PriorityQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.fmt(f)
    }
}

/// Gives the smallest item; of equal ones, the one that was put first.
///
/// The heap is out of its place while it is used, because comparing is the user's code.
pub struct Smallest<T>(Cell<Option<Heap<T>>>);

impl<T> Smallest<T> {
    const fn new() -> Self {
        Smallest(Cell::new(Some(Heap {
            entries: Vec::new(),
            next: 0,
        })))
    }

    /// Runs `f` on the heap and puts it back on every way out.
    fn with<R>(&self, f: impl FnOnce(&mut Heap<T>) -> R) -> R {
        struct PutBack<'a, T>(&'a Smallest<T>, Option<Heap<T>>);
        impl<T> Drop for PutBack<'_, T> {
            fn drop(&mut self) {
                // A caller that found it out of its place does not put it back.
                if let Some(heap) = self.1.take() {
                    self.0.0.set(Some(heap));
                }
            }
        }
        match &mut PutBack(self, self.0.take()).1 {
            Some(heap) => f(heap),
            None => {
                panic!("a queue was used inside the `Ord` of its own items; only compare there")
            }
        }
    }
}

impl<T: Ord> sealed::Store for Smallest<T> {}

impl<T: Ord> Store for Smallest<T> {
    type Item = T;
    const KIND: &'static str = "priority queue";

    fn push(&self, item: T) {
        // If a comparison panics, the item is dropped when the heap is back in its place.
        let place = self.with(|heap| heap.find(&item));
        self.with(|heap| heap.push(place, item));
    }

    fn pop(&self) -> Option<T> {
        self.with(Heap::pop)
    }

    fn shrink_to(&self, room: usize) {
        self.with(|heap| heap.entries.shrink_to(room));
    }

    fn drain(&self) -> Vec<T> {
        self.with(Heap::drain)
    }
}

impl<T> fmt::Debug for Smallest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smallest").finish_non_exhaustive()
    }
}

struct Heap<T> {
    entries: Vec<Entry<T>>,
    /// Number of the next put.
    next: u64,
}

struct Entry<T> {
    item: T,
    number: u64,
}

impl<T: Ord> Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_item = self.item.cmp(&other.item);
        by_item.then(self.number.cmp(&other.number))
    }

    fn is_before(&self, other: &Self) -> bool {
        self.cmp(other).is_lt()
    }
}

impl<T: Ord> Heap<T> {
    /// Where `item` belongs. Compares, as `pop` and `drain` do before they move anything.
    fn find(&self, item: &T) -> usize {
        let mut place = self.entries.len();
        while place > 0 {
            let parent = (place - 1) / 2;
            // An equal parent came earlier and stays above.
            if item >= &self.entries[parent].item {
                break;
            }
            place = parent;
        }
        place
    }

    /// Adds an item at the place that was found for it.
    fn push(&mut self, place: usize, item: T) {
        let number = self.next;
        self.next += 1;
        let mut at = self.entries.len();
        self.entries.push(Entry { item, number });
        while at > place {
            let parent = (at - 1) / 2;
            self.entries.swap(at, parent);
            at = parent;
        }
    }

    fn pop(&mut self) -> Option<T> {
        let heap = &mut self.entries;
        // The last entry will fill the gap at the top: see how far it sinks, a bit per level.
        let last = heap.len().checked_sub(1)?;
        let (mut at, mut path, mut depth) = (0, 0_usize, 0);
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= last {
                break;
            }
            let goes_right = right < last && heap[right].is_before(&heap[left]);
            at = left + usize::from(goes_right);
            if heap[last].is_before(&heap[at]) {
                break;
            }
            path |= usize::from(goes_right) << depth;
            depth += 1;
        }
        let top = heap.swap_remove(0);
        at = 0;
        for level in 0..depth {
            let child = 2 * at + 1 + (path >> level & 1);
            heap.swap(at, child);
            at = child;
        }
        Some(top.item)
    }

    fn drain(&mut self) -> Vec<T> {
        let heap = &self.entries;
        let mut order: Vec<usize> = (0..heap.len()).collect();
        order.sort_unstable_by(|&a, &b| heap[a].cmp(&heap[b]));
        let mut items: Vec<_> = self
            .entries
            .drain(..)
            .map(|entry| Some(entry.item))
            .collect();
        order.into_iter().filter_map(|n| items[n].take()).collect()
    }
}

#[cfg(test)]
#[path = "priority_queue_tests.rs"]
mod tests;
