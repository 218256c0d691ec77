//! Ticks on a fixed grid.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::alarm::Alarm;
use super::instant::Instant;
use super::sleep::{Sleep, sleep_until};
use crate::runtime::kernel::clock;

/// Ticks now, and then once every `period`.
///
/// Ticks lie on the grid *start + n · period*. One that is asked for too late comes at once, and tells
/// when it was due; others that have passed by then are skipped, and the next one comes at the next point
/// of the grid. So there is never a burst, and the grid never moves.
///
/// Every tick lets all other ready tasks run first, also one that is late: work that takes longer than the
/// period starves no other task.
///
/// asyncio counterpart: none; a loop around `asyncio.sleep` drifts.
///
/// # Panics
///
/// On a period of zero; when a tick is polled without a runtime on this thread.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
/// let mut seconds = turnwise::interval(Duration::from_secs(1));
/// let first = seconds.tick().await;
/// assert_eq!(seconds.tick().await - first, Duration::from_secs(1));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let start = Alarm::after(Duration::ZERO, Location::caller());
    Interval::new(Sleep::new(start), period)
}

/// Ticks at `start`, and then once every `period`; see [`interval`].
///
/// # Panics
///
/// On a period of zero; when a tick is polled without a runtime on this thread.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(sleep_until(start), period)
}

/// Ticks on a grid; made by [`interval`]. Also a `Stream` of instants.
#[must_use = "an interval does nothing unless you await its ticks"]
pub struct Interval {
    period: Duration,
    /// Sleeps until the next tick.
    sleep: Sleep,
}

impl Interval {
    #[track_caller]
    fn new(start: Sleep, period: Duration) -> Self {
        assert!(
            !period.is_zero(),
            "an interval needs a period above zero; use yield_now in a loop"
        );
        Interval {
            period,
            sleep: start,
        }
    }

    /// Waits for the next tick and returns the time it was due.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: a dropped tick is not consumed.
    #[track_caller]
    pub fn tick(&mut self) -> Tick<'_> {
        self.sleep.waits_at(Location::caller());
        Tick { interval: self }
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Puts the next tick one period from now, and the grid with it. A task that waits for a tick goes
    /// on waiting, for that one.
    pub fn reset(&mut self) {
        self.sleep.reset(Instant::now() + self.period);
    }

    fn poll_tick(&mut self, cx: &Context<'_>) -> Poll<Instant> {
        ready!(self.sleep.poll_named(cx, &"interval"));
        let due = self.sleep.deadline();
        let period = clock::nanos(self.period);
        let missed = Instant::now().0.saturating_sub(due.0) / period;
        let ahead = period.saturating_mul(missed.saturating_add(1));
        self.sleep.reset(Instant(due.0.saturating_add(ahead)));
        Poll::Ready(due)
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("period", &self.period)
            .field("next", &self.sleep.deadline())
            .finish()
    }
}

/// The future of [`Interval::tick`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct Tick<'a> {
    interval: &'a mut Interval,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        self.interval.poll_tick(cx)
    }
}
