//! What an exploration found, for people.

use std::fmt;
use std::time::Duration;

use crate::runtime::choices::chooser::{Limits, Order};
use crate::runtime::choices::said::Said;

/// How a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The body, or a check of the test's own, panicked. Holds the message with its place.
    Panic(String),
    /// Nothing could ever wake the program again. Holds the report.
    Deadlock(String),
    /// Tasks were alive when the body returned. Holds a dump.
    Leak(String),
    /// A task failed, and nothing awaits it.
    Unobserved(String),
    /// The run does not end within the limit of choices.
    Endless(usize),
    /// The body does something else when it is run again. Holds where that was seen.
    NotDeterministic(String),
}

impl Failure {
    /// Whether another run fails in the same way.
    pub(super) fn is_like(&self, other: &Failure) -> bool {
        match (self, other) {
            (Failure::Panic(this), Failure::Panic(other)) => this == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panic(text) | Failure::Deadlock(text) | Failure::Unobserved(text) => {
                f.write_str(text)
            }
            Failure::Leak(dump) => {
                write!(
                    f,
                    "the body returned while tasks were still alive; await or cancel them\n{dump}"
                )
            }
            Failure::Endless(choices) => write!(
                f,
                "the run does not end within {choices} choices: tasks wake each other for ever, or the limit \
                 is too low (`choices(n)` raises it)"
            ),
            Failure::NotDeterministic(seen) => write!(
                f,
                "the body is not deterministic: {seen}. Usual causes: the order of a HashMap, the system's clock \
                 or random numbers, a static or a cache that the first run has filled, another thread"
            ),
        }
    }
}

/// What an exploration found.
#[derive(Clone, Debug)]
#[must_use = "an exploration that failed says so only here; call `assert_ok`"]
pub struct Exploration {
    pub(super) name: String,
    pub(super) order: Order,
    pub(super) limits: Limits,
    pub(super) runs: u64,
    pub(super) steps: u64,
    pub(super) longest: usize,
    pub(super) took: Duration,
    pub(super) way: Way,
    pub(super) failed: Option<Failed>,
}

/// How schedules were chosen, and how far that went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// All with at most `bound` delays; of them those that the runs or the time allowed.
    Search {
        bound: Option<u32>,
        end: End,
    },
    Random {
        seed: u64,
    },
    Priorities {
        seed: u64,
        depth: u32,
    },
    Replay {
        strayed: Option<usize>,
    },
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No limit took anything away.
    Complete,
    /// The limit on delays was reached, and there are orders with more.
    Delays,
    /// Out of runs or time within a bound.
    Cut,
}

/// The failing schedule.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) token: String,
    pub(super) choices: usize,
    /// Choices other than the loop's own, as found and after shrinking.
    pub(super) deviations: (usize, usize),
    /// What happened at each choice.
    pub(super) said: Vec<Said>,
}

impl Exploration {
    /// How many schedules were run.
    pub fn schedules(&self) -> u64 {
        self.runs
    }

    /// How many choices they had, in sum.
    pub fn choices(&self) -> u64 {
        self.steps
    }

    /// How many choices the longest had.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Whether every order was run that the module's page claims; false as well where a schedule failed.
    pub fn is_complete(&self) -> bool {
        self.failed.is_none()
            && matches!(
                self.way,
                Way::Search {
                    end: End::Complete,
                    ..
                }
            )
    }

    /// The bound on delays within which the search ended; `None` if it was unbounded, or no search.
    pub fn bound(&self) -> Option<u32> {
        match self.way {
            Way::Search { bound, .. } => bound,
            _ => None,
        }
    }

    /// How a schedule failed, if one did.
    pub fn failure(&self) -> Option<&Failure> {
        self.failed.as_ref().map(|failed| &failed.failure)
    }

    /// What repeats the failing schedule, with [`Explorer::replay`](super::Explorer::replay) or the environment
    /// variable `TURNWISE_REPLAY=name@token`.
    pub fn token(&self) -> Option<&str> {
        self.failed.as_ref().map(|failed| failed.token.as_str())
    }

