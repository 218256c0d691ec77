//! The signals of the process: who has a claim to each, and what stood before.

pub(crate) mod claims;
pub(crate) mod ctrl_c;
