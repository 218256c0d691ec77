//! What waits for what: the picture behind a deadlock report and a dump.
//!
//! Nothing here runs on a hot path. A picture is put together on demand from what the kernel keeps
//! anyway: who waits, in line or alone, and the armed timers. It polls nothing.
//!
//! # Implementation
//!
//! Two looks at every task, waiter and timer (`described.rs`), plus what `graph.rs` costs: the first for
//! who can still be woken, the second for the tasks that are described. How it is printed is `render.rs` and `export.rs`; what is concluded from it, `verdict.rs`.

use std::borrow::Cow;
use std::panic::Location;

use super::described;
use super::poll_times::Polls;
use super::verdict::{Outside, Verdict};
use crate::runtime::base::kinds;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::{NO_WAKER, Task, TaskId};
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::kernel::wait::waiters::Tally;
use crate::runtime::kernel::{self, Kernel};

pub(crate) type Place = &'static Location<'static>;

/// A picture of the tasks of a runtime: what each waits for, on which line, and who holds it.
///
/// [`Display`](std::fmt::Display) prints it as a tree for a terminal; [`to_json`](Report::to_json)
/// and [`to_dot`](Report::to_dot) are for tools. See [the guide](crate::guide::diagnostics) for how to
/// read one.
///
/// Every task is judged and counted, and a thousand are described: those in cycles before the others
/// that are stuck, and these before the rest, each kind oldest first. So a report of `n` tasks takes
/// O(n) time, but less memory than a third of what the tasks take.
#[derive(Clone)]
pub struct Report {
    /// Tasks that have not ended, oldest first: those that are described.
    pub(crate) tasks: Vec<Row>,
    pub(crate) counts: Counts,
    /// All that nothing alive can wake, oldest first.
    pub(crate) stuck: Vec<TaskId>,
    /// Shortest cycles of tasks that wait for each other.
    pub(crate) cycles: Vec<Vec<TaskId>>,
    /// The first cycles, step by step, of a long one the first steps and the last.
    pub(crate) steps: Vec<Vec<Step>>,
    pub(crate) outside: Outside,
    pub(crate) verdict: Verdict,
    pub(crate) passes: u64,
    /// How long polls took, where that is measured.
    pub(crate) polls: Option<Polls>,
}

/// How many tasks there are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) all: usize,
    pub(crate) running: usize,
    pub(crate) ready: usize,
    pub(crate) waiting: usize,
}

/// One task.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) id: TaskId,
    pub(crate) name: Option<String>,
    pub(crate) main: bool,
    pub(crate) spawned_at: Place,
    pub(crate) state: State,
    /// Nobody alive can wake it.
    pub(crate) stuck: bool,
    /// Foreign code keeps clones of its waker.
    pub(crate) cloned: bool,
    pub(crate) waits: Vec<Wait>,
    /// Waits that are not among them.
    pub(crate) more_waits: usize,
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
    pub(crate) what: What,
    pub(crate) made: Option<Place>,
    pub(crate) at: Option<Place>,
    /// The place in line; the head's is 1.
    pub(crate) place: Option<usize>,
    /// Nanoseconds since it began.
    pub(crate) nanos: Option<u64>,
    /// For so many passes it has had what it waits for, but its task does not poll it.
    pub(crate) granted: Option<u32>,
    /// A descriptor that its task may have given up waiting for: it ran since, and did not ask again.
    pub(crate) lapsed: bool,
    pub(crate) holders: Vec<Held>,
    /// Others that were granted it, and are not among the holders.
    pub(crate) more_granted: usize,
    /// What the primitive says of itself.
    pub(crate) tally: Option<Tally>,
    /// It is a step of one of the cycles.
    pub(crate) in_cycle: bool,
    /// So many more of the same task, for the like at the same line, are not described.
    pub(crate) more: usize,
}

#[derive(Clone)]
pub(crate) enum What {
    /// A primitive, what of it, and its record.
    Queue(&'static str, Option<Cow<'static, str>>, u32),
    /// A primitive of which only one can wait, and its seat.
    Seat(&'static str, u32),
    /// A source of the system, and what of it.
    Source(&'static str, &'static str),
    /// That nobody else is ready.
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
            | What::Seat(kind, _)
            | What::Timer(kind, _)
            | What::Children(kind, ..) => kind,
            What::Work(label) => label,
            What::Quiescence => kinds::QUIESCENCE,
            What::End(_) => "end of task",
        }
    }
}

/// Who took what a wait is for. Where the guard is by now, only the program knows.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) task: Option<TaskId>,
    /// What of it, which need not be what the wait asks for.
    pub(crate) has: Option<Cow<'static, str>>,
    pub(crate) at: Place,
    /// Granted to a future that has not collected it.
    pub(crate) granted: bool,
    /// That task is over.
    pub(crate) ended: bool,
}

/// One step of a cycle: this task waits, with that one of its waits, for the next one.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) task: usize,
    pub(crate) wait: usize,
}

