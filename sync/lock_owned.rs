//! A guard of a lock that owns its way to the lock, and so can move into a task.
//!
//! # Implementation
//!
//! A guard that borrows keeps the value borrowed for as long as it lives. One that owns cannot: it would borrow from
//! itself. It borrows the value for each use. That does not fail, since it holds the lock,
//! unless a reference that it lent was forgotten.

use std::cell::{Ref, RefMut};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::lock::{HOLD, Lock};
use crate::runtime::{Left, WaitNode};

impl<T: ?Sized> Lock<T> {
    /// As [`acquire`](Lock::acquire), with a guard that does not borrow: it can be moved into a task, or kept beside
    /// the lock.
    ///
    /// # Fairness
    ///
    /// In one line with [`acquire`](Lock::acquire), first come, first served.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped acquire passes a grant on; a new one queues at the tail.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use turnwise::sync::Lock;
    ///
    /// turnwise::block_on(async {
    ///     let log = Rc::new(Lock::new(Vec::new()));
    ///     let mut guard = log.acquire_owned().await;
    ///     turnwise::spawn(async move { guard.borrow_mut().push(1) });
    ///     assert_eq!(*log.acquire().await, [1]);
    /// });
    /// ```
    #[track_caller]
    #[doc(alias = "lock_owned")]
    pub fn acquire_owned(self: &Rc<Self>) -> LockAcquireOwned<T> {
        LockAcquireOwned {
            lock: self.clone(),
            node: WaitNode::new(HOLD, Location::caller()),
        }
    }

    /// As [`try_acquire`](Lock::try_acquire), with a guard that does not borrow.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    #[doc(alias = "try_lock_owned")]
    pub fn try_acquire_owned(self: &Rc<Self>) -> Option<OwnedLockGuard<T>> {
        let taken = self.queue.try_hold(Location::caller());
        taken.then(|| OwnedLockGuard { lock: self.clone() })
    }
}

/// The future of [`Lock::acquire_owned`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct LockAcquireOwned<T: ?Sized> {
    lock: Rc<Lock<T>>,
    node: WaitNode,
}

impl<T: ?Sized> Future for LockAcquireOwned<T> {
    type Output = OwnedLockGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let LockAcquireOwned { lock, node } = &mut *self;
        let at = node.at();
        if !node.skip_if(|| lock.queue.try_hold(at)) {
            ready!(node.poll(&lock.queue, cx));
        }
        Poll::Ready(OwnedLockGuard { lock: lock.clone() })
    }
}

impl<T: ?Sized> Drop for LockAcquireOwned<T> {
    fn drop(&mut self) {
        if let Some(Left::Granted(_)) = self.node.leave(&self.lock.queue) {
            self.lock.queue.hand_over();
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockAcquireOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockAcquireOwned")
            .field("queued", &self.node.is_queued())
            .finish()
    }
}

/// Gives access to the value of a [`Lock`] that it shares; dropping it releases the lock.
#[must_use = "a guard that is dropped at once releases the lock at once; bind it with `let guard =`"]
pub struct OwnedLockGuard<T: ?Sized> {
    lock: Rc<Lock<T>>,
}

impl<T: ?Sized> OwnedLockGuard<T> {
    /// The value, for reading.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.lock.value.borrow()
    }

    /// The value.
    pub fn borrow_mut(&mut self) -> RefMut<'_, T> {
        self.lock.value.borrow_mut()
    }

    /// The lock this guard belongs to.
    pub fn lock(&self) -> &Rc<Lock<T>> {
        &self.lock
    }
}

impl<T: ?Sized> Drop for OwnedLockGuard<T> {
    fn drop(&mut self) {
        self.lock.queue.hand_over();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.borrow(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::spy::{Spy, now, poll};
    use super::*;

    #[test]
    fn owned_and_borrowed_stand_in_one_line() {
        let lock = Rc::new(Lock::new(0));
        let held = lock.try_acquire_owned();
        let (mut borrowed, mut owned) = (lock.acquire(), lock.acquire_owned());
        assert!(poll(&mut borrowed).is_pending() && poll(&mut owned).is_pending());
        drop(held);
        assert!(lock.is_locked() && lock.try_acquire_owned().is_none());
        drop(now(&mut borrowed));
        *now(&mut owned).borrow_mut() += 1;
        assert!(!lock.is_locked());
        assert_eq!(*lock.try_acquire().unwrap(), 1);
    }

    #[test]
    fn dropped_after_grant_passes_it_on() {
        let lock = Rc::new(Lock::new(0));
        let held = lock.try_acquire_owned();
        let (mut first, mut second) = (lock.acquire_owned(), lock.acquire_owned());
        let spy = Spy::new();
        assert!(poll(&mut first).is_pending() && spy.poll(&mut second).is_pending());
        drop(held);
        drop(first);
        assert_eq!(spy.wakes(), 1);
        drop(now(&mut second));
        assert!(!lock.is_locked());
    }
}
