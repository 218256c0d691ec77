//! Readiness, and many that wait for it.

pub(crate) mod crowd;
pub(crate) mod hostile_sources;
pub(crate) mod readiness;
pub(crate) mod shared_streams;
pub(crate) mod source_kinds;
pub(crate) mod syscalls;
