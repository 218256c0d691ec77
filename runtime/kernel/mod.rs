//! The kernel of a thread: who waits, which tasks are ready, which deadlines are armed.

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

pub(crate) use thread::{
    Kernel, ThisThread, need_runtime, no_runtime, too_late, try_with, with, with_runtime,
};
#[cfg(feature = "process")]
pub(crate) use thread::{has_virtual_clock, is_open};
pub(crate) use timers::TimerKey;
