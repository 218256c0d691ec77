//! What other threads send to the loop, and what they get back.
//!
//! Calls from other threads are in `remote.rs`, a stream of items in `inlet.rs`; `dispatch.rs` is what the loop does
//! with both. Calls that block go the other way, from `blocking.rs` to the threads of `pool.rs`.

pub(crate) mod blocking;
pub(crate) mod dispatch;
pub(crate) mod external;
pub(crate) mod home;
pub(crate) mod inlet;
pub(crate) mod oneshot;
pub(crate) mod pool;
pub(crate) mod remote;
