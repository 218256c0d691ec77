//! What the program does and why it does not: reports, verdicts, watchdogs.

pub(crate) mod at_park;
mod collector;
pub(crate) mod deadlock_error;
mod described;
#[cfg(feature = "signal")]
pub(crate) mod dump_signal;
mod export;
mod graph;
mod living;
mod lost_suspects;
pub(crate) mod lost_tasks;
pub(crate) mod observer;
mod outside;
mod poll_times;
mod render;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod suspected_deadlock;
pub(crate) mod take_report;
pub(crate) mod verdict;
pub(crate) mod watchdog;
