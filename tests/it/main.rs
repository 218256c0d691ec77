//! The black-box tests, one binary.

mod alloc;
mod examples;
mod explore;
mod fifo;
mod foreign;
mod hangs;
mod io;
mod misuse;
mod not_hangs;
mod primitives;
mod process;
mod signals;
mod structure;
mod support;
mod syscalls;
mod tcp;
mod teardown;
mod time;
mod udp;
mod unix;
mod wakers;
