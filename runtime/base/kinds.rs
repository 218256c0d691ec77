//! What the kernel's own waits are called, and what a report can tell from that.

/// A task waits for a descriptor to be given back.
pub(crate) const DESCRIPTOR: &str = "free descriptor";

/// The kinds of wait that end when children end, and whose ask is the number of the group.
pub(crate) const GROUPS: [&str; 3] = ["gather", "task group", "as_completed"];

/// A task waits for all others to be blocked.
pub(crate) const QUIESCENCE: &str = "all others to be blocked";

/// What a wait is called, behind two references: one word where every wait has it written down.
pub(crate) type Name = &'static &'static str;
