//! One value from one task to another.
//!
//! ```text
//!             send (1)               poll (2)
//!   empty ──────────────▶ sent ──────────────────▶ taken
//!     │                     │
//!     └─ either end gone, or the receiver closed ──▶ closed: the receiver fails, `send` gives the
//!                                                    value back, `closed()` is ready
//! ```
//!
//! 1. The value is stored and the sender is gone, in one step; the receiver is woken.
//! 2. A value sent before a `close` still arrives.
//!
//! # Implementation
//!
//! One allocation, which both ends own together: the value, a flag, and the receiver's seat. Senders that wait
//! for the end of their channel, as few do, have a wait queue, which the first of them makes.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::closed::Closed;
use crate::runtime::{Left, Owner, SingleWaiter, Wait, WaitQueue};

/// What reports call it.
const KIND: &str = "oneshot";

/// Creates the two ends of a channel for one value.
///
/// asyncio counterpart: `asyncio.Future`. Differences: setting and awaiting are two types, so a
/// second `set_result` cannot be written; the value is moved, not shared; an error is sent as a
/// `Result`; a dropped sender is an error for the receiver, where asyncio waits for ever.
///
/// # Examples
///
/// ```
/// use turnwise::sync::oneshot;
///
/// turnwise::block_on(async {
///     let (sender, receiver) = oneshot::channel();
///     turnwise::spawn(async move { sender.send(42) });
///     assert_eq!(receiver.await, Ok(42));
/// });
/// ```
#[track_caller]
#[doc(alias = "Future")]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        closed: Cell::new(false),
        waiter: SingleWaiter::new(),
        senders: OnceCell::new(),
        made: Location::caller(),
    });
    let sender = Sender {
        shared: shared.clone(),
    };
    (sender, Receiver { shared })
}

/// The end that sends.
#[must_use = "a sender that is dropped makes its receiver fail"]
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

/// The end that receives: a future of the value.
///
/// # Cancel safety
///
/// *Strict* for `&mut receiver`: the value stays until a poll takes it. Dropping the receiver
/// itself closes the channel and drops a value that was sent.
///
/// # Errors
///
/// [`Closed`] if the sender was dropped without sending, this end was [closed](Receiver::close)
/// first, or the value was taken before.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Hands the value to the receiver and wakes it.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the value, if the receiver is gone or closed.
    #[doc(alias = "set_result")]
    pub fn send(self, value: T) -> Result<(), Closed<T>> {
        if self.is_closed() {
            return Err(Closed(value));
        }
        self.shared.value.set(Some(value));
        Ok(())
    }

    /// Whether the receiver is gone or closed: sending is in vain.
    #[doc(alias = "cancelled")]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.get()
    }

    /// Waits until the receiver is gone or closed: the moment to stop working on the value.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Examples
    ///
    /// ```
    /// use turnwise::sync::{Closed, oneshot};
    ///
    /// turnwise::block_on(async {
    ///     let (sender, receiver) = oneshot::channel::<u8>();
    ///     futures::join!(sender.closed(), async { drop(receiver) });
    ///     assert_eq!(sender.send(1), Err(Closed(1)));
    /// });
    /// ```
    #[track_caller]
    pub fn closed(&self) -> OneshotClosed<'_, T> {
        let (shared, at) = (&*self.shared, Location::caller());
        OneshotClosed {
            wait: shared.senders().wait_at(shared, 0, at),
        }
    }
}

impl<T> Receiver<T> {
    /// Takes the value if it was sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] while it can still be sent, [`TryRecvError::Closed`] after that.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.outcome() {
            Poll::Ready(Ok(value)) => Ok(value),
            Poll::Ready(Err(_)) => Err(TryRecvError::Closed),
            Poll::Pending => Err(TryRecvError::Empty),
        }
    }

    /// Refuses a value that was not sent yet. One that was can still be taken.
    #[doc(alias = "cancel")]
    pub fn close(&mut self) {
        self.shared.close();
    }
}

/// What both ends own.
struct Shared<T> {
    value: Cell<Option<T>>,
    /// Nothing will be sent any more: an end is gone, or the receiver refuses.
    closed: Cell<bool>,
    /// The receiver's. It lies here, so that an end is one word to move.
    waiter: SingleWaiter,
    /// Where senders wait to learn that it is closed.
    senders: OnceCell<Box<WaitQueue>>,
    made: &'static Location<'static>,
}

impl<T> Shared<T> {
    /// What the receiver gets, if that is settled.
    fn outcome(&self) -> Poll<Result<T, Closed>> {
        if let Some(value) = self.value.take() {
            return Poll::Ready(Ok(value));
        }
        match self.closed.get() {
            true => Poll::Ready(Err(Closed(()))),
            false => Poll::Pending,
        }
    }

    #[inline]
    fn close(&self) {
        if !self.closed.replace(true) {
            self.waiter.wake();
            if let Some(senders) = self.senders.get() {
                senders.grant_all();
            }
        }
    }

    fn senders(&self) -> &WaitQueue {
        let make = || Box::new(WaitQueue::new_at(KIND, self.made));
        self.senders.get_or_init(make)
    }

    fn waiters(&self) -> usize {
        let senders = self.senders.get().map_or(0, |senders| senders.len());
        senders + usize::from(self.waiter.is_taken())
    }
}

impl<T> Owner for Shared<T> {
    /// A wake is only a hint to look at the state: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    #[inline]
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (this, at) = (&*self.shared, Location::caller());
        let mut outcome = this.outcome();
        // The end that settles the outcome calls, and calls after that.
        if outcome.is_ready() {
            this.waiter.resume(at);
        } else if this.waiter.register(cx, at, (&KIND, this.made)) {
            outcome = this.outcome();
            if outcome.is_ready() {
                this.waiter.leave();
            }
        }
        outcome
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct OneshotClosed<'a, T> {
    wait: Wait<'a, Shared<T>>,
}

impl<T> Future for OneshotClosed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.wait.skip_if(|shared| shared.closed.get()) {
            return Poll::Ready(());
        }
        Pin::new(&mut self.wait).poll(cx).map(drop)
    }
}

/// Why [`Receiver::try_recv`] took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// Nothing was sent yet.
    Empty,
    /// Nothing will be sent any more.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "nothing was sent yet; await the receiver",
            TryRecvError::Closed => "nothing will be sent any more",
        })
    }
}

impl std::error::Error for TryRecvError {}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        let shared = &*self.shared;
        shared.waiter.leave();
        shared.close();
        drop(shared.value.take());
    }
}

impl<T> Shared<T> {
    fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("closed", &self.closed.get())
            .field("waiters", &self.waiters())
            .finish()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", f)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Receiver", f)
    }
}

impl<T> fmt::Debug for OneshotClosed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneshotClosed")
            .field("wait", &self.wait)
            .finish()
    }
}

#[cfg(test)]
#[path = "oneshot_tests.rs"]
mod tests;
