//! Reports, verdicts, the watchdog.

pub(crate) mod dump;
pub(crate) mod hangs;
pub(crate) mod not_hangs;
pub(crate) mod places;
#[cfg(feature = "signal")]
pub(crate) mod signals;
pub(crate) mod watchdog;
