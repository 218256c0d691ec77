//! Waiting: the queues, the entries of single waiters, and what a grant wakes.
//!
//! - A primitive keeps a `WaitQueue` (`wait_queue.rs`) and implements `Owner` (`wait_node.rs`);
//!   docs/adding-a-primitive.md shows one.
//! - A lock is taken and handed over in `hand_over.rs`.
//! - Where only one task can wait there is no queue: `single_waiter.rs`.
//!
//! `description.rs`, `wake_target.rs`, `waiters.rs`, `singles.rs` and `state.rs` are state and know no kernel. The other files
//! are verbs on the kernel. The tables are visible in this folder alone; reports read them through `view.rs`.
//!
//! A verb that borrows two tables borrows the waiters before the tasks, and the tasks before the singles.

pub(crate) mod description;
pub(crate) mod hand_over;
pub(crate) mod single_waiter;
pub(crate) mod singles;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod view;
pub(crate) mod wait_node;
pub(crate) mod wait_queue;
pub(crate) mod waiters;
pub(crate) mod wake_target;
pub(crate) mod wake_waiters;
