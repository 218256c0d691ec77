//! Real and virtual time, in nanoseconds.
//!
//! All times of the crate are nanoseconds on one scale per process, so that they fit a word and
//! compare across threads. Zero lies 146 years before the first reading; subtraction has room.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The reading of the first call in this process.
const EPOCH: u64 = 1 << 62;

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// The operating system's monotonic clock.
pub(crate) fn real() -> u64 {
    let origin = origin();
    EPOCH + nanos(Instant::now().saturating_duration_since(origin))
}

/// A duration in nanoseconds, at most 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

/// A reading as the standard library's instant.
pub(crate) fn to_std(nanos: u64) -> Option<Instant> {
    match nanos.checked_sub(EPOCH) {
        Some(since) => origin().checked_add(Duration::from_nanos(since)),
        None => origin().checked_sub(Duration::from_nanos(EPOCH - nanos)),
    }
}

/// The standard library's instant as a reading.
pub(crate) fn from_std(instant: Instant) -> u64 {
    match instant.checked_duration_since(origin()) {
        Some(since) => EPOCH.saturating_add(nanos(since)),
        None => EPOCH.saturating_sub(nanos(origin() - instant)),
    }
}

/// The clock of a runtime.
pub(crate) struct Clock {
    /// Virtual time, if this is a virtual clock.
    virtual_now: Cell<Option<u64>>,
    /// The last reading.
    last: Cell<u64>,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Clock {
            virtual_now: Cell::new(None),
            last: Cell::new(0),
        }
    }

    /// Starts afresh, on virtual or on real time. Virtual time starts at the same reading in every
    /// run, so that what a program prints of it is the same too.
    pub(crate) fn reset(&self, virtual_clock: bool) {
        self.virtual_now.set(virtual_clock.then_some(EPOCH));
        self.now();
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_now.get().is_some()
    }

    /// Reads the clock.
    pub(crate) fn now(&self) -> u64 {
        let now = self.virtual_now.get().unwrap_or_else(real);
        self.last.set(now);
        now
    }

    /// The last reading, for those who can do with a little less than now.
    pub(crate) fn last(&self) -> u64 {
        self.last.get()
    }

    /// Jumps ahead; only virtual time can.
    pub(crate) fn advance_to(&self, deadline: u64) {
        if let Some(now) = self.virtual_now.get() {
            self.virtual_now.set(Some(now.max(deadline)));
        }
    }
}
