//! Runtimes: embedded, torn down, in host programs.

pub(crate) mod embed;
pub(crate) mod host_programs;
pub(crate) mod leftovers;
pub(crate) mod shared;
pub(crate) mod teardown;