    /// Passes if no schedule failed.
    ///
    /// # Panics
    ///
    /// With the failure and its token.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.failed.is_none(), "{self}");
    }
}

impl fmt::Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failed) = &self.failed {
            return self.write_failure(f, failed);
        }
        write!(f, "explore {}: ", self.name)?;
        let runs = grouped(self.runs);
        match self.way {
            Way::Search {
                end: End::Complete, ..
            } => {
                let what = match self.order {
                    Order::Any => "every order of ready tasks",
                    Order::Outside => "every order of what the outside makes ready",
                };
                write!(
                    f,
                    "complete: {runs} schedules, {what}{}",
                    self.and_limits(", ")
                )?;
                write!(f, " (longest {} choices)", self.longest)
            }
            Way::Search { bound, end } => {
                let bound =
                    bound.map_or("any number of delays".into(), |n| format!("≤ {n} delays"));
                let and = self.and_limits(" and ");
                if end == End::Delays {
                    write!(
                        f,
                        "{runs} schedules, every one with {bound}{and}; NOT complete: more delays were cut off"
                    )
                } else {
                    write!(
                        f,
                        "{runs} schedules of those with {bound}{and}; NOT complete: out of runs or time"
                    )
                }
            }
            Way::Random { seed } => write!(f, "{runs} random schedules, seed {seed}; NOT complete"),
            Way::Priorities { seed, depth } => {
                write!(
                    f,
                    "{runs} schedules by random priorities, depth {depth}, seed {seed}; NOT complete"
                )
            }
            Way::Replay { strayed: None } => f.write_str("the token passes"),
            Way::Replay { strayed: Some(at) } => {
                write!(
                    f,
                    "the token passes, and does not fit this body from choice {at} on: has the test changed?"
                )
            }
        }
    }
}

impl Exploration {
    /// The limits other than delays that were not zero.
    fn and_limits(&self, before: &str) -> String {
        let all = [
            (self.limits.cancels(), "cancellation"),
            (self.limits.stalls(), "stall"),
            (self.limits.faults(), "fault"),
        ];
        let named = all.iter().filter(|(most, _)| *most > 0);
        let plural = |n: u32| if n == 1 { "" } else { "s" };
        named
            .map(|(most, what)| format!("{before}≤ {most} {what}{}", plural(*most)))
            .collect()
    }

    fn write_failure(&self, f: &mut fmt::Formatter<'_>, failed: &Failed) -> fmt::Result {
        write!(f, "{} failed in schedule {}", self.name, grouped(self.runs))?;
        match self.way {
            Way::Search {
                bound: Some(bound), ..
            } => write!(f, " of those with ≤ {bound} delays")?,
            Way::Search { bound: None, .. } | Way::Replay { strayed: None } => {}
            Way::Random { seed } => write!(f, ", random with seed {seed}")?,
            Way::Priorities { seed, .. } => write!(f, ", by random priorities with seed {seed}")?,
            Way::Replay { strayed: Some(at) } => {
                write!(
                    f,
                    ", though the token does not fit this body from choice {at} on"
                )?;
            }
        }
        for line in failed.failure.to_string().lines() {
            write!(f, "\n  {line}")?;
        }
        if matches!(failed.failure, Failure::NotDeterministic(_)) {
            return Ok(());
        }
        let (found, left) = failed.deviations;
        write!(
            f,
            "\n  replay with  TURNWISE_REPLAY={}@{}",
            self.name, failed.token
        )?;
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        write!(
            f,
            "   ({} choices, {left} deviation{}",
            failed.choices,
            plural(left)
        )?;
        if found > left {
            write!(f, "; shrunk from {found}")?;
        }
        f.write_str(")")?;
        let deviations = failed
            .said
            .iter()
            .enumerate()
            .filter(|(_, said)| !said.is_plain());
        for (at, said) in deviations {
            write!(f, "\n  choice {at}: {}", said)?;
        }
        Ok(())
    }
}

/// A number in groups of three digits.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
