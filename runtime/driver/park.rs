//! Where the loop looks outside and where it sleeps: messages, due timers, readiness.
//!
//! `look` runs between two polls. `park` runs when no task is ready: it brings in what is due, else decides
//! whether to sleep, until when, or to end with a verdict (`diagnostics/at_park.rs`).

use std::hint;
use std::time::Duration;

use super::fork;
use super::state::Driver;
use crate::runtime::diagnostics::at_park::{self, Park};
use crate::runtime::diagnostics::lost_tasks;
use crate::runtime::diagnostics::verdict::Verdict;
use crate::runtime::kernel::slack;
use crate::runtime::kernel::{Kernel, clock};
use crate::runtime::reactor;
use crate::runtime::threads::{dispatch, external};

/// Nanoseconds that are waited for awake: falling asleep and being woken takes the processor as long.
const NEAR: u64 = 5_000;

/// Looks at inbox, timers and readiness in the middle of a busy pass.
pub(super) fn look(kernel: &Kernel, driver: &Driver) {
    call_hook(kernel, driver);
    slack::trim_now_and_then(kernel);
    dispatch::read(kernel);
    // Read even where no timer is armed: the interval has to know how long polls take when one is.
    // Virtual time stands still while tasks are ready, but what is due is due.
    let now = kernel.clock().now();
    driver.interval.adapt(now);
    expire(kernel, now);
    if !reactor::has_sources() {
        return;
    }
    if kernel.clock().is_virtual() {
        ask(kernel, Some(0), 0);
    } else if driver.interval.wants_news(now, kernel.passes().begun()) {
        driver.interval.has_news(now, kernel.passes().begun());
        ask(kernel, Some(now), now);
    }
}

/// Wakes the waiters whose deadline has come.
fn expire(kernel: &Kernel, now: u64) {
    if kernel.timers().is_empty() {
        return;
    }
    kernel.wake_collected(|batch| {
        kernel.timers().expire(now, batch);
    });
}

/// Polls the reactor until `deadline`, and wakes the tasks that wait for what it finds.
fn ask(kernel: &Kernel, deadline: Option<u64>, now: u64) {
    if let Err(refused) = reactor::poll(kernel, deadline, now) {
        panic!("the selector failed: {refused}");
    }
}

/// What [`park`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parked {
    /// Something may be ready now.
    Awake,
    /// Nothing inside or outside can ever wake a task.
    Deadlocked(Verdict),
}

/// Called when no task is ready: brings in what is due, or sleeps until something is.
///
/// `limit` bounds the sleep in real time. With `judge`, a loop that nothing can wake is judged
/// instead of sleeping for ever.
pub(super) fn park(
    kernel: &Kernel,
    driver: &Driver,
    limit: Option<Duration>,
    judge: bool,
) -> Parked {
    call_hook(kernel, driver);
    if dispatch::read(kernel) && kernel.has_ready() {
        return Parked::Awake;
    }
    if lost_tasks::report_if_cheap(kernel, || is_long(kernel)) && kernel.has_ready() {
        return Parked::Awake;
    }
    if !driver.quiescence.is_empty() && !kernel.has_ready() {
        return wake_quiescent(kernel, driver);
    }
    slack::trim(kernel);
    let next = kernel.timers().next();
    if kernel.clock().is_virtual() && !reactor::follows_real_time(kernel) {
        return park_virtual(kernel, driver, next, limit, judge);
    }
    let judged = match self::judge(kernel, judge && limit.is_none() && next.is_none()) {
        Ok(judged) => judged,
        Err(parked) => return parked,
    };
    let now = kernel.clock().now();
    let limit = limit
        .map(|limit| now.saturating_add(clock::nanos(limit)))
        .or(judged);
    let due = next.map(|next| driver.slacken(next));
    let until = match (due, limit) {
        (Some(due), Some(limit)) => Some(due.min(limit)),
        (due, limit) => due.or(limit),
    };
    match until {
        Some(until) if until.saturating_sub(now) < NEAR => linger(kernel, driver, until, now),
        _ => sleep_on_real_time(kernel, driver, until, now),
    }
    let now = kernel.clock().now();
    driver.interval.begin(now, kernel.passes().begun() + 1);
    expire(kernel, now);
    dispatch::read(kernel);
    Parked::Awake
}

/// Whether no deadline is near: before such a sleep a look at everything costs nothing that counts.
fn is_long(kernel: &Kernel) -> bool {
    const LONG: u64 = 100_000_000;
    let next = kernel.timers().next();
    next.is_none_or(|next| next.saturating_sub(kernel.clock().last()) >= LONG)
}

