//! Waiting: the queues, the places for a single waiter, and whom a grant wakes.

pub(crate) mod holder;
pub(crate) mod seat;
pub(crate) mod sitters;
pub(crate) mod stats;
pub(crate) mod ticket;
pub(crate) mod view;
pub(crate) mod wait_queue;
pub(crate) mod waiters;
pub(crate) mod waiting;
pub(crate) mod wake;
pub(crate) mod who;
