//! The chooser: one answer per choice of a run, and the path that they make.
//!
//! ```text
//!   options of a choice, in this order:
//!     run 0 … run r    the ready tasks, first ready first; r is what order and delays allow
//!     stall            time passes although tasks are ready
//!     cancel a … z     tasks that may be cancelled, in the order of their spawning
//! ```
//!
//! With nothing ready, *run 0* is to let the loop be idle. Option 0 is always what the loop does by itself.
//!
//! # Implementation
//!
//! A search is depth first by running again: the path of the last run is the stack. A step of it has 16 bytes.
//! At each choice that a run repeats, the print of the ready tasks has to be that of the run before; a body that
//! does something else on its own is found out there.

use super::mark::Mark;
use super::random::{Priorities, Random};
use crate::runtime::kernel::sched::explored::ReadyTask;
use crate::runtime::kernel::sched::task::TaskId;

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Run(TaskId),
    Cancel(TaskId),
    Stall,
}

/// How far a run may go from what the loop does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    delays: u32,
    cancels: u32,
    stalls: u32,
    faults: u32,
}

impl Limits {
    /// The loop by itself.
    pub(crate) const NONE: Limits = Limits {
        delays: 0,
        cancels: 0,
        stalls: 0,
        faults: 0,
    };

    /// Anything.
    pub(crate) const ANY: Limits = Limits {
        delays: u32::MAX,
        cancels: u32::MAX,
        stalls: u32::MAX,
        faults: u32::MAX,
    };

    /// Lets ready tasks be taken before their turn by so many places, in sum.
    pub(crate) fn with_delays(self, delays: u32) -> Self {
        Limits { delays, ..self }
    }

    pub(crate) fn with_cancels(self, cancels: u32) -> Self {
        Limits { cancels, ..self }
    }

    pub(crate) fn with_stalls(self, stalls: u32) -> Self {
        Limits { stalls, ..self }
    }

    /// Lets so many options of the test's own, or of a simulated outside world, be other than the first.
    pub(crate) fn with_faults(self, faults: u32) -> Self {
        Limits { faults, ..self }
    }

    pub(crate) fn cancels(self) -> u32 {
        self.cancels
    }

    pub(crate) fn stalls(self) -> u32 {
        self.stalls
    }

    pub(crate) fn faults(self) -> u32 {
        self.faults
    }
}

/// Which orders of ready tasks are explored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Every order, also those that the loop never takes by itself.
    #[default]
    Any,
    /// A ready task passes those only which the outside made ready: a timer, or the end of a blocking call.
    /// Among the others the order is that of the loop: first ready, first polled.
    Outside,
}

/// How options are taken.
pub(crate) enum Mode {
    /// Depth first.
    Search,
    Random(Random),
    Priorities(Priorities),
    /// As the marks say; what does not fit is the plain choice.
    Replay(Vec<Mark>),
}

/// One step of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    taken: u32,
    options: u32,
    mark: Mark,
    /// Of the options and the ready tasks.
    print: u32,
}

/// Why a run was ended from inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It did not do what the run before it did.
    Diverged(String),
    /// It went on for too many choices.
    Endless,
}

/// What stands for the choice at one place of a run.
pub(super) struct Place<'a> {
    pub(super) ready: &'a [ReadyTask],
    /// The tasks that may be cancelled, in the order of their spawning.
    pub(super) victims: &'a [(TaskId, u64)],
    /// How many ready tasks the order of the run allows to choose from; one where none is ready.
    pub(super) open: u32,
    pub(super) can_stall: bool,
}

/// Answers the choices of one run after the other.
pub(crate) struct Chooser {
    mode: Mode,
    pub(super) order: Order,
    limits: Limits,
    left: Limits,
    /// More choices than this, and a run does not end.
    longest: usize,
    path: Vec<Step>,
    depth: usize,
    /// A limit on delays took an option away.
    cut: bool,
    /// A mark of a replay did not fit, at this choice.
    strayed: Option<usize>,
    stopped: Option<Stopped>,
    steps: u64,
}

impl Chooser {
    pub(crate) fn new(mode: Mode, order: Order, limits: Limits, longest: usize) -> Self {
        Chooser {
            mode,
            order,
            limits,
            left: limits,
            longest,
            path: Vec::new(),
            depth: 0,
            cut: false,
            strayed: None,
            stopped: None,
            steps: 0,
        }
    }

    /// A run begins.
    pub(crate) fn begin(&mut self) {
        self.depth = 0;
        self.left = self.limits;
        self.stopped = None;
        if !matches!(self.mode, Mode::Search) {
            self.path.clear();
        }
    }

    /// Goes on to the next path of a search. Returns whether there is one.
    pub(crate) fn advance(&mut self) -> bool {
        while let Some(step) = self.path.last_mut() {
            if step.taken + 1 < step.options {
                step.taken += 1;
                return true;
            }
            self.path.pop();
        }
        false
    }

