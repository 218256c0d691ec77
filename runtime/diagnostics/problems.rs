//! Problems in tasks that nobody will ask about: told to a hook once each, or printed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::runtime::base::foreign::{Payload, call_foreign, drop_quietly, print};
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::text::{quoted, set_in};
use crate::runtime::kernel::polling::current_task;
use crate::runtime::kernel::sched::task::{NO_WAKER, Remains, TaskId};
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::kernel::wait::seat;
use crate::runtime::kernel::{self, Kernel};

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
    /// What went wrong. A panic's own text is in it as it is; `Display` escapes its control
    /// characters and sets its lines in.
    pub problem: String,
}

impl fmt::Display for Unobserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if let Some(name) = &self.name {
            write!(f, " {}", quoted(name))?;
        }
        let problem = set_in(&self.problem);
        write!(f, ", spawned at {}, {problem}", self.spawned_at)
    }
}

/// The hook for unobserved problems.
pub(crate) type UnobservedHook = Rc<dyn Fn(&Unobserved)>;

thread_local! {
    static HOOK: RefCell<Option<UnobservedHook>> = const { RefCell::new(None) };
}

/// Sets the hook of this thread's runtime; returns the one before it.
pub(crate) fn configure(hook: Option<UnobservedHook>) -> Option<UnobservedHook> {
    HOOK.try_with(|place| place.replace(hook)).ok().flatten()
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
        let hook = HOOK.try_with(|hook| hook.borrow().clone()).ok();
        match hook.flatten() {
            Some(hook) => call_foreign(|| hook(&self)),
            None => print(self),
        }
    }
}

/// Reports the panic of a finished task whose result nobody can ask for any more.
pub(crate) fn unobserved(task: &mut Remains) {
    let failure = task.extra.as_mut().and_then(|extra| extra.failure.take());
    if let Some(failure @ JoinError::Panicked(_)) = failure {
        let name = task.extra.as_ref().and_then(|extra| extra.name.as_deref());
        let who = (task.id, name, task.spawned_at);
        tell_panic(Some(who), "nobody awaits it", failure);
    }
}

/// Tells of a panic whose task is known, and why it is lost; drops it in any case.
fn tell_panic(
    who: Option<(TaskId, Option<&str>, &'static Location<'static>)>,
    why: &str,
    failure: JoinError,
) {
    if let Some((id, name, spawned_at)) = who {
        let message = failure.panic_message().unwrap_or("(no text)");
        let problem = format!("panicked and {why}: {message}");
        Unobserved::new(id, name, spawned_at, problem).tell();
    }
    drop_quietly(failure);
}

/// The panic of a child, on its way to whom collects it.
pub(crate) struct Panicked {
    payload: Payload,
    /// Who it was; unknown where another executor polls.
    child: Option<(TaskId, Option<String>, &'static Location<'static>)>,
}

impl Panicked {
    /// What the task that is being polled panicked with.
    pub(crate) fn here(payload: Payload) -> Self {
        let child = kernel::try_with(|kernel| {
            let tasks = kernel.tasks.borrow();
            let task = tasks.get(current_task()?)?;
            let name = task.name().map(str::to_owned);
            Some((task.id, name, task.spawned_at))
        });
        let child = child.flatten();
        Panicked { payload, child }
    }

    /// Somebody hears of it.
    pub(crate) fn into_payload(self) -> Payload {
        self.payload
    }

    /// Nobody will: another panic goes on in its place, or the parent is gone.
    pub(crate) fn tell(self) {
        let child = self.child.as_ref();
        let who = child.map(|(id, name, spawned_at)| (*id, name.as_deref(), *spawned_at));
        let failure = JoinError::panicked(self.payload);
        tell_panic(who, "nobody hears of it", failure);
    }
}

/// Tasks that returned Pending and registered nothing new. What they registered earlier may still wake
/// them, and to find that out takes a look at everything: so it is done for many at a time.
pub(crate) struct Suspects {
    tasks: Vec<TaskId>,
    /// Passes begun when they were last looked at.
    looked: u64,
    /// How many were lost, by spawn place: a crowd of one place is one line and a count.
    lost: BTreeMap<&'static Location<'static>, u64>,
}

impl Suspects {
    pub(crate) const fn new() -> Self {
        Suspects {
            tasks: Vec::new(),
            looked: 0,
            lost: BTreeMap::new(),
        }
    }

    /// Whether a look costs each suspect and each pass since the last one a few dozen entries at most.
    fn are_worth_a_look(&self, kernel: &Kernel) -> bool {
        const ENTRIES: usize = 64;
        let passes = kernel.passes.begun().saturating_sub(self.looked);
        let paid = passes.saturating_add(self.tasks.len() as u64);
        let reactor = kernel.reactor.borrow();
        let entries = kernel.tasks.borrow().slots()
            + kernel.waiters.borrow().table.slots()
            + kernel.seats.borrow().slots()
            + kernel.timers.borrow().len()
            + reactor.as_ref().map_or(0, |reactor| reactor.count());
        !self.tasks.is_empty() && paid.saturating_mul(ENTRIES as u64) >= entries as u64
    }

