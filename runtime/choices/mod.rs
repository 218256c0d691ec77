//! Choices: where a loop that explores asks what happens next, in place of taking the head of the ready queue.
//!
//! A [`Chooser`](chooser::Chooser) answers: by the path of a search, at random, or by a token that is replayed.
//! Modules above ask it (`state.rs`); it knows the ready tasks and what they are called, and never what a
//! search wants to find. Begin with `chooser.rs`. Without the feature `explore` only the questions are left that
//! other modules ask, and their answer is a constant.

#[cfg(feature = "explore")]
pub(crate) mod chooser;
#[cfg(feature = "explore")]
pub(crate) mod mark;
#[cfg(not(feature = "explore"))]
mod off;
#[cfg(feature = "explore")]
pub(crate) mod random;
#[cfg(feature = "explore")]
pub(crate) mod said;
#[cfg(feature = "explore")]
pub(crate) mod state;

#[cfg(not(feature = "explore"))]
pub(crate) use off::{come_from_outside, is_exploring, refuse, spare};
#[cfg(feature = "explore")]
pub(crate) use state::{come_from_outside, is_exploring, refuse, spare};
