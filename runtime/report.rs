//! What waits for what: the picture behind a deadlock report, a dump and the verdict.
//!
//! Nothing here runs on a hot path. A picture is put together on demand from what the kernel keeps
//! anyway: the waiters with their places, the armed timers, the joiners of tasks. It polls nothing.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::context::{self, Kernel};
use super::join_error::JoinError;
use super::task::{NO_WAKER, Remains, Task, TaskId};
use super::wait_queue::Holder;

/// What can wake the loop from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Labels of work in flight that is certain to come back.
    working: Vec<Cow<'static, str>>,
    /// Sources of the reactor that a task waits for.
    sources: usize,
    /// Tasks of which somebody keeps a waker.
    wakers: usize,
    /// Handles through which other threads can spawn.
    remotes: usize,
}

impl Outside {
    pub(crate) fn count(kernel: &Kernel) -> Self {
        let reactor = kernel.reactor.borrow();
        let sources = reactor.iter().flat_map(|reactor| reactor.sources());
        let cloned = kernel.cloned.borrow();
        Outside {
            working: kernel
                .working
                .borrow()
                .iter()
                .map(|(_, label)| label.clone())
                .collect(),
            sources: sources.filter(|readiness| readiness.has_waiter()).count(),
            wakers: cloned
                .iter()
                .filter(|(_, w)| w.as_ref().is_some_and(|w| w.is_cloned()))
                .count(),
            remotes: kernel
                .link
                .borrow()
                .as_ref()
                .map_or(0, |link| link.remotes()),
        }
    }

    pub(crate) fn any(&self) -> bool {
        !self.working.is_empty() || self.sources + self.wakers + self.remotes > 0
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in flight, {} awaited descriptors, {} foreign wakers, {} remotes",
            self.working.len(),
            self.sources,
            self.wakers,
            self.remotes
        )?;
        match self.working.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", self.working.join(", ")),
        }
    }
}

/// One thing that a task waits for.
#[derive(Clone, Debug)]
struct Waiting {
    /// Kind of what is waited for, and where that was made.
    what: String,
    made: Option<&'static Location<'static>>,
    at: Option<&'static Location<'static>>,
    holder: Option<Holder>,
    granted: bool,
}

/// One task in a report.
#[derive(Clone, Debug)]
struct Blocked {
    id: TaskId,
    name: Option<String>,
    spawned_at: &'static Location<'static>,
    state: &'static str,
    waits: Vec<Waiting>,
}

impl Blocked {
    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} \"{name}\"", self.id),
            None => self.id.to_string(),
        }
    }
}

/// A picture of the tasks of a runtime: what each waits for, on which line, and who holds it.
///
/// [`Display`](fmt::Display) prints it as a tree for a terminal.
#[derive(Clone)]
pub struct Report {
    tasks: Vec<Blocked>,
    outside: Outside,
}

impl Report {
    /// Takes the picture.
    pub(crate) fn take(kernel: &Kernel) -> Self {
        let tasks = kernel.tasks.borrow();
        let mut blocked: Vec<_> = tasks.iter().filter(|task| !task.over).collect();
        blocked.sort_by_key(|task| task.serial);
        let blocked = blocked
            .into_iter()
            .map(|task| describe(kernel, task))
            .collect();
        Report {
            tasks: blocked,
            outside: Outside::count(kernel),
        }
    }

    /// Number of tasks that have not ended.
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }
}

fn describe(kernel: &Kernel, task: &Task) -> Blocked {
    let current = kernel.current.get() == Some(task.id);
    let state = match (current, task.scheduled) {
        (true, _) => "running",
        (false, true) => "ready",
        (false, false) => "waiting",
    };
    Blocked {
        id: task.id,
        name: task.name().map(str::to_owned),
        spawned_at: task.spawned_at,
        state,
        waits: waits_of(kernel, task.id),
    }
}

