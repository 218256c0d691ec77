//! The function form.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::exploration::Exploration;
use super::limits::Reach;
use super::search::{Plan, Setting};
use crate::runtime::choices::chooser::Order;
use crate::runtime::choices::mark;

/// Explores the orders in which the tasks of a body can run, on this thread.
///
/// `make` gives the body of each run; everything that the body uses is made in it. It runs on a
/// virtual clock, and has to do the same whenever the same choices are made.
///
/// asyncio counterpart: none.
///
/// # Examples
///
/// Two tasks that read, wait and write lose an update, in an order that the loop never takes by itself:
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// async fn add(count: Rc<Cell<u32>>, other: turnwise::JoinHandle<()>) {
///     let seen = count.get();
///     other.await.unwrap();
///     count.set(seen + 1);
/// }
///
/// let found = turnwise::explore(|| async {
///     let count = Rc::new(Cell::new(0));
///     let touch = |count: Rc<Cell<u32>>| async move { count.set(count.get() + 1) };
///     let other = turnwise::spawn(touch(count.clone()));
///     turnwise::spawn(add(count.clone(), other)).await.unwrap();
///     assert_eq!(count.get(), 2);
/// })
/// .run();
/// assert!(found.to_string().contains("although"));
/// assert_eq!(found.token(), Some("x1:1.1"));
/// ```
pub fn explore<M, F>(make: M) -> Explorer<M>
where
    M: Fn() -> F,
    F: Future<Output = ()>,
{
    let setting = Setting {
        name: "body".to_owned(),
        reach: Reach::DEFAULT,
    };
    Explorer {
        make,
        setting,
        plan: Plan::Search,
    }
}

/// An exploration that has not begun; see [`explore`].
#[must_use = "nothing is explored until `run` is called"]
pub struct Explorer<M> {
    make: M,
    setting: Setting,
    plan: Plan,
}

impl<M, F> Explorer<M>
where
    M: Fn() -> F,
    F: Future<Output = ()>,
{
    /// The name of the body in messages and tokens.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.setting.name = name.into();
        self
    }

    /// Takes ready tasks before their turn by at most so many places in one run, in sum. Without it the
    /// bounds are 0, 1, 2 and 3, and then there is none.
    pub fn delays(mut self, delays: u32) -> Self {
        self.setting.reach.delays = Some(delays);
        self
    }

    /// Cancels at most so many tasks in one run, each at any moment between two polls. The body itself, tasks of
    /// a gather and tasks that are [`vital`](super::vital) are left alone. None unless this is called.
    pub fn cancels(mut self, cancels: u32) -> Self {
        let limits = &mut self.setting.reach.limits;
        *limits = limits.with_cancels(cancels);
        self
    }

    /// Lets virtual time pass to the next deadline although tasks are ready, at most so often in one run: a
    /// processor that is busy elsewhere. The earliest deadline fires, whatever its distance. Never unless this
    /// is called.
    pub fn stalls(mut self, stalls: u32) -> Self {
        let limits = &mut self.setting.reach.limits;
        *limits = limits.with_stalls(stalls);
        self
    }

    /// Lets [`pick`](super::pick) choose another option than the first at most so often in one run. Never unless
    /// this is called.
    pub fn faults(mut self, faults: u32) -> Self {
        let limits = &mut self.setting.reach.limits;
        *limits = limits.with_faults(faults);
        self
    }

    /// Runs at most so many schedules: 200,000 unless this is called.
    ///
    /// # Panics
    ///
    /// On zero.
    #[track_caller]
    pub fn schedules(mut self, runs: u64) -> Self {
        assert!(
            runs > 0,
            "zero schedules explore nothing; allow at least one"
        );
        self.setting.reach.runs = runs;
        self
    }

    /// Goes on for at most so long: a second unless this is called.
    ///
    /// # Panics
    ///
    /// On zero.
    #[track_caller]
    pub fn within(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "no time explores nothing; allow some");
        self.setting.reach.time = time;
        self
    }

    /// Fails a run that has more choices than this: 10,000 unless this is called.
    ///
    /// # Panics
    ///
    /// On zero.
    #[track_caller]
    pub fn choices(mut self, choices: usize) -> Self {
        assert!(
            choices > 0,
            "a run without a choice does nothing; allow at least one"
        );
        self.setting.reach.choices = choices;
        self
    }

    /// Which orders are explored.
    pub fn order(mut self, order: Order) -> Self {
        self.setting.reach.order = order;
        self
    }

    /// Chooses at random in place of searching; the same seed makes the same schedules.
    pub fn random(mut self, seed: u64) -> Self {
        self.plan = Plan::Random { seed };
        self
    }

    /// Chooses by random priorities that change `depth - 1` times in a run (probabilistic concurrency testing):
    /// better than a plain walk where a fault needs one task to be far behind.
    ///
    /// # Panics
    ///
    /// On a depth of zero.
    #[track_caller]
    pub fn priorities(mut self, seed: u64, depth: u32) -> Self {
        assert!(
            depth > 0,
            "a depth of zero orders nothing; 1 to 4 are usual"
        );
        self.plan = Plan::Priorities { seed, depth };
        self
    }

    /// Explores, and says what came of it.
    ///
    /// # Panics
    ///
    /// Inside another exploration, and on a thread that has a runtime. Failures of the body are no panics here:
    /// [`assert_ok`](Exploration::assert_ok) makes them one.
    #[track_caller]
    pub fn run(self) -> Exploration {
        self.setting.run(&self.make, self.plan)
    }

    /// Runs the one schedule that `token` stands for. Choices that do not fit the body are taken as the loop
    /// takes them by itself, and the exploration says from where on.
    ///
    /// # Panics
    ///
    /// When `token` is none; as [`run`](Explorer::run).
    #[track_caller]
    pub fn replay(self, token: &str) -> Exploration {
        let marks = mark::parse(token).unwrap_or_else(|error| panic!("{error}"));
        self.setting.run(&self.make, Plan::Replay(marks))
    }

    pub(super) fn setting_mut(&mut self) -> &mut Setting {
        &mut self.setting
    }
}

impl<M> fmt::Debug for Explorer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer")
            .field("setting", &self.setting)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
