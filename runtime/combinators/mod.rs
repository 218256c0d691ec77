//! Several futures or tasks as one.
//!
//! `race.rs` and `gather.rs` poll futures inside one task (`branches.rs`); `group.rs` and `gather_spawned.rs` spawn
//! children, whose ends and panics `nursery.rs` collects; `wait.rs` waits for tasks that go on.

pub(crate) mod branches;
pub(crate) mod child_handle;
pub(crate) mod gather;
pub(crate) mod gather_spawned;
pub(crate) mod group;
pub(crate) mod group_errors;
pub(crate) mod group_run;
pub(crate) mod nursery;
pub(crate) mod race;
pub(crate) mod wait;