impl Report {
    /// Takes the picture.
    pub(crate) fn take(kernel: &Kernel) -> Self {
        let tasks = kernel.tasks.borrow();
        let living = Living::of(&tasks);
        let mut counts = Counts::default();
        for (_, task) in living.iter() {
            counts.all += 1;
            match State::of(task) {
                State::Running => counts.running += 1,
                State::Ready => counts.ready += 1,
                State::Waiting => counts.waiting += 1,
            }
        }
        let outside = Outside::count(kernel);
        let judged = described::judge(kernel, &living, &outside);
        let cycles = judged.cycles.iter();
        let cycles = cycles.map(|cycle| cycle.iter().map(|at| living.id(*at as usize)).collect());
        let stuck = (0..counts.all).filter(|at| judged.stuck[*at]);
        let times = kernel.poll_times.borrow();
        let mut report = Report {
            cycles: cycles.collect(),
            stuck: stuck.map(|at| living.id(at)).collect(),
            tasks: Vec::new(),
            steps: Vec::new(),
            counts,
            verdict: Verdict::Idle,
            outside,
            passes: kernel.passes.begun(),
            polls: times.as_ref().map(|times| times.picture()),
        };
        (report.tasks, report.steps) = described::describe(kernel, &living, judged);
        report.verdict = report.judge(kernel);
        report
    }

    /// Takes the picture of a loop that was judged. The verdict is that one: a waker that a thread keeps of
    /// a task that has ended may send mail meanwhile, which looks like news.
    pub(crate) fn take_judged(kernel: &Kernel, verdict: Verdict) -> Self {
        let mut report = Report::take(kernel);
        report.verdict = verdict;
        report
    }

    /// Number of tasks that have not ended.
    pub fn tasks(&self) -> usize {
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
    /// task that took it. Cancelling a stuck task, where somebody does, frees it.
    pub fn stuck(&self) -> Vec<TaskId> {
        self.stuck.clone()
    }

    /// Tasks that wait for each other in a circle: one shortest circle for each knot of them, every
    /// task before the one that it waits for.
    pub fn cycles(&self) -> Vec<Vec<TaskId>> {
        self.cycles.clone()
    }

    fn judge(&self, kernel: &Kernel) -> Verdict {
        let alive = self.counts.waiting < self.counts.all;
        // A host may hold the other end of anything.
        let host = !kernel.suspicion.is_judging();
        if host || !kernel.timers.borrow().is_empty() || alive {
            return Verdict::Idle;
        }
        self.outside.verdict(kernel)
    }

    /// The description of a task, if there is one.
    pub(crate) fn find(&self, id: TaskId) -> Option<&Row> {
        self.tasks.iter().find(|row| row.id == id)
    }
}

/// The tasks that have not ended, numbered by age.
pub(crate) struct Living<'a> {
    tasks: &'a Tasks,
    ids: Vec<TaskId>,
    /// Of each slot, the number of its task.
    numbers: Vec<u32>,
}

impl<'a> Living<'a> {
    fn of(tasks: &'a Tasks) -> Self {
        let mut ids = tasks.in_spawn_order();
        ids.retain(|id| tasks.get(*id).is_some_and(|task| !task.is_over()));
        ids.shrink_to_fit();
        let mut numbers = vec![u32::MAX; tasks.slots()];
        for (number, id) in ids.iter().enumerate() {
            numbers[id.slot()] = number as u32;
        }
        Living {
            tasks,
            ids,
            numbers,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn id(&self, number: usize) -> TaskId {
        self.ids[number]
    }

    pub(crate) fn number(&self, id: TaskId) -> Option<usize> {
        let number = *self.numbers.get(id.slot())? as usize;
        (self.ids.get(number) == Some(&id)).then_some(number)
    }

    /// Each with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &'a Task)> + '_ {
        let tasks = self.ids.iter().filter_map(|id| self.tasks.get(*id));
        tasks.enumerate()
    }
}

impl State {
    pub(crate) fn of(task: &Task) -> Self {
        match task.aside || polling::current_task() == Some(task.id) {
            true => State::Running,
            false if task.is_scheduled() => State::Ready,
            false => State::Waiting,
        }
    }
}

impl Row {
    pub(crate) fn new(task: &Task) -> Self {
        Row {
            id: task.id,
            name: task.name().map(str::to_owned),
            main: task.main,
            spawned_at: task.spawned_at,
            state: State::of(task),
            stuck: false,
            cloned: false,
            waits: Vec::new(),
            more_waits: 0,
        }
    }
}

pub(crate) fn has_clones(kernel: &Kernel, task: &Task) -> bool {
    let cloned = kernel.cloned.borrow();
    let waker = cloned.get(task.waker as usize).and_then(Option::as_ref);
    task.waker != NO_WAKER && waker.is_some_and(|waker| waker.is_cloned())
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

    pub(crate) fn new(what: What, made: Option<Place>, at: Option<Place>) -> Self {
        Wait {
            what,
            made,
            at,
            place: None,
            nanos: None,
            granted: None,
            lapsed: false,
            holders: Vec::new(),
            more_granted: 0,
            tally: None,
            in_cycle: false,
            more: 0,
        }
    }
}

/// A picture of all tasks of this thread's runtime: what each waits for, and where. It polls
/// nothing and can be taken at any time, inside a task too. Empty without a runtime.
///
/// asyncio counterpart: `asyncio.print_call_graph` and `Task.print_stack`, for all tasks.
///
/// # Panics
///
/// When the thread's locals are being destroyed.
///
/// # Examples
///
/// ```
/// turnwise::block_on(async {
///     let task = turnwise::spawn(std::future::ready(())).named("short");
///     assert!(turnwise::dump().to_string().contains("\"short\""));
///     task.await.unwrap();
/// });
/// ```
#[track_caller]
pub fn dump() -> Report {
    kernel::with(Report::take)
}
