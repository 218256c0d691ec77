//! Groups, gather, race, wait.

pub(crate) mod gather;
pub(crate) mod group_cancel;
pub(crate) mod group_outcomes;
pub(crate) mod groups;
pub(crate) mod wait;
