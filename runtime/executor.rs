//! The turn: the one place that takes the next ready task and polls it, and the only file that
//! drives timers, clock, reactor and inbox together.
//!
//! ```text
//!   ┌─▶ pass: every task that was ready at its start, once each, first ready first
//!   │     └─ every so many polls (see Pace): inbox, due timers, readiness
//!   └── idle: nothing is ready: inbox, due timers, then verdict or sleep until something happens
//! ```
//!
//! # Implementation
//!
//! A poll costs two borrows of the task slab, a push and a pop of the ready queue, and aiming the
//! spare waker. A program without timers, descriptors and other threads makes no system call.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use mio::{Interest, event::Source};

use super::context::{self, Kernel, notes};
use super::join;
use super::join_error::JoinError;
use super::problems;
use super::reactor::{self, Direction, Hit, Reactor, Readiness};
use super::remote;
use super::task::{BoxedBody, NO_WAKER, TaskId};
use super::verdict::{self, Park};
use super::waker::PollWaker;
use super::watchdog::Watchdog;

/// How often a busy loop looks at the outside world.
///
/// At least every 64 polls and, where polls are long, about every 50 µs. The selector is asked
/// no more often than that either: on an in-memory load it costs next to nothing per switch.
pub(crate) struct Pace {
    /// Polls left before the next look.
    left: Cell<u32>,
    /// Polls between two looks.
    stride: Cell<u32>,
    /// When the last look was.
    looked: Cell<u64>,
    /// When the selector was asked last.
    asked: Cell<u64>,
}

impl Pace {
    const MOST: u32 = 64;
    const NANOS: u64 = 50_000;

    pub(crate) const fn new() -> Self {
        Pace {
            left: Cell::new(Self::MOST),
            stride: Cell::new(Self::MOST),
            looked: Cell::new(0),
            asked: Cell::new(0),
        }
    }

    /// Counts a poll; `true` when it is time to look.
    fn is_due(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        left == 0
    }

    fn rest(&self) {
        self.left.set(self.stride.get());
    }

    /// Adapts the stride to how long the last one took. It shrinks at once and grows by doubling:
    /// one short poll says little about the next.
    fn adapt(&self, now: u64) {
        let took = now.saturating_sub(self.looked.replace(now)).max(1);
        let stride = u64::from(self.stride.get());
        let most = u64::from(Self::MOST).min(2 * stride);
        self.stride
            .set((stride * Self::NANOS / took).clamp(1, most) as u32);
        self.rest();
    }
}

/// The future of a `block_on`, which takes its turn like any task but lives on the stack.
pub(crate) struct Main<'a> {
    pub(crate) id: TaskId,
    pub(crate) future: Pin<&'a mut dyn Future<Output = ()>>,
    pub(crate) over: bool,
}

/// Marks a turn as being under way; undone on every way out.
pub(crate) struct Turning<'a> {
    kernel: &'a Kernel,
}

impl<'a> Turning<'a> {
    /// Begins a turn that [`admit`] has let in.
    pub(crate) fn begin(kernel: &'a Kernel, at: &'static Location<'static>) -> Self {
        kernel.turning.set(Some(at));
        Turning { kernel }
    }
}

impl Drop for Turning<'_> {
    fn drop(&mut self) {
        self.kernel.turning.set(None);
        self.kernel.current.set(None);
    }
}

/// The caller's line, if it may start a turn.
///
/// # Panics
///
/// Inside another turn, and in a process that was forked off the runtime's own.
#[track_caller]
pub(crate) fn admit(what: &str) -> &'static Location<'static> {
    refuse_nesting(what);
    context::with(refuse_fork);
    Location::caller()
}

/// Panics inside a turn, naming the call that started it.
#[track_caller]
pub(crate) fn refuse_nesting(what: &str) {
    if let Some(outer) = context::with(|kernel| kernel.turning.get()) {
        panic!(
            "{what} was called inside the loop started at {outer}; \
             `.await` the future instead, or spawn it"
        );
    }
}

