//! What the loop hears of the outside world, and when: inbox, due timers, readiness, and sleep.
//!
//! The only file that drives timers, clock, reactor and inbox together.

use std::cell::Cell;
use std::hint;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::executor::forked;
use crate::runtime::diagnostics::at_park::{self, Park};
use crate::runtime::diagnostics::lost;
use crate::runtime::diagnostics::verdict::Verdict;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::lend::LetGo;
use crate::runtime::kernel::slack;
use crate::runtime::kernel::wait::who;
use crate::runtime::reactor;
use crate::runtime::threads::{dispatch, external};

/// Nanoseconds that are waited for awake: falling asleep and being woken takes the processor as long.
const NEAR: u64 = 5_000;

/// How often a busy loop looks at the outside world.
///
/// At least every 64 polls and, where polls are long, about every 50 µs: on an in-memory load that
/// costs next to nothing per switch. The selector costs a call, and is asked after 50 µs, but within
/// one pass only every 64 polls: whom it wakes goes to the tail, behind all of this pass anyway.
pub(crate) struct Pace {
    /// Polls left before the next look.
    left: Cell<u32>,
    /// Polls between two looks.
    stride: Cell<u32>,
    /// When the last look was.
    looked: Cell<u64>,
    /// When the selector was asked last.
    asked: Cell<u64>,
    /// The pass for which that was done.
    heard: Cell<u64>,
    /// Polls since.
    polled: Cell<u32>,
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
            heard: Cell::new(0),
            polled: Cell::new(0),
        }
    }

    /// Counts a poll; `true` when it is time to look. The count begins again right here, whatever
    /// panics before the look.
    pub(crate) fn is_due(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left == 0 {
            self.rest();
        }
        left == 0
    }

    fn rest(&self) {
        let polled = self.stride.get() - self.left.get().min(self.stride.get());
        self.polled.set(self.polled.get().saturating_add(polled));
        self.left.set(self.stride.get());
    }

    /// Whether the selector is to be asked in the middle of `pass`.
    fn wants_news(&self, now: u64, pass: u64) -> bool {
        let late = now.saturating_sub(self.asked.get()) >= Self::NANOS;
        late && (self.heard.get() < pass || self.polled.get() >= Self::MOST)
    }

    /// Notes that the selector was asked, for the sake of `pass`.
    fn has_news(&self, now: u64, pass: u64) {
        self.asked.set(now);
        self.heard.set(pass);
        self.polled.set(0);
    }

    /// Leaves out of the account what was no poll's doing.
    #[cfg(feature = "signal")]
    pub(crate) fn leave_out(&self, took: Duration) {
        let looked = self
            .looked
            .get()
            .saturating_add(crate::runtime::kernel::clock::nanos(took));
        self.looked.set(looked);
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

/// Looks at inbox, timers and readiness in the middle of a busy pass.
pub(crate) fn look(kernel: &Kernel) {
    do_chore(kernel);
    slack::trim_now_and_then(kernel);
    dispatch::read(kernel);
    // Read even where no timer is armed: the pace has to know how long polls take when one is.
    // Virtual time stands still while tasks are ready, but what is due is due.
    let now = kernel.clock.now();
    kernel.pace.adapt(now);
    expire(kernel, now);
    if !reactor::has_sources() {
        return;
    }
    if kernel.clock.is_virtual() {
        ask(kernel, Some(0), 0);
    } else if kernel.pace.wants_news(now, kernel.passes.begun()) {
        kernel.pace.has_news(now, kernel.passes.begun());
        ask(kernel, Some(now), now);
    }
}

/// Wakes those whose deadline has come.
fn expire(kernel: &Kernel, now: u64) {
    if kernel.timers.borrow().is_empty() {
        return;
    }
    who::wake_collected(kernel, |batch| {
        let mut timers = kernel.timers.borrow_mut();
        while let Some(who) = timers.expire(now) {
            batch.push(who);
        }
    });
}

/// Polls the reactor until `deadline` and tells those who wait.
fn ask(kernel: &Kernel, deadline: Option<u64>, now: u64) {
    if let Err(refused) = reactor::poll(kernel, deadline, now) {
        panic!("the selector failed: {refused}");
    }
}

/// What [`idle`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Something may be ready now.
    Awake,
    /// Nothing inside or outside can ever wake a task.
    Dead(Verdict),
}

