//! The kernel of a thread: which tasks wait, which are ready, which deadlines are armed.
//!
//! `sched/` has the tasks and the ready queue, `wait/` the queues that tasks wait in, `timers.rs` the deadlines,
//! `mail.rs` what other threads send. `thread.rs` is the thread-local that holds them.

pub(crate) mod clock;
pub(crate) mod io_budget;
pub(crate) mod mail;
pub(crate) mod polling;
pub(crate) mod sched;
pub(crate) mod slack;
pub(crate) mod thread;
mod timer;
mod timer_store;
mod timers;
pub(crate) mod wait;

pub(crate) use thread::has_virtual_clock;
#[cfg(feature = "process")]
pub(crate) use thread::is_open;
pub(crate) use thread::{
    Kernel, ThisThread, need_runtime, no_runtime, too_late, try_with, with, with_runtime,
};
pub(crate) use timers::TimerKey;
