//! Which readers and writers are let in: a lock for both without its value.
//!
//! # Invariants
//!
//! - **Fit**: while a task waits, the next in line does not fit.
//! - **Granted counts**: a reader or writer that was let in counts as such before it runs.
//!
//! # Implementation
//!
//! Two counters and two wait queues, the second unused under FIFO. Every verb is O(1), plus O(1) for
//! each waiter let in; nothing allocates.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::Location;
use std::task::Poll;

use crate::runtime::{Description, Left, Owner, WaitQueue};

pub(super) const READ: usize = 0;
pub(super) const WRITE: usize = 1;

const DESCRIPTION: Description = Description::PLAIN.asking(asks).holding(WRITE);

fn asks(ask: usize) -> Cow<'static, str> {
    Cow::Borrowed(match ask {
        READ => "read access to",
        _ => "write access to",
    })
}

/// The lock without its value.
pub(super) struct RawRwLock {
    pub(super) readers: Cell<usize>,
    pub(super) writing: Cell<bool>,
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
    pub(super) const fn new(prefer_writers: bool) -> Self {
        RawRwLock {
            readers: Cell::new(0),
            writing: Cell::new(false),
            last: Cell::new(Location::caller()),
            prefer_writers,
            queue: WaitQueue::new("rwlock").described(&DESCRIPTION),
            writers: WaitQueue::new("rwlock").described(&DESCRIPTION),
        }
    }

    pub(super) fn line_of_writers(&self) -> &WaitQueue {
        match self.prefer_writers {
            true => &self.writers,
            false => &self.queue,
        }
    }

    pub(super) fn waiters(&self) -> usize {
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

    /// What `try_read` and `try_write` do, by the ask.
    #[inline]
    pub(super) fn try_hold(&self, ask: usize, at: &'static Location<'static>) -> bool {
        match ask {
            READ => self.try_read(at),
            _ => self.try_write(at),
        }
    }

    /// Notes for reports how a wait stands after its poll: the first of a line, or over.
    pub(super) fn note_wait(
        &self,
        ask: usize,
        at: &'static Location<'static>,
        polled: Poll<usize>,
    ) -> Poll<()> {
        match (polled, ask) {
            (Poll::Pending, _) => {
                self.tell_first();
                return Poll::Pending;
            }
            (_, READ) => self.reads(at),
            _ => self.writes(at),
        }
        Poll::Ready(())
    }

    /// Lets the writer read as well, so that the lock is never free while it turns into a reader.
    pub(super) fn reads_as_well(&self, at: &'static Location<'static>) {
        self.readers.set(1);
        self.reads(at);
    }

    /// Remembers where a task that waited came to read, for reports.
    fn reads(&self, at: &'static Location<'static>) {
        if !std::ptr::eq(self.last.replace(at), at) {
            self.tell();
        }
    }

    /// Notes for reports which task reads, when another comes to wait.
    fn tell_first(&self) {
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
    fn writes(&self, at: &'static Location<'static>) {
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
