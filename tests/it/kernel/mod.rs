//! The kernel: order, wakers, memory.

pub(crate) mod aftermath;
pub(crate) mod alloc;
pub(crate) mod bad_wakers;
pub(crate) mod fifo;
pub(crate) mod foreign;
pub(crate) mod threads;
pub(crate) mod wakers;
