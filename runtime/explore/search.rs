//! Searches: many runs of one body, by bounds on delays, at random, or by one token.

use std::future::Future;

use super::exploration::{End, Exploration, Failed, Failure, Way};
use super::limits::Reach;
use super::progress::Progress;
use super::runs::Runs;
use super::shrink::shrink;
use crate::runtime::choices::chooser::{Chooser, Limits, Mode};
use crate::runtime::choices::mark::{self, Mark};
use crate::runtime::choices::random::{Priorities, Random};
use crate::runtime::choices::said::Said;
use crate::runtime::choices::state;

/// What a search is like, apart from the body.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) reach: Reach,
}

/// How schedules are to be chosen.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    Search,
    Random { seed: u64 },
    Priorities { seed: u64, depth: u32 },
    Replay(Vec<Mark>),
}

impl Setting {
    fn chooser(&self, mode: Mode, delays: u32) -> Chooser {
        let limits = self.reach.limits.with_delays(delays);
        Chooser::new(mode, self.reach.order, limits, self.reach.choices)
    }

    /// A chooser that repeats a run.
    pub(super) fn replaying(&self, marks: Vec<Mark>) -> Chooser {
        Chooser::new(
            Mode::Replay(marks),
            self.reach.order,
            Limits::ANY,
            self.reach.choices,
        )
    }

    /// Runs the body as the plan says, up to the first failure, which is made small.
    #[track_caller]
    pub(super) fn run<M, F>(&self, make: &M, plan: Plan) -> Exploration
    where
        M: Fn() -> F,
        F: Future<Output = ()>,
    {
        let mut runs = Runs::begin(make, self.reach.choices);
        let mut progress = Progress::begin(&self.name);
        let mut found = Found {
            runs: 0,
            steps: 0,
            longest: 0,
            failure: None,
        };
        let way = match plan {
            Plan::Search => self.search(&mut runs, &mut progress, &mut found),
            Plan::Replay(marks) => {
                runs.choose_by(self.replaying(marks));
                found.run(&mut runs);
                found.note_steps();
                Way::Replay {
                    strayed: state::with_chooser(|chooser| chooser.strayed()),
                }
            }
            Plan::Random { seed } => {
                let mode = |seed, _| Mode::Random(Random::new(seed));
                self.walk(&mut runs, &mut progress, &mut found, seed, mode);
                Way::Random { seed }
            }
            Plan::Priorities { seed, depth } => {
                let mode = |seed, longest| {
                    Mode::Priorities(Priorities::new(Random::new(seed), depth, longest))
                };
                self.walk(&mut runs, &mut progress, &mut found, seed, mode);
                Way::Priorities { seed, depth }
            }
        };
        let took = progress.took();
        drop(progress);
        let failed = found
            .failure
            .take()
            .map(|failure| self.conclude(&mut runs, failure));
        Exploration {
            name: self.name.clone(),
            order: self.reach.order,
            limits: self.reach.limits,
            runs: found.runs,
            steps: found.steps,
            longest: found.longest,
            took,
            way,
            failed,
        }
    }

    /// Depth first, with ever more delays: most faults need few, and the runs with few are few.
    fn search<M, F>(
        &self,
        runs: &mut Runs<'_, M>,
        progress: &mut Progress<'_>,
        found: &mut Found,
    ) -> Way
    where
        M: Fn() -> F,
        F: Future<Output = ()>,
    {
        found.failure = self.find_difference(runs);
        if found.failure.is_some() {
            found.runs = 2;
            return Way::Search {
                bound: Some(0),
                end: End::Cut,
            };
        }
        /// From here on all orders.
        const DEEP: u32 = 4;
        let mut delays = 0;
        loop {
            let bound = (self.reach.delays.is_some() || delays < DEEP).then_some(delays);
            runs.choose_by(self.chooser(Mode::Search, bound.unwrap_or(u32::MAX)));
            let what = bound.map_or("all orders".to_owned(), |bound| format!("delays ≤ {bound}"));
            loop {
                found.run(runs);
                let failed = found.failure.is_some();
                if failed || self.is_over(found, progress, &what) {
                    found.note_steps();
                    return Way::Search {
                        bound,
                        end: End::Cut,
                    };
                }
                if !state::with_chooser(Chooser::advance) {
                    break;
                }
            }
            found.note_steps();
            if !state::with_chooser(|chooser| chooser.is_cut()) {
                return Way::Search {
                    bound,
                    end: End::Complete,
                };
            }
            if self.reach.delays.is_some_and(|most| delays >= most) {
                return Way::Search {
                    bound,
                    end: End::Delays,
                };
            }
            delays += 1;
        }
    }

