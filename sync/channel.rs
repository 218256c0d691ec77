//! What the three queues share: waiting for an item, waiting for room, waiting for all work done.
//!
//! ```text
//!   put ─▶ room? ──yes──────────────▶ stored ──▶ head getter is granted *one of the items*
//!            │ no                        ▲                      │ its next poll
//!            ▼                           │ its next poll        ▼
//!        putter waits ──room is granted──┘               claims the item that is next by now
//! ```
//!
//! A grant reserves a *count*, never an item: items stay in the store until a getter's poll claims
//! one. So a priority queue chooses at the claim, and a getter that is dropped after its grant
//! loses nothing. Likewise a granted putter owns room, and puts its item there when it runs.
//!
//! # Invariants
//!
//! - **Reserved**: `reserved` ≤ length, and while a getter waits they are equal (rule R1).
//! - **Promised**: length + `promised` ≤ capacity, and while a putter waits they are equal.
//! - **Closed**: once the queue is closed nobody waits for room, and a getter waits only while an
//!   item is reserved for another one, which might not take it.
//!
//! # Implementation
//!
//! Three wait queues (getters, putters, joiners) and the store. An operation that finds what it
//! needs waits for nothing; all are O(1) besides the store's own cost.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::Location;

use super::channel_errors::{OverDone, TryGetError, TryPutError};
use super::channel_futures::{Get, Items, Join, Put, Take};
use crate::runtime::{Left, Owner, Terms, WaitQueue};

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
    /// Takes out all items, in the order in which `pop` would give them.
    fn drain(&self) -> Vec<Self::Item>;
}

pub(super) mod sealed {
    pub trait Store {}
}

/// What a waiter asks for, or is granted.
const ITEM: usize = 0;
const ROOM: usize = 1;
const DONE: usize = 2;
pub(super) const CLOSED: usize = 3;

const TERMS: Terms = Terms::PLAIN.asking(asks);

fn asks(ask: usize) -> Cow<'static, str> {
    Cow::Borrowed(match ask {
        ITEM => "an item of",
        ROOM => "room in",
        DONE => "the end of work on",
        _ => "the end of",
    })
}

/// The verbs of [`Queue`](super::Queue), [`LifoQueue`](super::LifoQueue) and
/// [`PriorityQueue`](super::PriorityQueue).
///
/// # Fairness
///
/// First come, first served on both sides: an item belongs to the head getter and room to the head
/// putter from the moment it is there; `try_get` and `try_put` never rob a waiter.
pub struct Channel<S: Store> {
    store: S,
    len: Cell<usize>,
    capacity: usize,
    /// The capacity, and nothing once the queue is closed.
    limit: Cell<usize>,
    /// Items that belong to getters which have not run yet.
    reserved: Cell<usize>,
    /// Room that belongs to putters which have not run yet.
    promised: Cell<usize>,
    /// Items put whose work is not done.
    unfinished: Cell<usize>,
    pub(super) getters: WaitQueue,
    pub(super) putters: WaitQueue,
    pub(super) joiners: WaitQueue,
}

impl<S: Store> Channel<S> {
    #[track_caller]
    pub(super) const fn new(store: S, capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a queue needs a capacity above zero; use unbounded() for no limit"
        );
        Channel {
            store,
            len: Cell::new(0),
            capacity,
            limit: Cell::new(capacity),
            reserved: Cell::new(0),
            promised: Cell::new(0),
            unfinished: Cell::new(0),
            getters: WaitQueue::new(S::KIND).with_terms(&TERMS),
            putters: WaitQueue::new(S::KIND).with_terms(&TERMS),
            joiners: WaitQueue::new(S::KIND).with_terms(&TERMS),
        }
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
    pub fn put(&self, item: S::Item) -> Put<'_, S> {
        Put {
            item: Some(item),
            wait: self.putters.wait(self, ROOM),
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
    pub fn get(&self) -> Get<'_, S> {
        self.get_at(Location::caller())
    }

