//! Waiting, with a lock in hand, for something that another task will bring about.
//!
//! ```text
//!   guard ──(1) first poll──▶ waiting ──(2) notify──▶ notified ──(3)──▶ locking ──(4)──▶ guard
//!                               │ (5) time is up                          ▲
//!                               └─────────────────────────────────────────┘
//! ```
//!
//! 1. The waiter joins the line and then releases the lock: between the two nothing runs, so no
//!    notification can fall between them.
//! 2. The head leaves the line; its task is woken.
//! 3. In its own turn it asks for the lock, at the tail of the lock's own line.
//! 4. The lock's hand-off ends the wait.
//! 5. `within` only. A notification of the same turn wins.
//!
//! Dropped at *waiting*: nothing is held and nothing is owed. Dropped at *notified* or *locking*:
//! the notification is passed to the next waiter (rule R3), and the lock to the next of its line.
//!
//! # Implementation
//!
//! A wait queue; the lock is found through the guard, so several conditions may share one lock.
//! Waiting and notifying are O(1) per waiter; nothing allocates. The predicate of `wait_for` runs
//! with the guard in hand and nothing borrowed (rule R4).

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::lock::{LockAcquire, LockGuard};
use crate::runtime::{Left, Owner, Wait, WaitQueue};

/// A notification for one waiter, which is passed on if that waiter gives up.
const ONE: usize = 0;
/// A notification for all: no waiter is left to pass it to.
const ALL: usize = 1;

/// A line of tasks that wait for a change to what a [`Lock`](super::Lock) protects.
///
/// asyncio counterpart: `asyncio.Condition`. Differences: the lock is not part of the condition but
/// comes with each wait, as its guard, so several conditions can share one lock; notifying needs no
/// lock held (asyncio raises `RuntimeError`); a cancelled wait leaves the lock released (asyncio
/// takes it again first); `within` has no counterpart.
///
/// Tasks that wait for different things should wait on different conditions: a
/// [`notify_one`](Condition::notify_one) that wakes the wrong kind of waiter is spent.
///
/// # Fairness
///
/// Waiters are notified first come, first served, and queue for the lock in that order.
///
/// # Examples
///
/// ```
/// use turnwise::sync::{Condition, Lock};
///
/// let (stock, arrived) = (Lock::new(0), Condition::new());
/// turnwise::block_on(async {
///     let consume = async {
///         let mut stock = arrived.wait_for(stock.acquire().await, |stock| *stock > 0).await;
///         *stock -= 1;
///     };
///     let produce = async {
///         *stock.acquire().await += 1;
///         arrived.notify_one();
///     };
///     futures::join!(consume, produce);
/// });
/// assert_eq!(stock.into_inner(), 0);
/// ```
#[doc(alias = "Condvar")]
#[doc(alias = "Notify")]
pub struct Condition {
    pub(super) raw: RawCondition,
}

impl Condition {
    /// Creates a condition without waiters.
    #[track_caller]
    pub const fn new() -> Self {
        Condition {
            raw: RawCondition {
                queue: WaitQueue::new("condition"),
            },
        }
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// The lock is released at the first poll. What it protects may have changed again when the
    /// guard comes back: prefer [`wait_for`](Condition::wait_for).
    /// [`within`](super::futures::ConditionWait::within) bounds the wait.
    ///
    /// # Fairness
    ///
    /// First come, first served, on the condition and then on the lock.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped wait leaves the lock released and passes its notification on.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&'a self, guard: LockGuard<'a, T>) -> ConditionWait<'a, T> {
        let round = Round::new(self, Location::caller(), guard);
        ConditionWait { round }
    }

    /// Waits until `ready` holds for what the lock protects, and gives the lock up until then.
    ///
    /// The predicate is asked with the lock in hand: at the first poll, and after every
    /// notification. If it panics the lock is released.
    /// [`within`](super::futures::ConditionWaitFor::within) bounds the wait.
    ///
    /// # Fairness
    ///
    /// First come, first served; a waiter whose predicate does not hold goes to the tail.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped wait leaves the lock released and passes its notification on.
    #[track_caller]
    #[doc(alias = "wait_while")]
    pub fn wait_for<'a, T: ?Sized, F>(
        &'a self,
        guard: LockGuard<'a, T>,
        ready: F,
    ) -> ConditionWaitFor<'a, T, F>
    where
        F: FnMut(&mut T) -> bool,
    {
        let round = Round::new(self, Location::caller(), guard);
        ConditionWaitFor { round, ready }
    }

    /// Notifies the head waiter, if there is one; a notification is not kept for later.
    pub fn notify_one(&self) {
        self.raw.notify_one();
    }

    /// Notifies up to `count` waiters, from the head.
    pub fn notify(&self, count: usize) {
        for _ in 0..count.min(self.raw.queue.len()) {
            self.notify_one();
        }
    }

    /// Notifies all tasks that wait now.
    pub fn notify_all(&self) {
        self.raw.queue.grant_all_with(|_, _| ALL);
    }
}

