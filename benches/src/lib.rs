//! turnwise beside its peers: what is measured ([`rows`]), who does it ([`peer`]), and the list of
//! both together ([`cases`]).
//!
//! A row is one generic function over the small traits of [`peer`], so that every peer does the same
//! work in the same shape. README.md says what each row does.

pub mod callgrind;
mod crowds;
pub mod extra;
mod list;
pub mod peer;
pub mod results;
mod rows;
pub mod scaling;
pub mod table;

pub use list::{BEYOND_MEMORY, Case, ROWS, cases};
