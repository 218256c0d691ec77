//! Problems in tasks that nobody will ask about: told to a hook, or printed, once each.

use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, Location};
use std::rc::Rc;

use super::context::{self, Kernel};
use super::join;
use super::join_error::JoinError;
use super::task::{NO_WAKER, Remains, TaskId};

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

/// Prints a line where no hook listens. A closed standard error is no reason to panic.
pub(crate) fn print(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "turnwise: {text}");
}

/// Calls a hook in the middle of the loop; a panic of it has been printed and goes no further.
pub(crate) fn call_hook(hook: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(hook)) {
        join::drop_quietly(payload);
    }
}

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

    /// Hands it to the hook, or prints it. Runs foreign code; a panic in there goes no further.
    fn tell(self) {
        let hook = context::try_with(|kernel| kernel.options.borrow().on_unobserved.clone());
        match hook.flatten() {
            Some(hook) => call_hook(|| hook(&self)),
            None => print(self),
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
        join::drop_quietly(failure);
    }
}

/// Reports a task that returned Pending with nothing that could ever wake it.
///
/// Called when a poll registered nothing new; what the task registered earlier may still wake it.
#[cold]
pub(crate) fn check_lost(kernel: &Kernel, id: TaskId) {
    // Another thread may have taken the clone that the poll gave away, and woken with it already.
    let mail = kernel
        .inbox
        .borrow()
        .as_ref()
        .is_some_and(|inbox| inbox.has_mail());
    let told = {
        let tasks = kernel.tasks.borrow();
        let Some(task) = tasks
            .get(id)
            .filter(|task| !task.scheduled && task.waker == NO_WAKER)
        else {
            return;
        };
        if mail || task.lost || has_registered(kernel, id) {
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

/// Whether anything inside would wake a task.
fn has_registered(kernel: &Kernel, id: TaskId) -> bool {
    let waits = |task: Option<TaskId>| task == Some(id);
    let queued = |kernel: &Kernel| {
        let waiters = kernel.waiters.borrow();
        let mut waiters = waiters.slab.iter().filter(|(_, waiter)| !waiter.granted);
        waiters.any(|(_, waiter)| waits(waiter.who.task))
    };
    let polls = |kernel: &Kernel| {
        let reactor = kernel.reactor.borrow();
        let mut sources = reactor.iter().flat_map(|reactor| reactor.sources());
        sources.any(|readiness| readiness.polled_by().any(|(_, task)| task == id))
    };
    queued(kernel)
        || kernel
            .timers
            .borrow()
            .iter()
            .any(|timer| waits(timer.who.task))
        || kernel
            .tasks
            .borrow()
            .iter()
            .any(|task| !task.over && waits(task.joiner.task))
        || polls(kernel)
}
