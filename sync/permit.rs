//! What both semaphores share: the count, the line in front of it, and the permits in hand.
//!
//! ```text
//!   available ──(1) acquire──▶ in hand ──(2) drop──▶ available
//!                                │
//!                                └──(3) forget──▶ gone: the total is smaller
//! ```
//!
//! Returned permits go to the head of the line while it fits, then to the next (rule R1: a big ask
//! at the head holds back the small ones behind it, and is never served in parts).
//!
//! # Invariants
//!
//! - **Total**: `total` = available + granted + in hand. It changes only by adding and forgetting,
//!   so that returning a permit cannot overflow.
//! - **Head**: while a task waits, the head asks for more than is available.
//!
//! # Implementation
//!
//! Two counters and a wait queue. Acquiring and returning are O(1), plus O(1) for each waiter let
//! in; nothing allocates. A permit reaches its semaphore by a borrow or by an `Rc`; both are one
//! type, so that every verb exists once.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::runtime::{Description, Left, WaitNode, WaitQueue};

/// Permits of a [`Semaphore`](super::Semaphore) or a
/// [`BoundedSemaphore`](super::BoundedSemaphore); dropping them gives them back.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Semaphore;
///
/// let semaphore = Semaphore::new(3);
/// let mut permit = semaphore.try_acquire_many(3).unwrap();
/// drop(permit.split(2));
/// assert_eq!((permit.num_permits(), semaphore.available()), (1, 2));
/// ```
#[must_use = "a permit that is dropped at once is given back at once; bind it with `let permit =`"]
#[doc(alias = "SemaphorePermit")]
pub struct Permit<'a> {
    from: Reach<'a>,
    permits: usize,
}

/// A [`Permit`] that keeps its semaphore alive, to move into a spawned task.
#[doc(alias = "OwnedSemaphorePermit")]
pub type OwnedPermit = Permit<'static>;

impl<'a> Permit<'a> {
    /// Number of permits in hand.
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// Takes the permits out of circulation for good.
    ///
    /// [`Semaphore::add_permits`](super::Semaphore::add_permits) and
    /// [`BoundedSemaphore::release`](super::BoundedSemaphore::release) make up for them.
    pub fn forget(mut self) {
        let permits = std::mem::take(&mut self.permits);
        self.from.total.set(self.from.total.get() - permits);
        self.from.tell();
    }

    /// Splits `permits` off, or returns `None` if there are fewer than that.
    #[must_use = "what is split off is given back at once unless you bind it"]
    pub fn split(&mut self, permits: usize) -> Option<Permit<'a>> {
        self.permits = self.permits.checked_sub(permits)?;
        let from = self.from.clone();
        Some(Permit { from, permits })
    }

    /// Adds the permits of `other` to these.
    ///
    /// # Panics
    ///
    /// If the two come from different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Permit<'a>) {
        assert!(
            std::ptr::eq(&*self.from, &*other.from),
            "permits of different semaphores were merged; keep them apart"
        );
        self.permits += std::mem::take(&mut other.permits);
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.from.give(self.permits);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("permits", &self.permits)
            .finish()
    }
}

/// The future of the acquiring methods of both semaphores.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct SemaphoreAcquire<'a> {
    from: Reach<'a>,
    node: WaitNode,
}

impl<'a> SemaphoreAcquire<'a> {
    #[track_caller]
    pub(super) fn new(from: Reach<'a>, permits: usize) -> Self {
        let node = WaitNode::new(permits, Location::caller());
        SemaphoreAcquire { from, node }
    }
}

impl<'a> Future for SemaphoreAcquire<'a> {
    type Output = Permit<'a>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<'a>> {
        let this = &mut *self;
        let permits = this.node.ask();
        let at = this.node.at();
        if !this.node.skip_if(|| this.from.try_take(permits, at)) {
            if this.node.poll(&this.from.queue, cx).is_pending() {
                this.from.tell_first();
                return Poll::Pending;
            }
            this.from.took(at);
        }
        let from = this.from.clone();
        Poll::Ready(Permit { from, permits })
    }
}

impl Drop for SemaphoreAcquire<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.node.leave(&self.from.queue) {
            Some(Left::Granted(permits)) => self.from.give(permits),
            // It may have been a big ask that held back small ones.
            Some(_) => self.from.let_in(self.from.available()),
            None => {}
        }
    }
}

impl fmt::Debug for SemaphoreAcquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphoreAcquire")
            .field("permits", &self.node.ask())
            .field("queued", &self.node.is_queued())
            .finish()
    }
}

