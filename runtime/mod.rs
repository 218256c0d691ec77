//! The kernel: tasks, turns, time, readiness. It knows nothing of `sync` and `io`.
//!
//! See docs/architecture.md for the floor plan. What the other floors may use of it is the short
//! list at the end of this file.

mod alarm;
mod answer;
mod askers;
mod batch;
mod blocking;
mod branches;
mod builder;
mod clock;
mod collector;
mod context;
#[cfg(feature = "signal")]
mod ctrl_c;
mod described;
#[cfg(feature = "signal")]
mod dump_signal;
pub(crate) mod entry;
mod executor;
mod export;
mod external;
mod gather;
mod graph;
mod group;
mod holder;
mod inlet;
pub mod inspect;
mod instant;
mod interval;
mod join;
mod join_error;
mod kinds;
mod local;
mod mailbox;
mod nesting;
mod nursery;
mod onlooker;
mod outside;
mod passes;
mod poll_times;
mod polling;
mod pool;
mod problems;
mod quiescence;
mod reactor;
mod readiness;
mod refused;
mod remote;
mod render;
mod report;
mod seat;
#[cfg(feature = "signal")]
mod signals;
mod slack;
mod sleeper;
mod sources;
mod spawn;
mod stats;
mod table;
mod task;
mod tasks;
mod teardown;
mod ticket;
pub mod time;
mod timeout;
mod timer;
mod timers;
mod token;
mod verdict;
mod wait;
mod wait_queue;
mod waiters;
mod waker;
mod watchdog;
mod who;

/// The names that [`mailbox`] and [`batch`] use of the standard library, so that loom can offer its own.
mod shim {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
}

pub use blocking::{TrySpawnError, spawn_blocking, try_spawn_blocking};
pub use builder::{Builder, OnDeadlock};
pub use external::{External, expect_external};
pub use gather::{
    Gather, GatherInline, GatherSpawned, Race, TryGather, TryGatherInline, TryGatherSpawned,
    gather, race, try_gather,
};
pub use group::{ChildHandle, Group, GroupClosed, GroupError, TaskGroup, task_group};
pub use inlet::{Inlet, inlet};
pub use join::JoinHandle;
pub use join_error::{JoinError, Panic};
pub use problems::Unobserved;
pub use quiescence::{WaitQuiescent, wait_quiescent};
pub use remote::{Gone, Remote, RemoteHandle, remote};
pub use report::{Report, dump};
pub use spawn::{spawn, spawn_eager};
pub use task::TaskId;
pub use token::{Runtime, Stats, block_on};
pub use verdict::{Deadlock, Verdict};
pub use watchdog::Stall;

// For `sync`: the wait queue.
pub(crate) use seat::Seat;
pub use stats::WaitStats;
pub(crate) use ticket::Ticket;
pub use ticket::{Left, Owner, Wait};
pub use wait::{AsCompleted, WaitHandles, When, as_completed, wait};
pub use wait_queue::WaitQueue;
pub(crate) use waiters::Terms;

// For `io`: sources, their readiness, and the budget of ready results; a deadline without its thread.
#[cfg(feature = "hyper")]
pub(crate) use alarm::Alarm;
pub(crate) use blocking::{BlockingIo, do_blocking};
pub(crate) use polling::spend_io;
pub(crate) use pool::Lane;
#[cfg(feature = "process")]
pub(crate) use problems::print;
pub(crate) use readiness::{Direction, Readiness, SourceKind, Way};
#[cfg(feature = "signal")]
pub(crate) use signals::{Claim, is_ignored};
#[cfg(feature = "signal")]
pub(crate) use sources::announce;
pub(crate) use sources::{deregister, register, released};
#[cfg(feature = "process")]
pub(crate) use sources::{follow_real_time, has_virtual_clock, need_runtime};
pub(crate) use time::{Courtesy, yield_once};
