//! Sources of the operating system: which are ready, which tasks wait for them, and exact sleep.
//!
//! `selector.rs` asks the system and sleeps; `readiness.rs` notes what it said of a source and wakes the tasks that
//! wait; `sources.rs` is what `io` uses.

mod askers;
mod readiness;
mod seat;
mod selector;
mod sleeper;
mod sources;
mod state;

pub(crate) use askers::Awaited;
pub(crate) use readiness::{Direction, Readiness, SourceKind, Way};
pub(crate) use seat::{Seat, line_of_seat};
#[cfg(feature = "signal")]
pub(crate) use sources::announce;
#[cfg(feature = "process")]
pub(crate) use sources::follow_real_time;
pub(crate) use sources::{deregister, register, released};
// For the loop, and for reports.
pub(crate) use state::{
    arm, close, count_sources, descriptor, each_polled, find_awaited, follows_real_time,
    has_sources, need_reactor, poll,
};
