//! A value that one side changes and others watch, as tokio's `watch`. Copy this file into your program.
//!
//! A receiver sees the latest value, not each of them: who is slow misses those in between. The last sender that is
//! dropped closes the channel.

use std::cell::{Cell, Ref, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::rc::Rc;

use turnwise::sync::{Left, Owner, WaitQueue};

/// A channel with a value in it, and the two ends of it. Both can be cloned.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: RefCell::new(value),
        version: Cell::new(0),
        senders: Cell::new(1),
        changed: Changed(WaitQueue::new("watch")),
    });
    let receiver = Receiver {
        shared: shared.clone(),
        seen: 0,
    };
    (Sender { shared }, receiver)
}

struct Shared<T> {
    value: RefCell<T>,
    version: Cell<u64>,
    senders: Cell<usize>,
    changed: Changed,
}

/// Where receivers wait for a change, or for the end.
struct Changed(WaitQueue);

impl Owner for Changed {
    /// All are woken by each change: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

/// Changes the value.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sets the value, wakes all receivers that wait, and returns the old value.
    ///
    /// # Panics
    ///
    /// While somebody borrows the value: a borrow may not be held across an await.
    pub fn send(&self, value: T) -> T {
        self.modify(|old| mem::replace(old, value))
    }

    /// Changes the value in place and wakes all receivers that wait.
    ///
    /// # Panics
    ///
    /// As [`send`](Sender::send).
    pub fn modify<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.shared.value.borrow_mut());
        self.shared.version.set(self.shared.version.get() + 1);
        self.shared.changed.0.grant_all();
        result
    }

    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.value.borrow()
    }

    /// Another receiver, to which the value as it is now is no change.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver {
            shared: self.shared.clone(),
            seen: self.shared.version.get(),
        }
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
            self.shared.changed.0.grant_all();
        }
    }
}

/// Watches the value.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    seen: u64,
}

impl<T> Receiver<T> {
    /// The value. Drop the borrow before the next await.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.value.borrow()
    }

    /// The value, which is no change to [`changed`](Receiver::changed) any more.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        self.seen = self.shared.version.get();
        self.shared.value.borrow()
    }

    /// Whether the value has changed since it was seen last.
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Waits until the value has changed since it was seen last, which counts as seeing it.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: a change that nobody was told of is still one.
    ///
    /// # Errors
    ///
    /// When no sender is left and there is no change.
    #[track_caller]
    pub fn changed(&mut self) -> impl Future<Output = Result<(), Closed>> {
        let (shared, seen) = (&*self.shared, &mut self.seen);
        // Made here, for the line of the caller in reports.
        let wait = shared.changed.0.wait(&shared.changed, 0);
        async move {
            if *seen == shared.version.get() && shared.senders.get() > 0 {
                wait.await;
            }
            let seen_before = mem::replace(seen, shared.version.get());
            if seen_before == *seen {
                return Err(Closed);
            }
            Ok(())
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver {
            shared: self.shared.clone(),
            seen: self.seen,
        }
    }
}

/// No sender is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no sender is left that could change the value")
    }
}

impl Error for Closed {}
