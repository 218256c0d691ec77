//! The black-box tests, one binary.

mod examples;
mod fifo;
mod io;
mod support;
mod syscalls;
mod wakers;
