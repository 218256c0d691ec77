//! Waits for time, and what moves them.

pub(crate) mod network;
pub(crate) mod rearming;
pub(crate) mod turns;
pub(crate) mod waits;
