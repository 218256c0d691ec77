//! The tasks of a thread, which of them are ready, and the wakers that schedule them.

pub(crate) mod body;
pub(crate) mod lend;
pub(crate) mod task;
pub(crate) mod tasks;
pub(crate) mod waker;
