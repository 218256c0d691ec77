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
//! - **Closed**: once the queue is closed no task waits for room, and a getter waits only while an
//!   item is reserved for another one, which might not take it.
//!
//! # Implementation
//!
//! Three wait queues (getters, putters, joiners) and the store. An operation that finds what it
//! needs waits for nothing; all are O(1), apart from the store's own cost. A getter that finds the store empty has it give
//! back the room that a burst has left.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::Location;

use super::channel_errors::OverDone;
use super::store::Store;
use crate::runtime::{Description, Left, MUCH, Owner, Wait, WaitQueue};

/// What a waiter asks for, or is granted.
const ITEM: usize = 0;
pub(super) const ROOM: usize = 1;
pub(super) const DONE: usize = 2;
pub(super) const CLOSED: usize = 3;

const DESCRIPTION: Description = Description::PLAIN.asking(asks);

fn asks(ask: usize) -> Cow<'static, str> {
    Cow::Borrowed(match ask {
        ITEM => "an item of",
        ROOM => "room in",
        DONE => "the end of work on",
        _ => "the end of",
    })
}

/// A queue as its waiters know it. An [`Owner`] is private: its verb is the kernel's alone.
pub(super) struct RawChannel<S: Store> {
    store: S,
    pub(super) len: Cell<usize>,
    pub(super) capacity: usize,
    /// The capacity, and nothing once the queue is closed.
    limit: Cell<usize>,
    /// Items that belong to getters which have not run yet.
    reserved: Cell<usize>,
    /// Room that belongs to putters which have not run yet.
    promised: Cell<usize>,
    /// Items put whose work is not done.
    pub(super) unfinished: Cell<usize>,
    pub(super) getters: WaitQueue,
    pub(super) putters: WaitQueue,
    pub(super) joiners: WaitQueue,
}

impl<S: Store> RawChannel<S> {
    #[track_caller]
    pub(super) const fn new(store: S, capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a queue needs a capacity above zero; use unbounded() for no limit"
        );
        RawChannel {
            store,
            len: Cell::new(0),
            capacity,
            limit: Cell::new(capacity),
            reserved: Cell::new(0),
            promised: Cell::new(0),
            unfinished: Cell::new(0),
            getters: WaitQueue::new(S::KIND).described(&DESCRIPTION),
            putters: WaitQueue::new(S::KIND).described(&DESCRIPTION),
            joiners: WaitQueue::new(S::KIND).described(&DESCRIPTION),
        }
    }

    /// A wait for an item, on behalf of a line.
    pub(super) fn wait_for_item(&self, at: &'static Location<'static>) -> Wait<'_, Self> {
        self.getters.wait_at(self, ITEM, at)
    }

    /// Whether there is free room that is not promised: none while a task waits for it.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.len.get() + self.promised.get() < self.limit.get()
    }

    /// Whether there is an item that is not promised: none while a task waits for it.
    #[inline]
    pub(super) fn has_item(&self) -> bool {
        self.len.get() > self.reserved.get()
    }

    /// Stores an item in room that was not promised, and offers it to the head getter.
    #[inline]
    pub(super) fn store_item(&self, item: S::Item) {
        self.store.push(item);
        self.offer();
    }

    /// As [`store_item`](RawChannel::store_item), in room that was promised.
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

    /// Takes the next item out, one that was not promised, and offers its room to the head putter.
    #[inline]
    pub(super) fn claim(&self) -> Option<S::Item> {
        let item = self.store.pop()?;
        self.len.set(self.len.get() - 1);
        self.offer_room();
        Some(item)
    }

    /// As [`claim`](RawChannel::claim), but one that was reserved.
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

    /// A getter finds nothing: gives back what a burst has left.
    #[inline]
    pub(super) fn found_nothing(&self) {
        if self.capacity > MUCH && self.len.get() == 0 {
            self.store.shrink_to(MUCH);
        }
    }

    /// Whether no getter will find an item any more.
    pub(super) fn has_ended(&self) -> bool {
        self.is_closed() && self.len.get() == 0
    }

    /// Tells the getters that wait of the end, unless an item may still be left for one of them.
    fn announce_end(&self) {
        if self.has_ended() {
            self.getters.grant_all_with(|_, _| CLOSED);
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
        let (len, reserved, promised) = (self.len.get(), self.reserved.get(), self.promised.get());
        assert!(reserved <= len && (reserved == len || self.getters.is_empty()));
        assert!(len + promised <= self.capacity && (self.is_full() || self.putters.is_empty()));
        assert!(!self.is_closed() || self.putters.is_empty());
        assert!(!self.has_ended() || self.getters.is_empty());
    }

    fn finish(&self, left: usize) {
        self.unfinished.set(left);
        match left {
            0 => _ = self.joiners.grant_all(),
            _ => self.tell(),
        }
    }

    /// Tells reports what is left to do; see [`WaitQueue::tell`].
    pub(super) fn tell(&self) {
        self.joiners
            .tell("items not done", self.unfinished.get(), None);
    }

    /// See [`Channel::task_done`](super::Channel::task_done).
    pub(super) fn task_done(&self) -> Result<(), OverDone> {
        let left = self.unfinished.get().checked_sub(1).ok_or(OverDone(()))?;
        self.finish(left);
        Ok(())
    }

    /// See [`Channel::close`](super::Channel::close).
    pub(super) fn close(&self) {
        if self.limit.replace(0) > 0 {
            // A putter that was granted room and has not run is too late as well.
            self.promised.set(0);
            self.putters.grant_all_with(|_, _| CLOSED);
        }
        self.announce_end();
    }

    /// See [`Channel::close_now`](super::Channel::close_now).
    pub(super) fn close_now(&self) -> Vec<S::Item> {
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

    pub(super) fn is_full(&self) -> bool {
        self.len.get() + self.promised.get() >= self.capacity
    }

    pub(super) fn is_closed(&self) -> bool {
        self.limit.get() == 0
    }
}

impl<S: Store> Owner for RawChannel<S> {
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

/// A grant that is being used. If the user's `Ord` panics in between, it is passed on (rule R3).
struct Grant<'a, S: Store>(&'a RawChannel<S>, usize);

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