/// With `judge`, judges a loop that would sleep for ever: until when it may.
fn judge(kernel: &Kernel, judge: bool) -> Result<Option<u64>, Parked> {
    if !judge {
        return Ok(None);
    }
    match at_park::at_park(kernel) {
        Park::Sleep => Ok(None),
        Park::Until(until) => Ok(Some(until)),
        Park::Again => Err(Parked::Awake),
        Park::GiveUp(verdict) => Err(Parked::Deadlocked(verdict)),
    }
}

fn call_hook(kernel: &Kernel, driver: &Driver) {
    let hook = driver.hook.borrow().clone();
    if let Some(hook) = hook {
        driver.interval.leave_out(hook(kernel));
    }
}

/// Brings in what is due now; if that is nothing, wakes the tasks that wait for all others to be blocked.
#[cold]
fn wake_quiescent(kernel: &Kernel, driver: &Driver) -> Parked {
    let now = kernel.clock().now();
    expire(kernel, now);
    if reactor::has_sources() {
        ask(kernel, Some(now), now);
    }
    if !kernel.has_ready() {
        driver.quiescence.grant_all();
    }
    Parked::Awake
}

/// As [`park`], on virtual time: with no outside work in flight, the clock jumps to the deadline.
fn park_virtual(
    kernel: &Kernel,
    driver: &Driver,
    next: Option<u64>,
    limit: Option<Duration>,
    judge: bool,
) -> Parked {
    let now = clock::real();
    let working = external::is_working();
    let Some(next) = next.filter(|_| !working) else {
        let judged = match self::judge(kernel, judge && !working) {
            Ok(judged) => judged,
            Err(parked) => return parked,
        };
        let until = limit
            .map(|limit| now.saturating_add(clock::nanos(limit)))
            .or(judged);
        sleep(kernel, driver, until, now);
        dispatch::read(kernel);
        return Parked::Awake;
    };
    let awaited = reactor::find_awaited(&kernel.tasks(), |_, _| true);
    let (mut now, until) = (now, now + clock::BEFORE_JUMP);
    // An event that wakes no task leaves the rest of the grace: room that no task waits for, a signal, a timer
    // that was set for earlier.
    while awaited && now < until {
        sleep(kernel, driver, Some(until), now);
        dispatch::read(kernel);
        if kernel.has_ready() {
            return Parked::Awake;
        }
        now = clock::real();
    }
    let now = kernel.clock().now();
    let most = limit.map_or(u64::MAX, clock::nanos);
    kernel
        .clock()
        .advance_to(next.min(now.saturating_add(most)));
    expire(kernel, kernel.clock().now());
    Parked::Awake
}

/// Lets virtual time pass to the next deadline although tasks are ready.
#[cfg(feature = "explore")]
pub(super) fn stall(kernel: &Kernel) {
    if let Some(next) = kernel.timers().next() {
        kernel.clock().advance_to(next);
        expire(kernel, kernel.clock().now());
    }
}

/// Waits for a near deadline awake, and hears once what the reactor has.
fn linger(kernel: &Kernel, driver: &Driver, until: u64, now: u64) {
    if reactor::has_sources() || kernel.mail().is_embedded() {
        sleep(kernel, driver, Some(now), now);
    }
    while kernel.clock().now() < until && !kernel.has_ready() {
        hint::spin_loop();
    }
}

/// As [`sleep`], with the readings of a virtual clock that follows real time.
fn sleep_on_real_time(kernel: &Kernel, driver: &Driver, until: Option<u64>, now: u64) {
    if !kernel.clock().is_virtual() {
        return sleep(kernel, driver, until, now);
    }
    let real = clock::real();
    let until = until.map(|until| real.saturating_add(until.saturating_sub(now)));
    sleep(kernel, driver, until, real);
}

/// Sleeps in the reactor, unless a message has arrived.
fn sleep(kernel: &Kernel, driver: &Driver, until: Option<u64>, now: u64) {
    reactor::need_reactor(kernel).unwrap_or_else(|refused| {
        let cure = if refused.is_for_want_of_descriptors() {
            "; raise the limit of open files"
        } else {
            ""
        };
        panic!("the loop has to sleep and cannot make a selector: {refused}{cure}")
    });
    fork::refuse_now_and_then(kernel, driver, now);
    if kernel.mail().park() {
        ask(kernel, until, now);
        kernel.mail().unpark();
    }
}
