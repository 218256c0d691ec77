//! Looking at tasks from inside: which one this is, and which there are.

// A task starts in `spawn.rs` and ends in `end.rs`; `join.rs` is its handle, which takes the output;
// `unobserved.rs` reports a panic that no handle can give.
pub(crate) mod cancel_handle;
pub(crate) mod end;
pub(crate) mod failure_count;
pub(crate) mod inspect;
pub(crate) mod join;
pub(crate) mod local;
pub(crate) mod spawn;
pub(crate) mod unobserved;

pub use cancel_handle::CancelHandle;
pub use inspect::{Info, all, cancel_all, current};
pub use local::TaskLocal;
