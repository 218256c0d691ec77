//! What the kernel's own waits are called, and what a report can tell from that.

/// A descriptor is to become readable.
pub(crate) const READABLE: &str = "readable";
/// A descriptor is to become writable.
pub(crate) const WRITABLE: &str = "writable";
/// Somebody is to give a descriptor back.
pub(crate) const DESCRIPTOR: &str = "a free descriptor";
/// The kinds of wait that the system ends.
pub(crate) const SOURCES: [&str; 3] = [READABLE, WRITABLE, DESCRIPTOR];

/// The kinds of wait that end when children end, and whose ask is the number of the group.
pub(crate) const GROUPS: [&str; 3] = ["gather", "task group", "as_completed"];

/// Everybody else is to be blocked.
pub(crate) const QUIESCENCE: &str = "all others to be blocked";
