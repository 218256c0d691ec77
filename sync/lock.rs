//! Mutual exclusion across await points.
//!
//! ```text
//!   free ──(1) acquire──▶ held ──(2) release, none waits ───▶ free
//!                          │ ▲
//!                          └─┘ (3) release, a task waits: the head holds it from now on
//! ```
//!
//! A lock is free only while no task waits for it, so the fast path is one test, and a newcomer
//! cannot get in between a release and the waiter it woke.
//!
//! # Implementation
//!
//! Acquiring a free lock and releasing an uncontended one touch a few words; nothing allocates.
//! A guard is `{ value, token }` in this order, so that the borrow of the value ends before the release wakes a task.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::runtime::{Description, Left, WaitNode, WaitQueue};

/// A value that one task at a time may use, across await points.
///
/// asyncio counterpart: `asyncio.Lock`. Differences: it owns the value it protects; releasing is
/// dropping the guard.
///
/// Code between two awaits is never interrupted, so a value that is not held across an await needs
/// a `Cell` or `RefCell`, not a lock.
///
/// # Fairness
///
/// Strictly first come, first served. A released lock belongs to the head waiter at once.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Lock;
///
/// let lock = Lock::new(1);
/// turnwise::block_on(async {
///     let mut value = lock.acquire().await;
///     turnwise::yield_now().await;
///     *value += 1;
/// });
/// assert_eq!(lock.into_inner(), 2);
/// ```
#[doc(alias = "Mutex")]
pub struct Lock<T: ?Sized> {
    /// It names a holder while the lock is locked.
    pub(super) queue: WaitQueue,
    pub(super) value: RefCell<T>,
}

/// Holds for no type: what a call of `lock` needs, so that the compiler says the name that it has here.
#[diagnostic::on_unimplemented(
    message = "a `Lock` has no `lock` and no `try_lock`",
    label = "write `acquire().await`, or `try_acquire()`, which does not wait"
)]
pub trait CalledAcquire {}

/// What a waiter asks for: to hold the lock.
pub(super) const HOLD: usize = 1;

const DESCRIPTION: Description = Description::PLAIN.holding(HOLD);

impl<T> Lock<T> {
    /// Creates a free lock.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Lock {
            queue: WaitQueue::new("lock").described(&DESCRIPTION),
            value: RefCell::new(value),
        }
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits until the lock is this task's, and returns a guard that releases it when dropped.
    ///
    /// # Fairness
    ///
    /// Strictly first come, first served, counted from the first poll.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped acquire passes a grant on; a new one queues at the tail.
    #[track_caller]
    #[doc(alias = "lock")]
    pub fn acquire(&self) -> LockAcquire<'_, T> {
        self.acquire_at(Location::caller())
    }

    /// As [`acquire`](Lock::acquire), on behalf of another line.
    fn acquire_at(&self, at: &'static Location<'static>) -> LockAcquire<'_, T> {
        LockAcquire {
            lock: self,
            node: WaitNode::new(HOLD, at),
        }
    }

    /// Takes the lock if it is free, which it never is while a task waits for it.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    #[doc(alias = "try_lock")]
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        self.queue
            .try_hold(Location::caller())
            .then(|| self.guard())
    }

    /// Refused at each call, with the name of the method: [`acquire`](Lock::acquire).
    ///
    /// # Cancel safety
    ///
    /// That of `acquire`.
    #[doc(hidden)]
    #[track_caller]
    pub fn lock(&self) -> LockAcquire<'_, T>
    where
        T: CalledAcquire,
    {
        self.acquire()
    }

    /// Refused at each call, with the name of the method: [`try_acquire`](Lock::try_acquire).
    #[doc(hidden)]
    #[track_caller]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>>
    where
        T: CalledAcquire,
    {
        self.try_acquire()
    }

    /// Whether a task holds the lock, or has been granted it.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.queue.is_held()
    }

    /// The value, without locking: no guard can exist.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    fn guard(&self) -> LockGuard<'_, T> {
        LockGuard {
            value: self.value.borrow_mut(),
            token: Held { lock: self },
        }
    }
}

