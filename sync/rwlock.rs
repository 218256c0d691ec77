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
//! # Invariants
//!
//! - **Fit**: while a task waits, the next in line does not fit.
//! - **Granted counts**: a reader or writer that was let in counts as such before it runs.
//!
//! # Implementation
//!
//! Two counters and two wait queues, the second unused under FIFO. Every verb is O(1), plus O(1) for
//! each waiter let in; nothing allocates. Guards are `{ value, token }`, as those of a `Lock`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;

use super::rwlock_guards::{
    Reading, RwLockRead, RwLockReadGuard, RwLockWrite, RwLockWriteGuard, Writing,
};
use crate::runtime::{Description, Left, Owner, WaitQueue};

const READ: usize = 0;
const WRITE: usize = 1;

const DESCRIPTION: Description = Description::PLAIN.asking(asks).holding(WRITE);

fn asks(ask: usize) -> Cow<'static, str> {
    Cow::Borrowed(match ask {
        READ => "read access to",
        _ => "write access to",
    })
}

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
    value: RefCell<T>,
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

/// The lock without its value.
pub(super) struct RawRwLock {
    pub(super) readers: Cell<usize>,
    writing: Cell<bool>,
    /// Where a task came to read last.
    last: Cell<&'static Location<'static>>,
    prefer_writers: bool,
    /// Readers, and under FIFO writers too.
    pub(super) queue: WaitQueue,
    /// Writers, if they are preferred.
    pub(super) writers: WaitQueue,
}

impl RawRwLock {
    #[track_caller]
    const fn new(prefer_writers: bool) -> Self {
        RawRwLock {
            readers: Cell::new(0),
            writing: Cell::new(false),
            last: Cell::new(Location::caller()),
            prefer_writers,
            queue: WaitQueue::new("rwlock").described(&DESCRIPTION),
            writers: WaitQueue::new("rwlock").described(&DESCRIPTION),
        }
    }

    fn line_of_writers(&self) -> &WaitQueue {
        match self.prefer_writers {
            true => &self.writers,
            false => &self.queue,
        }
    }

    fn waiters(&self) -> usize {
        self.queue.len() + self.writers.len()
    }

    /// Asserts the invariant *Fit*.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let (readers, writing) = (self.readers.get(), self.writing.get());
        assert!(readers == 0 || !writing);
        let next = self.writers.head().or(self.queue.head());
        assert!(match next {
            Some(READ) => writing,
            Some(_) => writing || readers > 0,
            None => true,
        });
    }

    fn nobody_waits(&self) -> bool {
        self.queue.is_empty() && self.writers.is_empty()
    }

    #[inline]
    pub(super) fn try_read(&self, at: &'static Location<'static>) -> bool {
        let fits = !self.writing.get() && self.nobody_waits();
        if fits {
            self.readers.set(self.readers.get() + 1);
            self.last.set(at);
        }
        fits
    }

    #[inline]
    pub(super) fn try_write(&self, at: &'static Location<'static>) -> bool {
        let fits = !self.writing.get() && self.readers.get() == 0 && self.nobody_waits();
        if fits {
            self.writing.set(true);
            self.queue.hold_free(at);
            self.writers.hold_free(at);
        }
        fits
    }

    /// Remembers where a task that waited came to read, for reports.
    pub(super) fn reads(&self, at: &'static Location<'static>) {
        if !std::ptr::eq(self.last.replace(at), at) {
            self.tell();
        }
    }

    /// Notes for reports which task reads, when another comes to wait.
    pub(super) fn tell_first(&self) {
        if self.queue.len() == 1 || self.writers.len() == 1 {
            self.tell();
        }
    }

    /// Notes for reports which task reads; see [`WaitQueue::tell`].
    pub(super) fn tell(&self) {
        let (count, last) = (self.readers.get(), Some(self.last.get()));
        self.queue.tell("readers", count, last);
        self.writers.tell("readers", count, last);
        if self.prefer_writers {
            self.queue.stands_beside(&self.writers);
        }
    }

    /// Remembers where a task that waited came to write, for reports on the other line.
    pub(super) fn writes(&self, at: &'static Location<'static>) {
        if self.prefer_writers {
            self.queue.hold(at);
        }
    }

    #[inline]
    pub(super) fn end_read(&self) {
        self.readers.set(self.readers.get().saturating_sub(1));
        self.let_in();
    }

    #[inline]
    pub(super) fn end_write(&self) {
        self.writing.set(false);
        self.queue.let_go();
        self.writers.let_go();
        self.let_in();
    }

    #[inline]
    fn let_in(&self) {
        if !self.nobody_waits() {
            self.let_in_those_who_fit();
        }
    }

    #[inline(never)]
    fn let_in_those_who_fit(&self) {
        self.let_in_heads();
        self.tell();
    }

    fn let_in_heads(&self) {
        while !self.writing.get() {
            let line = match self.writers.is_empty() {
                true => &self.queue,
                false => &self.writers,
            };
            let let_in = line.grant_head_if(|ask| {
                match ask {
                    READ => self.readers.set(self.readers.get() + 1),
                    _ if self.readers.get() == 0 => self.writing.set(true),
                    _ => return None,
                }
                Some(ask)
            });
            if !let_in {
                return;
            }
        }
    }
}

impl Owner for RawRwLock {
    fn left(&self, left: Left) {
        match left {
            Left::Granted(READ) => self.end_read(),
            Left::Granted(_) => self.end_write(),
            // It may have been a writer that held back readers.
            Left::Waiting(_) => self.let_in(),
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
