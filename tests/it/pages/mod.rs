//! Documents and examples.

pub(crate) mod diagnostics_page;
pub(crate) mod documented;
pub(crate) mod documents;
pub(crate) mod examples;
pub(crate) mod toys;
