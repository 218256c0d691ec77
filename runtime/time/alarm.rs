//! A deadline as its owner holds it: before it is armed, the key of its timer, and after.
//!
//! An alarm is plain data, so it may leave its thread; but its key means a timer of the kernel it was
//! armed in, and on another thread it would name another's timer. The owner of an alarm prevents that:
//! [`Sleep`](super::sleep::Sleep) cannot leave its thread, and what hyper carries about looks where
//! it is before every call.
//!
//! ```text
//!   unset ──first poll──▶ new ──poll──▶ armed ──the time is up, poll──▶ over
//!                          ▲              │ ▲                             │
//!                          │              └─┘ reset: a waiter stays       │
//!                          └──────────────────────── reset ───────────────┘
//! ```
//!
//! **A waiter stays.** A task that polled an alarm waits for *it*, not for the deadline it had then: a
//! deadline that is moved from outside a poll takes the armed timer along, and what it wakes.

use std::cell::Cell;
use std::panic::Location;
use std::task::{Context, Poll};
use std::time::Duration;

use super::instant::Instant;
use super::yielding::yield_once;
use crate::runtime::base::kinds::Name;
use crate::runtime::base::place::shown;
use crate::runtime::kernel::TimerKey;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::wait::wake_target::WakeTarget;
use crate::runtime::kernel::{self, Kernel};

#[derive(Clone, Copy, Debug)]
enum State {
    /// Made where there was no runtime: so long from the first poll on.
    Unset(Duration),
    /// Not polled yet.
    New,
    /// A time that is up before the first poll, and has still to yield (rule R9).
    Yield,
    Armed(TimerKey),
    Over,
}

/// A deadline that wakes the task that polled it last. Not disarmed by being dropped.
#[derive(Debug)]
pub(crate) struct Alarm {
    deadline: Cell<Instant>,
    state: Cell<State>,
    at: &'static Location<'static>,
}

impl Alarm {
    /// For `duration` from now, or from the first poll if there is no runtime yet.
    #[inline]
    pub(crate) fn after(duration: Duration, at: &'static Location<'static>) -> Self {
        match Instant::of_runtime() {
            Some(now) => Alarm::until(now + duration, at),
            None => Alarm::new(Instant(0), State::Unset(duration), at),
        }
    }

    /// For `deadline`, on behalf of a line.
    pub(crate) fn until(deadline: Instant, at: &'static Location<'static>) -> Self {
        Alarm::new(deadline, State::New, at)
    }

    /// For `duration` from now; a zero duration yields once and sets no timer.
    pub(crate) fn sleep(duration: Duration, at: &'static Location<'static>) -> Self {
        if duration.is_zero() {
            Alarm::new(Instant::now(), State::Yield, at)
        } else {
            Alarm::after(duration, at)
        }
    }

    fn new(deadline: Instant, state: State, at: &'static Location<'static>) -> Self {
        Alarm {
            deadline: Cell::new(deadline),
            state: Cell::new(state),
            at,
        }
    }

    /// The deadline; if it is not fixed yet, the one that a poll now would fix.
    pub(crate) fn deadline(&self) -> Instant {
        match self.state.get() {
            State::Unset(duration) => Instant::now() + duration,
            _ => self.deadline.get(),
        }
    }

    /// Whether a poll would be ready.
    pub(crate) fn is_elapsed(&self) -> bool {
        match self.state.get() {
            State::Over => true,
            State::Armed(key) => {
                kernel::try_with(|kernel| !kernel.timers().is_armed(key) && self.is_up(kernel))
                    .unwrap_or(false)
            }
            State::Unset(_) | State::New | State::Yield => false,
        }
    }

    /// Whether the deadline had come when the clock was read last.
    fn is_up(&self, kernel: &Kernel) -> bool {
        kernel.clock().last() >= self.deadline.get().0
    }

    /// Moves the deadline; can be polled again, even after it was ready. A waiter stays.
    pub(crate) fn reset(&self, deadline: Instant) {
        self.deadline.set(deadline);
        let moved = match self.state.get() {
            State::Armed(key) => kernel::try_with(|kernel| {
                let moved = kernel.timers().rearm(key, deadline.0)?;
                kernel.ring_if_embedded();
                Some(moved)
            })
            .flatten(),
            _ => None,
        };
        // A timer that has expired has woken the waiter, which will look.
        self.state.set(moved.map_or(State::New, State::Armed));
    }

