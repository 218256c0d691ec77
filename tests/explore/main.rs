//! Tests of the explorer, and the primitives under it.

mod bugs;
mod counts;