/// The condition as its waiters know it.
pub(super) struct RawCondition {
    pub(super) queue: WaitQueue,
}

impl RawCondition {
    #[inline]
    fn notify_one(&self) {
        self.queue.grant_head_with(ONE);
    }
}

impl Owner for RawCondition {
    fn left(&self, left: Left) {
        if left == Left::Granted(ONE) {
            self.notify_one();
        }
    }
}

/// One way from guard to guard. Everything it takes lies here from the start and in one place: nothing
/// is moved between two polls.
pub(super) struct Round<'a, T: ?Sized> {
    /// Until the first poll.
    guard: Option<LockGuard<'a, T>>,
    pub(super) wait: Wait<'a, RawCondition>,
    // Dropped in this order: the lock is passed on, then the notification.
    acquire: LockAcquire<'a, T>,
    notice: Option<Notice<'a>>,
}

impl<'a, T: ?Sized> Round<'a, T> {
    #[inline]
    fn new(
        condition: &'a Condition,
        at: &'static Location<'static>,
        guard: LockGuard<'a, T>,
    ) -> Self {
        Round {
            wait: condition.raw.queue.wait_at(&condition.raw, ONE, at),
            acquire: LockAcquire::over(guard.lock(), at),
            guard: Some(guard),
            notice: None,
        }
    }

    /// In line first, unlocked second: no notification can come in between. Ready only if the clone of a waker has
    /// notified.
    #[inline]
    fn join(&mut self, guard: LockGuard<'a, T>, cx: &mut Context<'_>) -> Poll<()> {
        self.wait.renew();
        self.acquire.renew();
        let noticed = self.poll_notice(cx);
        drop(guard);
        noticed
    }

    #[inline]
    fn poll_notice(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let notice = ready!(Pin::new(&mut self.wait).poll(cx));
        self.notice = (notice == ONE).then(|| Notice(self.wait.owner()));
        Poll::Ready(())
    }

    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LockGuard<'a, T>> {
        if let Some(guard) = self.guard.take() {
            ready!(self.join(guard, cx));
        } else if self.wait.is_queued() {
            ready!(self.poll_notice(cx));
        }
        let guard = ready!(Pin::new(&mut self.acquire).poll(cx));
        // Received: it is not passed on any more.
        std::mem::forget(self.notice.take());
        Poll::Ready(guard)
    }
}

/// A notification that a task received but has not acted on.
struct Notice<'a>(&'a RawCondition);

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// The future of [`Condition::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ConditionWait<'a, T: ?Sized> {
    pub(super) round: Round<'a, T>,
}

impl<'a, T: ?Sized> Future for ConditionWait<'a, T> {
    type Output = LockGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.round.poll(cx)
    }
}

/// The future of [`Condition::wait_for`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ConditionWaitFor<'a, T: ?Sized, F> {
    pub(super) round: Round<'a, T>,
    pub(super) ready: F,
}

// The predicate is never pinned.
impl<T: ?Sized, F> Unpin for ConditionWaitFor<'_, T, F> {}

impl<'a, T: ?Sized, F> Future for ConditionWaitFor<'a, T, F>
where
    F: FnMut(&mut T) -> bool,
{
    type Output = LockGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let mut guard = match this.round.guard.take() {
                Some(guard) => guard,
                None => ready!(this.round.poll(cx)),
            };
            if (this.ready)(&mut guard) {
                return Poll::Ready(guard);
            }
            ready!(this.round.join(guard, cx));
        }
    }
}

impl<T: ?Sized> fmt::Debug for Round<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Round { guard: Some(_), .. } => "holding the lock",
            Round { wait, .. } if wait.is_queued() => "waiting",
            Round { acquire, .. } if acquire.is_queued() => "locking",
            _ => "over",
        })
    }
}

macro_rules! debug_round {
    ($($name:ident<T $(, $param:ident)?>;)+) => {$(
        impl<T: ?Sized $(, $param)?> fmt::Debug for $name<'_, T $(, $param)?> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.round).finish()
            }
        }
    )+};
}

debug_round! {
    ConditionWait<T>;
    ConditionWaitFor<T, F>;
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("waiters", &self.raw.queue.len())
            .finish()
    }
}

impl Default for Condition {
    #[track_caller]
    fn default() -> Self {
        Condition::new()
    }
}