#[track_caller]
fn refuse_fork(kernel: &Kernel) {
    let (maker, process) = (kernel.process.get(), std::process::id());
    assert!(
        maker == process,
        "this runtime belongs to process {maker} and was carried into process {process} by a fork; \
         make a runtime after the fork"
    );
}

/// One pass: polls every task that is ready now, once each. Stops early when main is over.
pub(crate) fn pass(kernel: &Kernel, main: &mut Option<Main<'_>>) {
    kernel.pass.set(kernel.pass.get() + 1);
    let mut spare = kernel.spare.take().unwrap_or_else(|| new_waker(kernel));
    let watchdog = match kernel.watched.get() {
        true => kernel.watchdog.borrow().clone(),
        false => None,
    };
    let ready = kernel.ready.borrow().len();
    for _ in 0..ready {
        // The chooser: the only place that decides which ready task is next.
        let Some(id) = kernel.ready.borrow_mut().pop_front() else {
            break;
        };
        step(kernel, id, &mut spare, main, watchdog.as_deref());
        if let Some(watchdog) = &watchdog {
            watchdog.end(kernel, id);
        }
        if main.as_ref().is_some_and(|main| main.over) {
            break;
        }
        if kernel.pace.is_due() {
            look(kernel);
        }
    }
    kernel.spare.set(Some(spare));
}

/// Polls a task that has just been spawned, out of turn and inside the poll of another. It stays in
/// the ready queue only if it asks to.
pub(crate) fn step_now(kernel: &Kernel, id: TaskId) {
    let queued = kernel.ready.borrow_mut().pop_back();
    if queued != Some(id) {
        // A teardown has dropped the future already.
        kernel.ready.borrow_mut().extend(queued);
        return;
    }
    let outer = kernel.suspend();
    let mut own = new_waker(kernel);
    step(kernel, id, &mut own, &mut None, None);
    kernel.resume(outer);
}

/// Polls one task, or drops its future if its end was asked for.
#[inline(always)]
fn step(
    kernel: &Kernel,
    id: TaskId,
    spare: &mut PollWaker,
    main: &mut Option<Main<'_>>,
    watchdog: Option<&Watchdog>,
) {
    let met;
    let (body, key, cancelled) = {
        let mut tasks = kernel.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(id) else {
            return;
        };
        if task.over {
            return;
        }
        task.scheduled = false;
        met = watchdog.is_none() || std::mem::replace(&mut task.watched, true);
        (task.body.take(), task.waker, task.cancelled)
    };
    if let Some(watchdog) = watchdog {
        if !met {
            watchdog.meet(kernel, id);
        }
        watchdog.begin(kernel, id);
    }
    match body {
        Some(body) if cancelled => join::cancel_now(kernel, id, body),
        Some(body) => poll_task(kernel, id, key, spare, body),
        None => match main {
            Some(main) if main.id == id => poll_main(kernel, key, spare, main),
            _ => {}
        },
    }
}

fn poll_task(kernel: &Kernel, id: TaskId, key: u32, spare: &mut PollWaker, mut body: BoxedBody) {
    let (result, notes) = with_waker(kernel, id, key, spare, |cx| {
        panic::catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx)))
    });
    match result {
        Ok(Poll::Pending) => rest(kernel, id, notes, body),
        Ok(Poll::Ready(())) => join::complete(kernel, id, body, None),
        Err(payload) => {
            // A future whose destructor panics too has said enough with the first panic.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| body.as_mut().drop_future()));
            join::complete(kernel, id, body, Some(JoinError::Panicked(payload)));
        }
    }
}

/// Puts a task that is not finished back into its slot.
#[inline]
fn rest(kernel: &Kernel, id: TaskId, notes: u8, body: BoxedBody) {
    let mut tasks = kernel.tasks.borrow_mut();
    let Some(task) = tasks.get_mut(id) else {
        drop(tasks);
        return drop(body);
    };
    if task.cancelled {
        drop(tasks);
        return join::cancel_now(kernel, id, body);
    }
    task.body = Some(body);
    if notes & notes::YIELDED != 0 && !task.scheduled {
        task.scheduled = true;
        kernel.ready.borrow_mut().push_back(id);
    } else if notes == 0 && !task.scheduled && task.waker == NO_WAKER {
        drop(tasks);
        problems::check_lost(kernel, id);
    }
}

