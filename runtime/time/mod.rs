//! Sleeping and deadlines, on the runtime's clock.
//!
//! Durations and deadlines are exact to the nanosecond on the virtual clock. On the real one a
//! deadline is never early, and late by what the system and the tasks before it take. A deadline
//! is fixed when its future is made, not when it is first polled; only where there is no runtime
//! yet, as in `block_on(sleep(…))`, the first poll fixes it.

mod alarm;
mod instant;
mod interval;
mod sleep;
mod timeout;
mod yielding;

pub use instant::Instant;
pub use interval::{Interval, Tick, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, TimeLimit, Timeout, timeout, timeout_at};
pub use yielding::{YieldNow, yield_now};

#[cfg(feature = "hyper")]
pub(crate) use alarm::Alarm;
pub(crate) use yielding::{Courtesy, yield_once};