/// The future of [`Lock::acquire`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct LockAcquire<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    node: WaitNode,
}

impl<'a, T: ?Sized> LockAcquire<'a, T> {
    /// One that is over, until it is renewed.
    #[inline]
    pub(super) fn over(lock: &'a Lock<T>, at: &'static Location<'static>) -> Self {
        let acquire = lock.acquire_at(at);
        acquire.node.skip_if(|| true);
        acquire
    }

    pub(super) fn is_queued(&self) -> bool {
        self.node.is_queued()
    }

    /// Makes it fit for another acquire.
    pub(super) fn renew(&self) {
        self.node.renew();
    }
}

impl<'a, T: ?Sized> Future for LockAcquire<'a, T> {
    type Output = LockGuard<'a, T>;

    // Always: taking a free lock is a test and a few stores, less than a call.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let LockAcquire { lock, node } = &mut *self;
        let at = node.at();
        if !node.skip_if(|| lock.queue.try_hold(at)) {
            ready!(node.poll(&lock.queue, cx));
        }
        Poll::Ready(lock.guard())
    }
}

impl<T: ?Sized> Drop for LockAcquire<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(Left::Granted(_)) = self.node.leave(&self.lock.queue) {
            self.lock.queue.hand_over();
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockAcquire<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = self.is_queued();
        f.debug_struct("LockAcquire")
            .field("queued", &queued)
            .finish()
    }
}

/// Gives access to the value of a [`Lock`]; dropping it releases the lock.
#[must_use = "a guard that is dropped at once releases the lock at once; bind it with `let guard =`"]
pub struct LockGuard<'a, T: ?Sized> {
    // Dropped in this order: the borrow ends before the release wakes a task (rule R4).
    value: RefMut<'a, T>,
    token: Held<'a, T>,
}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// The lock this guard belongs to.
    pub(super) fn lock(&self) -> &'a Lock<T> {
        self.token.lock
    }
}

/// The part of a guard that releases.
struct Held<'a, T: ?Sized> {
    lock: &'a Lock<T>,
}

impl<T: ?Sized> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.queue.hand_over();
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("locked", &self.is_locked())
            .field("waiters", &self.queue.len())
            .finish()
    }
}

impl<T: Default> Default for Lock<T> {
    #[track_caller]
    fn default() -> Self {
        Lock::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Lock::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::spy::{Spy, now, poll};
    use super::*;

    #[test]
    fn a_released_lock_belongs_to_the_head_and_to_no_newcomer() {
        let lock = Lock::new(0);
        let held = lock.try_acquire();
        let (mut first, mut second) = (lock.acquire(), lock.acquire());
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        drop(held);
        assert!(lock.is_locked() && lock.try_acquire().is_none());
        assert!(poll(&mut lock.acquire()).is_pending());
        drop(now(&mut first));
        drop(now(&mut second));
        assert!(!lock.is_locked());
    }

    #[test]
    fn dropped_after_grant_passes_it_on() {
        let lock = Lock::new(0);
        let held = lock.try_acquire();
        let (mut first, mut second) = (lock.acquire(), lock.acquire());
        let spy = Spy::new();
        assert!(poll(&mut first).is_pending() && spy.poll(&mut second).is_pending());
        drop(held);
        drop(first);
        assert_eq!(spy.wakes(), 1);
        drop(now(&mut second));
        assert!(!lock.is_locked());
    }

    #[test]
    fn dropped_before_the_release_is_skipped() {
        let lock = Lock::new(0);
        let held = lock.try_acquire();
        let (mut first, mut second) = (lock.acquire(), lock.acquire());
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        drop(first);
        drop(held);
        *now(&mut second) += 1;
        assert_eq!(*now(&mut lock.acquire()), 1);
    }

    #[test]
    fn debug_prints_state_and_waiters() {
        let lock = Lock::new(0);
        let _held = lock.try_acquire();
        let mut waits = lock.acquire();
        assert!(poll(&mut waits).is_pending());
        assert_eq!(format!("{lock:?}"), "Lock { locked: true, waiters: 1 }");
    }
}