    /// Counts tasks of one place; a line where they are worth another one, at each power of two.
    fn crowd(&mut self, at: &'static Location<'static>, more: u64) -> Option<String> {
        let all = self.lost.entry(at).or_default();
        let before = std::mem::replace(all, *all + more);
        let more = *all > 1 && all.ilog2() > before.checked_ilog2().unwrap_or(0);
        more.then(|| format!("{all} tasks so far that were spawned at {at} {LOST}"))
    }
}

const LOST: &str = "wait and have registered nothing that can wake them";

/// Notes a task that returned Pending and registered nothing new.
#[cold]
pub(crate) fn suspect_lost(kernel: &Kernel, id: TaskId) {
    kernel.suspects.borrow_mut().tasks.push(id);
    look_for_lost(kernel, || false);
}

/// Reports lost tasks if a look is cheap by what has happened since the last one, or if there is time for
/// one. Returns whether there were any.
pub(crate) fn look_for_lost(kernel: &Kernel, is_time: impl FnOnce() -> bool) -> bool {
    let suspects = kernel.suspects.borrow();
    if suspects.tasks.is_empty() || !(suspects.are_worth_a_look(kernel) || is_time()) {
        return false;
    }
    drop(suspects);
    tell_lost(kernel)
}

/// Reports the suspects that nothing can ever wake. Returns whether there were any: then a hook has
/// run, and may have woken somebody.
pub(crate) fn tell_lost(kernel: &Kernel) -> bool {
    if kernel.suspects.borrow().tasks.is_empty() {
        return false;
    }
    // Another thread may have taken a clone that a poll gave away, and woken with it already.
    let inbox = kernel.inbox.borrow();
    if inbox.as_ref().is_some_and(|inbox| inbox.has_mail()) {
        return false;
    }
    drop(inbox);
    let mut suspects = {
        let mut suspects = kernel.suspects.borrow_mut();
        suspects.looked = kernel.passes.begun();
        std::mem::take(&mut suspects.tasks)
    };
    let problem = "waits and has registered nothing that can wake it; a future in it \
                   returned Pending without keeping the waker";
    let lost: Vec<_> = {
        let mut tasks = kernel.tasks.borrow_mut();
        for task in suspects.iter().filter_map(|id| tasks.get(*id)) {
            // One that is aside runs, and is asked again when its poll has ended.
            let rests = !task.is_scheduled() && !task.aside && !task.is_over();
            let silent = rests && task.waker == NO_WAKER;
            task.suspect.set(silent && !task.lost);
        }
        clear_registered(kernel, &tasks);
        let tell = |id: TaskId| {
            let task = tasks.get_mut(id).filter(|task| task.suspect.take())?;
            task.lost = true;
            let problem = problem.to_owned();
            Some(Unobserved::new(id, task.name(), task.spawned_at, problem))
        };
        suspects.drain(..).filter_map(tell).collect()
    };
    // Reused: a task may be suspected at each of its polls.
    kernel.suspects.borrow_mut().tasks = suspects;
    let any = !lost.is_empty();
    report_lost(kernel, lost);
    any
}

/// The hook hears of each. Printed is the first of each spawn place, and then how many there are.
fn report_lost(kernel: &Kernel, lost: Vec<Unobserved>) {
    if HOOK.try_with(|hook| hook.borrow().is_some()) == Ok(true) {
        return lost.into_iter().for_each(Unobserved::tell);
    }
    let mut places = BTreeMap::<_, u64>::new();
    for problem in lost {
        let more = places.entry(problem.spawned_at).or_default();
        *more += 1;
        if *more == 1
            && !kernel
                .suspects
                .borrow()
                .lost
                .contains_key(problem.spawned_at)
        {
            print(problem);
        }
    }
    for (at, more) in places {
        let crowd = kernel.suspects.borrow_mut().crowd(at, more);
        crowd.into_iter().for_each(print);
    }
}

/// Clears of suspicion whom anything inside would wake.
fn clear_registered(kernel: &Kernel, tasks: &Tasks) {
    let wakes = |id: Option<TaskId>| {
        if let Some(task) = id.and_then(|id| tasks.get(id)) {
            task.suspect.set(false);
        }
    };
    let waiters = kernel.waiters.borrow();
    let waiting = waiters.iter().filter(|(_, waiter)| !waiter.is_granted());
    waiting.for_each(|(_, waiter)| wakes(waiter.who.task));
    let timers = kernel.timers.borrow();
    timers.iter().for_each(|timer| wakes(timer.who.task));
    let seats = kernel.seats.borrow();
    seat::sitters(&seats).for_each(|(_, sitter)| wakes(sitter.who.task));
    let reactor = kernel.reactor.borrow();
    let sources = reactor.iter().flat_map(|reactor| reactor.sources());
    let polled = sources.flat_map(|readiness| readiness.polled_by(tasks));
    polled.for_each(|polled| wakes(Some(polled.task)));
}
