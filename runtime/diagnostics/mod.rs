//! What the program does and why it does not: reports, verdicts, watchdogs.

pub(crate) mod collector;
pub(crate) mod described;
#[cfg(feature = "signal")]
pub(crate) mod dump_signal;
pub(crate) mod export;
pub(crate) mod graph;
pub(crate) mod onlooker;
pub(crate) mod poll_times;
pub(crate) mod problems;
pub(crate) mod render;
pub(crate) mod report;
pub(crate) mod verdict;
pub(crate) mod watchdog;
