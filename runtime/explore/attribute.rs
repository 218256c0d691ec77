//! The attribute form.

use std::fmt;
use std::future::Future;

use super::explorer::explore;
use super::limits;
use crate::runtime::base::foreign::print;
use crate::runtime::choices::chooser::Order;

/// What a body may return.
pub trait Outcome {
    /// Panics on an error.
    fn check(self);
}

impl Outcome for () {
    fn check(self) {}
}

impl<E: fmt::Debug> Outcome for Result<(), E> {
    #[track_caller]
    fn check(self) {
        if let Err(error) = self {
            panic!("the body returned an error: {error:?}");
        }
    }
}

/// Explores the body of a test called `name` as the attribute's limits and the environment say.
///
/// # Panics
///
/// When a schedule fails.
#[track_caller]
pub fn run_attribute<M, F>(name: &'static str, limits: &[(&str, u64)], outside: bool, make: M)
where
    M: Fn() -> F,
    F: Future<Output: Outcome>,
{
    let body = || {
        let body = make();
        async move { body.await.check() }
    };
    let mut explorer = explore(body).named(name);
    if outside {
        explorer = explorer.order(Order::Outside);
    }
    let reach = &mut explorer.setting_mut().reach;
    for (name, value) in limits {
        reach
            .set(name, *value)
            .unwrap_or_else(|error| panic!("#[turnwise::test(explore)]: {error}"));
    }
    reach.raise_from_environment();
    let found = match (limits::replay_of(name), limits::seed()) {
        (Some(token), _) => explorer.replay(&token),
        (None, Some(seed)) => explorer.random(seed).run(),
        (None, None) => explorer.run(),
    };
    found.assert_ok();
    print(&found);
}
