//! Sources of the operating system as `io` uses them: registered, awaited, forgotten.

use std::io;
use std::panic::Location;
use std::rc::Rc;
#[cfg(feature = "process")]
use std::task::Waker;
use std::task::{Context, Poll};

use mio::event::Source;

use super::readiness::{Direction, Readiness, SourceKind, Way};
use super::seat::take_place;
use super::selector::Reactor;
#[cfg(feature = "process")]
use super::state;
use super::state::{with_new_reactor, with_reactor};
use crate::runtime::choices;
use crate::runtime::kernel;
use crate::runtime::kernel::wait::wait_node::Wait;

/// A source's place in the reactor, which is free again when this goes.
struct Place(Option<Rc<Readiness>>);

impl Place {
    /// Leaves the place to the source.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(readiness) = self.0.take().filter(|readiness| !readiness.is_orphaned()) else {
            return;
        };
        let forget = |reactor: &mut Reactor| (reactor.forget(&readiness), reactor.released());
        if let Some((forgotten, released)) = with_reactor(forget) {
            kernel::try_with(|kernel| released.announce(kernel));
            drop(forgotten);
        }
    }
}

/// Registers a source, made at `made`, with this thread's reactor, which is made if need be.
#[track_caller]
pub(crate) fn register(
    source: &mut dyn Source,
    kind: &'static SourceKind,
    made: &'static Location<'static>,
) -> io::Result<Rc<Readiness>> {
    choices::refuse("a socket, a signal or a child process");
    let (registry, readiness) = kernel::with_runtime("i/o", |kernel| {
        with_new_reactor(kernel, |reactor| {
            (reactor.registry(), reactor.reserve(kind, made))
        })
    })?;
    let place = Place(Some(readiness.clone()));
    // Code of the source's author, which may do anything: nothing is borrowed (rule R4).
    registry.register(source, readiness.token(), kind.interest())?;
    place.keep();
    Ok(readiness)
}

impl Readiness {
    /// Waits until trying is worth while again.
    pub(crate) fn wait(&self, way: Way, at: &'static Location<'static>) -> Wait<'_, Direction> {
        self.list();
        self.way(way).wait(at)
    }

    /// Whether trying is worth while. If not, the task that polls with `cx` is woken when it is.
    pub(crate) fn poll_ready(&self, way: Way, cx: &Context<'_>) -> Poll<()> {
        let direction = self.way(way);
        if direction.is_worth_trying() {
            return Poll::Ready(());
        }
        self.list();
        if take_place(self, way, cx) {
            return Poll::Pending;
        }
        direction.poll_ready(cx)
    }

    /// Has `waker` woken when there is something to read. No task waits for that: reports do not show it,
    /// and no verdict counts on it.
    #[cfg(feature = "process")]
    pub(crate) fn notify(&self, waker: Waker) {
        self.way(Way::Read).notify(waker);
    }

    /// Sees to it that the reactor knows that it may be awaited.
    fn list(&self) {
        if self.listed().get().is_none() {
            with_reactor(|reactor| reactor.list(self));
        }
    }
}

/// Lets a virtual clock follow real time until the source is readable or gone.
#[cfg(feature = "process")]
pub(crate) fn follow_real_time(source: &Rc<Readiness>) {
    kernel::with(|kernel| {
        if kernel.clock().is_virtual() {
            state::follow_real_time(kernel, source);
        }
    });
}

/// Takes a source off the reactor it was registered with, if that still exists.
pub(crate) fn deregister(source: &mut dyn Source, readiness: &Rc<Readiness>) {
    if readiness.is_orphaned() {
        return;
    }
    let place = Place(Some(readiness.clone()));
    if let Some(registry) = with_reactor(|reactor| reactor.registry()) {
        // A descriptor that the system refuses to forget is forgotten when it is closed. As for
        // registering, nothing is borrowed.
        let _ = registry.deregister(source);
    }
    drop(place);
}

/// Wakes the tasks that wait to read: the reactor no longer does, since other code has read what came.
#[cfg(feature = "signal")]
pub(crate) fn announce(readiness: &Readiness) {
    kernel::try_with(|kernel| readiness.way(Way::Read).announce(kernel));
}

/// Where to wait for one of this thread's sources to go, when the system has no descriptor left.
#[track_caller]
pub(crate) fn released() -> io::Result<Rc<Direction>> {
    let released = kernel::with_runtime("i/o", |kernel| {
        with_new_reactor(kernel, |reactor| reactor.released())
    });
    Ok(released?)
}
