//! The tasks of a thread, which of them are ready, and the wakers that schedule them.

pub(crate) mod body;
mod cloned_wakers;
pub(crate) mod joiner;
pub(crate) mod lend_waker;
pub(crate) mod life;
mod lost_mark;
mod make_ready;
pub(crate) mod poll_task;
pub(crate) mod remains;
mod state;
pub(crate) mod task;
mod task_id;
pub(crate) mod task_waker;
pub(crate) mod tasks;
mod wake_task;

pub(super) use state::Sched;
