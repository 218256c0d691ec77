//! The tasks of a thread, which of them are ready, and the wakers that schedule them.
//!
//! - The states of a task are in `task.rs`, its future and then its output in `body.rs`, all tasks and the ready
//!   queue in `tasks.rs`.
//! - `life.rs` spawns, cancels, finishes and detaches.
//! - A wake, from this thread or another, is in `wake_from_anywhere.rs`, and goes on in `make_ready.rs`.
//! - `around_poll.rs` is what comes before and after a poll, `lend_waker.rs` the waker that goes with it.

pub(crate) mod around_poll;
pub(crate) mod body;
mod cloned_wakers;
#[cfg(feature = "explore")]
pub(crate) mod explored;
pub(crate) mod joiner;
pub(crate) mod lend_waker;
pub(crate) mod life;
mod lost_mark;
mod make_ready;
pub(crate) mod remains;
mod state;
pub(crate) mod task;
mod task_id;
pub(crate) mod task_waker;
pub(crate) mod tasks;
mod wake_from_anywhere;

pub(super) use state::Sched;