/// Called when no task is ready: brings in what is due, or sleeps until something is.
///
/// `limit` bounds the sleep in real time. With `judge`, a loop that nothing can wake is declared
/// dead instead of sleeping for ever.
pub(crate) fn idle(kernel: &Kernel, limit: Option<Duration>, judge: bool) -> Idle {
    do_chore(kernel);
    if dispatch::read(kernel) && kernel.has_ready() {
        return Idle::Awake;
    }
    if lost::report_if_cheap(kernel, || is_long(kernel)) && kernel.has_ready() {
        return Idle::Awake;
    }
    if !kernel.quiescence.is_empty() && !kernel.has_ready() {
        return settle(kernel);
    }
    slack::trim(kernel);
    let next = kernel.timers.borrow_mut().next();
    if kernel.clock.is_virtual() && !reactor::follows_real_time(kernel) {
        return idle_virtual(kernel, next, limit, judge);
    }
    let judge = judge && limit.is_none();
    let (judged, watch) = match judge && next.is_none() {
        true => match self::judge(kernel) {
            Ok(judged) => judged,
            Err(idle) => return idle,
        },
        false => (None, None),
    };
    let now = kernel.clock.now();
    let limit = limit
        .map(|limit| now.saturating_add(crate::runtime::kernel::clock::nanos(limit)))
        .or(judged);
    let due = next.map(|next| slacken(kernel, next));
    let until = match (due, limit) {
        (Some(due), Some(limit)) => Some(due.min(limit)),
        (due, limit) => due.or(limit),
    };
    match until {
        Some(until) if until.saturating_sub(now) < NEAR => linger(kernel, until, now),
        _ => sleep_on_real_time(kernel, until, now),
    }
    drop(watch);
    let now = kernel.clock.now();
    kernel.pace.looked.set(now);
    kernel.pace.rest();
    kernel.pace.has_news(now, kernel.passes.begun() + 1);
    expire(kernel, now);
    dispatch::read(kernel);
    Idle::Awake
}

/// Whether no deadline is near: before such a sleep a look at everything costs nothing that counts.
fn is_long(kernel: &Kernel) -> bool {
    const LONG: u64 = 100_000_000;
    let next = kernel.timers.borrow_mut().next();
    next.is_none_or(|next| next.saturating_sub(kernel.clock.last()) >= LONG)
}

/// Until when the loop may sleep for the sake of a deadline.
fn slacken(kernel: &Kernel, deadline: u64) -> u64 {
    let slack = kernel.timer_slack.get();
    deadline.saturating_add(crate::runtime::kernel::clock::nanos(slack))
}

/// Judges a loop that would sleep for ever: until when it may, and what it lets go of meanwhile.
fn judge(kernel: &Kernel) -> Result<(Option<u64>, Option<LetGo<'_>>), Idle> {
    match at_park::at_park(kernel) {
        Park::Sleep => Ok((None, None)),
        Park::Watch => match LetGo::all(kernel) {
            Some(watch) => Ok((None, Some(watch))),
            // The last clone went while the verdict was made.
            None => Err(Idle::Awake),
        },
        Park::Until(until) => Ok((Some(until), None)),
        Park::Again => Err(Idle::Awake),
        Park::GiveUp(verdict) => Err(Idle::Dead(verdict)),
    }
}

fn do_chore(kernel: &Kernel) {
    let chore = kernel.chore.borrow().clone();
    if let Some(chore) = chore {
        chore(kernel);
    }
}

/// Brings in what is due now; if that is nothing, wakes those who wait for everybody to be blocked.
#[cold]
fn settle(kernel: &Kernel) -> Idle {
    let now = kernel.clock.now();
    expire(kernel, now);
    if reactor::has_sources() {
        ask(kernel, Some(now), now);
    }
    if !kernel.has_ready() {
        kernel.quiescence.wake_all();
    }
    Idle::Awake
}

