//! A flag that tasks can wait for.
//!
//! `set` releases every task that waits at that moment, in order, even if the flag is cleared before
//! they run.
//!
//! # Implementation
//!
//! A flag and a wait queue. Setting is O(waiters); nothing allocates after warm-up.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::{Left, Owner, Wait, WaitQueue};

/// A flag that tasks can wait for.
///
/// asyncio counterpart: `asyncio.Event`, without a difference.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Event;
///
/// let ready = Event::new();
/// turnwise::block_on(async {
///     futures::join!(ready.wait(), async { ready.set() });
/// });
/// assert!(ready.is_set());
/// ```
#[doc(alias = "Notify")]
pub struct Event {
    pub(super) raw: RawEvent,
}

impl Event {
    /// Creates an event that is not set.
    #[track_caller]
    pub const fn new() -> Self {
        Event {
            raw: RawEvent {
                set: Cell::new(false),
                queue: WaitQueue::new("event"),
            },
        }
    }

    /// Waits until the event is set; ready at once if it is.
    ///
    /// # Fairness
    ///
    /// All waiters are released together and run in the order in which they came.
    ///
    /// # Cancel safety
    ///
    /// *Strict*, except that a waiter dropped after a `set` that was followed by a `clear` waits
    /// for the next `set` when it comes back.
    #[track_caller]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait {
            wait: self.raw.queue.wait(&self.raw, 0),
        }
    }

    /// Sets the event and releases every task that waits.
    pub fn set(&self) {
        if !self.raw.set.replace(true) {
            self.raw.queue.grant_all();
        }
    }

    /// Clears the event. Those released before still complete.
    pub fn clear(&self) {
        self.raw.set.set(false);
    }

    /// Whether the event is set.
    pub fn is_set(&self) -> bool {
        self.raw.set.get()
    }
}

/// The event as its waiters know it. An [`Owner`] is private: its verb is the kernel's alone.
pub(super) struct RawEvent {
    set: Cell<bool>,
    pub(super) queue: WaitQueue,
}

impl Owner for RawEvent {
    /// A release belongs to all waiters: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

/// The future of [`Event::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct EventWait<'a> {
    wait: Wait<'a, RawEvent>,
}

impl Future for EventWait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.wait.skip_if(|event| event.set.get()) {
            return Poll::Ready(());
        }
        Pin::new(&mut self.wait).poll(cx).map(drop)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("set", &self.is_set())
            .field("waiters", &self.raw.queue.len())
            .finish()
    }
}

impl Default for Event {
    #[track_caller]
    fn default() -> Self {
        Event::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::spy::{Spy, now, poll};
    use super::*;

    #[test]
    fn those_released_complete_though_it_is_cleared_before_they_run() {
        let event = Event::new();
        let mut waits = [event.wait(), event.wait()];
        for wait in &mut waits {
            assert!(poll(wait).is_pending());
        }
        event.set();
        event.clear();
        let _ = waits.each_mut().map(now);
        assert!(poll(&mut event.wait()).is_pending());
    }

    #[test]
    fn one_dropped_in_the_middle_does_not_hold_the_others() {
        let event = Event::new();
        let (spy, mut waits) = (Spy::new(), [event.wait(), event.wait(), event.wait()]);
        for wait in &mut waits {
            assert!(spy.poll(wait).is_pending());
        }
        let [mut first, middle, mut last] = waits;
        drop(middle);
        event.set();
        event.set();
        assert_eq!(spy.wakes(), 2);
        now(&mut last);
        now(&mut first);
        now(&mut event.wait());
    }

    #[test]
    fn debug_prints_state_and_waiters() {
        let event = Event::new();
        let mut wait = event.wait();
        assert!(poll(&mut wait).is_pending());
        assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 1 }");
    }
}