    /// As [`get`](Channel::get), on behalf of another line.
    pub(super) fn get_at(&self, at: &'static Location<'static>) -> Get<'_, S> {
        Get {
            wait: self.getters.wait_at(self, ITEM, at),
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
    pub fn take(&self) -> Take<'_, S> {
        Take { get: self.get() }
    }

    /// Puts an item in if there is room that belongs to nobody who waits.
    ///
    /// asyncio counterpart: `Queue.put_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryPutError`] with the item, if the queue is full or closed.
    pub fn try_put(&self, item: S::Item) -> Result<(), TryPutError<S::Item>> {
        if self.has_room() {
            self.store_item(item);
            return Ok(());
        }
        Err(match self.is_closed() {
            true => TryPutError::Closed(item),
            false => TryPutError::Full(item),
        })
    }

    /// Takes the next item out if there is one that belongs to nobody who waits.
    ///
    /// asyncio counterpart: `Queue.get_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryGetError`] if there is none, or there will never be one again.
    pub fn try_get(&self) -> Result<S::Item, TryGetError> {
        let item = if self.has_item() { self.claim() } else { None };
        item.ok_or(match self.has_ended() {
            true => TryGetError::Closed,
            false => TryGetError::Empty,
        })
    }

    /// Says that the work on one item that was taken out is done.
    ///
    /// # Errors
    ///
    /// [`OverDone`] if there is no unfinished item.
    pub fn task_done(&self) -> Result<(), OverDone> {
        let left = self.unfinished.get().checked_sub(1).ok_or(OverDone(()))?;
        self.finish(left);
        Ok(())
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
    pub fn join(&self) -> Join<'_, S> {
        Join {
            wait: self.joiners.wait(self, DONE),
        }
    }

    /// Refuses items from now on. Getters take what is left and then learn of the end; putters that
    /// wait get their items back.
    ///
    /// asyncio counterpart: `Queue.shutdown()`.
    pub fn close(&self) {
        if self.limit.replace(0) > 0 {
            // A putter that was granted room and has not run is too late as well.
            self.promised.set(0);
            self.putters.grant_all(|_, _| CLOSED);
        }
        self.announce_end();
    }

    /// Closes the queue and returns the items that are left, which no longer count as unfinished.
    ///
    /// Getters that wait, or were granted one of these items and have not run, learn of the end.
    ///
    /// asyncio counterpart: `Queue.shutdown(immediate=True)`, which drops the items.
    pub fn close_now(&self) -> Vec<S::Item> {
        let items = self.store.drain();
        self.len.set(0);
        self.reserved.set(0);
        let unfinished = self.unfinished.get().saturating_sub(items.len());
        self.unfinished.set(unfinished);
        self.close();
        if !items.is_empty() {
            self.finish(unfinished);
        }
        items
    }

