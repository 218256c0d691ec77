//! What users of the three queues see: the verbs that they share.
//!
//! What the verbs do is in `raw_channel.rs`, and their futures are in `channel_futures.rs`.

use std::fmt;
use std::panic::Location;

use super::channel_errors::{OverDone, TryGetError, TryPutError};
use super::channel_futures::{QueueGet, QueueItems, QueueJoin, QueuePut, QueueTake};
use super::raw_channel::{DONE, ROOM, RawChannel};
use super::store::Store;

/// The verbs of [`Queue`](super::Queue), [`LifoQueue`](super::LifoQueue) and
/// [`PriorityQueue`](super::PriorityQueue).
///
/// # Fairness
///
/// First come, first served on both sides: an item belongs to the head getter and room to the head
/// putter from the moment it is there; `try_get` and `try_put` never rob a waiter.
pub struct Channel<S: Store> {
    pub(super) raw: RawChannel<S>,
}

impl<S: Store> Channel<S> {
    #[track_caller]
    pub(super) const fn new(store: S, capacity: usize) -> Self {
        let raw = RawChannel::new(store, capacity);
        Channel { raw }
    }

    /// Puts an item in, waiting for room in a bounded queue.
    ///
    /// asyncio counterpart: `Queue.put`.
    ///
    /// # Cancel safety
    ///
    /// *Lossy*: a put that is dropped before it is ready takes its item with it, which was not put.
    ///
    /// # Errors
    ///
    /// [`Closed`](super::Closed) with the item if the queue is closed, or is closed while this waits.
    #[track_caller]
    #[doc(alias = "send")]
    pub fn put(&self, item: S::Item) -> QueuePut<'_, S> {
        QueuePut {
            item: Some(item),
            wait: self.raw.putters.wait(&self.raw, ROOM),
        }
    }

    /// Takes the next item out, waiting for one if there is none.
    ///
    /// asyncio counterpart: `Queue.get`.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: no item is lost; one that was granted goes to the next getter.
    ///
    /// # Errors
    ///
    /// [`Closed`](super::Closed) once the queue is closed and empty.
    #[track_caller]
    #[doc(alias = "recv")]
    pub fn get(&self) -> QueueGet<'_, S> {
        QueueGet {
            wait: self.raw.wait_for_item(Location::caller()),
        }
    }

    /// As [`get`](Channel::get), but as a guard whose drop is the [`task_done`](Channel::task_done)
    /// of this item, on every way out.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as `get`.
    ///
    /// # Errors
    ///
    /// [`Closed`](super::Closed) once the queue is closed and empty.
    #[track_caller]
    pub fn take(&self) -> QueueTake<'_, S> {
        QueueTake { get: self.get() }
    }

    /// Puts an item in if there is room that belongs to no waiter.
    ///
    /// asyncio counterpart: `Queue.put_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryPutError`] with the item, if the queue is full or closed.
    pub fn try_put(&self, item: S::Item) -> Result<(), TryPutError<S::Item>> {
        if self.raw.has_room() {
            self.raw.store_item(item);
            return Ok(());
        }
        Err(match self.is_closed() {
            true => TryPutError::Closed(item),
            false => TryPutError::Full(item),
        })
    }

    /// Takes the next item out if there is one that belongs to no waiter.
    ///
    /// asyncio counterpart: `Queue.get_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryGetError`] if there is none, or there will never be one again.
    pub fn try_get(&self) -> Result<S::Item, TryGetError> {
        let item = match self.raw.has_item() {
            true => self.raw.claim(),
            false => None,
        };
        item.ok_or_else(|| {
            self.raw.found_nothing();
            match self.raw.has_ended() {
                true => TryGetError::Closed,
                false => TryGetError::Empty,
            }
        })
    }

    /// Says that the work on one item that was taken out is done.
    ///
    /// # Errors
    ///
    /// [`OverDone`] if there is no unfinished item.
    pub fn task_done(&self) -> Result<(), OverDone> {
        self.raw.task_done()
    }

    /// Waits until every item that was put has been taken out and its work is done.
    ///
    /// asyncio counterpart: `Queue.join`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*, except that one dropped after the end of all work waits for what was put since when it
    /// comes back.
    #[track_caller]
    pub fn join(&self) -> QueueJoin<'_, S> {
        QueueJoin {
            wait: self.raw.joiners.wait(&self.raw, DONE),
        }
    }

    /// Refuses items from now on. Getters take what is left and then learn of the end; putters that
    /// wait get their items back.
    ///
    /// asyncio counterpart: `Queue.shutdown()`.
    pub fn close(&self) {
        self.raw.close();
    }

    /// Closes the queue and returns the items that are left, which no longer count as unfinished.
    ///
    /// Getters that wait, or were granted one of these items and have not run, learn of the end.
    ///
    /// asyncio counterpart: `Queue.shutdown(immediate=True)`, which drops the items.
    pub fn close_now(&self) -> Vec<S::Item> {
        self.raw.close_now()
    }

    /// A stream of the items that ends when the queue is closed and empty.
    #[track_caller]
    pub fn stream(&self) -> QueueItems<'_, S> {
        QueueItems { get: self.get() }
    }

    /// Number of items, those that already belong to a waiting getter included.
    pub fn len(&self) -> usize {
        self.raw.len.get()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a bounded queue has no room.
    pub fn is_full(&self) -> bool {
        self.raw.is_full()
    }

    /// The largest number of items, or `None` if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        let capacity = self.raw.capacity;
        (capacity != usize::MAX).then_some(capacity)
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// Items whose work is not done: what [`join`](Channel::join) waits for.
    pub fn unfinished(&self) -> usize {
        self.raw.unfinished.get()
    }
}

impl<S: Store> fmt::Debug for Channel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(S::KIND)
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("unfinished", &self.unfinished())
            .field("closed", &self.is_closed())
            .field("getters", &self.raw.getters.len())
            .field("putters", &self.raw.putters.len())
            .finish()
    }
}
