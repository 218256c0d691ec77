//! The loop: which task is polled next, what it hears between polls, how it sleeps.

pub(crate) mod eager;
pub(crate) mod executor;
pub(crate) mod park;
pub(crate) mod quiescence;
