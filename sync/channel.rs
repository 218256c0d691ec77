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
//!
//! # Implementation
//!
//! Three wait queues (getters, putters, joiners) and the store. An operation that finds what it
//! needs waits for nothing; all are O(1) besides the store's own cost.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::runtime::{Left, Owner, Wait, WaitQueue};

/// Where a queue keeps its items, and which one it gives next.
pub trait Store: Sized {
    /// What is stored.
    type Item;
    /// A store without items.
    const EMPTY: Self;
    /// Name of the queue in reports.
    const KIND: &'static str;
    /// Adds an item.
    fn push(&mut self, item: Self::Item);
    /// Takes out the item that is next.
    fn pop(&mut self) -> Option<Self::Item>;
    /// Number of items.
    fn len(&self) -> usize;
}

/// What a waiter asks for, or is granted.
const ITEM: usize = 0;
const ROOM: usize = 1;
const DONE: usize = 2;
const CLOSED: usize = 3;

/// The verbs of [`Queue`](super::Queue), [`LifoQueue`](super::LifoQueue) and
/// [`PriorityQueue`](super::PriorityQueue).
///
/// # Fairness
///
/// First come, first served on both sides: an item belongs to the head getter and room to the head
/// putter from the moment it is there; `try_get` and `try_put` never rob a waiter.
pub struct Channel<S: Store> {
    /// Taken out while it is used, because a store may run code of the user's (rule R4).
    store: Cell<Option<S>>,
    len: Cell<usize>,
    capacity: usize,
    /// Items that belong to getters which have not run yet.
    reserved: Cell<usize>,
    /// Room that belongs to putters which have not run yet.
    promised: Cell<usize>,
    /// Items put whose work is not done.
    unfinished: Cell<usize>,
    closed: Cell<bool>,
    getters: WaitQueue,
    putters: WaitQueue,
    joiners: WaitQueue,
}

