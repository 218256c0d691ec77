//! Making, running and ending a runtime.
//!
//! The builder hands each module below its part of the settings; the runtime is a token for what is set up so;
//! the teardown closes one module after the other. Nothing below knows of it.

pub(crate) mod builder;
pub(crate) mod entry;
pub(crate) mod runtime;
mod shared;
mod teardown;
