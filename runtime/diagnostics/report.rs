//! What waits for what: the picture behind a deadlock report and a dump, as it is kept.
//!
//! It is taken in `take_report.rs`, and printed by `render.rs` and `export.rs`. `verdict.rs` says what is
//! concluded from it.

use std::borrow::Cow;

use super::outside::Outside;
use super::poll_times::Polls;
use super::verdict::Verdict;
use crate::runtime::base::kinds;
use crate::runtime::base::place::{Place, of_program};
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::{Task, TaskId};
use crate::runtime::kernel::wait::waiters::Gauge;

/// A picture of the tasks of a runtime: what each waits for, on which line, and which task holds it.
///
/// [`Display`](std::fmt::Display) prints it as a tree for a terminal; [`to_json`](Report::to_json)
/// and [`to_dot`](Report::to_dot) are for tools. See [the guide](crate::guide::diagnostics) for how to
/// read one.
///
/// Every task is judged and counted, and a thousand are described: those in cycles before the others
/// that are stuck, and these before the rest, each kind oldest first. So a report of `n` tasks takes
/// O(n) time, but less memory than a third of what the tasks take.
#[derive(Clone)]
#[must_use = "a report shows nothing by itself; print it"]
pub struct Report {
    /// Tasks that have not ended, oldest first: those that are described.
    pub(super) tasks: Vec<Row>,
    pub(super) counts: Counts,
    /// All that nothing alive can wake, oldest first.
    pub(super) stuck: Vec<TaskId>,
    /// Shortest cycles of tasks that wait for each other.
    pub(super) cycles: Vec<Vec<TaskId>>,
    /// The first cycles, step by step, of a long one the first steps and the last.
    pub(super) steps: Vec<Vec<Step>>,
    pub(super) outside: Outside,
    pub(super) verdict: Verdict,
    pub(super) passes: u64,
    /// How long polls took, where that is measured.
    pub(super) polls: Option<Polls>,
}

/// How many tasks there are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(super) all: usize,
    pub(super) running: usize,
    pub(super) ready: usize,
    pub(super) waiting: usize,
}

/// One task.
#[derive(Clone)]
pub(crate) struct Row {
    pub(super) id: TaskId,
    pub(super) name: Option<String>,
    pub(super) main: bool,
    pub(super) spawned_at: Place,
    pub(super) state: State,
    /// No living task can wake it.
    pub(super) stuck: bool,
    /// Foreign code keeps clones of its waker.
    pub(super) cloned: bool,
    pub(super) waits: Vec<Wait>,
    /// Waits that are not among them.
    pub(super) more_waits: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Ready,
    Waiting,
}

/// One thing that a task waits for.
#[derive(Clone)]
pub(crate) struct Wait {
    pub(super) what: What,
    pub(super) made: Option<Place>,
    pub(super) at: Option<Place>,
    /// The place in line; the head's is 1.
    pub(super) place: Option<usize>,
    /// Nanoseconds since it began.
    pub(super) nanos: Option<u64>,
    /// For so many passes it has had what it waits for, but its task does not poll it.
    pub(super) granted: Option<u32>,
    /// A descriptor that its task may have given up waiting for: it ran since, and did not ask again.
    pub(super) lapsed: bool,
    pub(super) holders: Vec<Held>,
    /// Others that were granted it, and are not among the holders.
    pub(super) more_granted: usize,
    /// What the primitive says of itself.
    pub(super) gauge: Option<Gauge>,
    /// It is a step of one of the cycles.
    pub(super) in_cycle: bool,
    /// So many more of the same task, for the like at the same line, are not described.
    pub(super) more: usize,
}

