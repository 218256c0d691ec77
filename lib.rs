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
//! One thread, many tasks, one poll at a time: a task runs until it waits, so nothing between two
//! `.await`s needs a lock. Tasks run in the order in which they became ready, the same in every run.
//! What is released belongs to the task that has waited longest. When nothing can ever wake the program again,
//! [`block_on`] says which task waits for what.
//!
//! # Which primitive?
//!
//! | to … | use |
//! | --- | --- |
//! | change a value between two awaits | a `Cell` or a `RefCell`: nothing interrupts you |
//! | let one task at a time use a value, across awaits | [`Lock`](sync::Lock) |
//! | let many read or one write | [`RwLock`](sync::RwLock) |
//! | let at most so many do something at a time | [`Semaphore`](sync::Semaphore), [`BoundedSemaphore`](sync::BoundedSemaphore) |
//! | say that something has happened, to all, now and later | [`Event`](sync::Event), [`CountDownLatch`](sync::CountDownLatch) |
//! | wait until a locked value has some property | [`Condition`](sync::Condition) |
//! | go on together once all have come | [`Barrier`](sync::Barrier) |
//! | hand work to the next task that asks | [`Queue`](sync::Queue), [`LifoQueue`](sync::LifoQueue), [`PriorityQueue`](sync::PriorityQueue) |
//! | hand over, or make, one value | [`oneshot`](sync::oneshot), [`OnceCell`](sync::OnceCell) |
//!
//! # Where things are
//!
//! | to do | use |
//! | --- | --- |
//! | run a program, or a test | [`macro@main`], [`macro@test`], [`block_on`], [`Runtime`], [`RuntimeBuilder`] |
//! | start tasks | [`spawn`], [`task_group`], [`try_task_group`], [`spawn_blocking`] for what blocks |
//! | wait for several things | [`gather`], [`gather_spawned`], [`race`], [`race_either`], [`wait`], [`as_completed`] |
//! | wait for time | [`sleep`], [`timeout`], [`interval`], [`time::Instant`] |
//! | talk to the system | [`io`]: sockets, standard streams, signals, processes |
//! | talk to other threads | [`thread`]: [`Remote`](thread::Remote), [`sender`](thread::sender), [`expect_external`](thread::expect_external) |
//! | run inside another loop | [`Runtime::turn`], [`Runtime::embed`] |
//! | look at tasks | [`task`], [`report`]: [`dump`](report::dump), [`Runtime::stats`] |
//!
//! # Pages
//!
//! [A tutorial](guide::tutorial) builds a small tool. If you know asyncio or tokio, you find every name in
//! [From asyncio](guide::asyncio) and [From tokio](guide::tokio);
//! [Beside other crates](guide::ecosystem) says which libraries work, and how;
//! [Beside the others](guide::comparison) says when to take another runtime.
//! [Seven practices](guide::best_practices), [Cancellation](guide::cancellation) and
//! [Diagnostics](guide::diagnostics) are for daily use;
//! [Adding a primitive](guide::adding_a_primitive) and [Architecture](guide::architecture) if you
//! want to know how.
//!
//! # Cancelling
//!
//! Dropping a future cancels it. Every public future says under *Cancel safety* what that costs:
//! *strict* (nothing; try again), *loses place* (a place in a queue), or *lossy* (what it says).
//!
//! # Names
//!
//! `try_x` is `x` with the failure as a value: `try_acquire` does not wait, `try_gather` and `try_task_group` are for
//! futures that return a `Result`, `try_block_on` and `try_build` return an error in place of a panic. The future of an
//! operation is named after its type and verb, and stands in a module of futures: [`futures`], or that of `sync` or `io`.
//!
//! # Features
//!
//! | feature | | brings |
//! | --- | --- | --- |
//! | `signal` | on | `io::ctrl_c`, `io::signal`, a dump on SIGUSR1 |
//! | `process` | on | `io::Command`, `io::Child` |
//! | `unix` | on | `io::UnixStream`, `io::UnixListener`, `io::UnixDatagram` |
//! | `hyper` | off | hyper's runtime traits for streams, timers and tasks |
//! | `tokio-io` | off | tokio's reading and writing traits for streams; no runtime |
//! | `explore` | off | `explore`: tests that run under every order of their tasks |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!(
    "turnwise needs a Unix: its loop waits for descriptors and signals; on Windows, run it in WSL"
);

