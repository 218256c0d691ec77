//! I/O on readiness: sources of the operating system, awaited.

mod source;

pub use source::{Fd, Op, Ready, Source};
