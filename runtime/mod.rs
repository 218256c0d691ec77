//! The runtime: tasks, time, readiness, the loop. It knows nothing of `sync` and `io`.
//!
//! See docs/architecture.md for the floor plan. What the other floors may use of it is the short
//! list at the end of this file.

mod base;
mod choices;
mod combinators;
mod diagnostics;
mod driver;
#[cfg(feature = "explore")]
pub mod explore;
mod kernel;
mod lifecycle;
mod reactor;
#[cfg(feature = "signal")]
mod signals;
pub(crate) mod task;
mod threads;
pub mod time;

pub use base::join_error::{JoinError, Panic};
pub use combinators::child_handle::ChildHandle;
pub use combinators::gather::{Gather, GatherSet, TryGather, TryGatherSet, gather, try_gather};
pub use combinators::gather_spawned::{
    GatherSpawned, TryGatherSpawned, gather_spawned, try_gather_spawned,
};
pub use combinators::group::{TaskGroup, task_group, try_task_group};
pub use combinators::group_errors::GroupError;
pub use combinators::group_run::{GroupRun, TryGroupRun};
pub use combinators::race::{Either, Race, RaceEither, RaceEitherSet, RaceSet, race, race_either};
pub use diagnostics::watchdog::Stall;
pub use diagnostics::{deadlock_error::Deadlock, verdict::Verdict};
pub use diagnostics::{report::Report, take_report::dump};
pub use driver::{WaitQuiescent, spawn_eager, spawn_eager_named, wait_quiescent};
pub use kernel::sched::task::TaskId;
pub use lifecycle::builder::{DeadlockPolicy, RuntimeBuilder, RuntimeExists};
pub(crate) use lifecycle::entry;
pub use lifecycle::runtime::{Embedded, Runtime, Stats, block_on};
pub use task::join::JoinHandle;
pub use task::spawn::spawn;
pub use task::unobserved::Unobserved;
pub use threads::blocking::{TrySpawnError, spawn_blocking, try_spawn_blocking};
pub use threads::external::{WorkGuard, expect_external};
pub use threads::inlet::{Sender, sender};
pub use threads::remote::{Gone, Remote, RemoteHandle, remote};

// For `sync`: the wait queue, and how much room is worth giving back.
pub(crate) use base::table::MUCH;
pub use combinators::wait::{AsCompleted, WaitHandles, When, as_completed, wait};
pub(crate) use kernel::wait::description::Description;
pub(crate) use kernel::wait::single_waiter::SingleWaiter;
pub use kernel::wait::stats::{Holding, WaitStats};
pub(crate) use kernel::wait::wait_node::WaitNode;
pub use kernel::wait::wait_node::{Left, Owner, Wait};
pub use kernel::wait::wait_queue::WaitQueue;

// For `io`: sources, their readiness, and the budget of ready results; a deadline without its thread.
#[cfg(feature = "process")]
pub(crate) use base::foreign::print;
#[cfg(any(feature = "hyper", feature = "process"))]
pub(crate) use base::poison::ignore_poison;
pub(crate) use kernel::has_virtual_clock;
pub(crate) use kernel::io_budget::spend_io;
#[cfg(feature = "process")]
pub(crate) use kernel::{is_open, need_runtime};
#[cfg(feature = "signal")]
pub(crate) use reactor::announce;
#[cfg(feature = "process")]
pub(crate) use reactor::follow_real_time;
pub(crate) use reactor::{
    Direction, Readiness, Seat, SourceKind, Way, deregister, line_of_seat, register, released,
};
#[cfg(feature = "signal")]
pub(crate) use signals::claims::{Claim, is_ignored};
pub(crate) use threads::blocking::{BlockingIo, do_blocking};
pub(crate) use threads::home::Home;
pub(crate) use threads::pool::Lane;
#[cfg(feature = "hyper")]
pub(crate) use time::Alarm;
pub(crate) use time::{Courtesy, yield_once};
