//! Waits on a condition that have a limit and give the guard back in any case.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::condition::{ConditionWait, ConditionWaitFor};
use super::lock::LockGuard;
use crate::runtime::time::{Sleep, sleep};

/// What a report calls the limit.
const LIMIT: &str = "time limit on a condition";

impl<'a, T: ?Sized> ConditionWait<'a, T> {
    /// Waits for at most `limit`, counted from this call, and gives the guard back in any case, with whether the
    /// time was up first.
    ///
    /// Taking the lock again is not bounded by the limit. A limit of zero gives the others one turn.
    ///
    /// asyncio counterpart: none; `asyncio.wait_for` around a wait loses the lock.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped wait leaves the lock released and passes its notification on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use turnwise::sync::{Condition, Lock};
    ///
    /// let (lock, condition) = (Lock::new(7), Condition::new());
    /// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
    /// let guard = lock.acquire().await;
    /// let (guard, timed_out) = condition.wait(guard).within(Duration::from_secs(1)).await;
    /// assert!(timed_out && *guard == 7);
    /// # });
    /// ```
    #[track_caller]
    #[doc(alias = "wait_timeout")]
    pub fn within(self, limit: Duration) -> ConditionWaitWithin<'a, T> {
        ConditionWaitWithin {
            wait: self,
            limit: Some(sleep(limit)),
            timed_out: false,
        }
    }
}

impl<'a, T: ?Sized, F: FnMut(&mut T) -> bool> ConditionWaitFor<'a, T, F> {
    /// Waits for at most `limit`, counted from this call, and gives the guard back in any case, with whether the
    /// time was up and the predicate still does not hold.
    ///
    /// Taking the lock again is not bounded by the limit. A limit of zero gives the others one turn.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped wait leaves the lock released and passes its notification on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use turnwise::sync::{Condition, Lock};
    ///
    /// let (stock, arrived) = (Lock::new(0), Condition::new());
    /// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
    /// let guard = stock.acquire().await;
    /// let (guard, timed_out) = arrived.wait_for(guard, |stock| *stock > 0).within(Duration::from_secs(1)).await;
    /// assert!(timed_out && *guard == 0);
    /// # });
    /// ```
    #[track_caller]
    #[doc(alias = "wait_timeout_while")]
    pub fn within(self, limit: Duration) -> ConditionWaitForWithin<'a, T, F> {
        ConditionWaitForWithin {
            wait: self,
            limit: sleep(limit),
            timed_out: false,
        }
    }
}

/// The future of [`ConditionWait::within`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ConditionWaitWithin<'a, T: ?Sized> {
    wait: ConditionWait<'a, T>,
    /// Present until the wait for a notification ends one way or the other.
    limit: Option<Sleep>,
    timed_out: bool,
}

impl<'a, T: ?Sized> Future for ConditionWaitWithin<'a, T> {
    /// The guard, and whether the time was up before a notification came.
    type Output = (LockGuard<'a, T>, bool);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let round = &mut this.wait.round;
        let mut polled = round.poll(cx);
        if let Some(limit) = &mut this.limit {
            if round.wait.is_queued() {
                ready!(limit.poll_named(cx, &LIMIT));
                this.timed_out = true;
                round.wait.leave();
                polled = round.poll(cx);
            }
            this.limit = None;
        }
        polled.map(|guard| (guard, this.timed_out))
    }
}

/// The future of [`ConditionWaitFor::within`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ConditionWaitForWithin<'a, T: ?Sized, F> {
    wait: ConditionWaitFor<'a, T, F>,
    limit: Sleep,
    timed_out: bool,
}

// The predicate is never pinned.
impl<T: ?Sized, F> Unpin for ConditionWaitForWithin<'_, T, F> {}

impl<'a, T: ?Sized, F: FnMut(&mut T) -> bool> Future for ConditionWaitForWithin<'a, T, F> {
    /// The guard, and whether the time was up and the predicate does not hold.
    type Output = (LockGuard<'a, T>, bool);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.timed_out {
            if let Poll::Ready(guard) = Pin::new(&mut this.wait).poll(cx) {
                return Poll::Ready((guard, false));
            }
            if !this.wait.round.wait.is_queued() {
                // It takes the lock again, which has no limit.
                return Poll::Pending;
            }
            ready!(this.limit.poll_named(cx, &LIMIT));
            this.timed_out = true;
            this.wait.round.wait.leave();
        }
        let mut guard = ready!(this.wait.round.poll(cx));
        let holds = (this.wait.ready)(&mut guard);
        Poll::Ready((guard, !holds))
    }
}

impl<T: ?Sized> fmt::Debug for ConditionWaitWithin<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConditionWaitWithin")
            .field(&self.wait)
            .finish()
    }
}

impl<T: ?Sized, F> fmt::Debug for ConditionWaitForWithin<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConditionWaitForWithin")
            .field(&self.wait)
            .finish()
    }
}