    /// A stream of the items that ends when the queue is closed and empty.
    #[track_caller]
    pub fn stream(&self) -> Items<'_, S> {
        Items { get: self.get() }
    }

    /// Number of items, those that already belong to a waiting getter included.
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a bounded queue has no room.
    pub fn is_full(&self) -> bool {
        self.len.get() + self.promised.get() >= self.capacity
    }

    /// The largest number of items, or `None` if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        (self.capacity != usize::MAX).then_some(self.capacity)
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        self.limit.get() == 0
    }

    /// Items whose work is not done: what [`join`](Channel::join) waits for.
    pub fn unfinished(&self) -> usize {
        self.unfinished.get()
    }

    /// Whether there is room that belongs to nobody: none while somebody waits for it.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.len.get() + self.promised.get() < self.limit.get()
    }

    /// Whether there is an item that belongs to nobody: none while somebody waits for it.
    #[inline]
    pub(super) fn has_item(&self) -> bool {
        self.len.get() > self.reserved.get()
    }

    /// Stores an item in room that belonged to nobody, and offers it to the head getter.
    #[inline]
    pub(super) fn store_item(&self, item: S::Item) {
        self.store.push(item);
        self.offer();
    }

    /// As [`store_item`](Channel::store_item), in room that was promised.
    pub(super) fn store_promised(&self, item: S::Item) {
        let grant = Grant(self, ROOM);
        self.store.push(item);
        grant.used();
        self.promised.set(self.promised.get().saturating_sub(1));
        self.offer();
    }

    /// Counts an item that was stored, and grants it to the head getter.
    #[inline]
    fn offer(&self) {
        self.len.set(self.len.get() + 1);
        self.unfinished.set(self.unfinished.get() + 1);
        if !self.joiners.is_empty() {
            self.tell();
        }
        self.offer_item();
    }

    /// Takes the next item out, one that belonged to nobody, and offers its room to the head putter.
    #[inline]
    pub(super) fn claim(&self) -> Option<S::Item> {
        let item = self.store.pop()?;
        self.len.set(self.len.get() - 1);
        self.offer_room();
        Some(item)
    }

    /// As [`claim`](Channel::claim), but one that was reserved.
    pub(super) fn claim_reserved(&self) -> Option<S::Item> {
        let grant = Grant(self, ITEM);
        let item = self.store.pop()?;
        grant.used();
        self.reserved.set(self.reserved.get().saturating_sub(1));
        self.len.set(self.len.get() - 1);
        self.offer_room();
        // Others wait behind a reserved item only.
        self.announce_end();
        Some(item)
    }

    /// Whether no getter will find an item any more.
    pub(super) fn has_ended(&self) -> bool {
        self.is_closed() && self.len.get() == 0
    }

    /// Tells the getters that wait of the end, unless an item may still be left for one of them.
    fn announce_end(&self) {
        if self.has_ended() {
            self.getters.grant_all(|_, _| CLOSED);
        }
    }

    #[inline]
    fn offer_item(&self) {
        if !self.getters.is_empty() && self.has_item() {
            self.reserved.set(self.reserved.get() + 1);
            self.getters.grant_head();
        }
    }

    #[inline]
    fn offer_room(&self) {
        if !self.putters.is_empty() && self.has_room() {
            self.promised.set(self.promised.get() + 1);
            self.putters.grant_head();
        }
    }

    /// Asserts the invariants.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let (len, reserved, promised) = (self.len(), self.reserved.get(), self.promised.get());
        assert!(reserved <= len && (reserved == len || self.getters.is_empty()));
        assert!(len + promised <= self.capacity && (self.is_full() || self.putters.is_empty()));
        assert!(!self.is_closed() || self.putters.is_empty());
        assert!(!self.has_ended() || self.getters.is_empty());
    }

    fn finish(&self, left: usize) {
        self.unfinished.set(left);
        match left {
            0 => _ = self.joiners.wake_all(),
            _ => self.tell(),
        }
    }

    /// Tells reports what is left to do; see [`WaitQueue::tell`].
    pub(super) fn tell(&self) {
        self.joiners.tell("items not done", self.unfinished(), None);
    }
}

impl<S: Store> Owner for Channel<S> {
    fn left(&self, left: Left) {
        match left {
            // After close_now nothing is reserved any more; after close nothing is promised.
            Left::Granted(ITEM) if self.reserved.get() > 0 => {
                self.reserved.set(self.reserved.get() - 1);
                self.offer_item();
            }
            Left::Granted(ROOM) if self.promised.get() > 0 => {
                self.promised.set(self.promised.get() - 1);
                self.offer_room();
            }
            _ => {}
        }
    }
}

/// A grant that is being used. If the user's `Ord` panics meanwhile, it is passed on (rule R3).
struct Grant<'a, S: Store>(&'a Channel<S>, usize);

impl<S: Store> Grant<'_, S> {
    fn used(self) {
        std::mem::forget(self);
    }
}

impl<S: Store> Drop for Grant<'_, S> {
    fn drop(&mut self) {
        self.0.left(Left::Granted(self.1));
    }
}