    /// Says which line waits, where that is not the line that made it.
    pub(crate) fn waits_at(&mut self, at: &'static Location<'static>) {
        self.at = at;
    }

    /// As [`poll`](Alarm::poll), but a deadline that had passed before the first poll arms nothing and
    /// is ready at once; if it is the second in this poll of the task, a poll after that yields (rule R9).
    #[inline]
    pub(crate) fn poll_limit(&self, cx: &Context<'_>, name: Name) -> Poll<()> {
        let (State::New | State::Unset(_)) = self.state.get() else {
            return self.poll(cx, name);
        };
        kernel::with(|kernel| {
            self.fix(kernel, name);
            let (deadline, clock) = (self.deadline.get().0, kernel.clock());
            // The last reading spares most a new one.
            if deadline <= clock.last() && deadline <= clock.now() {
                self.state.set(if polling::was_wait_over() {
                    State::Yield
                } else {
                    State::Over
                });
                return Poll::Ready(());
            }
            self.arm(kernel, cx, name);
            Poll::Pending
        })
    }

    pub(crate) fn poll(&self, cx: &Context<'_>, name: Name) -> Poll<()> {
        match self.state.get() {
            State::Over => Poll::Ready(()),
            State::Armed(key) => kernel::with(|kernel| self.poll_armed(kernel, key, cx, name)),
            State::Yield => {
                kernel::with(|kernel| self.fix(kernel, name));
                self.state.set(State::Over);
                yield_once(cx);
                Poll::Pending
            }
            State::New | State::Unset(_) => kernel::with(|kernel| {
                self.fix(kernel, name);
                self.arm(kernel, cx, name);
                Poll::Pending
            }),
        }
    }

    /// Fixes the deadline, on the clock of the runtime that there has to be by now.
    #[inline]
    fn fix(&self, kernel: &Kernel, name: Name) {
        if kernel.runtime().is_none() {
            kernel::no_runtime(&format!("{name}, made at {},", shown(self.at)));
        }
        if let State::Unset(duration) = self.state.get() {
            self.deadline.set(Instant(kernel.clock().now()) + duration);
            self.state.set(State::New);
        }
    }

    #[inline]
    fn arm(&self, kernel: &Kernel, cx: &Context<'_>, name: Name) {
        if polling::is_own(cx.waker()) {
            self.arm_own(kernel, name);
        } else {
            self.arm_foreign(kernel, cx, name);
        }
    }

    fn arm_own(&self, kernel: &Kernel, name: Name) -> TimerKey {
        let (deadline, task) = (self.deadline.get().0, polling::registers());
        let key = kernel.timers().arm(deadline, task, self.at, name);
        self.state.set(State::Armed(key));
        // Outside a turn the host has been armed for an earlier state of things.
        kernel.ring_if_embedded();
        key
    }

    /// The clone of a foreign waker comes first: it may run anything.
    #[cold]
    fn arm_foreign(&self, kernel: &Kernel, cx: &Context<'_>, name: Name) {
        let target = WakeTarget::of(cx);
        let key = self.arm_own(kernel, name);
        kernel.timers().wake_instead(key, target);
    }

    fn poll_armed(&self, kernel: &Kernel, key: TimerKey, cx: &Context<'_>, name: Name) -> Poll<()> {
        match kernel.timers().wakes(key, self.deadline.get().0, cx) {
            Some(true) => Poll::Pending,
            Some(false) => {
                let target = WakeTarget::of(cx);
                // The clone of a foreign waker may have moved the deadline.
                if let State::Armed(key) = self.state.get() {
                    kernel.timers().wake_instead(key, target);
                }
                Poll::Pending
            }
            // It expired, unless the runtime that it was armed in has ended since.
            None if self.is_up(kernel) => {
                self.state.set(State::Over);
                polling::note_resumed(self.at);
                Poll::Ready(())
            }
            None => {
                self.fix(kernel, name);
                self.arm(kernel, cx, name);
                Poll::Pending
            }
        }
    }

    /// Takes the timer back; nothing is woken.
    pub(crate) fn disarm(&self) {
        if let State::Armed(key) = self.state.get() {
            self.state.set(State::New);
            kernel::try_with(|kernel| kernel.timers().disarm(key));
        }
    }
}
