//! A lock for readers and writers whose guards keep it alive, to move into a task.
//!
//! As those of `lock_owned.rs` they hold the lock alone, and lend the value for the time of each use.

use std::cell::{Ref, RefMut};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::raw_rwlock::{READ, WRITE};
use super::rwlock::RwLock;
use crate::runtime::{Owner as _, WaitNode, WaitQueue};

/// A [`RwLock`] that is held for reading, which keeps it alive; dropping it ends the reading.
#[must_use = "a guard that is dropped at once releases the lock at once; bind it with `let guard =`"]
pub struct OwnedRwLockReadGuard<T: ?Sized> {
    lock: Rc<RwLock<T>>,
}

/// A [`RwLock`] that is held for writing, which keeps it alive; dropping it releases the lock.
///
/// The value is borrowed for each use. Do not [forget](std::mem::forget) such a borrow: each later use of the lock
/// panics then.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use turnwise::sync::RwLock;
///
/// let lock = Rc::new(RwLock::new(1));
/// turnwise::block_on(async {
///     let mut writer = lock.write_owned().await;
///     *writer.borrow_mut() += 1;
///     let reader = writer.downgrade();
///     let task = turnwise::spawn(async move { *reader.borrow() });
///     assert_eq!(task.await.unwrap(), 2);
/// });
/// ```
#[must_use = "a guard that is dropped at once releases the lock at once; bind it with `let guard =`"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    lock: Rc<RwLock<T>>,
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.lock.value.borrow()
    }
}

impl<T: ?Sized> Drop for OwnedRwLockReadGuard<T> {
    fn drop(&mut self) {
        self.lock.raw.end_read();
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// The value, to read.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.lock.value.borrow()
    }

    /// The value, to read and write.
    pub fn borrow_mut(&mut self) -> RefMut<'_, T> {
        self.lock.value.borrow_mut()
    }

    /// Turns the guard into one that reads; no writer gets in between, readers at the head do.
    #[track_caller]
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        let lock = self.lock.clone();
        lock.raw.reads_as_well(Location::caller());
        drop(self);
        OwnedRwLockReadGuard { lock }
    }
}

impl<T: ?Sized> Drop for OwnedRwLockWriteGuard<T> {
    fn drop(&mut self) {
        self.lock.raw.end_write();
    }
}

impl<T: ?Sized> RwLock<T> {
    /// As [`read`](RwLock::read), with a guard that can move into a spawned task.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as `read`.
    #[track_caller]
    pub fn read_owned(self: &Rc<Self>) -> RwLockReadOwned<T> {
        let place = Place::new(self, READ, Location::caller());
        RwLockReadOwned { place }
    }

    /// As [`write`](RwLock::write), with a guard that can move into a spawned task.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as `write`.
    #[track_caller]
    pub fn write_owned(self: &Rc<Self>) -> RwLockWriteOwned<T> {
        let place = Place::new(self, WRITE, Location::caller());
        RwLockWriteOwned { place }
    }

    /// As [`try_read`](RwLock::try_read), with a guard that can move into a spawned task.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_read_owned(self: &Rc<Self>) -> Option<OwnedRwLockReadGuard<T>> {
        let taken = self.raw.try_read(Location::caller());
        taken.then(|| OwnedRwLockReadGuard { lock: self.clone() })
    }

    /// As [`try_write`](RwLock::try_write), with a guard that can move into a spawned task.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_write_owned(self: &Rc<Self>) -> Option<OwnedRwLockWriteGuard<T>> {
        let taken = self.raw.try_write(Location::caller());
        taken.then(|| OwnedRwLockWriteGuard { lock: self.clone() })
    }
}

/// A place in the line of a lock, which it keeps alive.
struct Place<T: ?Sized> {
    lock: Rc<RwLock<T>>,
    node: WaitNode,
}

impl<T: ?Sized> Place<T> {
    fn new(lock: &Rc<RwLock<T>>, ask: usize, at: &'static Location<'static>) -> Self {
        Place {
            lock: lock.clone(),
            node: WaitNode::new(ask, at),
        }
    }

    fn line(&self) -> &WaitQueue {
        match self.node.ask() {
            READ => &self.lock.raw.queue,
            _ => self.lock.raw.line_of_writers(),
        }
    }

    /// Ready once the lock is held as it was asked for.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Rc<RwLock<T>>> {
        let (raw, ask, at) = (&self.lock.raw, self.node.ask(), self.node.at());
        if !self.node.skip_if(|| raw.try_hold(ask, at)) {
            let polled = self.node.poll(self.line(), cx);
            ready!(raw.note_wait(ask, at, polled));
        }
        Poll::Ready(self.lock.clone())
    }
}

impl<T: ?Sized> Drop for Place<T> {
    fn drop(&mut self) {
        if let Some(left) = self.node.leave(self.line()) {
            self.lock.raw.left(left);
        }
    }
}

/// The future of [`RwLock::read_owned`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct RwLockReadOwned<T: ?Sized> {
    place: Place<T>,
}

/// The future of [`RwLock::write_owned`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct RwLockWriteOwned<T: ?Sized> {
    place: Place<T>,
}

impl<T: ?Sized> Future for RwLockReadOwned<T> {
    type Output = OwnedRwLockReadGuard<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let held = self.place.poll(cx);
        held.map(|lock| OwnedRwLockReadGuard { lock })
    }
}

impl<T: ?Sized> Future for RwLockWriteOwned<T> {
    type Output = OwnedRwLockWriteGuard<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let held = self.place.poll(cx);
        held.map(|lock| OwnedRwLockWriteGuard { lock })
    }
}

macro_rules! debug {
    ($($guard:ident $future:ident)+) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.borrow(), f)
            }
        }

        impl<T: ?Sized> fmt::Debug for $future<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).field("wait", &self.place.node).finish()
            }
        }
    )+};
}

debug!(OwnedRwLockReadGuard RwLockReadOwned OwnedRwLockWriteGuard RwLockWriteOwned);
