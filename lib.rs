//! A small single-threaded async runtime with asyncio's synchronization primitives built in.
//!
//! ```
//! use std::rc::Rc;
//! use turnwise::sync::Queue;
//!
//! #[turnwise::main]
//! async fn main() {
//!     let queue = Rc::new(Queue::bounded(2));
//!     let producer = turnwise::spawn({
//!         let queue = queue.clone();
//!         async move {
//!             for n in 1..=3 {
//!                 queue.put(n).await.unwrap();
//!             }
//!             queue.close();
//!         }
//!     });
//!     let mut sum = 0;
//!     while let Ok(n) = queue.get().await {
//!         sum += n;
//!     }
//!     producer.await.unwrap();
//!     assert_eq!(sum, 6);
//! }
//! ```
//!
//! One thread, many tasks, one turn at a time: a task runs until it waits, so nothing between two
//! `.await`s needs a lock. Tasks run in the order in which they became ready, the same in every run.
//! What is released belongs to whoever waited longest. When nothing can ever wake the program again,
//! [`block_on`] says who waits for what.
//!
//! # Where things are
//!
//! | to do | use |
//! | --- | --- |
//! | run a program | [`macro@main`], [`block_on`], [`Runtime`], [`Builder`] |
//! | start tasks | [`spawn`], [`task_group`], [`spawn_blocking`] for what blocks |
//! | wait for several things | [`gather`], [`try_gather`], [`race`], [`wait`], [`as_completed`] |
//! | wait for time | [`sleep`], [`timeout`], [`interval`], [`time::Instant`] |
//! | coordinate tasks | [`sync`]: lock, event, condition, semaphore, barrier, queue and more |
//! | talk to other threads | [`Remote`], [`expect_external`] |
//! | run inside another loop | [`Runtime::turn`], [`Runtime::as_fd`] |
//! | look at tasks | [`task`], [`Runtime::dump`] |
//!
//! Dropping a future cancels it. Every public future says under *Cancel safety* what that costs:
//! *strict* (nothing; try again), *loses place* (a place in a queue), or *lossy* (what it says).

pub mod io;
mod runtime;
pub mod sync;

pub use runtime::inspect as task;
pub use runtime::time::{
    self, Elapsed, Interval, Sleep, Timeout, YieldNow, interval, sleep, sleep_until, timeout,
    timeout_at, yield_now,
};
pub use runtime::{
    AsCompleted, Builder, ChildHandle, Deadlock, External, Gather, GatherInline, GatherSpawned,
    Gone, Group, GroupClosed, GroupError, Inlet, JoinError, JoinHandle, OnDeadlock, Race, Remote,
    RemoteHandle, Report, Runtime, Stall, Stats, TaskGroup, TaskId, TryGather, TryGatherInline,
    TryGatherSpawned, Unobserved, Verdict, WaitHandles, WaitQuiescent, When, as_completed,
    block_on, dump, expect_external, gather, inlet, race, remote, spawn, spawn_blocking,
    spawn_eager, task_group, try_gather, wait, wait_quiescent,
};
pub use turnwise_macros::{main, test};

/// What the macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::entry::{main, main_virtual, test, test_real_time};
}

/// Compiles and runs the code of the documents.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("README.md")]
    mod readme {}
    #[doc = include_str!("docs/asyncio.md")]
    mod asyncio {}
    #[doc = include_str!("docs/cancellation.md")]
    mod cancellation {}
    #[doc = include_str!("docs/best-practices.md")]
    mod best_practices {}
    #[doc = include_str!("docs/diagnostics.md")]
    mod diagnostics {}
    #[doc = include_str!("docs/adding-a-primitive.md")]
    mod adding_a_primitive {}
}
