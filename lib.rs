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

pub mod io;
mod runtime;
pub mod sync;

pub use runtime::time::{self, Elapsed, Interval, Sleep, Timeout, YieldNow};
pub use runtime::time::{interval, sleep, sleep_until, timeout, timeout_at, yield_now};
pub use runtime::{
    Builder, ChildHandle, Deadlock, Gone, Group, GroupClosed, GroupError, JoinError, JoinHandle,
    OnDeadlock, Remote, Report, Runtime, Stats, TaskGroup, TaskId, Unobserved, block_on, spawn,
    task_group,
};
pub use runtime::{
    Gather, GatherInline, GatherSpawned, Race, TryGather, TryGatherInline, TryGatherSpawned,
    gather, race, try_gather,
};
pub use turnwise_macros::{main, test};

/// What the macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::entry::{main, main_virtual, test, test_real_time};
}