/// A semaphore without a policy on its total.
pub(super) struct RawSemaphore {
    available: Cell<usize>,
    total: Cell<usize>,
    /// Where permits were taken last.
    last: Cell<&'static Location<'static>>,
    pub(super) queue: WaitQueue,
}

impl RawSemaphore {
    #[track_caller]
    pub(super) const fn new(kind: &'static str, permits: usize) -> Self {
        RawSemaphore {
            available: Cell::new(permits),
            total: Cell::new(permits),
            last: Cell::new(Location::caller()),
            queue: WaitQueue::new(kind).described(&DESCRIPTION),
        }
    }

    pub(super) fn available(&self) -> usize {
        self.available.get()
    }

    pub(super) fn total(&self) -> usize {
        self.total.get()
    }

    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    #[track_caller]
    pub(super) fn try_acquire(&self, permits: usize) -> Option<Permit<'_>> {
        let taken = self.try_take(permits, Location::caller());
        taken.then(|| Permit {
            from: Reach::Borrowed(self),
            permits,
        })
    }

    /// Puts new permits into circulation, unless their number would overflow.
    pub(super) fn add(&self, permits: usize) -> bool {
        let Some(total) = self.total.get().checked_add(permits) else {
            return false;
        };
        self.total.set(total);
        self.give(permits);
        self.tell();
        true
    }

    /// Asserts the invariant *Head*, and *Total* with so many permits in hand or granted.
    #[cfg(test)]
    pub(super) fn check(&self, out: usize) {
        assert!(self.queue.head().is_none_or(|ask| ask > self.available()));
        assert_eq!(self.available() + out, self.total());
    }

    /// Takes permits if they are free and no task waits (rule R1); none at all are always free.
    #[inline]
    fn try_take(&self, permits: usize, at: &'static Location<'static>) -> bool {
        let available = self.available.get();
        let fits = permits == 0 || (available >= permits && self.queue.is_empty());
        if fits {
            self.available.set(available - permits);
            self.last.set(at);
        }
        fits
    }

    /// Takes permits back and hands them on.
    #[inline]
    fn give(&self, permits: usize) {
        let before = self.available.get();
        self.available.set(before + permits);
        if !self.queue.is_empty() {
            self.let_in(before);
        }
    }

    /// Grants heads while they fit. Reports know of `before` that were available.
    #[inline(never)]
    fn let_in(&self, before: usize) {
        let take = |ask| {
            let rest = self.available.get().checked_sub(ask)?;
            self.available.set(rest);
            Some(ask)
        };
        // No task waits for no permits: none are left to give once there are none.
        while self.available.get() > 0 && self.queue.grant_head_if(take) {}
        if self.available.get() != before {
            self.tell();
        }
    }

    /// Remembers where a task that waited took permits, for reports.
    fn took(&self, at: &'static Location<'static>) {
        let before = self.last.replace(at);
        if !self.queue.is_empty() && !std::ptr::eq(before, at) {
            self.tell();
        }
    }

    /// Notes for reports how it stands when a task comes to wait.
    #[inline]
    fn tell_first(&self) {
        if self.queue.len() == 1 {
            self.tell();
        }
    }

    fn tell(&self) {
        self.queue.tell(
            "permits in hand",
            self.total.get().saturating_sub(self.available.get()),
            Some(self.last.get()),
        );
    }
}

const DESCRIPTION: Description = Description::PLAIN.asking(asks);

fn asks(permits: usize) -> Cow<'static, str> {
    match permits {
        1 => Cow::Borrowed("a permit of"),
        _ => Cow::Owned(format!("{permits} permits of")),
    }
}

/// A semaphore that can be reached through an `Rc`.
pub(super) trait Counted {
    fn raw(&self) -> &RawSemaphore;
}

/// How a permit finds its semaphore.
#[derive(Clone)]
pub(super) enum Reach<'a> {
    Borrowed(&'a RawSemaphore),
    Shared(Rc<dyn Counted>),
}

impl Reach<'static> {
    #[track_caller]
    pub(super) fn try_acquire_owned(self, permits: usize) -> Option<OwnedPermit> {
        let taken = self.try_take(permits, Location::caller());
        taken.then(|| Permit {
            from: self,
            permits,
        })
    }
}

impl Deref for Reach<'_> {
    type Target = RawSemaphore;

    #[inline]
    fn deref(&self) -> &RawSemaphore {
        match self {
            Reach::Borrowed(raw) => raw,
            Reach::Shared(semaphore) => semaphore.raw(),
        }
    }
}
