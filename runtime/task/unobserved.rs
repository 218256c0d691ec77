//! Problems in tasks that no handle can report any more: passed to a hook once each, or printed.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::runtime::base::foreign::{Payload, call_foreign, drop_quietly, print};
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::place::shown;
use crate::runtime::base::text::{quoted, set_in};
use crate::runtime::kernel;
use crate::runtime::kernel::polling::current_task;
use crate::runtime::kernel::sched::remains::Remains;
use crate::runtime::kernel::sched::task::TaskId;

/// What the hook of [`RuntimeBuilder::on_unobserved`](crate::RuntimeBuilder::on_unobserved) gets: something went
/// wrong in a task, and no handle can report it any more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unobserved {
    /// The task.
    pub id: TaskId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What went wrong. A panic's own text is in it as it is; `Display` escapes its control
    /// characters and sets its lines in.
    pub problem: String,
}

impl fmt::Display for Unobserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {}", quoted(name))?;
        }
        let problem = set_in(&self.problem);
        write!(f, ", spawned at {}, {problem}", shown(self.spawned_at))
    }
}

/// The hook for unobserved problems.
pub(crate) type UnobservedHook = Rc<dyn Fn(&Unobserved)>;

thread_local! {
    static HOOK: RefCell<Option<UnobservedHook>> = const { RefCell::new(None) };
}

/// Sets the hook of this thread's runtime, and returns the one before it, to be dropped without a borrow.
pub(crate) fn configure(hook: Option<UnobservedHook>) -> Option<UnobservedHook> {
    HOOK.try_with(|place| place.replace(hook)).ok().flatten()
}

/// Whether a hook is set.
pub(crate) fn has_hook() -> bool {
    HOOK.try_with(|hook| hook.borrow().is_some()) == Ok(true)
}

impl Unobserved {
    pub(crate) fn new(
        id: TaskId,
        name: Option<&str>,
        spawned_at: &'static Location<'static>,
        problem: String,
    ) -> Self {
        Unobserved {
            id,
            name: name.map(str::to_owned),
            spawned_at,
            problem,
        }
    }

    /// Hands it to the hook, or prints it. Runs foreign code; a panic in there goes no further.
    pub(crate) fn report(self) {
        let hook = HOOK.try_with(|hook| hook.borrow().clone());
        match hook.ok().flatten() {
            Some(hook) => call_foreign(|| hook(&self)),
            None => print(self),
        }
    }
}

/// Reports the panic of a finished task whose result no handle can give any more.
pub(crate) fn report_panic(task: &mut Remains) {
    if let Some(failure @ JoinError::Panicked(_)) = task.take_failure() {
        let who = (task.id(), task.name(), task.spawned_at());
        report_lost(Some(who), "nobody awaits it", failure);
    }
}

/// Reports a panic whose task is known, and why it is lost; drops it in any case.
fn report_lost(
    who: Option<(TaskId, Option<&str>, &'static Location<'static>)>,
    why: &str,
    failure: JoinError,
) {
    if let Some((id, name, spawned_at)) = who {
        let message = failure.panic_message().unwrap_or("(no text)");
        let problem = format!("panicked and {why}: {message}");
        Unobserved::new(id, name, spawned_at, problem).report();
    }
    drop_quietly(failure);
}

/// The panic of a child, on its way to the parent that collects it.
pub(crate) struct Panicked {
    payload: Payload,
    /// Which child; unknown where another executor polls.
    child: Option<(TaskId, Option<String>, &'static Location<'static>)>,
}

impl Panicked {
    /// What the task that is being polled panicked with.
    pub(crate) fn here(payload: Payload) -> Self {
        let child = kernel::try_with(|kernel| {
            let tasks = kernel.tasks();
            let task = tasks.get(current_task()?)?;
            let name = task.name().map(str::to_owned);
            Some((task.id(), name, task.spawned_at()))
        });
        let child = child.flatten();
        Panicked { payload, child }
    }

    /// The parent observes it.
    pub(crate) fn into_payload(self) -> Payload {
        self.payload
    }

    /// It is not observed: another panic goes on in its place, or the parent is gone.
    pub(crate) fn report(self) {
        let child = self.child.as_ref();
        let who = child.map(|(id, name, spawned_at)| (*id, name.as_deref(), *spawned_at));
        let failure = JoinError::panicked(self.payload);
        report_lost(who, "nobody hears of it", failure);
    }
}
