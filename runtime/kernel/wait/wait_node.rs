//! The waiter's side of a [`WaitQueue`]: one place in it, from the first poll to the grant.
//!
//! A [`WaitNode`] is the place itself and borrows nothing; a [`Wait`] is a node that knows its queue
//! and its owner, and gives the place up when it is dropped.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::wait_queue::WaitQueue;
use super::wake_target::WakeTarget;
use crate::runtime::base::table::{NONE, SPECIAL};
use crate::runtime::kernel::polling;
use crate::runtime::kernel::{self, Kernel, ThisThread};

/// The key of a node whose grant was taken.
const DONE: u32 = SPECIAL;

/// How a waiter left its queue without taking what it asked for; carries the ask, or what was
/// granted in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// It was dropped while waiting. It may have held back those behind it.
    Waiting(usize),
    /// It was dropped after its grant, which goes back to the owner.
    Granted(usize),
}

/// What owns a [`WaitQueue`]: a primitive, or the private part of one.
///
/// All code that reaches the owner can call [`left`](Owner::left). Implement it on a type that your users
/// cannot reach, so that they cannot invent a waiter that left.
pub trait Owner {
    /// A waiter was dropped before it took what it waited for.
    ///
    /// Called from the drop of the [`Wait`] alone, after its entry has left the queue and with
    /// nothing borrowed, so it may grant, wake and wait again.
    fn left(&self, left: Left);
}

/// The future of [`WaitQueue::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Wait<'a, P: Owner + ?Sized> {
    queue: &'a WaitQueue,
    owner: &'a P,
    node: WaitNode,
}

impl<'a, P: Owner + ?Sized> Wait<'a, P> {
    pub(crate) fn new(queue: &'a WaitQueue, owner: &'a P, node: WaitNode) -> Self {
        Wait { queue, owner, node }
    }

    /// The primitive this wait belongs to.
    pub fn owner(&self) -> &'a P {
        self.owner
    }

    /// What this waiter asks for.
    pub fn ask(&self) -> usize {
        self.node.ask
    }

    /// Whether the future has been polled and still waits or has a grant to collect.
    pub fn is_queued(&self) -> bool {
        self.node.is_queued()
    }

    /// Where the waiting call was made.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.node.at()
    }

    /// As [`WaitNode::renew`].
    pub(crate) fn renew(&self) {
        self.node.renew();
    }

    /// Gives the place up, and passes on what was granted. It can be made to wait again.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.is_queued() {
            self.give_up();
        }
    }

    /// Out of line: a waiter that takes what it waited for, as nearly all do, has no use for the owner's answer.
    #[inline(never)]
    fn give_up(&self) {
        if let Some(left) = self.node.give_up(self.queue) {
            self.owner.left(left);
        }
    }

    /// The fast path of a primitive: completes a wait that was never polled, if its owner hands out at
    /// once what it would queue for. Returns whether it did; `at_once` is not called on a later poll.
    #[inline]
    pub fn skip_if(&mut self, at_once: impl FnOnce(&'a P) -> bool) -> bool {
        let owner = self.owner;
        self.node.skip_if(|| at_once(owner))
    }
}

impl<P: Owner + ?Sized> Future for Wait<'_, P> {
    /// What was granted: the ask, or what the owner gave in its place.
    type Output = usize;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let queue = self.queue;
        self.node.poll(queue, cx)
    }
}

impl<P: Owner + ?Sized> Drop for Wait<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}

/// A place in a queue: the part of a [`Wait`] that borrows nothing.
///
/// It serves futures that share their primitive through an `Rc`. Such a future always names the
/// same queue, [leaves](WaitNode::leave) in its own drop, and does there what [`Owner::left`] says.
pub(crate) struct WaitNode {
    ask: usize,
    /// `NONE` before the first poll, `DONE` after the grant was taken.
    key: Cell<u32>,
    at: &'static Location<'static>,
    _thread: ThisThread,
}

impl WaitNode {
    pub(crate) fn new(ask: usize, at: &'static Location<'static>) -> Self {
        let _thread = ThisThread::new();
        WaitNode {
            ask,
            key: Cell::new(NONE),
            at,
            _thread,
        }
    }

    pub(crate) fn ask(&self) -> usize {
        self.ask
    }

    #[inline]
    pub(crate) fn is_queued(&self) -> bool {
        self.key.get() < DONE
    }

    #[inline]
    pub(crate) fn is_new(&self) -> bool {
        self.key.get() == NONE
    }

    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// Makes it fit for another wait, once it is not in the line.
    #[inline]
    pub(crate) fn renew(&self) {
        debug_assert!(!self.is_queued());
        self.key.set(NONE);
    }

    /// As [`Wait::skip_if`].
    #[inline]
    pub(crate) fn skip_if(&self, at_once: impl FnOnce() -> bool) -> bool {
        let skip = self.is_new() && at_once();
        if skip {
            self.key.set(DONE);
        }
        skip
    }

