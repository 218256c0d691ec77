//! A place for one waiter, where there never is a line.
//!
//! Who awaits the end of a task has no rivals, nor has the receiver of a oneshot. They need no order, no
//! ask and nothing handed over, so they have a seat instead of a place in a
//! [`WaitQueue`](super::wait_queue::WaitQueue): whoever calls it wakes who sits there and frees the place, and
//! the waiter looks at what it waited for.
//!
//! ```text
//!   empty ──(1) sit──▶ taken ──(2) call──▶ called ──(3) rise──▶ empty
//!     ▲                  │ leave
//!     └──────────────────┘
//! ```
//!
//! 1. A poll that finds nothing. Another poll, with another waker or from another line, takes it over.
//! 2. What was waited for is there. The entry is free from here on.
//! 3. The next poll.
//!
//! # Implementation
//!
//! One entry of a table of the thread, only while somebody waits; reports read it there. All is O(1), and nothing
//! is allocated once the table has grown to the most there ever were at the same time.

use std::cell::Cell;
use std::panic::Location;
use std::task::Context;

use super::sitters::Made;
use super::who::Who;
use crate::runtime::base::table::{NONE, SPECIAL};
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};

/// The key of a place whose waiter was called.
const CALLED: u32 = SPECIAL;

/// Whether the one that polls with `cx` waits there already, at that line.
pub(crate) fn knows(
    kernel: &Kernel,
    place: u32,
    cx: &Context<'_>,
    at: &'static Location<'static>,
) -> bool {
    kernel.wait.sitters.borrow().knows(place, cx, at)
}

/// Lets a task of the loop wait, and returns its place.
#[inline(always)]
pub(crate) fn settle(
    kernel: &Kernel,
    task: Option<TaskId>,
    at: &'static Location<'static>,
    of: Option<Made>,
) -> u32 {
    let since = kernel.clock.last();
    kernel.wait.sitters.borrow_mut().enter(task, at, since, of)
}

/// Lets any waiter wait there. Returns the one that did so far, to be dropped without a borrow.
#[cold]
pub(crate) fn put(
    kernel: &Kernel,
    place: &mut u32,
    who: Who,
    at: &'static Location<'static>,
    of: Option<Made>,
) -> Who {
    if *place >= CALLED {
        *place = settle(kernel, who.task(), at, of);
    }
    let now = kernel.clock.last();
    let mut sitters = kernel.wait.sitters.borrow_mut();
    sitters.replace(*place, who, at, now)
}

/// Frees the place and returns the waiter that was there.
#[inline]
pub(crate) fn take(kernel: &Kernel, place: &mut u32) -> Option<Who> {
    let who = kernel.wait.sitters.borrow_mut().take(*place)?;
    *place = NONE;
    Some(who)
}

/// The seat of a primitive.
pub(crate) struct Seat {
    place: Cell<u32>,
}

impl Seat {
    pub(crate) const fn new() -> Self {
        Seat {
            place: Cell::new(NONE),
        }
    }

    /// Whether somebody waits here.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        self.place.get() < CALLED
    }

    /// Has whoever polls with `cx` wait here, in place of who did so far.
    #[inline(never)]
    pub(crate) fn sit(&self, cx: &Context<'_>, at: &'static Location<'static>, of: Made) {
        kernel::with(
            |kernel| match !self.is_taken() && polling::is_own(cx.waker()) {
                true => self
                    .place
                    .set(settle(kernel, polling::registers(), at, Some(of))),
                false => self.sit_again(kernel, cx, at, of),
            },
        );
    }

    #[cold]
    fn sit_again(
        &self,
        kernel: &Kernel,
        cx: &Context<'_>,
        at: &'static Location<'static>,
        of: Made,
    ) {
        if !knows(kernel, self.place.get(), cx, at) {
            // Code of others may run in here, before the place is looked up.
            let who = Who::of(cx);
            let mut place = self.place.get();
            let gone = put(kernel, &mut place, who, at, Some(of));
            self.place.set(place);
            drop(gone);
        }
    }

    /// Wakes who waits here, if anybody does.
    #[inline]
    pub(crate) fn call(&self) {
        if self.is_taken() {
            self.call_now();
        }
    }

    #[inline(never)]
    fn call_now(&self) {
        let mut place = self.place.replace(CALLED);
        kernel::try_with(|kernel| {
            if let Some(who) = take(kernel, &mut place) {
                who.wake(kernel);
            }
        });
    }

    /// Says that a wait is over, at the line that waited.
    #[inline]
    pub(crate) fn rise(&self, at: &'static Location<'static>) {
        if self.place.get() == CALLED {
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

    fn sit(seat: &Seat) {
        let cx = Context::from_waker(Waker::noop());
        seat.sit(&cx, Location::caller(), (&"test", Location::caller()));
    }

    /// How many sit, and how many entries there are for them.
    fn sitters() -> (usize, usize) {
        kernel::with(|kernel| {
            let sitters = kernel.sitters();
            (sitters.count(), sitters.slots())
        })
    }

    #[test]
    fn it_is_one_entry_however_often_it_is_polled() {
        let (first, second) = (Seat::new(), Seat::new());
        (0..3).for_each(|_| sit(&first));
        assert!(first.is_taken() && !second.is_taken());
        assert_eq!(sitters(), (1, 1));
        sit(&second);
        assert_eq!(sitters(), (2, 2));
    }

    #[test]
    fn a_call_and_a_leave_free_the_entry_for_the_next() {
        let (first, second) = (Seat::new(), Seat::new());
        sit(&first);
        first.call();
        assert!(!first.is_taken());
        assert_eq!(sitters(), (0, 1));
        sit(&second);
        // Called once more, or left, by one who does not sit there any more.
        first.call();
        first.leave();
        assert_eq!(sitters(), (1, 1));
        second.leave();
        assert_eq!(sitters(), (0, 1));
    }

    #[test]
    fn who_was_called_notes_the_line_once_and_may_sit_down_again() {
        let (seat, line) = (Seat::new(), Location::caller());
        let resumed = || {
            let at = polling::resumed();
            polling::forget_resumed();
            at
        };
        sit(&seat);
        seat.rise(line);
        assert!(resumed().is_none() && seat.is_taken());
        seat.call();
        seat.rise(line);
        assert_eq!(resumed(), Some(line));
        seat.rise(line);
        assert!(resumed().is_none());
        sit(&seat);
        assert!(seat.is_taken());
    }
}
