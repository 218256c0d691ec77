//! A FIFO of waiting tasks: the one place where a primitive queues, grants and abandons.
//!
//! Every primitive of [`sync`](crate::sync) is a policy over a [`WaitQueue`]: it decides *which ask fits*,
//! the queue knows *which waiter is next*. A waiter is in one of three places:
//!
//! ```text
//!   Wait made ──(1) first poll──▶ waiting ──(2) grant──▶ granted ──(3) next poll──▶ Ready
//!                                   │ (4) dropped            │ (5) dropped
//!                                   ▼                        ▼
//!                      left(Left::Waiting(ask))   left(Left::Granted(ask))
//! ```
//!
//! 1. The entry joins the tail. Nothing happens before the first poll.
//! 2. The entry leaves the list, so that the next one is the head at once, and its task is woken.
//!    What was granted belongs to it from this instant (rule R2).
//! 3. The entry is freed. [`Owner::left`] is *not* called: the waiter has what it waited for.
//! 4. The head may have held back those behind it: the owner looks at the queue again.
//! 5. The owner takes the grant back and passes it on (rule R3).
//!
//! # Implementation
//!
//! A doubly linked list threaded by index through one table of waiters per thread. Waiting, granting
//! and leaving are O(1); a wait allocates nothing once the table has grown to the largest number of
//! waiters there ever was. The table belongs to the thread, not to a runtime: a queue works wherever
//! a future is polled. Nothing is pinned, and there is no `unsafe`: an index that outlives its entry
//! cannot exist, because only the entry's own [`Wait`] or the queue's drop frees it.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use super::description::Description;
use super::wait_node::{Owner, Wait, WaitNode};
use super::waiters::{Holder, QueueRecord, Waiters};
use super::wake_target::WakeTarget;
use crate::runtime::base::passes::NO_PASS;
use crate::runtime::base::table::NONE;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel, ThisThread};

/// A FIFO of waiting tasks, for building synchronization primitives.
///
/// The queue keeps order and identity; what a grant *means* is its owner's business. A primitive
/// holds a `WaitQueue`, implements [`Owner`], and calls [`wait`](WaitQueue::wait) from its
/// acquiring methods and [`grant_head`](WaitQueue::grant_head) from its releasing ones.
///
/// `WaitQueue`, [`Wait`] and [`Owner`] may still change in a 0.1 release: they are what the primitives of this crate are
/// made of, and what those need comes first.
///
/// asyncio counterpart: the private `_waiters` deque of its primitives.
///
/// # Examples
///
/// A gate that lets one waiter through at a time, and loses no opening when a waiter gives up:
///
/// ```
/// use std::cell::Cell;
/// use turnwise::sync::{Left, Owner, Wait, WaitQueue};
///
/// struct Gate { queue: WaitQueue, saved: Cell<usize> }
///
/// impl Gate {
///     fn pass(&self) -> Wait<'_, Self> { self.queue.wait(self, 1) }
///     fn open(&self) {
///         if !self.queue.grant_head() { self.saved.set(self.saved.get() + 1); }
///     }
/// }
///
/// impl Owner for Gate {
///     fn left(&self, left: Left) {
///         if let Left::Granted(_) = left { self.open(); }
///     }
/// }
///
/// let gate = Gate { queue: WaitQueue::new("gate"), saved: Cell::new(0) };
/// turnwise::block_on(async {
///     futures::join!(gate.pass(), async { gate.open() });
/// });
/// assert_eq!(gate.saved.get(), 0);
/// ```
pub struct WaitQueue {
    head: Cell<u32>,
    tail: Cell<u32>,
    len: Cell<u32>,
    /// This queue's entry among the thread's contended queues, from its first wait on.
    pub(super) record: Cell<u32>,
    pub(super) kind: &'static str,
    pub(super) description: &'static Description,
    pub(super) made: &'static Location<'static>,
    pub(super) holder: Cell<Option<Holder>>,
    _thread: ThisThread,
}

impl WaitQueue {
    /// Creates an empty queue; `kind` names the primitive in reports ("lock", "gate").
    #[track_caller]
    pub const fn new(kind: &'static str) -> Self {
        WaitQueue::new_at(kind, Location::caller())
    }