impl<S: Store> Channel<S> {
    #[track_caller]
    pub(super) const fn with_capacity(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a queue needs a capacity above zero; use unbounded() for no limit"
        );
        Channel {
            store: Cell::new(Some(S::EMPTY)),
            len: Cell::new(0),
            capacity,
            reserved: Cell::new(0),
            promised: Cell::new(0),
            unfinished: Cell::new(0),
            closed: Cell::new(false),
            getters: WaitQueue::new(S::KIND),
            putters: WaitQueue::new(S::KIND),
            joiners: WaitQueue::new(S::KIND),
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
    /// [`Closed`] with the item if the queue is closed, or is closed while this waits.
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
    /// [`Closed`] once the queue is closed and empty.
    #[track_caller]
    #[doc(alias = "recv")]
    pub fn get(&self) -> Get<'_, S> {
        Get {
            wait: self.getters.wait(self, ITEM),
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
    /// [`Closed`] once the queue is closed and empty.
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
        if self.closed.get() {
            return Err(TryPutError::Closed(item));
        }
        if !self.has_room() {
            return Err(TryPutError::Full(item));
        }
        self.store_item(item);
        Ok(())
    }

    /// Takes the next item out if there is one that belongs to nobody who waits.
    ///
    /// asyncio counterpart: `Queue.get_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryGetError`] if there is none, or there will never be one again.
    pub fn try_get(&self) -> Result<S::Item, TryGetError> {
        if self.len.get() > self.reserved.get()
            && let Some(item) = self.claim()
        {
            return Ok(item);
        }
        Err(if self.closed.get() {
            TryGetError::Closed
        } else {
            TryGetError::Empty
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
    /// *Strict*.
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
        if self.closed.replace(true) {
            return;
        }
        // A putter that was granted room and has not run is too late as well.
        self.promised.set(0);
        self.putters.grant_all(|_, _| CLOSED);
        // Whoever still waits for an item would have got any that is not reserved.
        self.getters.grant_all(|_, _| CLOSED);
    }

    /// Closes the queue and returns the items that are left, which no longer count as unfinished.
    ///
    /// asyncio counterpart: `Queue.shutdown(immediate=True)`, which drops the items.
    pub fn close_now(&self) -> Vec<S::Item> {
        self.reserved.set(0);
        self.close();
        let mut left = Vec::with_capacity(self.len.get());
        while let Some(item) = self.with_store(S::pop) {
            self.len.set(self.len.get() - 1);
            left.push(item);
        }
        if !left.is_empty() {
            self.finish(self.unfinished.get().saturating_sub(left.len()));
        }
        left
    }

    /// A stream of the items that ends when the queue is closed and empty.
    #[track_caller]
    pub fn stream(&self) -> Items<'_, S> {
        Items {
            get: self.get(),
            queue: self,
        }
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
        self.closed.get()
    }

    /// Items whose work is not done: what [`join`](Channel::join) waits for.
    pub fn unfinished(&self) -> usize {
        self.unfinished.get()
    }

    fn has_room(&self) -> bool {
        !self.is_full() && self.putters.is_empty()
    }

    /// Runs `f` on the store, which is out of its place meanwhile and put back on every way out.
    fn with_store<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        struct PutBack<'a, S>(&'a Cell<Option<S>>, Option<S>);
        impl<S> Drop for PutBack<'_, S> {
            fn drop(&mut self) {
                self.0.set(self.1.take());
            }
        }
        let store = self.store.take();
        assert!(
            store.is_some(),
            "a queue was used inside the `Ord` of its own items; compare only"
        );
        let mut out = PutBack(&self.store, store);
        f(out.1.as_mut().expect("it was just checked"))
    }

    /// Stores an item and offers it to the head getter.
    fn store_item(&self, item: S::Item) {
        self.with_store(|store| store.push(item));
        self.len.set(self.len.get() + 1);
        self.unfinished.set(self.unfinished.get() + 1);
        self.offer_item();
    }

    /// Takes the next item out and offers its room to the head putter.
    fn claim(&self) -> Option<S::Item> {
        let item = self.with_store(S::pop)?;
        self.len.set(self.len.get() - 1);
        self.offer_room();
        Some(item)
    }

    fn offer_item(&self) {
        if !self.getters.is_empty() && self.len.get() > self.reserved.get() {
            self.reserved.set(self.reserved.get() + 1);
            self.getters.grant_head();
        }
    }

    fn offer_room(&self) {
        if !self.putters.is_empty() && !self.is_full() {
            self.promised.set(self.promised.get() + 1);
            self.putters.grant_head();
        }
    }

    fn finish(&self, left: usize) {
        self.unfinished.set(left);
        if left == 0 {
            self.joiners.wake_all();
        }
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

impl<S: Store> fmt::Debug for Channel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(S::KIND)
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("unfinished", &self.unfinished())
            .field("closed", &self.is_closed())
            .field("getters", &self.getters.len())
            .field("putters", &self.putters.len())
            .finish()
    }
}

/// The future of [`Channel::put`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Put<'a, S: Store> {
    item: Option<S::Item>,
    wait: Wait<'a, Channel<S>>,
}

// The item is never pinned: it is moved into the store.
impl<S: Store> Unpin for Put<'_, S> {}

impl<S: Store> Future for Put<'_, S> {
    type Output = Result<(), Closed<S::Item>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let queue = this.wait.owner();
        let at_once = this.wait.is_new() && (queue.closed.get() || queue.has_room());
        if at_once {
            this.wait.skip();
        } else {
            ready!(Pin::new(&mut this.wait).poll(cx));
        }
        let item = this.item.take().expect("a put is ready once");
        if queue.closed.get() {
            return Poll::Ready(Err(Closed(item)));
        }
        if !at_once {
            queue.promised.set(queue.promised.get() - 1);
        }
        queue.store_item(item);
        Poll::Ready(Ok(()))
    }
}

/// The future of [`Channel::get`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Get<'a, S: Store> {
    wait: Wait<'a, Channel<S>>,
}

impl<S: Store> Future for Get<'_, S> {
    type Output = Result<S::Item, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let queue = self.wait.owner();
        let free = queue.len.get() > queue.reserved.get();
        if self.wait.is_new() && (free || queue.closed.get()) {
            self.wait.skip();
            return Poll::Ready(free.then(|| queue.claim()).flatten().ok_or(Closed(())));
        }
        let granted = ready!(Pin::new(&mut self.wait).poll(cx));
        if granted == CLOSED {
            return Poll::Ready(Err(Closed(())));
        }
        // Nothing is reserved any more if close_now took the item away.
        queue.reserved.set(queue.reserved.get().saturating_sub(1));
        Poll::Ready(queue.claim().ok_or(Closed(())))
    }
}

