//! The queue of producers and consumers: last in, first out.
//!
//! # Implementation
//!
//! A vector: every verb is O(1), and memory grows with the largest number of items.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

use super::channel::Channel;
use super::store::{Store, sealed};

/// A queue: last in, first out. Its verbs are those of [`Channel`].
///
/// Getters and putters are still served first come, first served. A getter takes the item that is
/// last when it runs, not when it was granted one.
///
/// asyncio counterpart: `asyncio.LifoQueue`. Differences: as those of [`Queue`](super::Queue).
///
/// # Examples
///
/// ```
/// use turnwise::sync::LifoQueue;
///
/// let stack = LifoQueue::unbounded();
/// for n in 1..=3 {
///     stack.try_put(n).unwrap();
/// }
/// turnwise::block_on(async {
///     assert_eq!(stack.get().await, Ok(3));
/// });
/// assert_eq!(stack.close_now(), [2, 1]);
/// ```
pub struct LifoQueue<T> {
    channel: Channel<Lifo<T>>,
}

impl<T> LifoQueue<T> {
    /// Creates a queue that holds at most `capacity` items.
    ///
    /// # Panics
    ///
    /// On a capacity of zero.
    #[track_caller]
    pub const fn bounded(capacity: usize) -> Self {
        LifoQueue {
            channel: Channel::new(Lifo::new(), capacity),
        }
    }

    /// Creates a queue without a limit: `put` never waits.
    #[track_caller]
    pub const fn unbounded() -> Self {
        LifoQueue {
            channel: Channel::new(Lifo::new(), usize::MAX),
        }
    }
}

impl<T> Deref for LifoQueue<T> {
    type Target = Channel<Lifo<T>>;

    fn deref(&self) -> &Self::Target {
        &self.channel
    }
}

impl<T> fmt::Debug for LifoQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.fmt(f)
    }
}

/// Gives the item that was put last.
#[derive(Debug)]
pub struct Lifo<T>(RefCell<Vec<T>>);

impl<T> Lifo<T> {
    const fn new() -> Self {
        Lifo(RefCell::new(Vec::new()))
    }
}

impl<T> sealed::Store for Lifo<T> {}

impl<T> Store for Lifo<T> {
    type Item = T;
    const KIND: &'static str = "lifo queue";

    #[inline]
    fn push(&self, item: T) {
        self.0.borrow_mut().push(item);
    }

    #[inline]
    fn pop(&self) -> Option<T> {
        self.0.borrow_mut().pop()
    }

    fn shrink_to(&self, room: usize) {
        let mut items = self.0.borrow_mut();
        if items.capacity() > room {
            items.shrink_to(room);
        }
    }

    fn drain(&self) -> Vec<T> {
        self.0.borrow_mut().drain(..).rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::spy::{now, poll};
    use super::*;

    #[test]
    fn a_granted_getter_takes_what_is_last_when_it_runs() {
        let stack = LifoQueue::unbounded();
        let mut getter = stack.get();
        assert!(poll(&mut getter).is_pending());
        stack.try_put(1).unwrap();
        stack.try_put(2).unwrap();
        assert_eq!(stack.try_get(), Ok(2), "one of the two is nobody's");
        assert_eq!(now(&mut getter), Ok(1));
    }
}
