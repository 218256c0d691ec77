//! The tasks of a thread, which of them are ready, and the wakers that schedule them.

pub(crate) mod body;
mod cloned;
pub(crate) mod joiner;
pub(crate) mod lend;
pub(crate) mod life;
mod ready;
pub(crate) mod remains;
mod state;
mod suspicion;
pub(crate) mod task;
mod task_id;
pub(crate) mod tasks;
pub(crate) mod turn;
mod wake;
pub(crate) mod waker;

pub(super) use state::Sched;
