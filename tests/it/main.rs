//! The black-box tests, one binary.

mod io;
mod syscalls;
