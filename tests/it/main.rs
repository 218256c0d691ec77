//! The black-box tests, one binary.

mod examples;
mod fifo;
mod foreign;
mod io;
mod misuse;
mod process;
mod signals;
mod support;
mod syscalls;
mod tcp;
mod teardown;
mod time;
mod udp;
mod unix;
mod wakers;
