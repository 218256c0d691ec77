//! Making, running and ending a runtime.

pub(crate) mod builder;
pub(crate) mod entry;
pub(crate) mod runtime;
pub(crate) mod teardown;