    /// One run after the other, each with a chooser of its own chance.
    fn walk<M, F>(
        &self,
        runs: &mut Runs<'_, M>,
        progress: &mut Progress<'_>,
        found: &mut Found,
        seed: u64,
        mode: impl Fn(u64, usize) -> Mode,
    ) where
        M: Fn() -> F,
        F: Future<Output = ()>,
    {
        let mut random = Random::new(seed);
        loop {
            runs.choose_by(self.chooser(mode(random.next(), found.longest), u32::MAX));
            found.run(runs);
            found.note_steps();
            if found.failure.is_some() || self.is_over(found, progress, "random") {
                return;
            }
        }
    }

    /// Whether runs or time are used up.
    fn is_over(&self, found: &Found, progress: &mut Progress<'_>, what: &str) -> bool {
        /// The clock is read every so many runs.
        const OFTEN: u64 = 64;
        if found.runs % OFTEN != 0 && found.longest < 1000 {
            return found.runs >= self.reach.runs;
        }
        let took = progress.took();
        progress.show(took, what, found.runs, found.longest);
        found.runs >= self.reach.runs || took >= self.reach.time
    }

    /// Runs the plain order twice, and says where the second run differs.
    fn find_difference<M, F>(&self, runs: &mut Runs<'_, M>) -> Option<Failure>
    where
        M: Fn() -> F,
        F: Future<Output = ()>,
    {
        let mut run = || {
            runs.choose_by(self.replaying(Vec::new()));
            let failure = runs.run(true);
            let prints = state::with_chooser(|chooser| chooser.prints());
            (failure, prints, state::take_log())
        };
        // What fills statics and caches is the first run's alone.
        let (failure, prints, log) = run();
        if failure.is_some() {
            return None;
        }
        let (_, again, log_again) = run();
        if prints == again && log == log_again {
            return None;
        }
        let differs =
            |at: &usize| prints.get(*at) != again.get(*at) || log.get(*at) != log_again.get(*at);
        let at = (0..prints.len().max(again.len())).find(differs)?;
        let name = |log: &[Said]| {
            let task = log.get(at).and_then(Said::task);
            task.map_or("nothing".to_owned(), ToString::to_string)
        };
        let (first, second) = (name(&log), name(&log_again));
        let seen = if first == second {
            format!("in two runs alike, choice {at} polls {first} beside other ready tasks")
        } else {
            format!("in two runs alike, choice {at} polls first {first}, then {second}")
        };
        Some(Failure::NotDeterministic(seen))
    }

    /// Makes a failure small, and runs it once more to say what happens in it.
    fn conclude<M, F>(&self, runs: &mut Runs<'_, M>, failure: Failure) -> Failed
    where
        M: Fn() -> F,
        F: Future<Output = ()>,
    {
        let marks = state::with_chooser(|chooser| chooser.marks());
        if matches!(failure, Failure::NotDeterministic(_)) {
            let token = mark::to_token(&marks);
            return Failed {
                failure,
                token,
                choices: marks.len(),
                deviations: (0, 0),
                said: Vec::new(),
            };
        }
        let found = deviations(&marks);
        let marks = shrink(runs, self, &failure, marks);
        let (choices, left) = (marks.len(), deviations(&marks));
        let token = mark::to_token(&marks);
        runs.choose_by(self.replaying(marks));
        let again = runs.run(true);
        Failed {
            failure: again.unwrap_or(failure),
            token,
            choices,
            deviations: (found, left),
            said: state::take_log(),
        }
    }
}

fn deviations(marks: &[Mark]) -> usize {
    marks.iter().filter(|mark| !mark.is_plain()).count()
}

/// What a search has come to.
struct Found {
    runs: u64,
    steps: u64,
    longest: usize,
    failure: Option<Failure>,
}

impl Found {
    fn run<M, F>(&mut self, runs: &mut Runs<'_, M>)
    where
        M: Fn() -> F,
        F: Future<Output = ()>,
    {
        self.runs += 1;
        self.failure = runs.run(false);
        self.longest = self
            .longest
            .max(state::with_chooser(|chooser| chooser.depth()));
    }

    /// Adds the choices of the chooser that has ended.
    fn note_steps(&mut self) {
        self.steps += state::with_chooser(|chooser| chooser.steps());
    }
}
