//! Readiness from the operating system, and exact sleep.

pub(crate) mod askers;
pub(crate) mod readiness;
pub(crate) mod selector;
pub(crate) mod sleeper;
pub(crate) mod sources;
