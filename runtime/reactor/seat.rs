//! A wait that is lent to the poll-style traits.
//!
//! Those traits say neither on which line their caller waits nor when it gives up. A future that polls a
//! stream through them, whatever layers lie between, knows both. It lends its seat for the time of its poll:
//! what would become an asker then waits in the seat, on the future's line, and leaves with the future.
//!
//! ```text
//!   future ── lends its seat ──▶ TLS, buffers, … ──▶ poll_read of a socket ── would block ──▶ takes a place
//!   dropped, or ready ─────────▶ every place is given up
//! ```
//!
//! # Invariant
//!
//! **For this poll alone.** A place is taken only with the task and the waker that the seat was lent with. What
//! else is polled in there (an eager task, a future under a combinator) has a life of its own, and asks as ever.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, RawWakerVTable};

use super::readiness::{Readiness, Way};
use super::state::with_reactor;
use crate::runtime::kernel::polling::current_task;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::wait_node::WaitNode;

thread_local! {
    static LENT: RefCell<Option<Lent>> = const { RefCell::new(None) };
}

/// What polls: the task, and the parts of its waker.
#[derive(Clone, Copy, PartialEq)]
struct Poller(Option<TaskId>, *const (), *const RawWakerVTable);

impl Poller {
    fn polls(cx: &Context<'_>) -> Self {
        Poller(current_task(), cx.waker().data(), cx.waker().vtable())
    }
}

/// A seat during the poll of its future.
struct Lent {
    poller: Poller,
    at: &'static Location<'static>,
    places: Vec<Place>,
}

/// A wait for one direction of a source.
struct Place {
    source: Rc<Readiness>,
    way: Way,
    node: WaitNode,
}

impl Place {
    fn poll(&self, cx: &Context<'_>) -> Poll<usize> {
        self.node.poll(self.source.way(self.way).queue(), cx)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Readiness is a hint for every waiter: there is nothing to pass on.
        let _ = self.node.leave(self.source.way(self.way).queue());
    }
}

/// The waits of a future that polls a stream through the poll-style traits.
pub(crate) struct Seat {
    at: &'static Location<'static>,
    places: Vec<Place>,
}

impl Seat {
    /// A seat for one that waits on the line `at`.
    pub(crate) fn new(at: &'static Location<'static>) -> Self {
        let places = Vec::new();
        Seat { at, places }
    }

    /// Calls `poll`. What waits for a source in there waits in this seat, until it is ready or the seat is dropped.
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        self.places.retain(|place| place.poll(cx).is_pending());
        let lent = Lent {
            poller: Poller::polls(cx),
            at: self.at,
            places: mem::take(&mut self.places),
        };
        let loan = Loan {
            seat: self,
            before: LENT.replace(Some(lent)),
        };
        let polled = poll(cx);
        drop(loan);
        if polled.is_ready() {
            self.places.clear();
        }
        polled
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = !self.places.is_empty();
        f.debug_struct("Seat").field("waits", &waits).finish()
    }
}

/// Takes the seat back, however the poll ends.
struct Loan<'a> {
    seat: &'a mut Seat,
    before: Option<Lent>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(lent) = LENT.replace(self.before.take()) {
            self.seat.places = lent.places;
        }
    }
}

/// The line on which the future waits that polls now with a seat.
pub(crate) fn line_of_seat() -> Option<&'static Location<'static>> {
    let line = |lent: &RefCell<Option<Lent>>| lent.borrow().as_ref().map(|lent| lent.at);
    LENT.try_with(line).ok().flatten()
}

/// Waits in the seat that was lent, if it was lent to the one that polls with `cx`.
pub(super) fn take_place(source: &Readiness, way: Way, cx: &Context<'_>) -> bool {
    let poller = Poller::polls(cx);
    let look = |lent: &RefCell<Option<Lent>>| {
        let lent = lent.borrow();
        let lent = lent.as_ref().filter(|lent| lent.poller == poller)?;
        let mut places = lent.places.iter();
        let has_place =
            places.any(|place| place.way == way && std::ptr::eq(&*place.source, source));
        Some((has_place, lent.at))
    };
    let (has_place, at) = match LENT.try_with(look) {
        Ok(Some(found)) => found,
        _ => return false,
    };
    if has_place {
        return true;
    }
    let Some(source) = with_reactor(|reactor| reactor.find(source)).flatten() else {
        return false;
    };
    let node = WaitNode::new(0, at);
    let place = Place { source, way, node };
    // May clone a foreign waker: nothing is borrowed (rule R4).
    let _ = place.poll(cx);
    LENT.with_borrow_mut(|lent| match lent {
        Some(lent) => lent.places.push(place),
        None => unreachable!("a seat is lent until its poll is over"),
    });
    true
}
