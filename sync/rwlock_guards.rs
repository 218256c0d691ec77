//! The futures and the guards of an [`RwLock`]. A guard is `{ value, token }` in this order, with no
//! drop of its own.

use std::cell::{Ref, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::raw_rwlock::{READ, RawRwLock, WRITE};
use super::rwlock::RwLock;
use crate::runtime::Wait;

/// The future of [`RwLock::read`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct RwLockRead<'a, T: ?Sized> {
    pub(super) lock: &'a RwLock<T>,
    pub(super) wait: Wait<'a, RawRwLock>,
}

impl<'a, T: ?Sized> Future for RwLockRead<'a, T> {
    type Output = RwLockReadGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (raw, at) = (&self.lock.raw, self.wait.at());
        if !self.wait.skip_if(|raw| raw.try_read(at)) {
            let polled = Pin::new(&mut self.wait).poll(cx);
            ready!(raw.note_wait(READ, at, polled));
        }
        Poll::Ready(self.lock.read_guard())
    }
}

/// The future of [`RwLock::write`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct RwLockWrite<'a, T: ?Sized> {
    pub(super) lock: &'a RwLock<T>,
    pub(super) wait: Wait<'a, RawRwLock>,
}

impl<'a, T: ?Sized> Future for RwLockWrite<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (raw, at) = (&self.lock.raw, self.wait.at());
        if !self.wait.skip_if(|raw| raw.try_write(at)) {
            let polled = Pin::new(&mut self.wait).poll(cx);
            ready!(raw.note_wait(WRITE, at, polled));
        }
        Poll::Ready(self.lock.write_guard())
    }
}

macro_rules! debug_as_wait {
    ($($name:ident)+) => {$(
        impl<T: ?Sized> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("wait", &self.wait).finish()
            }
        }
    )+};
}

debug_as_wait!(RwLockRead RwLockWrite);

/// Gives read access to the value of a [`RwLock`]; dropping it ends the reading.
#[must_use = "a guard that is dropped at once releases the lock at once; bind it with `let guard =`"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Dropped in this order: the borrow ends before the release wakes a task (rule R4).
    pub(super) value: Ref<'a, T>,
    pub(super) token: Reading<'a>,
}

/// Gives access to the value of a [`RwLock`]; dropping it releases the lock.
#[must_use = "a guard that is dropped at once releases the lock at once; bind it with `let guard =`"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    // Dropped in this order: the borrow ends before the release wakes a task (rule R4).
    pub(super) value: RefMut<'a, T>,
    pub(super) token: Writing<'a>,
    pub(super) lock: &'a RwLock<T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Turns the guard into one that reads; no writer gets in between, readers at the head do.
    ///
    /// # Examples
    ///
    /// ```
    /// use turnwise::sync::RwLock;
    ///
    /// let lock = RwLock::new(0);
    /// let mut guard = lock.try_write().unwrap();
    /// *guard += 1;
    /// let guard = guard.downgrade();
    /// assert_eq!(*lock.try_read().unwrap(), *guard);
    /// ```
    #[track_caller]
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { value, token, lock } = self;
        drop(value);
        lock.raw.reads_as_well(Location::caller());
        let guard = lock.read_guard();
        drop(token);
        guard
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// The part of a read guard that releases.
pub(super) struct Reading<'a> {
    pub(super) raw: &'a RawRwLock,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.raw.end_read();
    }
}

/// The part of a write guard that releases.
pub(super) struct Writing<'a> {
    pub(super) raw: &'a RawRwLock,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.raw.end_write();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.token;
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