    /// What was done in the run, choice by choice.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let run = self.path.iter().take(self.depth);
        run.map(|step| step.mark).collect()
    }

    /// The prints of the run.
    pub(crate) fn prints(&self) -> Vec<u32> {
        self.path[..self.depth]
            .iter()
            .map(|step| step.print)
            .collect()
    }

    /// How many choices the run has had.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// How many choices all runs have had.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn strayed(&self) -> Option<usize> {
        self.strayed
    }

    pub(crate) fn take_stopped(&mut self) -> Option<Stopped> {
        self.stopped.take()
    }

    pub(super) fn left(&self) -> Limits {
        self.left
    }

    /// Answers a choice about tasks and time; `None` lets the loop be idle.
    ///
    /// # Errors
    ///
    /// When the run is to end here; [`take_stopped`](Chooser::take_stopped) says why.
    pub(super) fn act(&mut self, place: &Place<'_>) -> Result<Option<Act>, ()> {
        self.steps += 1;
        if self.depth >= self.longest {
            self.stopped = Some(Stopped::Endless);
            return Err(());
        }
        let runs = place.open.min(self.left.delays.saturating_add(1));
        self.cut |= runs < place.open;
        let stalls = u32::from(place.can_stall);
        let options = runs + stalls + place.victims.len() as u32;
        let serials = place.ready.iter().map(|task| task.serial() as u32);
        let mix = |print: u32, serial: u32| print.wrapping_mul(0x0100_0193) ^ serial;
        let print = serials.fold(options, mix);
        let depth = self.depth;
        let taken = match &mut self.mode {
            Mode::Search => self.repeat_or_begin(options, print)?,
            Mode::Random(random) => {
                at_random(random, runs, options).unwrap_or_else(|| random.below(runs))
            }
            Mode::Priorities(all) => {
                let open = place.ready.iter().take(runs as usize);
                at_random(all.random(), runs, options)
                    .unwrap_or_else(|| all.highest(depth, open.map(|task| task.serial())))
            }
            Mode::Replay(marks) => {
                let mark = marks.get(depth).copied().unwrap_or(Mark::PLAIN);
                let taken = match mark {
                    Mark::Run(n) => (n < runs).then_some(n),
                    Mark::Stall => place.can_stall.then_some(runs),
                    Mark::Cancel(serial) => {
                        let is_it = |victim: &(TaskId, u64)| victim.1 == u64::from(serial);
                        let at = place.victims.iter().position(is_it);
                        at.map(|at| runs + stalls + at as u32)
                    }
                    Mark::Pick(_) => None,
                };
                if taken.is_none() {
                    self.strayed.get_or_insert(depth);
                }
                taken.unwrap_or(0)
            }
        };
        let act = if taken < runs {
            place
                .ready
                .get(taken as usize)
                .map(|task| Act::Run(task.id()))
        } else if place.can_stall && taken == runs {
            Some(Act::Stall)
        } else {
            let victim = place.victims[(taken - runs - stalls) as usize];
            Some(Act::Cancel(victim.0))
        };
        let mark = match act {
            None | Some(Act::Run(_)) => Mark::Run(taken),
            Some(Act::Stall) => Mark::Stall,
            Some(Act::Cancel(_)) => {
                Mark::Cancel(place.victims[(taken - runs - stalls) as usize].1 as u32)
            }
        };
        self.note(Step {
            taken,
            options,
            mark,
            print,
        });
        match mark {
            Mark::Run(n) => self.left.delays -= n.min(self.left.delays),
            Mark::Stall => self.left.stalls -= 1,
            Mark::Cancel(_) => self.left.cancels -= 1,
            Mark::Pick(_) => {}
        }
        Ok(act)
    }

    /// Answers a choice of the test's own; the first option is the usual one.
    ///
    /// # Errors
    ///
    /// As [`act`](Chooser::act).
    pub(super) fn pick(&mut self, options: u32) -> Result<u32, ()> {
        /// Tells prints of picks from those of tasks.
        const PICK: u32 = 0x5049_0000;
        let options = if self.left.faults > 0 { options } else { 1 };
        let print = PICK ^ options;
        let depth = self.depth;
        let taken = match &mut self.mode {
            Mode::Search => self.repeat_or_begin(options, print)?,
            Mode::Random(random) => pick_at_random(random, options),
            Mode::Priorities(all) => pick_at_random(all.random(), options),
            Mode::Replay(marks) => match marks.get(depth) {
                Some(Mark::Pick(n)) if *n < options => *n,
                None | Some(&Mark::PLAIN) => 0,
                Some(_) => {
                    self.strayed.get_or_insert(depth);
                    0
                }
            },
        };
        let mark = if taken == 0 {
            Mark::PLAIN
        } else {
            Mark::Pick(taken)
        };
        self.note(Step {
            taken,
            options,
            mark,
            print,
        });
        self.left.faults -= u32::from(taken > 0);
        Ok(taken)
    }

    /// What a search takes here: as on its path, or the first option where that ends.
    fn repeat_or_begin(&mut self, options: u32, print: u32) -> Result<u32, ()> {
        let Some(step) = self.path.get(self.depth) else {
            return Ok(0);
        };
        if step.options == options && step.print == print {
            return Ok(step.taken);
        }
        let text = if step.options == options {
            format!(
                "at choice {} other tasks are ready than in the run before",
                self.depth
            )
        } else {
            let (at, before) = (self.depth, step.options);
            format!("choice {at} has {options} options, and had {before} in the run before")
        };
        self.stopped = Some(Stopped::Diverged(text));
        Err(())
    }

    fn note(&mut self, step: Step) {
        match self.path.get_mut(self.depth) {
            Some(place) => *place = step,
            None => self.path.push(step),
        }
        self.depth += 1;
    }
}

/// Rarely one of the options behind `runs`: what is rare in a run should not be the first thing in it.
fn at_random(random: &mut Random, runs: u32, options: u32) -> Option<u32> {
    let rare = options > runs && random.one_in(16);
    rare.then(|| runs + random.below(options - runs))
}

fn pick_at_random(random: &mut Random, options: u32) -> u32 {
    if options > 1 && random.one_in(8) {
        random.below(options)
    } else {
        0
    }
}
