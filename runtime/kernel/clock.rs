//! Real and virtual time, in nanoseconds.
//!
//! All times of the crate are nanoseconds on one scale per process, so that they fit a word and
//! compare across threads. Zero lies 146 years before the clock's beginning; subtraction has room.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The beginning of the system's clock, and of virtual time.
const EPOCH: u64 = 1 << 62;

/// Nanoseconds of real time that readiness which is waited for gets before a virtual clock jumps.
pub(crate) const BEFORE_JUMP: u64 = 1_000_000;

/// The operating system's monotonic clock.
#[inline]
pub(crate) fn real() -> u64 {
    EPOCH + system()
}

/// What the standard library reads as well, without its way there and back over pairs of seconds and
/// nanoseconds: a sixth of a reading.
#[cfg(target_os = "linux")]
#[inline]
fn system() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(not(target_os = "linux"))]
fn system() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    nanos(ORIGIN.get_or_init(Instant::now).elapsed())
}

/// One moment on both clocks, ours and the standard library's. They are one clock, but the latter does
/// not tell its figure: ours is late here by the time of a reading, so that no deadline comes early.
fn moment() -> (u64, Instant) {
    static MOMENT: OnceLock<(u64, Instant)> = OnceLock::new();
    *MOMENT.get_or_init(|| {
        let attempt = |_| {
            let (before, then, after) = (real(), Instant::now(), real());
            (after - before, after, then)
        };
        let attempts = (0..8).map(attempt);
        let best = attempts.min_by_key(|(took, ..)| *took);
        let (_, ours, std) = best.expect("there are eight");
        (ours, std)
    })
}

/// A duration in nanoseconds, at most 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

/// A reading as the standard library's instant.
pub(crate) fn to_std(reading: u64) -> Option<Instant> {
    let (ours, std) = moment();
    match reading.checked_sub(ours) {
        Some(since) => std.checked_add(Duration::from_nanos(since)),
        None => std.checked_sub(Duration::from_nanos(ours - reading)),
    }
}

/// The standard library's instant as a reading.
pub(crate) fn from_std(instant: Instant) -> u64 {
    let (ours, std) = moment();
    match instant.checked_duration_since(std) {
        Some(since) => ours.saturating_add(nanos(since)),
        None => ours.saturating_sub(nanos(std - instant)),
    }
}

/// The clock of a runtime.
pub(crate) struct Clock {
    /// Virtual time, if this is a virtual clock.
    virtual_now: Cell<Option<u64>>,
    /// Since when virtual time follows real time, in real time.
    following: Cell<Option<u64>>,
    /// The last reading.
    last: Cell<u64>,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Clock {
            virtual_now: Cell::new(None),
            following: Cell::new(None),
            last: Cell::new(0),
        }
    }

    /// Starts afresh, on virtual or on real time. Virtual time starts at the same reading in every
    /// run, so that what a program prints of it is the same too.
    pub(crate) fn reset(&self, virtual_clock: bool) {
        self.virtual_now.set(virtual_clock.then_some(EPOCH));
        self.following.set(None);
        self.now();
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_now.get().is_some()
    }

    /// Reads the clock.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        let now = match self.virtual_now.get() {
            Some(now) => self.virtual_time(now),
            None => real(),
        };
        self.last.set(now);
        now
    }

    #[inline(never)]
    fn virtual_time(&self, now: u64) -> u64 {
        now + self.following.get().map_or(0, |since| real() - since)
    }

    /// Lets virtual time follow real time from now on, or stand still again.
    pub(crate) fn follow(&self, real_time: bool) {
        if self.is_virtual() && self.following.get().is_some() != real_time {
            self.virtual_now.set(Some(self.now()));
            self.following.set(real_time.then(real));
        }
    }

    /// The last reading, for callers that can do with a little less than now.
    pub(crate) fn last(&self) -> u64 {
        self.last.get()
    }

    /// Jumps ahead; only virtual time that follows nothing can.
    pub(crate) fn advance_to(&self, deadline: u64) {
        if let Some(now) = self.virtual_now.get() {
            self.virtual_now.set(Some(now.max(deadline)));
        }
    }
}
