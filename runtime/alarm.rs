//! A deadline as its owner holds it: before it is armed, the key of its timer, and after.
//!
//! An alarm is plain data, so it may leave its thread; but its key means a timer of the kernel it was
//! armed in, and on another thread it would name a stranger's. Who holds one answers for that:
//! [`Sleep`](super::time::Sleep) cannot leave its thread, and what hyper carries about looks where
//! it is before every call.

use std::panic::Location;
use std::task::{Context, Poll};
use std::time::Duration;

use super::context::{self, Kernel};
use super::kinds::Name;
use super::polling;
use super::time::{Instant, yield_once};
use super::timers::TimerKey;
use super::who::Who;

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not polled yet.
    New,
    /// A sleep of zero that has still to yield.
    Yield,
    Armed(TimerKey),
    Over,
}

/// A deadline that wakes whoever polled it last. Not disarmed by being dropped.
#[derive(Debug)]
pub(crate) struct Alarm {
    deadline: Instant,
    state: State,
    at: &'static Location<'static>,
}

impl Alarm {
    /// For `duration` from now; a zero duration yields once.
    #[track_caller]
    pub(crate) fn after(duration: Duration, what: &str) -> Self {
        let now = context::with_runtime(what, |kernel| Instant(kernel.clock.now()));
        let mut alarm = Alarm::until(now + duration, Location::caller());
        if duration.is_zero() {
            alarm.state = State::Yield;
        }
        alarm
    }

    /// For `deadline`, on behalf of a line.
    pub(crate) fn until(deadline: Instant, at: &'static Location<'static>) -> Self {
        let state = State::New;
        Alarm {
            deadline,
            state,
            at,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn is_elapsed(&self) -> bool {
        match self.state {
            State::Over => true,
            State::Yield => false,
            _ => Instant::now() >= self.deadline,
        }
    }

    /// Moves the deadline; can be polled again, even after it was ready.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.disarm();
        self.deadline = deadline;
        self.state = State::New;
    }

    /// Says which line waits, where that is not the line that made it.
    pub(crate) fn waits_at(&mut self, at: &'static Location<'static>) {
        self.at = at;
    }

    /// As [`poll`](Alarm::poll), but a deadline that had passed before the first poll arms nothing and
    /// is ready at once.
    #[inline]
    #[track_caller]
    pub(crate) fn poll_limit(&mut self, cx: &Context<'_>, name: Name) -> Poll<()> {
        let State::New = self.state else {
            return self.poll(cx, name);
        };
        context::with(|kernel| {
            let clock = &kernel.clock;
            // The last reading spares most a new one.
            if self.deadline.0 <= clock.last() && self.deadline.0 <= clock.now() {
                self.state = State::Over;
                return Poll::Ready(());
            }
            self.arm(kernel, cx, name);
            Poll::Pending
        })
    }

    #[track_caller]
    pub(crate) fn poll(&mut self, cx: &Context<'_>, name: Name) -> Poll<()> {
        match self.state {
            State::Over => Poll::Ready(()),
            State::Yield => {
                self.state = State::Over;
                yield_once(cx);
                Poll::Pending
            }
            State::New => context::with(|kernel| {
                self.arm(kernel, cx, name);
                Poll::Pending
            }),
            State::Armed(key) => context::with(|kernel| self.poll_armed(kernel, key, cx, name)),
        }
    }

    #[track_caller]
    fn arm(&mut self, kernel: &Kernel, cx: &Context<'_>, name: Name) {
        context::require_runtime(kernel, name);
        let own = polling::is_own(cx.waker());
        let foreign = (!own).then(|| Who::of(cx));
        let (task, mut timers) = (polling::registers(), kernel.timers.borrow_mut());
        let key = timers.arm(self.deadline.0, task, self.at, name);
        drop(timers);
        self.state = State::Armed(key);
        if let Some(who) = foreign {
            wake_instead(kernel, key, who);
        }
        if kernel.embedded.get() {
            // Outside a turn the host has been armed for an earlier state of things.
            kernel.ring();
        }
    }

    fn poll_armed(
        &mut self,
        kernel: &Kernel,
        key: TimerKey,
        cx: &Context<'_>,
        name: Name,
    ) -> Poll<()> {
        let mut timers = kernel.timers.borrow_mut();
        let known = match timers.is_past(key, self.deadline.0) {
            true => None,
            false => timers.get_mut(key).map(|timer| timer.who.is(cx)),
        };
        drop(timers);
        match known {
            Some(true) => Poll::Pending,
            Some(false) => {
                wake_instead(kernel, key, Who::of(cx));
                Poll::Pending
            }
            // It expired, unless the runtime that it was armed in has ended since.
            None if kernel.clock.last() >= self.deadline.0 => {
                self.state = State::Over;
                kernel.resumed.set(Some(self.at));
                Poll::Ready(())
            }
            None => {
                self.arm(kernel, cx, name);
                Poll::Pending
            }
        }
    }

    /// Takes the timer back; nobody is woken.
    pub(crate) fn disarm(&mut self) {
        if let State::Armed(key) = std::mem::replace(&mut self.state, State::Over) {
            let who = context::try_with(|kernel| kernel.timers.borrow_mut().disarm(key));
            drop(who);
        }
    }
}

/// Has a timer wake another one than it was armed for.
#[inline(never)]
fn wake_instead(kernel: &Kernel, key: TimerKey, mut who: Who) {
    if let Some(timer) = kernel.timers.borrow_mut().get_mut(key) {
        std::mem::swap(&mut timer.who, &mut who);
    }
}
