//! Finds tasks that nothing can wake, among those that were suspected of it (`lost_suspects.rs`).

use std::collections::BTreeMap;

use super::state;
use crate::runtime::base::foreign::print;
use crate::runtime::base::place::shown;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::reactor;
use crate::runtime::task::unobserved::{self, Unobserved};

const PROBLEM: &str = "waits and has registered nothing that can wake it; a future in it \
                       returned Pending without keeping the waker";

/// Notes a task that returned Pending and registered nothing new.
#[cold]
pub(crate) fn suspect(kernel: &Kernel, id: TaskId) {
    state::try_with(|state| state.suspects().note(id));
    report_if_cheap(kernel, || false);
}

/// Reports lost tasks if a look is cheap by what has happened since the last one, or if there is time for
/// one. Returns whether there were any.
pub(crate) fn report_if_cheap(kernel: &Kernel, is_time: impl FnOnce() -> bool) -> bool {
    let is_cheap = |passes| {
        let entries = entries(kernel);
        state::try_with(|state| state.suspects().are_worth_a_look(passes, entries)) == Some(true)
    };
    has_suspects() && (is_cheap(kernel.passes().begun()) || is_time()) && report(kernel)
}

/// Reports the suspects that nothing can ever wake. Returns whether there were any: then a hook has
/// run, and may have woken a task.
pub(crate) fn report(kernel: &Kernel) -> bool {
    if !has_suspects() {
        return false;
    }
    // Another thread may have taken a clone that a poll gave away, and woken with it already.
    if kernel.mail().has_mail() {
        return false;
    }
    let passes = kernel.passes().begun();
    let suspects = state::try_with(|state| state.suspects().take(passes));
    let mut suspects = suspects.unwrap_or_default();
    let lost = find(kernel, &mut suspects);
    state::try_with(|state| state.suspects().reuse(suspects));
    let any = !lost.is_empty();
    tell(lost);
    any
}

fn has_suspects() -> bool {
    state::try_with(|state| !state.suspects().is_empty()) == Some(true)
}

/// How much a look has to go through.
fn entries(kernel: &Kernel) -> usize {
    kernel.tasks().slots()
        + kernel.waiters().slots()
        + kernel.singles().slots()
        + kernel.timers().len()
        + reactor::count_sources()
}

/// Takes those that are lost out of the suspects, and marks them.
fn find(kernel: &Kernel, suspects: &mut Vec<TaskId>) -> Vec<Unobserved> {
    let tasks = kernel.tasks();
    let all = suspects.iter().filter_map(|id| tasks.get(*id));
    all.filter(|task| task.is_silent())
        .for_each(|task| task.lost_mark().suspect());
    clear_registered(kernel, &tasks);
    let lost = suspects.drain(..).filter_map(|id| {
        let task = tasks.get(id).filter(|task| task.lost_mark().take_lost())?;
        let problem = PROBLEM.to_owned();
        Some(Unobserved::new(id, task.name(), task.spawned_at(), problem))
    });
    lost.collect()
}

/// Clears of suspicion the tasks that anything inside would wake.
fn clear_registered(kernel: &Kernel, tasks: &Tasks) {
    let wakes = |id: Option<TaskId>| {
        if let Some(task) = id.and_then(|id| tasks.get(id)) {
            task.lost_mark().clear();
        }
    };
    let waiters = kernel.waiters();
    let waiting = waiters.iter().filter(|(_, waiter)| !waiter.is_granted());
    waiting.for_each(|(_, waiter)| wakes(waiter.task()));
    kernel.timers().each(|timer| wakes(timer.task()));
    let singles = kernel.singles();
    singles.iter().for_each(|(_, single)| wakes(single.task()));
    reactor::each_polled(tasks, |polled| wakes(Some(polled.task())));
}

/// The hook hears of each. Printed is the first of each spawn place, and then how many there are.
fn tell(lost: Vec<Unobserved>) {
    if unobserved::has_hook() {
        return lost.into_iter().for_each(Unobserved::report);
    }
    let mut places = BTreeMap::<_, u64>::new();
    for problem in lost {
        let at = problem.spawned_at;
        let more = places.entry(at).or_default();
        *more += 1;
        if *more == 1 && state::try_with(|state| state.suspects().knows(at)) == Some(false) {
            print(problem);
        }
    }
    for (at, more) in places {
        let all = state::try_with(|state| state.suspects().count(at, more)).flatten();
        if let Some(all) = all {
            print(format_args!(
                "{all} tasks so far that were spawned at {} wait and have registered nothing \
                 that can wake them",
                shown(at)
            ));
        }
    }
}
