//! A channel whose values all receivers get, as tokio's `broadcast`. Copy this file into your program.
//!
//! Sending never waits. The channel keeps the newest values, so many as its capacity; a receiver that is further behind
//! has lost the oldest, and is told how many. The last sender that is dropped closes the channel.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::rc::Rc;

use turnwise::sync::{Left, Owner, WaitQueue};

/// A channel that keeps `capacity` values, and its two ends. Both can be cloned; a value goes to every receiver.
///
/// # Panics
///
/// If the capacity is zero.
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a broadcast keeps at least one value");
    let shared = Rc::new(Shared {
        kept: RefCell::default(),
        capacity,
        sent: Cell::new(0),
        senders: Cell::new(1),
        receivers: Cell::new(0),
        sending: Sending(WaitQueue::new("broadcast")),
    });
    let receiver = Receiver::new(shared.clone());
    (Sender { shared }, receiver)
}

struct Shared<T> {
    /// The newest values, in order. In an `Rc`, so that no value is cloned or dropped while this is borrowed.
    kept: RefCell<VecDeque<Rc<T>>>,
    capacity: usize,
    /// How many were ever sent.
    sent: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    sending: Sending,
}

/// Where receivers wait for the next value, or for the end.
struct Sending(WaitQueue);

impl Owner for Sending {
    /// All are woken by each value: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

/// Sends values to all receivers.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T: Clone> Sender<T> {
    /// Sends a value and returns how many receivers there are. It does not wait: the oldest value makes room.
    ///
    /// # Errors
    ///
    /// Without a receiver; the value comes back.
    pub fn send(&self, value: T) -> Result<usize, T> {
        let receivers = self.shared.receivers.get();
        if receivers == 0 {
            return Err(value);
        }
        let oldest = {
            let mut kept = self.shared.kept.borrow_mut();
            let is_full = kept.len() == self.shared.capacity;
            let oldest = is_full.then(|| kept.pop_front()).flatten();
            kept.push_back(Rc::new(value));
            oldest
        };
        self.shared.sent.set(self.shared.sent.get() + 1);
        self.shared.sending.0.grant_all();
        drop(oldest);
        Ok(receivers)
    }

    /// Another receiver, which gets what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.shared.clone())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.senders.set(shared.senders.get() + 1);
        Sender { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let senders = self.shared.senders.get() - 1;
        self.shared.senders.set(senders);
        if senders == 0 {
            self.shared.sending.0.grant_all();
        }
    }
}

/// Gets every value, if it keeps up.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// How many of the values that were ever sent are behind it.
    next: u64,
}

impl<T> Receiver<T> {
    fn new(shared: Rc<Shared<T>>) -> Self {
        shared.receivers.set(shared.receivers.get() + 1);
        let next = shared.sent.get();
        Receiver { shared, next }
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next value.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: a value is taken in the poll that is ready.
    ///
    /// # Errors
    ///
    /// [`Lagged`](RecvError::Lagged) once for values that were lost, and the next call goes on with the oldest that is
    /// kept; [`Closed`](RecvError::Closed) when all were taken and no sender is left.
    #[track_caller]
    pub fn recv(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        let (shared, next) = (&*self.shared, &mut self.next);
        // Made here, for the line of the caller in reports.
        let wait = shared.sending.0.wait(&shared.sending, 0);
        async move {
            if *next == shared.sent.get() && shared.senders.get() > 0 {
                wait.await;
            }
            take(shared, next).unwrap_or(Err(RecvError::Closed))
        }
    }

    /// The next value, if there is one; the errors are those of [`recv`](Receiver::recv).
    pub fn try_recv(&mut self) -> Option<Result<T, RecvError>> {
        let taken = take(&self.shared, &mut self.next);
        let closed = self.shared.senders.get() == 0;
        taken.or(closed.then_some(Err(RecvError::Closed)))
    }
}

/// Takes the next value, if there is one.
fn take<T: Clone>(shared: &Shared<T>, next: &mut u64) -> Option<Result<T, RecvError>> {
    let kept = shared.kept.borrow();
    let oldest = shared.sent.get() - kept.len() as u64;
    if *next < oldest {
        let lost = oldest - std::mem::replace(next, oldest);
        return Some(Err(RecvError::Lagged(lost)));
    }
    let value = kept.get((*next - oldest) as usize)?.clone();
    *next += 1;
    drop(kept);
    Some(Ok(Rc::unwrap_or_clone(value)))
}

impl<T> Clone for Receiver<T> {
    /// Another receiver, which is as far as this one.
    fn clone(&self) -> Self {
        let mut receiver = Receiver::new(self.shared.clone());
        receiver.next = self.next;
        receiver
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.set(self.shared.receivers.get() - 1);
    }
}

/// Why there is no next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// So many values were lost: the receiver was further behind than the channel keeps.
    Lagged(u64),
    /// All were taken, and no sender is left.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(lost) => write!(f, "the receiver lags behind and lost {lost} values"),
            RecvError::Closed => f.write_str("no sender is left"),
        }
    }
}

impl Error for RecvError {}
