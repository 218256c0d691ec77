//! The exploration of this thread: whether one is under way, its chooser, and what the test asked to be checked.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic;

use super::chooser::{Act, Chooser, Order, Place};
use super::mark::Mark;
use super::said::{Said, Told};
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::explored::ReadyTask;
use crate::runtime::kernel::sched::task::TaskId;

thread_local! {
    static EXPLORING: Cell<bool> = const { Cell::new(false) };
    static STATE: RefCell<Option<Box<State>>> = const { RefCell::new(None) };
}

/// A check of the test's own.
type Check = Box<dyn FnMut()>;

/// What a panic carries that ends a run from inside.
pub(crate) struct Stop;

/// What lasts for an exploration; the lists are emptied with every run.
struct State {
    chooser: Chooser,
    ready: Vec<ReadyTask>,
    victims: Vec<(TaskId, u64)>,
    /// Ready tasks that the outside made ready, by the numbers of their spawns.
    outside: Vec<u64>,
    /// Tasks that stand for something outside: whenever they are ready, the outside made them so.
    outsiders: HashSet<u64>,
    /// Tasks that are not to be cancelled.
    vital: HashSet<u64>,
    /// The loop was idle, or time passed: what is ready now and was not before was made so by the outside.
    rested: bool,
    before: Vec<u64>,
    always: Vec<Check>,
    at_rest: Vec<Check>,
    /// What happened, choice by choice, if that is wanted.
    log: Option<Vec<Said>>,
}

/// Whether this thread's loop is being explored.
#[inline]
pub(crate) fn is_exploring() -> bool {
    EXPLORING.try_with(Cell::get).unwrap_or(false)
}

/// Panics if the loop is being explored: `what` cannot be.
#[track_caller]
pub(crate) fn refuse(what: &str) {
    if is_exploring() {
        panic!(
            "{what} cannot be explored: what the system and other threads do is not ours to repeat; \
             explore the part of the program without it, and hand it what {what} would give"
        );
    }
}

/// Begins an exploration on this thread, or gives it another chooser.
pub(crate) fn install(chooser: Chooser) {
    with_place(|place| match place {
        Some(state) => state.chooser = chooser,
        None => {
            *place = Some(Box::new(State {
                chooser,
                ready: Vec::new(),
                victims: Vec::new(),
                outside: Vec::new(),
                outsiders: HashSet::new(),
                vital: HashSet::new(),
                rested: false,
                before: Vec::new(),
                always: Vec::new(),
                at_rest: Vec::new(),
                log: None,
            }));
        }
    });
}

/// Whether an exploration is under way on this thread, in a run or between two.
pub(crate) fn is_installed() -> bool {
    with_place(|place| place.is_some())
}

/// Ends the exploration of this thread.
pub(crate) fn uninstall() {
    let state = with_place(Option::take);
    drop(state);
}

/// Begins a run; with `log`, what happens is written down for people.
pub(crate) fn begin_run(log: bool) {
    let checks = with(|state| {
        state.chooser.begin();
        state.outside.clear();
        state.outsiders.clear();
        state.vital.clear();
        state.rested = false;
        state.log = log.then(Vec::new);
        (
            std::mem::take(&mut state.always),
            std::mem::take(&mut state.at_rest),
        )
    });
    drop(checks);
    EXPLORING.set(true);
}

/// Ends a run. The checks of the test go, which may own what it made.
pub(crate) fn end_run() {
    EXPLORING.set(false);
    let checks = with(|state| {
        (
            std::mem::take(&mut state.always),
            std::mem::take(&mut state.at_rest),
        )
    });
    drop(checks);
}

/// What was written down of the run.
pub(crate) fn take_log() -> Vec<Said> {
    with(|state| state.log.take().unwrap_or_default())
}

/// Runs `f` with the chooser.
pub(crate) fn with_chooser<R>(f: impl FnOnce(&mut Chooser) -> R) -> R {
    with(|state| f(&mut state.chooser))
}

/// Chooses what happens next; `None` lets the loop be idle. Runs the checks of the test at a moment of rest.
pub(crate) fn choose(kernel: &Kernel) -> Option<Act> {
    let at_rest = with(|state| {
        kernel.list_ready(&mut state.ready);
        let rests = state.ready.is_empty() && !state.at_rest.is_empty();
        rests.then(|| std::mem::take(&mut state.at_rest))
    });
    if let Some(checks) = at_rest {
        run_checks(checks, |state| &mut state.at_rest);
    }
    let act = with(|state| state.choose(kernel));
    act.unwrap_or_else(|()| panic::resume_unwind(Box::new(Stop)))
}

/// Runs the checks that hold after every step.
pub(crate) fn check_always() {
    let checks = with(|state| std::mem::take(&mut state.always));
    if !checks.is_empty() {
        run_checks(checks, |state| &mut state.always);
    }
}

fn run_checks(mut checks: Vec<Check>, place: impl FnOnce(&mut State) -> &mut Vec<Check>) {
    for check in &mut checks {
        check();
    }
    with(|state| {
        let place = place(state);
        // One of them may have added another.
        checks.append(place);
        *place = checks;
    });
}

