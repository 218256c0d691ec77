//! This thread's reactor, in a thread-local of its own.
//!
//! It is made when something first needs the operating system, and ends with the runtime.
//!
//! # Invariants
//!
//! - **No foreign code under the borrow** (rule R4): what is called with the reactor announces nothing and
//!   calls no source. It may read the tasks: the reactor is borrowed before them.
//! - **Late is a no-op**: once the thread-local is gone, there is no reactor.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};

use super::askers::Awaited;
use super::readiness::{Polled, Readiness, Way};
use super::selector::{self, Hit, Reactor};
use crate::runtime::base::refused::Refused;
use crate::runtime::base::table::MUCH;
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::kernel::{self, Kernel};

thread_local! {
    static STATE: State = const { State::new() };
}

struct State {
    reactor: RefCell<Option<Reactor>>,
    /// Reused for what a poll of the reactor finds.
    hits: Cell<Vec<Hit>>,
    /// Sources that end virtual time's following of real time; empty on a real clock.
    real: RefCell<Vec<Weak<Readiness>>>,
}

impl State {
    const fn new() -> Self {
        State {
            reactor: RefCell::new(None),
            hits: Cell::new(Vec::new()),
            real: RefCell::new(Vec::new()),
        }
    }
}

/// Runs `f` with the state.
///
/// # Panics
///
/// When the thread is past the destruction of its thread-locals.
fn with<R>(f: impl FnOnce(&State) -> R) -> R {
    match STATE.try_with(f) {
        Ok(result) => result,
        Err(_) => kernel::too_late(),
    }
}

/// Runs `f` with this thread's reactor, if there is one.
pub(super) fn with_reactor<R>(f: impl FnOnce(&mut Reactor) -> R) -> Option<R> {
    let run = |state: &State| state.reactor.borrow_mut().as_mut().map(f);
    STATE.try_with(run).ok().flatten()
}

/// Makes the reactor at its first need.
pub(crate) fn need_reactor(kernel: &Kernel) -> Result<(), Refused> {
    with(|state| {
        let mut place = state.reactor.borrow_mut();
        if place.is_none() {
            let reactor = Reactor::new()?;
            kernel.mail().hang(reactor.bell());
            *place = Some(reactor);
        }
        Ok(())
    })
}

/// As [`with_reactor`], where the reactor is made if need be.
pub(super) fn with_new_reactor<R>(
    kernel: &Kernel,
    f: impl FnOnce(&mut Reactor) -> R,
) -> Result<R, Refused> {
    need_reactor(kernel)?;
    Ok(with_reactor(f).expect("it was just made"))
}

/// Sleeps in the reactor until something happens, or until `deadline`, and wakes the tasks that waited
/// for it. `Some(now)` does not sleep.
pub(crate) fn poll(kernel: &Kernel, deadline: Option<u64>, now: u64) -> Result<(), Refused> {
    with(|state| {
        let mut hits = state.hits.take();
        let polled = match &mut *state.reactor.borrow_mut() {
            Some(reactor) => reactor.poll(now, deadline, &mut hits),
            None => Ok(()),
        };
        selector::announce(kernel, &mut hits);
        hits.shrink_to(MUCH);
        state.hits.set(hits);
        polled
    })
}

/// Arms the reactor's descriptor for `deadline`, so that a host that polls it wakes in time. The error says
/// why there is no timer.
pub(crate) fn arm(now: u64, deadline: u64) -> Result<(), String> {
    let arm = |reactor: &mut Reactor| reactor.arm(now, deadline).map_err(Refused::to_string);
    with_reactor(arm).unwrap_or(Ok(()))
}

/// The selector's descriptor, duplicated; it is made if need be.
pub(crate) fn descriptor(kernel: &Kernel) -> io::Result<OwnedFd> {
    with_new_reactor(kernel, |reactor| reactor.descriptor())?
}

/// Whether a source is registered.
pub(crate) fn has_sources() -> bool {
    count_sources() > 0
}

/// How many sources are registered.
pub(crate) fn count_sources() -> usize {
    with_reactor(|reactor| reactor.count()).unwrap_or(0)
}

/// Calls `visit` for each task that waits for a source through the poll-style traits.
pub(crate) fn each_polled(tasks: &Tasks, mut visit: impl FnMut(Polled)) {
    with_reactor(|reactor| {
        let polled = reactor.sources().flat_map(|source| source.polled_by(tasks));
        polled.for_each(&mut visit);
    });
}

/// Calls `visit` with each source that a task waits for, or may, until it says that this was enough.
/// Returns whether it did.
pub(crate) fn find_awaited(tasks: &Tasks, visit: impl FnMut(&Readiness, Awaited) -> bool) -> bool {
    with_reactor(|reactor| reactor.find_awaited(tasks, visit)).unwrap_or(false)
}

/// Lets a virtual clock follow real time until the source is readable or gone.
#[cfg(feature = "process")]
pub(crate) fn follow_real_time(kernel: &Kernel, source: &Rc<Readiness>) {
    source.way(Way::Read).blocks();
    with(|state| state.real.borrow_mut().push(Rc::downgrade(source)));
    kernel.clock().follow(true);
}

/// Whether virtual time has to go at the pace of something real: a child.
#[cold]
pub(crate) fn follows_real_time(kernel: &Kernel) -> bool {
    let is_over =
        |source: Rc<Readiness>| source.is_orphaned() || source.way(Way::Read).is_worth_trying();
    let follows = with(|state| {
        let mut real = state.real.borrow_mut();
        real.retain(|source| source.upgrade().is_some_and(|source| !is_over(source)));
        !real.is_empty()
    });
    kernel.clock().follow(follows);
    follows
}

/// Ends the reactor: every task that still waits for a source learns that it will not be announced.
pub(crate) fn close(kernel: &Kernel) {
    let reactor = STATE.try_with(|state| state.reactor.borrow_mut().take());
    for readiness in reactor
        .ok()
        .flatten()
        .into_iter()
        .flat_map(Reactor::into_sources)
    {
        readiness.orphan(kernel);
    }
}
