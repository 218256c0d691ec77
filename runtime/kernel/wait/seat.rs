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
use std::ptr;
use std::task::Context;

use super::who::Who;
use crate::runtime::base::kinds::Name;
use crate::runtime::base::table::{Entry, NONE, SPECIAL, Table};
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};

/// The key of a place whose waiter was called.
const CALLED: u32 = SPECIAL;

/// In the place of the next free entry: this one is in use.
const IN_USE: u32 = SPECIAL;

/// What a seat of a primitive is called, and where that was made.
pub(crate) type Made = (Name, &'static Location<'static>);

/// Somebody who waits alone.
pub(crate) struct Sitter {
    pub(crate) who: Who,
    /// The line that waits.
    pub(crate) at: &'static Location<'static>,
    /// The clock's last reading when that line was reached.
    pub(crate) since: u64,
    /// What it waits for; the end of a task has no name.
    pub(crate) of: Option<Made>,
    link: u32,
}

impl Entry for Sitter {
    fn blank() -> Self {
        Sitter {
            who: Who::default(),
            at: Location::caller(),
            since: 0,
            of: None,
            link: NONE,
        }
    }

    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }

    fn is_used(&self) -> bool {
        self.link == IN_USE
    }
}

/// Those who wait alone, with their places.
pub(crate) fn sitters(seats: &Table<Sitter>) -> impl Iterator<Item = (u32, &Sitter)> {
    seats.iter().filter(|(_, sitter)| sitter.is_used())
}

/// Whether who polls with `cx` waits there already, at that line.
pub(crate) fn knows(
    kernel: &Kernel,
    place: u32,
    cx: &Context<'_>,
    at: &'static Location<'static>,
) -> bool {
    let seats = kernel.seats.borrow();
    let sitter = seats.get(place);
    sitter.is_some_and(|sitter| sitter.who.is(cx) && ptr::eq(sitter.at, at))
}

/// Lets a task of the loop wait, and returns its place.
#[inline(always)]
pub(crate) fn settle(
    kernel: &Kernel,
    task: Option<TaskId>,
    at: &'static Location<'static>,
    of: Option<Made>,
) -> u32 {
    let mut seats = kernel.seats.borrow_mut();
    let (place, sitter) = seats.take();
    sitter.who.task = task;
    sitter.at = at;
    sitter.since = kernel.clock.last();
    sitter.of = of;
    sitter.link = IN_USE;
    place
}

/// Lets anybody wait there. Returns who did so far, to be dropped without a borrow.
#[cold]
pub(crate) fn put(
    kernel: &Kernel,
    place: &mut u32,
    mut who: Who,
    at: &'static Location<'static>,
    of: Option<Made>,
) -> Who {
    if *place >= CALLED {
        *place = settle(kernel, who.task, at, of);
    }
    if let Some(sitter) = kernel.seats.borrow_mut().get_mut(*place) {
        if !ptr::eq(sitter.at, at) {
            (sitter.at, sitter.since) = (at, kernel.clock.last());
        }
        std::mem::swap(&mut sitter.who, &mut who);
    }
    who
}

/// Frees the place and returns who waited there.
#[inline]
pub(crate) fn take(kernel: &Kernel, place: &mut u32) -> Option<Who> {
    let mut seats = kernel.seats.borrow_mut();
    let who = seats.get_mut(*place)?.who.depart();
    seats.give(std::mem::replace(place, NONE));
    Some(who)
}

/// How many wait alone, apart from those who await the end of a task.
pub(crate) fn count(kernel: &Kernel) -> usize {
    let seats = kernel.seats.borrow();
    let sitters = sitters(&seats);
    sitters.filter(|(_, sitter)| sitter.of.is_some()).count()
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
            kernel::try_with(|kernel| kernel.resumed.set(Some(at)));
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
        kernel::with(|kernel| (count(kernel), kernel.seats.borrow().slots()))
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
        let resumed = || kernel::with(|kernel| kernel.resumed.take());
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
