//! A point on the runtime's clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use crate::runtime::kernel::clock;
use crate::runtime::kernel::{self, Kernel};

/// A point in time on the runtime's clock, real or virtual, to the nanosecond.
///
/// The counterpart of [`std::time::Instant`] with the same arithmetic, except that adding more than
/// the clock can count gives the far future instead of a panic. Real-time instants compare across
/// threads.
///
/// asyncio counterpart: the float of `loop.time()`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use turnwise::time::{self, Instant};
///
/// turnwise::Runtime::builder().virtual_clock().build().block_on(async {
///     let start = Instant::now();
///     time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub(super) u64);

impl Instant {
    /// Reads the clock of this thread's runtime, or the real one if there is none.
    pub fn now() -> Self {
        Instant::of_runtime().unwrap_or_else(|| Instant(clock::real()))
    }

    /// Reads the clock of this thread's runtime, if there is one.
    #[inline]
    pub(crate) fn of_runtime() -> Option<Self> {
        let now = |kernel: &Kernel| kernel.runtime().map(|_| Instant(kernel.clock().now()));
        kernel::try_with(now).flatten()
    }

    /// The instant of a reading of the clock.
    pub(crate) fn of_reading(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// The time since this instant; zero if it is still to come.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// The time from `earlier` to this instant; zero if it is not earlier.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to this instant; `None` if it is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// This instant and `duration`, unless that is more than the clock can count.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0
            .checked_add(u64::try_from(duration.as_nanos()).ok()?)
            .map(Instant)
    }

    /// This instant less `duration`, unless that is before the clock's beginning.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0
            .checked_sub(u64::try_from(duration.as_nanos()).ok()?)
            .map(Instant)
    }

    /// The standard library's instant, if it can express it. Only instants of a real clock mean
    /// anything there.
    pub fn into_std(self) -> Option<std::time::Instant> {
        clock::to_std(self.0)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Self {
        Instant(clock::from_std(instant))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// The far future if the sum is more than the clock can count.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(clock::nanos(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// The clock's beginning if the difference is before it.
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(clock::nanos(duration)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Instant({}.{:09}s)",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}
