//! What the program does and why it does not: reports, verdicts, watchdogs.
//!
//! - A loop that would sleep for ever is judged in `at_park.rs`, by the verdict of `verdict.rs`, from what
//!   `outside.rs` counts.
//! - A report is taken in `take_report.rs` (`described.rs`, `collector.rs`, `graph.rs`), and printed in `render.rs`.
//! - A task that nothing can wake is found in `lost_tasks.rs`, a poll that takes too long in `watchdog.rs`.

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