/// The future of [`Channel::take`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Take<'a, S: Store> {
    get: Get<'a, S>,
}

impl<'a, S: Store> Future for Take<'a, S> {
    type Output = Result<Taken<'a, S>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let queue = self.get.wait.owner();
        let item = ready!(Pin::new(&mut self.get).poll(cx))?;
        Poll::Ready(Ok(Taken {
            item,
            done: Done { queue },
        }))
    }
}

/// An item with the duty to say when its work is done: dropping it says so.
#[must_use = "dropping it says that the work is done; bind it while you work"]
pub struct Taken<'a, S: Store> {
    // Dropped in this order: the item is gone before those who join are woken.
    item: S::Item,
    done: Done<'a, S>,
}

impl<S: Store> Taken<'_, S> {
    /// Takes the item and says that the work is done.
    pub fn into_inner(self) -> S::Item {
        let Taken { item, done } = self;
        drop(done);
        item
    }
}

impl<S: Store> Deref for Taken<'_, S> {
    type Target = S::Item;

    fn deref(&self) -> &S::Item {
        &self.item
    }
}

impl<S: Store> DerefMut for Taken<'_, S> {
    fn deref_mut(&mut self) -> &mut S::Item {
        &mut self.item
    }
}

/// The part of a [`Taken`] that counts.
struct Done<'a, S: Store> {
    queue: &'a Channel<S>,
}

impl<S: Store> Drop for Done<'_, S> {
    fn drop(&mut self) {
        // Somebody who also called task_done by hand has counted this item already.
        let _ = self.queue.task_done();
    }
}

/// The future of [`Channel::join`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Join<'a, S: Store> {
    wait: Wait<'a, Channel<S>>,
}

impl<S: Store> Future for Join<'_, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.wait.is_new() && self.wait.owner().unfinished.get() == 0 {
            self.wait.skip();
            return Poll::Ready(());
        }
        Pin::new(&mut self.wait).poll(cx).map(drop)
    }
}

/// The stream of [`Channel::stream`].
#[must_use = "streams do nothing unless you poll them"]
pub struct Items<'a, S: Store> {
    get: Get<'a, S>,
    queue: &'a Channel<S>,
}

impl<S: Store> Stream for Items<'_, S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let item = ready!(Pin::new(&mut self.get).poll(cx)).ok();
        let wait = self
            .queue
            .getters
            .wait_at(self.queue, ITEM, self.get.wait.at());
        self.get = Get { wait };
        Poll::Ready(item)
    }
}

macro_rules! debug_as_wait {
    ($($name:ident . $($field:ident).+;)+) => {$(
        impl<S: Store> fmt::Debug for $name<'_, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("wait", &self.$($field).+).finish()
            }
        }
    )+};
}

debug_as_wait! {
    Put.wait;
    Get.wait;
    Take.get.wait;
    Join.wait;
    Items.get.wait;
}

impl<S: Store<Item: fmt::Debug>> fmt::Debug for Taken<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.done;
        f.debug_tuple("Taken").field(&self.item).finish()
    }
}

/// The queue is closed. A refused item comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()>(pub T);

/// Why [`Channel::try_put`] put nothing; the item comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// There is no room that belongs to nobody.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

/// Why [`Channel::try_get`] got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryGetError {
    /// There is no item that belongs to nobody.
    Empty,
    /// The queue is closed and empty.
    Closed,
}

/// [`Channel::task_done`] was called more often than items were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverDone(());

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("queue is closed")
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "queue is full; await put to wait for room",
            TryPutError::Closed(_) => "queue is closed",
        })
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::Closed(_) => "Closed(..)",
        })
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Empty => "queue is empty; await get to wait for an item",
            TryGetError::Closed => "queue is closed and empty",
        })
    }
}

impl fmt::Display for OverDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done called more often than items were put; call it once per get")
    }
}

impl<T> std::error::Error for Closed<T> {}
impl<T> std::error::Error for TryPutError<T> {}
impl std::error::Error for TryGetError {}
impl std::error::Error for OverDone {}
