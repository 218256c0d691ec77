//! Runs the same test under every order of its tasks, at its await points.
//!
//! One thread and one ready queue make it possible: what a run does follows from which ready task is polled
//! next, which is cancelled, and when time passes. [`explore`](crate::explore()) tries these choices one after
//! the other, finds those under which the test fails, and hands back a token that repeats the failure. The
//! attribute is `#[turnwise::test(explore)]`. The page [Explore](crate::guide::explore) begins with an example.
//!
//! # What "complete" claims
//!
//! Every order in which the loop could poll ready tasks, from this body, with virtual time moving only when
//! nothing is ready (and at most `s` stalls), at most `c` cancellations and `f` faults. It says nothing of
//! other inputs, of memory orders, of the real system, and of code between two awaits, which runs undivided here
//! as anywhere. It is more than production does: the loop polls first what was ready first, so an order with
//! delays happens there only if the outside makes tasks ready in that order. [`Order::Outside`] narrows it to
//! that.
//!
//! # Implementation
//!
//! Below the driver, `choices` answers one choice after the other; here are the searches over many runs
//! (`search.rs`), one run (`runs.rs`), what makes a failure small (`shrink.rs`), and what people read
//! (`exploration.rs`, `progress.rs`). A run costs about 700 instructions per choice; its runtime is used again
//! when nothing of it is left.

mod attribute;
mod exploration;
mod explorer;
mod hooks;
mod limits;
mod progress;
mod quiet;
mod runs;
mod search;
mod shrink;

pub use super::choices::chooser::Order;
pub use attribute::{Outcome, run_attribute};
pub use exploration::{Exploration, Failure};
pub use explorer::{Explorer, explore};
pub use hooks::{always, at_rest, pick, vital};
