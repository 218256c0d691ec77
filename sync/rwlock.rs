//! Many readers or one writer, across await points.
//!
//! ```text
//!              read                         write
//!   reading ◀──────────────── free ────────────────────▶ writing
//!   (n ≥ 1) ────────────────▶      ◀────────────────────
//!      ▲       last reader leaves       writer leaves       │
//!      └──────────────────── downgrade ─────────────────────┘
//! ```
//!
//! Whenever the state or the line changes, every waiter at the head of the line that fits is let in, so
//! the readers between two writers come in as one batch, and a waiting writer that is dropped lets
//! in the readers it held back.
//!
//! Two policies. *FIFO*: one line; no task starves. *Prefer writers*: writers have a line of their
//! own that goes first, and new readers wait while it is not empty; a steady stream of writers
//! starves the readers.
//!
//! The counts, and which waiters they let in, are in `raw_rwlock.rs`; the guards that borrow in `rwlock_guards.rs`, those that own
//! in `rwlock_owned.rs`.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;

use super::raw_rwlock::{READ, RawRwLock, WRITE};
use super::rwlock_guards::{
    Reading, RwLockRead, RwLockReadGuard, RwLockWrite, RwLockWriteGuard, Writing,
};

/// A value that many tasks may read or one may write, across await points.
///
/// asyncio counterpart: none; its programs build one from a `Condition`, with writers first. That is
/// [`prefer_writers`](RwLock::prefer_writers) here; a cancelled waiter leaves nothing behind.
///
/// # Fairness
///
/// [`new`](RwLock::new): strictly first come, first served; neighbouring readers go together.
///
/// # Examples
///
/// ```
/// use turnwise::sync::RwLock;
///
/// let config = RwLock::new(1);
/// turnwise::block_on(async {
///     let (a, b) = (config.read().await, config.read().await);
///     assert_eq!((*a, *b, config.readers()), (1, 1, 2));
///     drop((a, b));
///     *config.write().await = 2;
/// });
/// assert_eq!(config.into_inner(), 2);
/// ```
#[doc(alias = "ReadWriteLock")]
pub struct RwLock<T: ?Sized> {
    pub(super) raw: RawRwLock,
    pub(super) value: RefCell<T>,
}

impl<T> RwLock<T> {
    /// Creates a free lock that serves readers and writers first come, first served.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        RwLock {
            raw: RawRwLock::new(false),
            value: RefCell::new(value),
        }
    }

    /// Creates a free lock on which new readers wait while any writer waits.
    ///
    /// # Fairness
    ///
    /// First come, first served among writers and among readers; writers go first and can starve
    /// readers.
    #[track_caller]
    pub const fn prefer_writers(value: T) -> Self {
        RwLock {
            raw: RawRwLock::new(true),
            value: RefCell::new(value),
        }
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no writer is in the way, and returns a guard to read with.
    ///
    /// A task that holds a read guard and asks for another deadlocks with a writer that waits in
    /// between.
    ///
    /// # Fairness
    ///
    /// First come, first served, counted from the first poll, under the lock's policy.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped read passes a grant on; a new one queues at the tail.
    #[track_caller]
    pub fn read(&self) -> RwLockRead<'_, T> {
        let wait = self.raw.queue.wait(&self.raw, READ);
        RwLockRead { lock: self, wait }
    }

    /// Waits until no other task is in the way, and returns a guard to read and write with.
    ///
    /// # Fairness
    ///
    /// First come, first served, counted from the first poll, under the lock's policy.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped write passes a grant on and lets in the tasks that it held back.
    #[track_caller]
    pub fn write(&self) -> RwLockWrite<'_, T> {
        let wait = self.raw.line_of_writers().wait(&self.raw, WRITE);
        RwLockWrite { lock: self, wait }
    }

    /// Takes a read guard if no writer holds the lock and no task waits that this would overtake.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        let taken = self.raw.try_read(Location::caller());
        taken.then(|| self.read_guard())
    }

    /// Takes a write guard if the lock is free.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        let taken = self.raw.try_write(Location::caller());
        taken.then(|| self.write_guard())
    }

    /// Whether a task holds the lock, or has been granted it.
    pub fn is_locked(&self) -> bool {
        self.is_write_locked() || self.readers() > 0
    }

    /// Whether a writer holds the lock, or has been granted it.
    pub fn is_write_locked(&self) -> bool {
        self.raw.writing.get()
    }

    /// Number of readers that hold the lock, or have been granted it.
    pub fn readers(&self) -> usize {
        self.raw.readers.get()
    }

    /// The value, without locking: no guard can exist.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    pub(super) fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard {
            value: self.value.borrow(),
            token: Reading { raw: &self.raw },
        }
    }

    pub(super) fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard {
            value: self.value.borrow_mut(),
            token: Writing { raw: &self.raw },
            lock: self,
        }
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock")
            .field("readers", &self.readers())
            .field("writing", &self.is_write_locked())
            .field("waiters", &self.raw.waiters())
            .finish()
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}
