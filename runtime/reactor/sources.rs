//! Sources of the operating system as the `io` floor uses them: registered, forgotten, budgeted.

use std::io;
use std::panic::Location;
use std::rc::Rc;

use mio::event::Source;

use super::readiness::{Direction, Readiness, SourceKind};
use super::selector::Reactor;
use crate::runtime::driver::park::need_reactor;
use crate::runtime::kernel::{self, Kernel};

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
        let Some(readiness) = self.0.take().filter(|readiness| !readiness.orphaned.get()) else {
            return;
        };
        let forgotten = kernel::try_with(|kernel| {
            let mut place = kernel.reactor.borrow_mut();
            let reactor = place.as_mut()?;
            let forgotten = reactor.forget(&readiness);
            let released = reactor.released();
            drop(place);
            released.announce(kernel);
            forgotten
        });
        drop(forgotten);
    }
}

/// Registers a source, made at `made`, with this thread's reactor, which is made if need be.
#[track_caller]
pub(crate) fn register(
    source: &mut dyn Source,
    kind: &'static SourceKind,
    made: &'static Location<'static>,
) -> io::Result<Rc<Readiness>> {
    let (registry, readiness) = kernel::with_runtime("i/o", |kernel| {
        need_reactor(kernel)?;
        let mut reactor = kernel.reactor.borrow_mut();
        let reactor = reactor.as_mut().expect("it was just made");
        io::Result::Ok((reactor.registry(), reactor.reserve(kind, made)))
    })?;
    let place = Place(Some(readiness.clone()));
    // Code of the source's author, which may do anything: nothing is borrowed (rule R4).
    registry.register(source, readiness.token(), kind.interest)?;
    place.keep();
    Ok(readiness)
}

/// Panics with the cure where nothing could be registered.
#[cfg(feature = "process")]
#[track_caller]
pub(crate) fn need_runtime() {
    kernel::with_runtime("i/o", |_| ());
}

/// Whether the runtime of this thread has a virtual clock.
#[cfg(feature = "process")]
pub(crate) fn has_virtual_clock() -> bool {
    kernel::try_with(|kernel| kernel.runtime.get().is_some() && kernel.clock.is_virtual())
        .unwrap_or(false)
}

/// Lets a virtual clock follow real time until the source is readable or gone.
#[cfg(feature = "process")]
pub(crate) fn follow_real_time(source: &Rc<Readiness>) {
    kernel::with(|kernel| {
        if kernel.clock.is_virtual() {
            source.read.blocks();
            kernel.lives.borrow_mut().push(Rc::downgrade(source));
            kernel.clock.follow(true);
        }
    });
}

/// Takes a source off the reactor it was registered with, if that still exists.
pub(crate) fn deregister(source: &mut dyn Source, readiness: &Rc<Readiness>) {
    if readiness.orphaned.get() {
        return;
    }
    let place = Place(Some(readiness.clone()));
    let registry = kernel::try_with(|kernel| Some(kernel.reactor.borrow().as_ref()?.registry()));
    if let Some(registry) = registry.flatten() {
        // A descriptor that the system refuses to forget is forgotten when it is closed. As for
        // registering, nothing is borrowed.
        let _ = registry.deregister(source);
    }
    drop(place);
}

/// Tells those who wait to read what the reactor can no longer tell: somebody else read it.
#[cfg(feature = "signal")]
pub(crate) fn announce(readiness: &Readiness) {
    kernel::try_with(|kernel| readiness.read.announce(kernel));
}

/// Where to wait for one of this thread's sources to go, when the system has no descriptor left.
#[track_caller]
pub(crate) fn released() -> io::Result<Rc<Direction>> {
    kernel::with_runtime("i/o", |kernel| {
        need_reactor(kernel)?;
        let reactor = kernel.reactor.borrow();
        Ok(reactor.as_ref().expect("it was just made").released())
    })
}

/// Ends the reactor: whoever still waits for a source learns that it will not be announced.
pub(crate) fn close_reactor(kernel: &Kernel, reactor: Reactor) {
    for readiness in reactor.into_sources() {
        readiness.orphan(kernel);
    }
}
