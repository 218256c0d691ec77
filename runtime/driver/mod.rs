//! The loop: which task is polled next, what it hears between polls, how it sleeps.

pub(crate) mod eager;
mod event_interval;
mod executor;
mod fork;
pub(crate) mod host;
pub(crate) mod park;
pub(crate) mod quiescence;
pub(crate) mod run;
pub(crate) mod state;
