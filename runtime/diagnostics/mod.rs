//! What the program does and why it does not: reports, verdicts, watchdogs.

pub(crate) mod at_park;
mod collector;
pub(crate) mod deadlock;
mod described;
#[cfg(feature = "signal")]
pub(crate) mod dump_signal;
mod export;
mod graph;
mod living;
pub(crate) mod lost;
pub(crate) mod observer;
pub(crate) mod outside;
mod poll_times;
mod render;
pub(crate) mod report;
pub(crate) mod state;
mod suspects;
pub(crate) mod suspicion;
pub(crate) mod taking;
mod verdict;
pub(crate) mod watchdog;
