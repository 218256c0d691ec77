//! A count of things that must happen before a task goes on.
//!
//! The count only falls. At zero every task that waits is released, in order, and none waits again.
//!
//! # Implementation
//!
//! A counter and a wait queue. Counting down is O(1), and O(waiters) at zero; nothing allocates
//! after warm-up.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::{Left, Owner, Wait, WaitQueue};

/// A count that tasks wait to see at zero; it cannot be set up again.
///
/// asyncio counterpart: none; its programs build one from a `Condition`, and await to count down. Here
/// counting down is a plain function and cannot be interrupted.
///
/// # Examples
///
/// ```
/// use turnwise::sync::CountDownLatch;
///
/// let latch = CountDownLatch::new(2);
/// turnwise::block_on(async {
///     let work = async {
///         latch.count_down();
///         turnwise::yield_now().await;
///         latch.count_down();
///     };
///     futures::join!(latch.wait(), work);
/// });
/// assert_eq!(latch.count(), 0);
/// ```
#[doc(alias = "WaitGroup")]
pub struct CountDownLatch {
    pub(super) raw: RawLatch,
}

impl CountDownLatch {
    /// Creates a latch that opens after `count` calls of [`count_down`](CountDownLatch::count_down).
    #[track_caller]
    pub const fn new(count: usize) -> Self {
        CountDownLatch {
            raw: RawLatch {
                count: Cell::new(count),
                queue: WaitQueue::new("latch"),
            },
        }
    }

    /// Counts one down, and releases every task that waits when that makes zero. At zero it does
    /// nothing.
    pub fn count_down(&self) {
        let count = self.count();
        self.raw.count.set(count.saturating_sub(1));
        match count {
            1 => _ = self.raw.queue.grant_all(),
            _ => self.raw.tell(),
        }
    }

    /// Waits until the count is zero; ready at once if it is.
    ///
    /// # Fairness
    ///
    /// All waiters are released together and run in the order in which they came.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    #[track_caller]
    pub fn wait(&self) -> LatchWait<'_> {
        LatchWait {
            wait: self.raw.queue.wait(&self.raw, 0),
        }
    }

    /// How often it must still be counted down.
    pub fn count(&self) -> usize {
        self.raw.count.get()
    }
}

/// The latch as its waiters know it.
pub(super) struct RawLatch {
    count: Cell<usize>,
    pub(super) queue: WaitQueue,
}

impl RawLatch {
    /// Tells reports what is left; see [`WaitQueue::tell`].
    fn tell(&self) {
        self.queue
            .tell("left to count down", self.count.get(), None);
    }
}

impl Owner for RawLatch {
    /// An open latch is open for all tasks: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

/// The future of [`CountDownLatch::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct LatchWait<'a> {
    wait: Wait<'a, RawLatch>,
}

impl Future for LatchWait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.wait.skip_if(|latch| latch.count.get() == 0) {
            return Poll::Ready(());
        }
        let polled = Pin::new(&mut self.wait).poll(cx).map(drop);
        if polled.is_pending() {
            self.wait.owner().tell();
        }
        polled
    }
}

impl fmt::Debug for CountDownLatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountDownLatch")
            .field("count", &self.count())
            .field("waiters", &self.raw.queue.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::spy::{Spy, now, poll};
    use super::*;

    #[test]
    fn it_opens_at_zero_and_not_before_and_stays_open() {
        let latch = CountDownLatch::new(2);
        let (spy, mut wait) = (Spy::new(), latch.wait());
        assert!(spy.poll(&mut wait).is_pending());
        latch.count_down();
        assert_eq!((spy.wakes(), latch.count()), (0, 1));
        latch.count_down();
        latch.count_down();
        assert_eq!((spy.wakes(), latch.count()), (1, 0));
        now(&mut wait);
        now(&mut latch.wait());
        now(&mut CountDownLatch::new(0).wait());
    }

    #[test]
    fn one_dropped_in_the_middle_does_not_hold_the_others() {
        let latch = CountDownLatch::new(1);
        let mut waits = [latch.wait(), latch.wait(), latch.wait()];
        for wait in &mut waits {
            assert!(poll(wait).is_pending());
        }
        let [mut first, middle, mut last] = waits;
        drop(middle);
        assert_eq!(
            format!("{latch:?}"),
            "CountDownLatch { count: 1, waiters: 2 }"
        );
        latch.count_down();
        now(&mut last);
        now(&mut first);
    }

    #[test]
    fn one_dropped_after_the_opening_finds_it_open_again() {
        let latch = CountDownLatch::new(1);
        let mut wait = latch.wait();
        assert!(poll(&mut wait).is_pending());
        latch.count_down();
        drop(wait);
        now(&mut latch.wait());
    }
}