#[derive(Clone)]
pub(crate) enum What {
    /// A primitive, what of it, and its number.
    Queue(&'static str, Option<Cow<'static, str>>, u32),
    /// A primitive of which only one can wait, and its seat.
    SingleWaiter(&'static str, u32),
    /// A source of the system, and what of it.
    Source(&'static str, &'static str),
    /// That no other task is ready.
    Quiescence,
    /// A deadline, and how far away it is.
    Timer(&'static str, u64),
    /// Work outside.
    Work(Cow<'static, str>),
    /// The end of a task.
    End(TaskId),
    /// The ends of children, the first of them, and how many more.
    Children(&'static str, Vec<TaskId>, usize),
}

impl What {
    /// The word for it.
    pub(crate) fn kind(&self) -> &str {
        match self {
            What::Queue(kind, ..)
            | What::Source(kind, _)
            | What::SingleWaiter(kind, _)
            | What::Timer(kind, _)
            | What::Children(kind, ..) => kind,
            What::Work(label) => label,
            What::Quiescence => kinds::QUIESCENCE,
            What::End(_) => "end of task",
        }
    }
}

/// The task that took what a wait is for. Where the guard is by now, only the program knows.
#[derive(Clone)]
pub(crate) struct Held {
    pub(super) task: Option<TaskId>,
    /// What of it, which need not be what the wait asks for.
    pub(super) has: Option<Cow<'static, str>>,
    pub(super) at: Place,
    /// Granted to a future that has not collected it.
    pub(super) granted: bool,
    /// That task is over.
    pub(super) ended: bool,
}

/// One step of a cycle: this task waits, with that one of its waits, for the next one.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(super) task: usize,
    pub(super) wait: usize,
}

impl Report {
    /// Number of tasks that have not ended.
    pub fn task_count(&self) -> usize {
        self.counts.all
    }

    /// Whether the program would be dead if the loop had to sleep now. Outside of a `block_on` the host
    /// may still do something.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The tasks that nothing alive can wake any more, oldest first: a partial deadlock, even while
    /// other tasks go on.
    ///
    /// As far as the runtime can know: a task that waits for something that any other task might
    /// do (set an event, put an item) counts as stuck only when all of them are, and one whose waker
    /// foreign code keeps never does. A guard that was moved into another task counts as held by the
    /// task that took it. Cancelling a stuck task, where code does that, frees it.
    pub fn stuck(&self) -> Vec<TaskId> {
        self.stuck.clone()
    }

    /// Tasks that wait for each other in a circle: one shortest circle for each knot of them, every
    /// task before the one that it waits for.
    pub fn cycles(&self) -> Vec<Vec<TaskId>> {
        self.cycles.clone()
    }

    /// Whether a program in which only signals that end it are awaited is meant to be as it is: each task waits for
    /// such a signal alone, or for tasks that do.
    pub(crate) fn rests_until_its_end(&self) -> bool {
        let rests = |wait: &Wait| match wait.what {
            What::Source(..) => !wait.lapsed,
            What::End(_) | What::Children(..) => true,
            _ => false,
        };
        let mut rows = self.tasks.iter();
        self.outside.is_only_signals()
            && self.cycles.is_empty()
            && rows.all(|row| !row.cloned && row.waits.iter().all(rests))
    }

    /// The description of a task, if there is one.
    pub(crate) fn find(&self, id: TaskId) -> Option<&Row> {
        self.tasks.iter().find(|row| row.id == id)
    }
}

impl State {
    pub(crate) fn of(task: &Task) -> Self {
        match task.is_aside() || polling::current_task() == Some(task.id()) {
            true => State::Running,
            false if task.is_scheduled() => State::Ready,
            false => State::Waiting,
        }
    }
}

impl Row {
    pub(crate) fn new(task: &Task) -> Self {
        Row {
            id: task.id(),
            name: task.name().map(str::to_owned),
            main: task.is_main(),
            spawned_at: task.spawned_at(),
            state: State::of(task),
            stuck: false,
            cloned: false,
            waits: Vec::new(),
            more_waits: 0,
        }
    }
}

impl Wait {
    /// Whether it is of the same kind, made at the same place and at the same line.
    pub(crate) fn is_like(&self, other: &Wait) -> bool {
        let facts = |wait: &Wait| (wait.granted.is_some(), wait.lapsed, wait.in_cycle);
        self.places() == other.places()
            && facts(self) == facts(other)
            && self.what.kind() == other.what.kind()
    }

    /// What waits of one task are listed by: the line, those without one last, and then where what is
    /// waited for was made.
    pub(crate) fn places(&self) -> (bool, Option<Place>, Option<Place>) {
        (self.at.is_none(), self.at, self.made)
    }

    /// Lines that are not the program's are left out.
    pub(crate) fn new(what: What, made: Option<Place>, at: Option<Place>) -> Self {
        Wait {
            what,
            made: made.and_then(of_program),
            at: at.and_then(of_program),
            place: None,
            nanos: None,
            granted: None,
            lapsed: false,
            holders: Vec::new(),
            more_granted: 0,
            gauge: None,
            in_cycle: false,
            more: 0,
        }
    }
}