    /// As [`new`](WaitQueue::new), for a primitive that was made elsewhere.
    pub(crate) const fn new_at(kind: &'static str, made: &'static Location<'static>) -> Self {
        WaitQueue {
            head: Cell::new(NONE),
            tail: Cell::new(NONE),
            len: Cell::new(0),
            record: Cell::new(NONE),
            kind,
            description: &Description::PLAIN,
            made,
            holder: Cell::new(None),
            _thread: ThisThread::new(),
        }
    }

    /// Says what its asks mean, where they mean anything.
    pub(crate) const fn described(mut self, description: &'static Description) -> Self {
        self.description = description;
        self
    }

    /// Returns a future that joins the tail at its first poll and is ready once it is granted.
    ///
    /// `ask` is whatever the owner wants to know of this waiter: a number of permits, reader or
    /// writer. The owner must be the primitive that holds this queue.
    ///
    /// # Fairness
    ///
    /// Strictly first come, first served, counted from the first poll.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: dropping the future tells the owner ([`Owner::left`]), which passes a grant
    /// on. A new wait starts at the tail.
    #[track_caller]
    pub fn wait<'a, P: Owner + ?Sized>(&'a self, owner: &'a P, ask: usize) -> Wait<'a, P> {
        self.wait_at(owner, ask, Location::caller())
    }

