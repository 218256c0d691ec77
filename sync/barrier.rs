//! A meeting point for a fixed number of tasks.
//!
//! ```text
//!              arrivals < parties              abort
//!   ┌──▶ filling ◀──────────────┐  filling ─────────────▶ broken
//!   │       │ the last arrives  │     ▲                     │
//!   │       ▼                   │     └────── reset ────────┘
//!   └── trip: all present pass ─┘
//! ```
//!
//! An arrival is the place in the line and nothing else: a waiter dropped while the barrier fills
//! was never there (rule R5), and a barrier of two cannot open for one. A trip takes all waiters out
//! of the line in one step, so the barrier is empty for the next round before the first of them
//! runs, and nothing that happens afterwards reaches those that passed.
//!
//! # Implementation
//!
//! A wait queue and a flag. Arriving is O(1), a trip O(parties); nothing allocates after warm-up.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::{Left, Owner, Wait, WaitQueue};

/// Granted in place of an index when the barrier breaks.
const BROKEN: usize = usize::MAX;

/// A meeting point: no task passes until a fixed number of tasks have come.
///
/// asyncio counterpart: `asyncio.Barrier`. Differences: indices are handed out when all have come, so
/// that none is given twice after a waiter was cancelled; tasks that come again do not wait until the
/// last round has drained; `abort` and `reset` are plain functions, and do not reach a waiter that a
/// trip has released.
///
/// # Fairness
///
/// All pass together and run in order of arrival, after the last one, which does not wait at all.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Barrier;
///
/// let barrier = Barrier::new(2);
/// turnwise::block_on(async {
///     let (a, b) = futures::join!(barrier.wait(), barrier.wait());
///     assert_eq!((a.unwrap().index, b.unwrap().index), (0, 1));
/// });
/// ```
pub struct Barrier {
    pub(super) raw: RawBarrier,
}

impl Barrier {
    /// Creates a barrier for `parties` tasks.
    ///
    /// # Panics
    ///
    /// On zero parties: no task could arrive last.
    #[track_caller]
    pub const fn new(parties: usize) -> Self {
        assert!(
            parties > 0,
            "a barrier needs at least one party; pass the number of tasks that will wait"
        );
        Barrier {
            raw: RawBarrier {
                parties,
                broken: Cell::new(false),
                queue: WaitQueue::new("barrier"),
            },
        }
    }

    /// Waits until as many tasks wait as the barrier has parties.
    ///
    /// # Fairness
    ///
    /// Indices follow the order of arrival, counted from the first poll.
    ///
    /// # Cancel safety
    ///
    /// *Loses place* while the barrier fills: the arrival is undone. *Lossy* after the trip: the
    /// others have passed, and a new wait belongs to the next round.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`] if the barrier is broken, or is aborted or reset while this waits.
    #[track_caller]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait {
            wait: self.raw.queue.wait(&self.raw, 0),
        }
    }

    /// Empties the barrier and makes it usable again; tasks that wait now fail.
    pub fn reset(&self) {
        self.raw.broken.set(false);
        self.raw.fail_all();
    }

    /// Breaks the barrier: tasks that wait now fail, and those that come later, until a reset.
    pub fn abort(&self) {
        self.raw.broken.set(true);
        self.raw.fail_all();
    }

    /// Number of tasks that wait.
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        self.raw.queue.len()
    }

    /// Number of tasks that pass together.
    pub fn parties(&self) -> usize {
        self.raw.parties
    }

    /// Whether it was aborted and not reset since.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        self.raw.broken.get()
    }
}

/// The barrier as its waiters know it.
pub(super) struct RawBarrier {
    parties: usize,
    broken: Cell<bool>,
    pub(super) queue: WaitQueue,
}

impl RawBarrier {
    /// Tells reports how many are missing; see [`WaitQueue::tell`].
    fn tell(&self) {
        self.queue.tell(
            "still to come",
            self.parties.saturating_sub(self.queue.len()),
            None,
        );
    }

    fn fail_all(&self) {
        self.queue.grant_all_with(|_, _| BROKEN);
    }
}

impl Owner for RawBarrier {
    /// Leaving the line undoes the arrival, and a pass cannot be handed on.
    fn left(&self, _: Left) {
        self.tell();
    }
}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct BarrierWait<'a> {
    wait: Wait<'a, RawBarrier>,
}

impl Future for BarrierWait<'_> {
    type Output = Result<Pass, BrokenBarrier>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let barrier = self.wait.owner();
        let last = barrier.parties - 1;
        if self.wait.skip_if(|barrier| barrier.broken.get()) {
            return Poll::Ready(Err(BrokenBarrier(())));
        }
        if self.wait.skip_if(|barrier| barrier.queue.len() == last) {
            barrier.queue.grant_all_with(|_, place| place);
            return Poll::Ready(Ok(Pass::at(last)));
        }
        let polled = Pin::new(&mut self.wait)
            .poll(cx)
            .map(|granted| match granted {
                BROKEN => Err(BrokenBarrier(())),
                index => Ok(Pass::at(index)),
            });
        if polled.is_pending() {
            barrier.tell();
        }
        polled
    }
}

