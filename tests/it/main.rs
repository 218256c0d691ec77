//! The black-box tests, one binary.

mod syscalls;