    /// As [`wait`](WaitQueue::wait), on behalf of another line.
    pub(crate) fn wait_at<'a, P: Owner + ?Sized>(
        &'a self,
        owner: &'a P,
        ask: usize,
        at: &'static Location<'static>,
    ) -> Wait<'a, P> {
        Wait::new(self, owner, WaitNode::new(ask, at))
    }

    /// What its primitive is called in reports.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The one thing that can be waited for, where the system ends the wait.
    pub(crate) fn source(&self) -> Option<&'static str> {
        self.description.source()
    }

    /// Where its primitive was made.
    pub(crate) fn made(&self) -> &'static Location<'static> {
        self.made
    }

    /// What the head asks for, or `None` if no task waits.
    pub fn head(&self) -> Option<usize> {
        let head = self.head.get();
        if head == NONE {
            return None;
        }
        kernel::try_with(|kernel| Some(kernel.wait.waiters.borrow().table.get(head)?.ask))?
    }

    /// Grants the head what it asks for and wakes it. Returns `false` if no task waits.
    ///
    /// The waiter leaves the queue now; its task is polled when the ready queue comes to it.
    #[inline]
    pub fn grant_head(&self) -> bool {
        self.grant_head_if(Some)
    }

    /// As [`grant_head`](WaitQueue::grant_head), but grants `value` in place of what was asked for.
    #[inline]
    pub fn grant_head_with(&self, value: usize) -> bool {
        self.grant_head_if(|_| Some(value))
    }

    /// As [`grant_head_with`](WaitQueue::grant_head_with), but grants `value(ask)` if there is one.
    /// `value` runs under a borrow of the kernel, so it must not use it.
    #[inline]
    pub(crate) fn grant_head_if(&self, value: impl FnOnce(usize) -> Option<usize>) -> bool {
        !self.is_empty() && self.grant(value)
    }

    #[inline(never)]
    fn grant(&self, value: impl FnOnce(usize) -> Option<usize>) -> bool {
        let done = kernel::try_with(|kernel| {
            let target = self.take_head(kernel, &mut kernel.wait.waiters.borrow_mut(), value)?;
            target.wake(kernel);
            Some(())
        });
        done.flatten().is_some()
    }

    /// Grants every waiter that is there now, in order, and returns how many they were.
    ///
    /// All are marked before the first is woken: a task that joins while they are woken is not included.
    #[inline]
    pub fn grant_all(&self) -> usize {
        self.grant_all_with(|ask, _| ask)
    }

    /// As [`grant_all`](WaitQueue::grant_all), but grants `value(ask, place)` in place of what was
    /// asked for, where the head's place is 0.
    #[inline]
    pub(crate) fn grant_all_with(&self, mut value: impl FnMut(usize, usize) -> usize) -> usize {
        let waiting = self.len();
        match waiting {
            0 => {}
            1 => _ = self.grant(|ask| Some(value(ask, 0))),
            _ => self.grant_many(value),
        }
        waiting
    }

    /// Tasks of the loop are scheduled as they are marked, since no code of others runs in between; from
    /// the first foreign waker on, all are woken after the last was marked.
    #[inline(never)]
    fn grant_many(&self, mut value: impl FnMut(usize, usize) -> usize) {
        kernel::try_with(|kernel| {
            kernel.wake_collected(|batch| {
                let waiters = &mut *kernel.wait.waiters.borrow_mut();
                let mut tasks = kernel.ready_batch();
                let mut key = self.head.replace(NONE);
                self.tail.set(NONE);
                let many = self.len.replace(0);
                for place in 0..many as usize {
                    let Some(waiter) = waiters.table.get_mut(key) else {
                        break;
                    };
                    waiter.ask = value(waiter.ask, place);
                    waiter.granted = kernel.passes().now();
                    key = waiter.next;
                    match waiter.target.woken_task() {
                        Some(task) if batch.is_empty() => tasks.schedule(task),
                        _ => batch.push(waiter.target.depart()),
                    }
                }
            });
        });
    }

    /// Number of waiters that have not been granted.
    pub fn len(&self) -> usize {
        self.len.get() as usize
    }

    /// Whether no task waits. A waiter that has been granted no longer counts.
    pub fn is_empty(&self) -> bool {
        self.head.get() == NONE
    }

    /// Marks the head as granted, if there is a value for what it asks, and takes it off the list.
    #[inline]
    fn take_head(
        &self,
        kernel: &Kernel,
        waiters: &mut Waiters,
        value: impl FnOnce(usize) -> Option<usize>,
    ) -> Option<WakeTarget> {
        let key = self.head.get();
        let waiter = waiters.table.get_mut(key)?;
        waiter.ask = value(waiter.ask)?;
        waiter.granted = kernel.passes().now();
        let target = waiter.target.depart();
        self.unlink(waiters, key);
        Some(target)
    }

    /// Appends a waiter, which is woken as a task of the loop, and returns its key.
    #[inline(always)]
    pub(crate) fn link(&self, kernel: &Kernel, task: Option<TaskId>, node: &WaitNode) -> u32 {
        let waiters = &mut *kernel.wait.waiters.borrow_mut();
        if self.record.get() == NONE {
            self.enrol(waiters);
        }
        let prev = self.tail.get();
        let (key, waiter) = waiters.table.take();
        waiter.target.aim(task);
        waiter.at = node.at();
        waiter.ask = node.ask();
        waiter.since = kernel.clock.last();
        waiter.prev = prev;
        waiter.next = NONE;
        waiter.queue = self.record.get();
        waiter.granted = NO_PASS;
        match waiters.table.get_mut(prev) {
            Some(tail) => tail.next = key,
            None => {
                self.head.set(key);
                if self.description.names_a_holder() {
                    self.note_holder(waiters);
                }
            }
        }
        self.tail.set(key);
        self.len.set(self.len.get() + 1);
        key
    }

    /// Lists the queue among those that were ever waited in.
    fn enrol(&self, waiters: &mut Waiters) {
        let record = QueueRecord::new(self.kind, self.description, self.made);
        self.record.set(waiters.enrol(record));
    }

    /// Frees the entries of waits that were forgotten.
    #[cold]
    fn forget(&self) {
        kernel::try_with(|kernel| {
            while !self.is_empty() {
                let mut waiters = kernel.wait.waiters.borrow_mut();
                let key = self.head.get();
                self.unlink(&mut waiters, key);
                let target = waiters
                    .table
                    .get_mut(key)
                    .map(|waiter| waiter.target.depart());
                waiters.give(key);
                drop(waiters);
                drop(target);
            }
        });
    }

    /// Takes a waiting entry off the list; it stays in the table.
    pub(crate) fn unlink(&self, waiters: &mut Waiters, key: u32) {
        let Some(waiter) = waiters.table.get(key) else {
            return;
        };
        let (prev, next) = (waiter.prev, waiter.next);
        match waiters.table.get_mut(prev) {
            Some(waiter) => waiter.next = next,
            None => self.head.set(next),
        }
        match waiters.table.get_mut(next) {
            Some(waiter) => waiter.prev = prev,
            None => self.tail.set(prev),
        }
        self.len.set(self.len.get() - 1);
    }
}

impl Drop for WaitQueue {
    /// Frees the queue's record, and entries whose `Wait` was forgotten.
    #[inline]
    fn drop(&mut self) {
        if self.record.get() == NONE {
            return;
        }
        if !self.is_empty() {
            self.forget();
        }
        let record = self.record.get();
        kernel::try_with(|kernel| kernel.wait.waiters.borrow_mut().strike(record));
    }
}

impl fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("kind", &self.kind)
            .field("waiters", &self.len())
            .finish()
    }
}