/// One of so many ways that the outside may behave; outside an exploration the first.
#[track_caller]
pub(crate) fn pick(options: usize) -> usize {
    assert!(
        options > 0,
        "there is nothing to pick from; offer at least one option"
    );
    if !is_exploring() {
        return 0;
    }
    let options = u32::try_from(options).unwrap_or(u32::MAX);
    let picked = with(|state| state.pick(options));
    picked.unwrap_or_else(|()| panic::resume_unwind(Box::new(Stop))) as usize
}

/// The task is not to be cancelled by an exploration.
pub(crate) fn spare(kernel: &Kernel, id: TaskId) {
    if let Some(serial) = serial_of(kernel, id) {
        with(|state| state.vital.insert(serial));
    }
}

/// The task stands for something outside: its turn is when that has happened.
pub(crate) fn come_from_outside(kernel: &Kernel, id: TaskId) {
    if let Some(serial) = serial_of(kernel, id) {
        with(|state| {
            state.vital.insert(serial);
            state.outsiders.insert(serial)
        });
    }
}

fn serial_of(kernel: &Kernel, id: TaskId) -> Option<u64> {
    if !is_exploring() {
        return None;
    }
    kernel.serial_of(id)
}

/// Has `check` called after every step of this run.
pub(crate) fn add_always(check: Check) {
    if is_exploring() {
        with(|state| state.always.push(check));
    }
}

/// Has `check` called whenever nothing is ready in this run.
pub(crate) fn add_at_rest(check: Check) {
    if is_exploring() {
        with(|state| state.at_rest.push(check));
    }
}

impl State {
    fn choose(&mut self, kernel: &Kernel) -> Result<Option<Act>, ()> {
        let left = self.chooser.left();
        self.victims.clear();
        if left.cancels() > 0 {
            kernel.list_cancellable(&mut self.victims);
            let vital = &self.vital;
            self.victims.retain(|(_, serial)| !vital.contains(serial));
        }
        let open = self.open();
        let act = self.chooser.act(&Place {
            ready: &self.ready,
            victims: &self.victims,
            open,
            can_stall: left.stalls() > 0 && !self.ready.is_empty() && !kernel.timers().is_empty(),
        })?;
        self.rest(matches!(act, None | Some(Act::Stall)));
        if let Some(Act::Run(id)) = act {
            if self.chooser.order == Order::Outside {
                let serial = self
                    .ready
                    .iter()
                    .find(|task| task.id() == id)
                    .map(|task| task.serial());
                self.outside.retain(|other| Some(*other) != serial);
            }
        }
        self.write_down(kernel, act);
        Ok(act)
    }

    /// From how many of the ready tasks the order of this exploration lets one be chosen.
    fn open(&mut self) -> u32 {
        let ready = self.ready.len().max(1);
        if self.chooser.order == Order::Any {
            return ready as u32;
        }
        for task in &self.ready {
            let came = self.rested && !self.before.contains(&task.serial());
            let is_outside = came || self.outsiders.contains(&task.serial());
            if is_outside && !self.outside.contains(&task.serial()) {
                self.outside.push(task.serial());
            }
        }
        let passed = self
            .ready
            .iter()
            .take_while(|task| self.outside.contains(&task.serial()));
        (passed.count() + 1).min(ready) as u32
    }

    /// Notes whether time passes or the loop is idle now.
    fn rest(&mut self, rested: bool) {
        self.rested = rested;
        if rested && self.chooser.order == Order::Outside {
            self.before.clear();
            self.before
                .extend(self.ready.iter().map(|task| task.serial()));
        }
    }

    fn pick(&mut self, options: u32) -> Result<u32, ()> {
        let picked = self.chooser.pick(options)?;
        let mark = if picked == 0 {
            Mark::PLAIN
        } else {
            Mark::Pick(picked)
        };
        if let Some(log) = &mut self.log {
            log.push(Said::new(mark, None, None));
        }
        Ok(picked)
    }

    fn write_down(&mut self, kernel: &Kernel, act: Option<Act>) {
        let Some(log) = &mut self.log else { return };
        let tasks = kernel.tasks();
        let tell = |id: TaskId| {
            let task = tasks.get(id)?;
            Some(Told::of(task))
        };
        let first = self.ready.first().and_then(|task| tell(task.id()));
        let place = |id| {
            self.ready
                .iter()
                .position(|task| task.id() == id)
                .unwrap_or(0)
        };
        let (mark, task) = match act {
            None => (Mark::PLAIN, None),
            Some(Act::Stall) => (Mark::Stall, None),
            Some(Act::Run(id)) => (Mark::Run(place(id) as u32), tell(id)),
            Some(Act::Cancel(id)) => {
                let serial = self.victims.iter().find(|victim| victim.0 == id);
                (
                    Mark::Cancel(serial.map_or(0, |victim| victim.1 as u32)),
                    tell(id),
                )
            }
        };
        log.push(Said::new(mark, task, first));
    }
}

fn with_place<R>(f: impl FnOnce(&mut Option<Box<State>>) -> R) -> R {
    STATE.with(|place| f(&mut place.borrow_mut()))
}

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    with_place(|place| f(place.as_mut().expect("an exploration has a chooser")))
}
