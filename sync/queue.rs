//! The queue of producers and consumers: first in, first out.
//!
//! This queue, [`LifoQueue`](super::LifoQueue) and [`PriorityQueue`](super::PriorityQueue) are one
//! [`Channel`] over a store that decides which item is next.
//!
//! # Implementation
//!
//! A ring buffer: every verb is O(1), and memory grows with the largest number of items.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;

use super::channel::Channel;
use super::store::{Store, sealed};

/// A queue: first in, first out. Its verbs are those of [`Channel`].
///
/// asyncio counterpart: `asyncio.Queue`. Differences: [`close`](Channel::close) is the ordinary way
/// to end consumers; a size of zero is refused instead of meaning no limit.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Queue;
///
/// let queue = Queue::bounded(1);
/// turnwise::block_on(async {
///     let produce = async {
///         for n in 0..3 {
///             queue.put(n).await.unwrap();
///         }
///         queue.close();
///     };
///     let consume = async {
///         let mut sum = 0;
///         while let Ok(item) = queue.take().await {
///             sum += *item;
///         }
///         sum
///     };
///     assert_eq!(futures::join!(produce, consume).1, 3);
///     queue.join().await;
/// });
/// ```
#[doc(alias = "channel")]
pub struct Queue<T> {
    channel: Channel<Fifo<T>>,
}

impl<T> Queue<T> {
    /// Creates a queue that holds at most `capacity` items.
    ///
    /// # Panics
    ///
    /// On a capacity of zero.
    #[track_caller]
    pub const fn bounded(capacity: usize) -> Self {
        Queue {
            channel: Channel::new(Fifo::new(), capacity),
        }
    }

    /// Creates a queue without a limit: `put` never waits.
    #[track_caller]
    pub const fn unbounded() -> Self {
        Queue {
            channel: Channel::new(Fifo::new(), usize::MAX),
        }
    }
}

impl<T> Deref for Queue<T> {
    type Target = Channel<Fifo<T>>;

    fn deref(&self) -> &Self::Target {
        &self.channel
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.fmt(f)
    }
}

/// Gives the item that was put first.
#[derive(Debug)]
pub struct Fifo<T>(RefCell<VecDeque<T>>);

impl<T> Fifo<T> {
    const fn new() -> Self {
        Fifo(RefCell::new(VecDeque::new()))
    }
}

impl<T> sealed::Store for Fifo<T> {}

impl<T> Store for Fifo<T> {
    type Item = T;
    const KIND: &'static str = "queue";

    #[inline]
    fn push(&self, item: T) {
        self.0.borrow_mut().push_back(item);
    }

    #[inline]
    fn pop(&self) -> Option<T> {
        self.0.borrow_mut().pop_front()
    }

    fn shrink_to(&self, room: usize) {
        let mut items = self.0.borrow_mut();
        if items.capacity() > room {
            items.shrink_to(room);
        }
    }

    fn drain(&self) -> Vec<T> {
        self.0.borrow_mut().drain(..).collect()
    }
}
