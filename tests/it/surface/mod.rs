//! What is public, and what misuse says.

pub(crate) mod auto_traits;
pub(crate) mod kernel_traits;
pub(crate) mod misuse;
pub(crate) mod refused;
pub(crate) mod snippets;