fn poll_main(kernel: &Kernel, key: u32, spare: &mut PollWaker, main: &mut Main<'_>) {
    // A panic of main is the caller's; `Turning` and `block_on` put the kernel in order.
    let (result, notes) = with_waker(kernel, main.id, key, spare, |cx| {
        main.future.as_mut().poll(cx)
    });
    if result.is_ready() {
        main.over = true;
    } else if notes & notes::YIELDED != 0 {
        kernel.schedule(main.id);
    } else if notes == 0 {
        problems::check_lost(kernel, main.id);
    }
}

/// Runs a poll with the task's own waker if somebody keeps clones of it, else with the spare one.
/// Returns what the poll did besides.
#[inline]
fn with_waker<R>(
    kernel: &Kernel,
    id: TaskId,
    key: u32,
    spare: &mut PollWaker,
    poll: impl FnOnce(&mut Context<'_>) -> R,
) -> (R, u8) {
    if key != NO_WAKER {
        return with_own_waker(kernel, id, key, poll);
    }
    spare.aim(id);
    kernel.enter(id, spare.waker());
    let result = poll(&mut Context::from_waker(spare.waker()));
    let notes = kernel.leave();
    if spare.is_cloned() {
        adopt_waker(kernel, id, spare);
    }
    (result, notes)
}

#[cold]
fn with_own_waker<R>(
    kernel: &Kernel,
    id: TaskId,
    key: u32,
    poll: impl FnOnce(&mut Context<'_>) -> R,
) -> (R, u8) {
    let own = kernel
        .cloned
        .borrow_mut()
        .get_mut(key as usize)
        .and_then(Option::take);
    let own = own.expect("a waker stays with its task until the task is over");
    kernel.enter(id, own.waker());
    let result = poll(&mut Context::from_waker(own.waker()));
    let notes = kernel.leave();
    if let Some(place) = kernel.cloned.borrow_mut().get_mut(key as usize) {
        *place = Some(own);
    }
    (result, notes)
}

/// Leaves the spare waker with a task that gave clones of it away, and makes another.
#[cold]
fn adopt_waker(kernel: &Kernel, id: TaskId, spare: &mut PollWaker) {
    let own = std::mem::replace(spare, new_waker(kernel));
    if let Some(task) = kernel.tasks.borrow_mut().get_mut(id) {
        task.waker = kernel.cloned.borrow_mut().insert(Some(own)) as u32;
    }
}

fn new_waker(kernel: &Kernel) -> PollWaker {
    PollWaker::new(
        kernel
            .inbox
            .borrow()
            .clone()
            .expect("a runtime has an inbox"),
    )
}

/// Looks at inbox, timers and readiness in the middle of a busy pass.
fn look(kernel: &Kernel) {
    // First of all: a letter may panic, and the pace must not be left at zero.
    kernel.pace.rest();
    remote::read(kernel);
    // Read even where no timer is armed: the pace has to know how long polls take when one is.
    // Virtual time stands still while tasks are ready, but what is due is due.
    let now = kernel.clock.now();
    kernel.pace.adapt(now);
    expire(kernel, now);
    if !has_io(kernel) {
        return;
    }
    if kernel.clock.is_virtual() {
        ask(kernel, Some(0), 0);
    } else if now.saturating_sub(kernel.pace.asked.get()) >= Pace::NANOS {
        kernel.pace.asked.set(now);
        ask(kernel, Some(now), now);
    }
}

/// Wakes those whose deadline has come.
fn expire(kernel: &Kernel, now: u64) {
    if kernel.timers.borrow().is_empty() {
        return;
    }
    context::wake_collected(kernel, |batch| {
        let mut timers = kernel.timers.borrow_mut();
        while let Some(timer) = timers.expire(now) {
            batch.push(timer.who);
        }
    });
}

/// Polls the reactor until `deadline` and tells those who wait.
fn ask(kernel: &Kernel, deadline: Option<u64>, now: u64) {
    let mut hits: Vec<Hit> = kernel.hits.take();
    let asked = match &mut *kernel.reactor.borrow_mut() {
        Some(reactor) => reactor.poll(now, deadline, &mut hits),
        None => Ok(()),
    };
    reactor::announce(kernel, &mut hits);
    kernel.hits.set(hits);
    if let Err(error) = asked {
        panic!("the selector failed: {error}");
    }
}

/// What [`idle`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Something may be ready now.
    Awake,
    /// Nothing inside or outside can ever wake a task.
    Dead,
}

/// Called when no task is ready: brings in what is due, or sleeps until something is.
///
/// `limit` bounds the sleep in real time. With `judge`, a loop that nothing can wake is declared
/// dead instead of sleeping for ever.
pub(crate) fn idle(kernel: &Kernel, limit: Option<Duration>, judge: bool) -> Idle {
    if remote::read(kernel) && !kernel.ready.borrow().is_empty() {
        return Idle::Awake;
    }
    if !kernel.quiescence.is_empty() && kernel.ready.borrow().is_empty() {
        return settle(kernel);
    }
    let next = kernel.timers.borrow_mut().next();
    if kernel.clock.is_virtual() {
        return idle_virtual(kernel, next, limit, judge);
    }
    let mut judged = None;
    if next.is_none() && judge && limit.is_none() {
        match verdict::at_park(kernel) {
            Park::GiveUp => return Idle::Dead,
            Park::Until(until) => judged = Some(until),
            Park::Sleep => {}
        }
    }
    let now = kernel.clock.now();
    let limit = limit
        .map(|limit| now.saturating_add(super::clock::nanos(limit)))
        .or(judged);
    let until = match (next, limit) {
        (Some(next), Some(limit)) => Some(next.min(limit)),
        (next, limit) => next.or(limit),
    };
    if until.is_none_or(|until| until > now) || has_io(kernel) || kernel.embedded.get() {
        sleep(kernel, until, now);
    }
    let now = kernel.clock.now();
    kernel.pace.looked.set(now);
    kernel.pace.asked.set(now);
    kernel.pace.rest();
    expire(kernel, now);
    remote::read(kernel);
    Idle::Awake
}

/// Brings in what is due now; if that is nothing, wakes those who wait for everybody to be blocked.
#[cold]
fn settle(kernel: &Kernel) -> Idle {
    let now = kernel.clock.now();
    expire(kernel, now);
    if has_io(kernel) {
        ask(kernel, Some(now), now);
    }
    if kernel.ready.borrow().is_empty() {
        kernel.quiescence.wake_all();
    }
    Idle::Awake
}

/// As [`idle`], on virtual time: with no outside work in flight, the clock jumps to the deadline.
fn idle_virtual(kernel: &Kernel, next: Option<u64>, limit: Option<Duration>, judge: bool) -> Idle {
    /// Real time that pending readiness gets before the clock jumps.
    const GRACE: u64 = 1_000_000;
    let now = super::clock::real();
    let working = kernel.is_working();
    let Some(next) = next.filter(|_| !working) else {
        let mut judged = None;
        if !working && judge && limit.is_none() {
            match verdict::at_park(kernel) {
                Park::GiveUp => return Idle::Dead,
                Park::Until(until) => judged = Some(until),
                Park::Sleep => {}
            }
        }
        let until = limit
            .map(|limit| now.saturating_add(super::clock::nanos(limit)))
            .or(judged);
        sleep(kernel, until, now);
        remote::read(kernel);
        return Idle::Awake;
    };
    let awaited = matches!(&*kernel.reactor.borrow(), Some(reactor) if reactor.is_awaited());
    if awaited {
        sleep(kernel, Some(now + GRACE), now);
        remote::read(kernel);
        if !kernel.ready.borrow().is_empty() {
            return Idle::Awake;
        }
    }
    if limit != Some(Duration::ZERO) || next <= kernel.clock.now() {
        kernel.clock.advance_to(next);
        let now = kernel.clock.now();
        expire(kernel, now);
    }
    Idle::Awake
}

/// Sleeps in the reactor, unless a letter has arrived.
fn sleep(kernel: &Kernel, until: Option<u64>, now: u64) {
    let inbox = kernel
        .inbox
        .borrow()
        .clone()
        .expect("a runtime has an inbox");
    need_reactor(kernel).unwrap_or_else(|error| {
        panic!("the loop has to sleep and cannot make a selector: {error}; raise the limit of open files")
    });
    refuse_fork_now_and_then(kernel, now);
    if inbox.park() {
        ask(kernel, until, now);
        inbox.unpark();
    }
}

/// Checks at a park, at most every 10 ms, that the process is still the one that made the runtime.
fn refuse_fork_now_and_then(kernel: &Kernel, now: u64) {
    const EVERY: u64 = 10_000_000;
    if now.saturating_sub(kernel.checked.get()) >= EVERY {
        kernel.checked.set(now);
        refuse_fork(kernel);
    }
}

/// Makes the reactor at its first need.
pub(crate) fn need_reactor(kernel: &Kernel) -> io::Result<()> {
    let mut place = kernel.reactor.borrow_mut();
    if place.is_none() {
        let reactor = Reactor::new()?;
        if let Some(inbox) = &*kernel.inbox.borrow() {
            inbox.hang(reactor.bell());
        }
        *place = Some(reactor);
    }
    Ok(())
}

/// Leaves the descriptor of an embedded loop readable if a turn is due, and armed for when it will
/// be.
pub(crate) fn arm_host(kernel: &Kernel) {
    let Some(inbox) = kernel.inbox.borrow().clone() else {
        return;
    };
    if !kernel.ready.borrow().is_empty() || !inbox.park() {
        return kernel.ring();
    }
    let next = kernel.timers.borrow_mut().next();
    if let (Some(next), Some(reactor)) = (next, &mut *kernel.reactor.borrow_mut()) {
        let now = kernel.clock.now();
        if let Err(error) = reactor.arm(now, next) {
            panic!("the timer of an embedded loop failed: {error}");
        }
    }
}

/// Registers a source with this thread's reactor, which is made if need be.
#[track_caller]
pub(crate) fn register<S>(source: &mut S, interest: Interest) -> io::Result<Rc<Readiness>>
where
    S: Source + ?Sized,
{
    context::with_runtime("i/o", |kernel| {
        need_reactor(kernel)?;
        let mut reactor = kernel.reactor.borrow_mut();
        reactor
            .as_mut()
            .expect("it was just made")
            .register(source, interest)
    })
}

/// Takes a source off the reactor it was registered with, if that still exists.
pub(crate) fn deregister<S>(source: &mut S, readiness: &Readiness)
where
    S: Source + ?Sized,
{
    if readiness.orphaned.get() {
        return;
    }
    let forgotten = context::try_with(|kernel| {
        let mut place = kernel.reactor.borrow_mut();
        let reactor = place.as_mut()?;
        let forgotten = reactor.deregister(source, readiness);
        let released = reactor.released();
        drop(place);
        released.announce(kernel);
        forgotten
    });
    drop(forgotten);
}

/// Where to wait for one of this thread's sources to go, when the system has no descriptor left.
#[track_caller]
pub(crate) fn released() -> io::Result<Rc<Direction>> {
    context::with_runtime("i/o", |kernel| {
        need_reactor(kernel)?;
        let reactor = kernel.reactor.borrow();
        Ok(reactor.as_ref().expect("it was just made").released())
    })
}

/// Counts a piece of I/O that did not wait. `false` asks the caller to yield: a peer that is
/// always ready must not starve the rest.
pub(crate) fn spend_io() -> bool {
    context::with(|kernel| {
        let left = kernel.io_left.get();
        kernel.io_left.set(left.saturating_sub(1));
        // Another executor has its own rules.
        left > 0 || kernel.current.get().is_none()
    })
}

/// Ends the reactor: whoever still waits for a source learns that it will not be announced.
pub(crate) fn close_reactor(kernel: &Kernel, reactor: Reactor) {
    for readiness in reactor.into_sources() {
        readiness.orphan(kernel);
    }
}

fn has_io(kernel: &Kernel) -> bool {
    matches!(&*kernel.reactor.borrow(), Some(reactor) if reactor.has_sources())
}