    /// As the poll of a [`Wait`].
    #[inline]
    pub(crate) fn poll(&self, queue: &WaitQueue, cx: &Context<'_>) -> Poll<usize> {
        match self.key.get() {
            NONE => self.join_queue(queue, cx),
            DONE => panic!("a wait was polled after it was granted; make a new one for every wait"),
            _ => self.look(queue, cx),
        }
    }

    #[inline(never)]
    fn join_queue(&self, queue: &WaitQueue, cx: &Context<'_>) -> Poll<usize> {
        kernel::with(|kernel| match polling::is_own(cx.waker()) {
            true => {
                self.key.set(queue.link(kernel, polling::registers(), self));
                Poll::Pending
            }
            false => self.join_queue_foreign(kernel, queue, cx),
        })
    }

    /// Stands in line before the waker is cloned: a clone that releases what is waited for finds the waiter.
    #[cold]
    fn join_queue_foreign(
        &self,
        kernel: &Kernel,
        queue: &WaitQueue,
        cx: &Context<'_>,
    ) -> Poll<usize> {
        self.key.set(queue.link(kernel, None, self));
        self.wake_instead(kernel, queue, cx)
    }

    #[inline(never)]
    fn look(&self, queue: &WaitQueue, cx: &Context<'_>) -> Poll<usize> {
        kernel::with(|kernel| match self.take_grant(kernel, queue) {
            Poll::Pending => self.look_again(kernel, queue, cx),
            granted => granted,
        })
    }

    /// Takes what was granted, if anything was.
    #[inline]
    fn take_grant(&self, kernel: &Kernel, queue: &WaitQueue) -> Poll<usize> {
        let mut waiters = kernel.wait.waiters.borrow_mut();
        let key = self.key.get();
        let waiter = waiters.table.get_mut(key);
        let Some(waiter) = waiter.filter(|waiter| waiter.is_granted()) else {
            return Poll::Pending;
        };
        let (granted, at) = (waiter.ask, self.at());
        waiters.give(key);
        self.key.set(DONE);
        polling::note_resumed(at);
        queue.taken(&mut waiters, granted, at);
        Poll::Ready(granted)
    }

    /// Sees to it that a waiter without a grant wakes what polls with `cx`.
    #[inline(never)]
    fn look_again(&self, kernel: &Kernel, queue: &WaitQueue, cx: &Context<'_>) -> Poll<usize> {
        let mut waiters = kernel.wait.waiters.borrow_mut();
        let key = self.key.get();
        let waiter = waiters.table.get_mut(key);
        let waiter = waiter.expect("a queued wait has an entry");
        if !waiter.target.is(cx) {
            drop(waiters);
            return self.wake_instead(kernel, queue, cx);
        }
        Poll::Pending
    }

    /// Has the grant wake what polls with `cx`, unless the clone of its waker has granted this very wait: what that
    /// woke is not what polls now.
    fn wake_instead(&self, kernel: &Kernel, queue: &WaitQueue, cx: &Context<'_>) -> Poll<usize> {
        let mut target = WakeTarget::of(cx);
        let granted = self.take_grant(kernel, queue);
        if granted.is_pending() {
            let mut waiters = kernel.wait.waiters.borrow_mut();
            if let Some(waiter) = waiters.table.get_mut(self.key.get()) {
                std::mem::swap(&mut waiter.target, &mut target);
            }
        }
        granted
    }

    /// Gives the place up and says how it was left, unless there is none.
    #[inline]
    pub(crate) fn leave(&self, queue: &WaitQueue) -> Option<Left> {
        match self.is_queued() {
            true => self.give_up(queue),
            false => None,
        }
    }

    #[inline(never)]
    fn give_up(&self, queue: &WaitQueue) -> Option<Left> {
        let key = self.key.replace(DONE);
        // The waker leaves the borrow to be dropped; the rest of the entry is only words.
        let (left, _who) = kernel::try_with(|kernel| {
            let mut waiters = kernel.wait.waiters.borrow_mut();
            let waiter = waiters.table.get_mut(key)?;
            let (granted, ask) = (waiter.is_granted(), waiter.ask);
            let target = waiter.target.depart();
            if !granted {
                queue.unlink(&mut waiters, key);
            }
            waiters.give(key);
            let left = if granted {
                Left::Granted(ask)
            } else {
                Left::Waiting(ask)
            };
            Some((left, target))
        })??;
        Some(left)
    }
}

impl fmt::Debug for WaitNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitNode")
            .field("ask", &self.ask)
            .field("queued", &self.is_queued())
            .finish()
    }
}

impl<P: Owner + ?Sized> fmt::Debug for Wait<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("ask", &self.ask())
            .field("queued", &self.is_queued())
            .finish()
    }
}
