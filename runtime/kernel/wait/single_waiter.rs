//! A place for one waiter, where there never is a queue.
//!
//! The task that awaits the end of another has no rivals, nor has the receiver of a oneshot. They need no
//! order, no ask, and nothing handed over, so they have a single entry instead of a place in a
//! [`WaitQueue`](super::wait_queue::WaitQueue): what wakes it frees the entry, and the waiter looks at what it
//! waited for.
//!
//! ```text
//!   empty ──(1) register──▶ taken ──(2) wake──▶ woken ──(3) resume──▶ empty
//!     ▲                       │ leave
//!     └───────────────────────┘
//! ```
//!
//! 1. A poll that finds nothing. Another poll, with another waker or from another line, takes it over.
//! 2. What was waited for is there. The entry is free from here on.
//! 3. The next poll.
//!
//! # Implementation
//!
//! One entry of a table of the thread, only while a task waits; reports read it there. All is O(1), and nothing
//! is allocated once the table has grown to the most there ever were at the same time.

use std::cell::Cell;
use std::panic::Location;
use std::task::Context;

use super::singles::Made;
use super::wake_target::WakeTarget;
use crate::runtime::base::table::{NONE, SPECIAL};
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};

/// The key of a place whose waiter was woken.
const WOKEN: u32 = SPECIAL;

/// Whether the one that polls with `cx` waits there already, at that line.
pub(crate) fn knows(
    kernel: &Kernel,
    place: u32,
    cx: &Context<'_>,
    at: &'static Location<'static>,
) -> bool {
    kernel.wait.singles.borrow().knows(place, cx, at)
}

/// Lets a task of the loop wait, and returns its place.
#[inline(always)]
pub(crate) fn enter(
    kernel: &Kernel,
    task: Option<TaskId>,
    at: &'static Location<'static>,
    of: Option<Made>,
) -> u32 {
    let since = kernel.clock.last();
    kernel.wait.singles.borrow_mut().enter(task, at, since, of)
}

/// Lets any waiter wait there. Returns the one that did so far, to be dropped without a borrow.
#[cold]
pub(crate) fn replace(
    kernel: &Kernel,
    place: &mut u32,
    target: WakeTarget,
    at: &'static Location<'static>,
    of: Option<Made>,
) -> WakeTarget {
    if *place >= WOKEN {
        *place = enter(kernel, target.task(), at, of);
    }
    let now = kernel.clock.last();
    let mut singles = kernel.wait.singles.borrow_mut();
    singles.replace(*place, target, at, now)
}

/// Frees the place and returns the waiter that was there.
#[inline]
pub(crate) fn take(kernel: &Kernel, place: &mut u32) -> Option<WakeTarget> {
    let target = kernel.wait.singles.borrow_mut().take(*place)?;
    *place = NONE;
    Some(target)
}

/// The single waiter of a primitive.
pub(crate) struct SingleWaiter {
    place: Cell<u32>,
}

impl SingleWaiter {
    pub(crate) const fn new() -> Self {
        SingleWaiter {
            place: Cell::new(NONE),
        }
    }

    /// Whether a waiter is here.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        self.place.get() < WOKEN
    }

    /// Has the one that polls with `cx` wait here, in place of the one that did so far. Returns whether foreign code
    /// ran: then what is waited for may be there already, and has to be looked at again.
    #[inline(never)]
    pub(crate) fn register(
        &self,
        cx: &Context<'_>,
        at: &'static Location<'static>,
        of: Made,
    ) -> bool {
        kernel::with(|kernel| {
            let is_first = !self.is_taken() && polling::is_own(cx.waker());
            if is_first {
                let place = enter(kernel, polling::registers(), at, Some(of));
                self.place.set(place);
                return false;
            }
            self.register_again(kernel, cx, at, of)
        })
    }

    #[cold]
    fn register_again(
        &self,
        kernel: &Kernel,
        cx: &Context<'_>,
        at: &'static Location<'static>,
        of: Made,
    ) -> bool {
        let known = knows(kernel, self.place.get(), cx, at);
        if !known {
            // Foreign code may run in here, before the place is looked up.
            let target = WakeTarget::of(cx);
            let mut place = self.place.get();
            let gone = replace(kernel, &mut place, target, at, Some(of));
            self.place.set(place);
            drop(gone);
        }
        !known
    }

    /// Wakes the waiter, if there is one.
    #[inline]
    pub(crate) fn wake(&self) {
        if self.is_taken() {
            self.wake_now();
        }
    }

    #[inline(never)]
    fn wake_now(&self) {
        let mut place = self.place.replace(WOKEN);
        kernel::try_with(|kernel| {
            if let Some(target) = take(kernel, &mut place) {
                target.wake(kernel);
            }
        });
    }

    /// Says that a wait is over, at the line that waited.
    #[inline]
    pub(crate) fn resume(&self, at: &'static Location<'static>) {
        if self.place.get() == WOKEN {
            self.place.set(NONE);
            polling::note_resumed(at);
        }
    }

    /// Gives the place up.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.is_taken() {
            let mut place = self.place.replace(NONE);
            drop(kernel::try_with(|kernel| take(kernel, &mut place)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn sit(waiter: &SingleWaiter) {
        let cx = Context::from_waker(Waker::noop());
        waiter.register(&cx, Location::caller(), (&"test", Location::caller()));
    }

    /// How many wait, and how many entries there are for them.
    fn singles() -> (usize, usize) {
        kernel::with(|kernel| {
            let singles = kernel.singles();
            (singles.count(), singles.slots())
        })
    }

    #[test]
    fn it_is_one_entry_however_often_it_is_polled() {
        let (first, second) = (SingleWaiter::new(), SingleWaiter::new());
        (0..3).for_each(|_| sit(&first));
        assert!(first.is_taken() && !second.is_taken());
        assert_eq!(singles(), (1, 1));
        sit(&second);
        assert_eq!(singles(), (2, 2));
    }

    #[test]
    fn a_wake_and_a_leave_free_the_entry_for_the_next() {
        let (first, second) = (SingleWaiter::new(), SingleWaiter::new());
        sit(&first);
        first.wake();
        assert!(!first.is_taken());
        assert_eq!(singles(), (0, 1));
        sit(&second);
        // Woken once more, or left, where no waiter is any more.
        first.wake();
        first.leave();
        assert_eq!(singles(), (1, 1));
        second.leave();
        assert_eq!(singles(), (0, 1));
    }

    #[test]
    fn a_woken_waiter_notes_the_line_once_and_may_register_again() {
        let (waiter, line) = (SingleWaiter::new(), Location::caller());
        let resumed = || {
            let at = polling::resumed();
            polling::forget_resumed();
            at
        };
        sit(&waiter);
        waiter.resume(line);
        assert!(resumed().is_none() && waiter.is_taken());
        waiter.wake();
        waiter.resume(line);
        assert_eq!(resumed(), Some(line));
        waiter.resume(line);
        assert!(resumed().is_none());
        sit(&waiter);
        assert!(waiter.is_taken());
    }
}
