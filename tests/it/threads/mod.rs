//! Other threads: blocking calls, remotes, inlets.

pub(crate) mod blocking;
pub(crate) mod inlet;
pub(crate) mod remote;
