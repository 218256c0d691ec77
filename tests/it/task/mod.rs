//! Tasks: how they start, end and are observed.

pub(crate) mod eager;
pub(crate) mod ends;
pub(crate) mod large;
pub(crate) mod locals;
pub(crate) mod nesting;
pub(crate) mod unobserved;