/// What a task that passed a [`Barrier`] learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "BarrierWaitResult")]
pub struct Pass {
    /// Its place in the order of arrival: from 0 to parties − 1, each once a round.
    pub index: usize,
    /// Whether it is the one of this round to do what must be done once: the first to arrive.
    pub is_leader: bool,
}

impl Pass {
    fn at(index: usize) -> Self {
        let is_leader = index == 0;
        Pass { index, is_leader }
    }
}

/// The barrier was aborted, or reset while a task waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier(());

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("barrier is broken; reset it before the next round")
    }
}

impl std::error::Error for BrokenBarrier {}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("broken", &self.is_broken())
            .field("waiters", &self.waiting())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::spy::{Spy, now, poll};
    use super::*;

    fn indices<const N: usize>(waits: [BarrierWait<'_>; N]) -> [usize; N] {
        waits.map(|mut wait| now(&mut wait).unwrap().index)
    }

    #[test]
    fn an_arrival_is_undone_when_its_waiter_is_dropped() {
        let barrier = Barrier::new(3);
        let (mut a, mut b, mut c) = (barrier.wait(), barrier.wait(), barrier.wait());
        assert!(poll(&mut a).is_pending() && poll(&mut b).is_pending());
        drop(a);
        assert_eq!(barrier.waiting(), 1);
        assert!(
            poll(&mut c).is_pending(),
            "a barrier of three opened for two"
        );
        let last = now(&mut barrier.wait()).unwrap();
        assert_eq!((last.index, last.is_leader), (2, false));
        assert_eq!(indices([b, c]), [0, 1]);
    }

    #[test]
    fn those_just_released_start_the_next_round_at_once() {
        let barrier = Barrier::new(2);
        let (mut slow, mut fast) = (barrier.wait(), barrier.wait());
        assert!(poll(&mut slow).is_pending());
        assert_eq!(now(&mut fast).unwrap().index, 1);
        let mut again = barrier.wait();
        assert!(
            poll(&mut again).is_pending(),
            "it passed on the round before"
        );
        assert!(now(&mut slow).unwrap().is_leader);
        let mut third = barrier.wait();
        assert_eq!(now(&mut third).unwrap().index, 1);
        assert!(now(&mut again).unwrap().is_leader);
    }

    #[test]
    fn one_released_by_a_trip_passes_though_abort_comes_before_it_runs() {
        for after in [Barrier::abort, Barrier::reset] {
            let barrier = Barrier::new(2);
            let mut wait = barrier.wait();
            assert!(poll(&mut wait).is_pending());
            assert!(now(&mut barrier.wait()).is_ok());
            after(&barrier);
            assert!(now(&mut wait).is_ok());
        }
    }

    #[test]
    fn abort_breaks_present_and_future_waiters_until_reset() {
        let barrier = Barrier::new(2);
        let mut wait = barrier.wait();
        let spy = Spy::new();
        assert!(spy.poll(&mut wait).is_pending());
        barrier.abort();
        assert_eq!((spy.wakes(), barrier.waiting()), (1, 0));
        assert!(now(&mut wait).is_err() && now(&mut barrier.wait()).is_err());
        barrier.reset();
        assert!(poll(&mut barrier.wait()).is_pending());
    }

    #[test]
    fn reset_breaks_present_waiters_and_not_those_who_come() {
        let barrier = Barrier::new(2);
        let mut before = barrier.wait();
        assert!(poll(&mut before).is_pending());
        barrier.reset();
        let mut after = barrier.wait();
        assert!(poll(&mut after).is_pending() && !barrier.is_broken());
        assert!(now(&mut before).is_err());
        assert!(now(&mut barrier.wait()).is_ok() && now(&mut after).is_ok());
    }

    #[test]
    fn one_dropped_after_the_trip_does_not_hold_the_others() {
        let barrier = Barrier::new(3);
        let (mut a, mut b) = (barrier.wait(), barrier.wait());
        assert!(poll(&mut a).is_pending() && poll(&mut b).is_pending());
        assert!(now(&mut barrier.wait()).is_ok());
        drop(a);
        assert_eq!(indices([b]), [1]);
        assert_eq!(barrier.waiting(), 0);
    }

    #[test]
    #[should_panic(expected = "at least one party")]
    fn a_barrier_for_nobody_is_refused() {
        let _ = Barrier::new(0);
    }

    #[test]
    fn debug_prints_state_and_waiters() {
        let barrier = Barrier::new(2);
        let text = "Barrier { parties: 2, broken: false, waiters: 0 }";
        assert_eq!(format!("{barrier:?}"), text);
        assert_eq!(now(&mut Barrier::new(1).wait()).unwrap().index, 0);
    }
}
