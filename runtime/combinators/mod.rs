//! Several futures or tasks as one.

pub(crate) mod branches;
pub(crate) mod gather;
pub(crate) mod gather_spawned;
pub(crate) mod group;
pub(crate) mod group_errors;
pub(crate) mod nursery;
pub(crate) mod race;
pub(crate) mod wait;
