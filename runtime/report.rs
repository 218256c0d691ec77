//! What waits for what: the picture behind a deadlock report and a dump.
//!
//! Nothing here runs on a hot path. A picture is put together on demand from what the kernel keeps
//! anyway: who waits, in line or alone, and the armed timers. It polls nothing.
//!
//! # Implementation
//!
//! One look at every task, waiter and timer (`collector.rs`), plus what `graph.rs` costs. How it is
//! printed is `render.rs` and `export.rs`; what is concluded from it, `verdict.rs`.

use std::borrow::Cow;
use std::panic::Location;

use super::collector::Collector;
use super::context::{self, Kernel};
use super::poll_times::Polls;
use super::polling;
use super::task::{NO_WAKER, Task, TaskId};
use super::verdict::{Outside, Verdict};
use super::waiters::Tally;

pub(super) type Place = &'static Location<'static>;

/// A picture of the tasks of a runtime: what each waits for, on which line, and who holds it.
///
/// [`Display`](std::fmt::Display) prints it as a tree for a terminal; [`to_json`](Report::to_json)
/// and [`to_dot`](Report::to_dot) are for tools. See [the guide](crate::guide::diagnostics) for how to
/// read one.
#[derive(Clone)]
pub struct Report {
    /// The tasks that have not ended, oldest first.
    pub(super) tasks: Vec<Row>,
    pub(super) index: Index,
    /// Shortest cycles of tasks that wait for each other; each step is a task and one of its waits.
    pub(super) cycles: Vec<Vec<Step>>,
    pub(super) outside: Outside,
    pub(super) verdict: Verdict,
    pub(super) passes: u64,
    /// How long polls took, where that is measured.
    pub(super) polls: Option<Polls>,
}

/// One task.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: TaskId,
    pub(super) name: Option<String>,
    pub(super) main: bool,
    pub(super) spawned_at: Place,
    pub(super) state: State,
    /// Nobody alive can wake it.
    pub(super) stuck: bool,
    /// Foreign code keeps clones of its waker.
    pub(super) cloned: bool,
    pub(super) waits: Vec<Wait>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Ready,
    Waiting,
}

/// One thing that a task waits for.
#[derive(Clone)]
pub(super) struct Wait {
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
    pub(super) tally: Option<Tally>,
    /// It is a step of one of the cycles.
    pub(super) in_cycle: bool,
}

#[derive(Clone)]
pub(super) enum What {
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
    /// The ends of children.
    Children(&'static str, Vec<TaskId>),
}

/// Who took what a wait is for. Where the guard is by now, only the program knows.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) task: Option<TaskId>,
    /// What of it, which need not be what the wait asks for.
    pub(super) has: Option<Cow<'static, str>>,
    pub(super) at: Place,
    /// Granted to a future that has not collected it.
    pub(super) granted: bool,
}

/// One step of a cycle: this task waits, with that one of its waits, for the next one.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) task: usize,
    pub(super) wait: usize,
}

impl Report {
    /// Takes the picture.
    pub(crate) fn take(kernel: &Kernel) -> Self {
        let tasks = kernel.tasks.borrow();
        let ids = tasks.in_spawn_order();
        let living = ids.iter().filter_map(|id| tasks.get(*id));
        let living: Vec<&Task> = living.filter(|task| !task.is_over()).collect();
        let outside = Outside::count(kernel);
        let mut report = Report {
            tasks: living.iter().map(|task| Row::new(kernel, task)).collect(),
            index: Index::new(&living),
            cycles: Vec::new(),
            verdict: Verdict::Idle,
            outside,
            passes: kernel.passes.begun(),
            polls: kernel
                .poll_times
                .borrow()
                .as_ref()
                .map(|times| times.picture()),
        };
        let mut collector = Collector::new(kernel, &report.index, report.tasks);
        collector.timers(kernel);
        collector.waiters(kernel, &living);
        collector.joins(kernel, &living);
        collector.sitters(kernel);
        collector.polled_sources(kernel);
        collector.works(kernel);
        (report.tasks, report.cycles) = collector.conclude(kernel, &report.outside);
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
        self.tasks.len()
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
        let stuck = self.tasks.iter().filter(|task| task.stuck);
        stuck.map(|task| task.id).collect()
    }

    /// Tasks that wait for each other in a circle: one shortest circle for each knot of them, every
    /// task before the one that it waits for.
    pub fn cycles(&self) -> Vec<Vec<TaskId>> {
        let ids = |cycle: &Vec<Step>| cycle.iter().map(|step| self.tasks[step.task].id).collect();
        self.cycles.iter().map(ids).collect()
    }

    fn judge(&self, kernel: &Kernel) -> Verdict {
        let alive = |task: &Row| task.state != State::Waiting;
        // A host may hold the other end of anything.
        let host = !kernel.suspicion.is_judging();
        if host || !kernel.timers.borrow().is_empty() || self.tasks.iter().any(alive) {
            return Verdict::Idle;
        }
        self.outside.verdict(kernel)
    }

    pub(super) fn find(&self, id: TaskId) -> Option<&Row> {
        self.tasks.get(self.index.get(id)?)
    }
}

/// Which row is whose, by the slots of the tasks.
#[derive(Clone)]
pub(super) struct Index(Vec<Option<(TaskId, usize)>>);

impl Index {
    fn new(living: &[&Task]) -> Self {
        let slots = living.iter().map(|task| task.id.slot() + 1).max();
        let mut index = vec![None; slots.unwrap_or(0)];
        for (row, task) in living.iter().enumerate() {
            index[task.id.slot()] = Some((task.id, row));
        }
        Index(index)
    }

    pub(super) fn get(&self, id: TaskId) -> Option<usize> {
        let (task, row) = self.0.get(id.slot()).copied().flatten()?;
        (task == id).then_some(row)
    }
}

impl Row {
    fn new(kernel: &Kernel, task: &Task) -> Self {
        let state = match task.aside || polling::current_task() == Some(task.id) {
            true => State::Running,
            false if task.is_scheduled() => State::Ready,
            false => State::Waiting,
        };
        Row {
            id: task.id,
            name: task.name().map(str::to_owned),
            main: task.main,
            spawned_at: task.spawned_at,
            state,
            stuck: false,
            cloned: has_clones(kernel, task),
            waits: Vec::new(),
        }
    }
}

pub(super) fn has_clones(kernel: &Kernel, task: &Task) -> bool {
    let cloned = kernel.cloned.borrow();
    let waker = cloned.get(task.waker as usize).and_then(Option::as_ref);
    task.waker != NO_WAKER && waker.is_some_and(|waker| waker.is_cloned())
}

impl Wait {
    /// What waits of one task are listed by: the line, those without one last, and then where what is
    /// waited for was made.
    pub(super) fn places(&self) -> (bool, Option<Place>, Option<Place>) {
        (self.at.is_none(), self.at, self.made)
    }

    pub(super) fn new(what: What, made: Option<Place>, at: Option<Place>) -> Self {
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
    context::with(Report::take)
}