pub mod io;
mod runtime;
pub mod sync;

#[cfg(feature = "explore")]
pub use runtime::explore::{self, explore};
pub use runtime::time::{
    self, Elapsed, interval, sleep, sleep_until, timeout, timeout_at, yield_now,
};
pub use runtime::{
    Either, Embedded, GroupError, JoinError, JoinHandle, Runtime, RuntimeBuilder, RuntimeExists,
    TaskGroup, When, as_completed, block_on, gather, gather_spawned, race, race_either, spawn,
    spawn_blocking, task_group, try_gather, try_gather_spawned, try_task_group, wait,
};
pub use turnwise_macros::{main, test};

/// Tasks: starting one in other ways than [`spawn`], looking at those there are, and what goes wrong in one.
pub mod task {
    pub use crate::runtime::task::{CancelHandle, Info, TaskLocal, all, cancel_all, current};
    pub use crate::runtime::{
        ChildHandle, Panic, TaskId, Unobserved, spawn_eager, spawn_eager_named, wait_quiescent,
    };
}

/// Other threads: what they do for this one, and what they ask of it.
pub mod thread {
    #[doc(alias = "Handle")]
    pub use crate::runtime::Remote;
    pub use crate::runtime::{
        Gone, RemoteHandle, Sender, TrySpawnError, WorkGuard, expect_external, remote, sender,
        try_spawn_blocking,
    };
}

/// What the program is doing, and why it does not go on.
pub mod report {
    pub use crate::runtime::{Deadlock, DeadlockPolicy, Report, Stall, Stats, Verdict, dump};
}

/// The futures of the functions at the root, for code that stores one, and what they take.
pub mod futures {
    pub use crate::runtime::{
        AsCompleted, Gather, GatherSet, GatherSpawned, GroupRun, Race, RaceEither, RaceEitherSet,
        RaceSet, TryGather, TryGatherSet, TryGatherSpawned, TryGroupRun, WaitHandles,
        WaitQuiescent,
    };
}

/// What the macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::entry::{
        main, main_virtual, test, test_detached, test_real_time, test_real_time_detached,
    };
    #[cfg(feature = "explore")]
    pub use crate::runtime::explore::{Outcome, run_attribute};
}

/// The pages of the documentation, as they are in the folder `docs`.
#[cfg(any(doc, doctest))]
pub mod guide {
    #[doc = include_str!("docs/tutorial.md")]
    pub mod tutorial {}
    #[doc = include_str!("docs/asyncio.md")]
    pub mod asyncio {}
    #[doc = include_str!("docs/tokio.md")]
    pub mod tokio {}
    #[doc = include_str!("docs/ecosystem.md")]
    pub mod ecosystem {}
    #[doc = include_str!("docs/comparison.md")]
    pub mod comparison {}
    #[doc = include_str!("docs/best-practices.md")]
    pub mod best_practices {}
    #[doc = include_str!("docs/cancellation.md")]
    pub mod cancellation {}
    #[doc = include_str!("docs/diagnostics.md")]
    pub mod diagnostics {}
    #[doc = include_str!("docs/adding-a-primitive.md")]
    pub mod adding_a_primitive {}
    #[cfg(feature = "explore")]
    #[doc = include_str!("docs/explore.md")]
    pub mod explore {}
    #[doc = include_str!("docs/architecture.md")]
    pub mod architecture {}
}

/// Compiles and runs the code of the readme.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
mod readme {}