/// Everything that would wake a task from inside.
fn waits_of(kernel: &Kernel, id: TaskId) -> Vec<Waiting> {
    let waiters = kernel.waiters.borrow();
    let mut waits = Vec::new();
    for (_, waiter) in waiters
        .slab
        .iter()
        .filter(|(_, waiter)| waiter.polled_by == Some(id))
    {
        let Some(queue) = waiters.queues.get(waiter.queue as usize) else {
            continue;
        };
        waits.push(Waiting {
            what: queue.kind.to_owned(),
            made: Some(queue.made),
            at: Some(waiter.at),
            holder: queue.holder,
            granted: waiter.granted,
        });
    }
    let timers = kernel.timers.borrow();
    for timer in timers.iter().filter(|timer| timer.who.task == Some(id)) {
        let (what, at) = (timer.what.to_owned(), Some(timer.at));
        waits.push(Waiting {
            what,
            made: None,
            at,
            holder: None,
            granted: false,
        });
    }
    let tasks = kernel.tasks.borrow();
    for task in tasks
        .iter()
        .filter(|task| !task.over && task.joiner.task == Some(id))
    {
        let (what, made) = (
            format!("the end of task {}", task.id),
            Some(task.spawned_at),
        );
        waits.push(Waiting {
            what,
            made,
            at: task.joined_at,
            holder: None,
            granted: false,
        });
    }
    waits
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for task in &self.tasks {
            writeln!(
                f,
                "task {} [{}], spawned at {}",
                task.title(),
                task.state,
                task.spawned_at
            )?;
            for wait in &task.waits {
                write!(f, "  waits for {}", wait.what)?;
                if let Some(made) = wait.made {
                    write!(f, " made at {made}")?;
                }
                if let Some(at) = wait.at {
                    write!(f, "\n    at {at}")?;
                }
                if let Some(holder) = wait.holder {
                    let task = holder
                        .task
                        .map_or("code outside any task".to_owned(), |id| {
                            let named = self.tasks.iter().find(|task| task.id == id);
                            format!("task {}", named.map_or(id.to_string(), Blocked::title))
                        });
                    write!(f, "\n    held by {task} since {}", holder.at)?;
                }
                writeln!(
                    f,
                    "{}",
                    if wait.granted {
                        " (granted, not yet polled)"
                    } else {
                        ""
                    }
                )?;
            }
            if task.waits.is_empty() && task.state == "waiting" {
                writeln!(f, "  waits for nothing that this runtime knows of")?;
            }
        }
        write!(f, "outside: {}", self.outside)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Nothing inside or outside can ever wake the program again.
///
/// Returned by [`Runtime::try_block_on`](crate::Runtime::try_block_on), and the text of the panic
/// of [`block_on`](crate::block_on).
pub struct Deadlock {
    report: Report,
}

impl Deadlock {
    pub(crate) fn new(report: Report) -> Self {
        Deadlock { report }
    }

    /// Who waits for what.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deadlock: nothing can ever wake this program again\n{}",
            self.report
        )
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Deadlock {}

/// What the hook of [`Builder::on_unobserved`](crate::Builder::on_unobserved) is told: something
/// went wrong in a task that nobody will ask about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unobserved {
    /// The task.
    pub task: TaskId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What went wrong.
    pub problem: String,
}

impl fmt::Display for Unobserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        write!(f, ", spawned at {}, {}", self.spawned_at, self.problem)
    }
}

/// The hook for unobserved problems.
pub(crate) type UnobservedHook = Rc<dyn Fn(&Unobserved)>;

impl Unobserved {
    fn new(
        task: TaskId,
        name: Option<&str>,
        spawned_at: &'static Location<'static>,
        problem: String,
    ) -> Self {
        Unobserved {
            task,
            name: name.map(str::to_owned),
            spawned_at,
            problem,
        }
    }

    /// Hands it to the hook, or prints it. Runs foreign code.
    fn tell(self) {
        let hook = context::try_with(|kernel| kernel.options.borrow().on_unobserved.clone());
        match hook.flatten() {
            Some(hook) => hook(&self),
            None => eprintln!("turnwise: {self}"),
        }
    }
}

/// Reports the panic of a finished task whose result nobody can ask for any more.
pub(crate) fn unobserved(task: &mut Remains) {
    let failure = task.extra.as_mut().and_then(|extra| extra.failure.take());
    if let Some(failure @ JoinError::Panicked(_)) = failure {
        let message = failure.panic_message().unwrap_or("(no text)");
        let name = task.extra.as_ref().and_then(|extra| extra.name.as_deref());
        let problem = format!("panicked and nobody awaits it: {message}");
        Unobserved::new(task.id, name, task.spawned_at, problem).tell();
        super::join::drop_quietly(failure);
    }
}

/// Reports a task that returned Pending with nothing that could ever wake it.
///
/// Called when a poll registered nothing new; what the task registered earlier may still wake it.
#[cold]
pub(crate) fn check_lost(kernel: &Kernel, id: TaskId) {
    let told = {
        let tasks = kernel.tasks.borrow();
        let Some(task) = tasks
            .get(id)
            .filter(|task| !task.scheduled && task.waker == NO_WAKER)
        else {
            return;
        };
        if task.lost || !waits_of(kernel, id).is_empty() || polls_source(kernel, id) {
            return;
        }
        let problem = "waits and has registered nothing that can wake it; a future in it \
                       returned Pending without keeping the waker"
            .to_owned();
        Unobserved::new(id, task.name(), task.spawned_at, problem)
    };
    if let Some(task) = kernel.tasks.borrow_mut().get_mut(id) {
        task.lost = true;
    }
    told.tell();
}

/// Whether a task waits for a source through the poll-style traits.
fn polls_source(kernel: &Kernel, id: TaskId) -> bool {
    let reactor = kernel.reactor.borrow();
    let mut sources = reactor.iter().flat_map(|reactor| reactor.sources());
    sources.any(|readiness| readiness.is_polled_by(id))
}
