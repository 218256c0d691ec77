//! The loop: which task is polled next, what it hears between polls, how it sleeps.
//!
//! It drives everything below it: tasks, timers, the selector, messages from other threads, and the
//! verdict where it would sleep for ever. Nothing below knows of the loop. What lasts from one turn to the
//! next is in `state.rs`, looked up once per `block_on` or turn and passed on.
//!
//! Begin with `run.rs`, the two ways to run the loop; `executor.rs` makes a pass over the tasks that are
//! ready, and `park.rs` hears of the outside world and sleeps.

mod eager;
mod event_interval;
mod executor;
#[cfg(feature = "explore")]
mod explored;
mod fork;
mod host;
mod park;
mod quiescence;
mod run;
mod state;

pub use eager::{spawn_eager, spawn_eager_named};
#[cfg(feature = "explore")]
pub(crate) use explored::be_explored;
pub(crate) use host::embed;
pub use quiescence::{WaitQuiescent, wait_quiescent};
pub(crate) use run::{admit, refuse_nesting, run, turn};
#[cfg(feature = "signal")]
pub(crate) use state::set_hook;
pub(crate) use state::{close, configure};
