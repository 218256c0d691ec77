//! The signals of the process: the claims to each, and what stood before the first.

pub(crate) mod claims;
pub(crate) mod ctrl_c;