/// As [`idle`], on virtual time: with no outside work in flight, the clock jumps to the deadline.
fn idle_virtual(kernel: &Kernel, next: Option<u64>, limit: Option<Duration>, judge: bool) -> Idle {
    /// Real time that pending readiness gets before the clock jumps.
    const GRACE: u64 = 1_000_000;
    let now = crate::runtime::kernel::clock::real();
    let working = external::is_working();
    let Some(next) = next.filter(|_| !working) else {
        let (judged, watch) = match judge && !working {
            true => match self::judge(kernel) {
                Ok(judged) => judged,
                Err(idle) => return idle,
            },
            false => (None, None),
        };
        let until = limit
            .map(|limit| now.saturating_add(crate::runtime::kernel::clock::nanos(limit)))
            .or(judged);
        sleep(kernel, until, now);
        drop(watch);
        dispatch::read(kernel);
        return Idle::Awake;
    };
    let awaited = reactor::find_awaited(&kernel.tasks.borrow(), |_, _| true);
    let (mut now, until) = (now, now + GRACE);
    // Waking nobody uses nothing up: room that nobody waits for, a signal, a timer set for earlier.
    while awaited && now < until {
        sleep(kernel, Some(until), now);
        dispatch::read(kernel);
        if kernel.has_ready() {
            return Idle::Awake;
        }
        now = crate::runtime::kernel::clock::real();
    }
    let now = kernel.clock.now();
    let most = limit.map_or(u64::MAX, crate::runtime::kernel::clock::nanos);
    kernel.clock.advance_to(next.min(now.saturating_add(most)));
    expire(kernel, kernel.clock.now());
    Idle::Awake
}

/// Waits for a near deadline awake, and hears once what the reactor has.
fn linger(kernel: &Kernel, until: u64, now: u64) {
    if reactor::has_sources() || kernel.mail().is_embedded() {
        sleep(kernel, Some(now), now);
    }
    while kernel.clock.now() < until && !kernel.has_ready() {
        hint::spin_loop();
    }
}

/// As [`sleep`], with the readings of a virtual clock that follows real time.
fn sleep_on_real_time(kernel: &Kernel, until: Option<u64>, now: u64) {
    if !kernel.clock.is_virtual() {
        return sleep(kernel, until, now);
    }
    let real = crate::runtime::kernel::clock::real();
    let until = until.map(|until| real.saturating_add(until.saturating_sub(now)));
    sleep(kernel, until, real);
}

/// Sleeps in the reactor, unless a message has arrived.
fn sleep(kernel: &Kernel, until: Option<u64>, now: u64) {
    reactor::need_reactor(kernel).unwrap_or_else(|refused| {
        let cure = match refused.is_for_want_of_descriptors() {
            true => "; raise the limit of open files",
            false => "",
        };
        panic!("the loop has to sleep and cannot make a selector: {refused}{cure}")
    });
    refuse_fork_now_and_then(kernel, now);
    if kernel.mail().park() {
        ask(kernel, until, now);
        kernel.mail().unpark();
    }
}

/// Checks at a park, at most every 10 ms, that the process is still the one that made the runtime.
fn refuse_fork_now_and_then(kernel: &Kernel, now: u64) {
    const EVERY: u64 = 10_000_000;
    if now.saturating_sub(kernel.checked.get()) >= EVERY {
        kernel.checked.set(now);
        if let Some(refusal) = forked(kernel) {
            panic!("{refusal}");
        }
    }
}

/// A descriptor for the host of an embedded loop, if it can show deadlines.
pub(crate) fn show_deadlines(kernel: &Kernel) -> io::Result<OwnedFd> {
    /// Later than anything, and soon replaced: what counts is whether the timer can be armed.
    const FAR: u64 = u64::MAX / 2;
    reactor::need_reactor(kernel)?;
    reactor::arm(kernel.clock.now(), FAR).map_err(|refused| {
        let text = format!("no descriptor can show deadlines here: {refused}");
        io::Error::new(io::ErrorKind::Unsupported, text)
    })?;
    reactor::descriptor(kernel)
}

/// Leaves the descriptor of an embedded loop readable if a turn is due, and armed for when it will
/// be.
pub(crate) fn arm_host(kernel: &Kernel) {
    if kernel.has_more() || !kernel.mail().park() {
        return kernel.mail().ring();
    }
    let next = kernel.timers.borrow_mut().next();
    if let Some(next) = next {
        let (now, due) = (kernel.clock.now(), slacken(kernel, next));
        if let Err(refused) = reactor::arm(now, due) {
            panic!("the timer of an embedded loop failed: {refused}");
        }
    }
}
