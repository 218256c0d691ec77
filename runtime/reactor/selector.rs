//! The selector of a thread: asks the system which sources are ready, and sleeps until one is.
//!
//! Every source is registered once, edge-triggered, for the events that its kind can have. What the system said of it
//! last, and which tasks wait for more, is in `readiness.rs`.
//!
//! # Implementation
//!
//! One `mio::Poll`. mio sleeps in whole milliseconds, so a `timerfd` carries the deadline, where the
//! system grants one; it is armed only when the loop is about to sleep, and only when what it is armed for would come too
//! late: a deadline that moves further away costs one early wake-up instead of a call per sleep.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Registry, Token};

use super::askers::Awaited;
use super::readiness::{Direction, Readiness, SourceKind, Way};
use super::sleeper::Sleeper;
use crate::runtime::base::kinds::DESCRIPTOR;
use crate::runtime::base::refused::Refused;
use crate::runtime::base::table::MUCH;
use crate::runtime::base::trimmed_slab::TrimmedSlab;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::mail::Bell;
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::kernel::wait::description::Description;

/// Rings when a message arrives.
const BELL: Token = Token(usize::MAX - 1);
/// Rings when the deadline has come. (`usize::MAX` is mio's own.)
const DEADLINE: Token = Token(usize::MAX - 2);

/// Events taken from the system in one batch.
const EVENTS: usize = 1024;

/// What a poll of the reactor found.
pub(super) struct Hit {
    readiness: Rc<Readiness>,
    readable: bool,
    writable: bool,
    read_ended: bool,
    write_ended: bool,
}

impl Hit {
    fn new(readiness: Rc<Readiness>, event: &Event) -> Self {
        let failed = event.is_error();
        let read_ended = event.is_read_closed() || event.is_priority() || failed;
        let write_ended = event.is_write_closed() || failed;
        Hit {
            readiness,
            readable: event.is_readable() || read_ended,
            writable: event.is_writable() || write_ended,
            read_ended,
            write_ended,
        }
    }
}

/// The thread's selector and the sources registered with it.
pub(super) struct Reactor {
    poll: mio::Poll,
    events: Events,
    registry: Rc<Registry>,
    sources: TrimmedSlab<Rc<Readiness>>,
    /// The keys of those that may be awaited: a task that begins to wait for a source lists it.
    listed: Vec<usize>,
    /// Where tasks wait that need a descriptor and could not have one.
    released: Rc<Direction>,
    sleeper: Sleeper,
    bell: Bell,
}

impl Reactor {
    pub(super) fn new() -> Result<Self, Refused> {
        let poll = mio::Poll::new().map_err(Refused::of("epoll_create1"))?;
        let sleeper = Sleeper::new(poll.registry(), DEADLINE);
        let bell = mio::Waker::new(poll.registry(), BELL);
        let bell = Arc::new(bell.map_err(Refused::of("eventfd2, epoll_ctl"))?);
        let registry = poll.registry().try_clone();
        let registry = Rc::new(registry.map_err(Refused::of("fcntl"))?);
        Ok(Reactor {
            poll,
            events: Events::with_capacity(EVENTS),
            registry,
            sources: TrimmedSlab::new(),
            listed: Vec::new(),
            released: Rc::new(Direction::new(
                DESCRIPTOR,
                &const { Description::of_source("a") },
                Location::caller(),
            )),
            sleeper,
            bell,
        })
    }

    pub(super) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// What registers sources and takes them off, to be called with nothing borrowed.
    pub(super) fn registry(&self) -> Rc<Registry> {
        self.registry.clone()
    }

    /// Makes a place for a source that is about to be registered.
    pub(super) fn reserve(
        &mut self,
        kind: &'static SourceKind,
        made: &'static Location<'static>,
    ) -> Rc<Readiness> {
        let readiness = Rc::new(Readiness::new(self.sources.vacant_key(), kind, made));
        self.sources.insert(readiness.clone());
        readiness
    }

    /// The source itself, if it is one of this reactor's.
    pub(super) fn find(&self, readiness: &Readiness) -> Option<Rc<Readiness>> {
        let found = self.sources.get(readiness.key());
        found.filter(|found| ptr::eq(&***found, readiness)).cloned()
    }

    /// Where to wait for a source to go and leave its descriptor to others.
    pub(super) fn released(&self) -> Rc<Direction> {
        self.released.clone()
    }

    /// Frees the place of a source. The caller drops the returned handle after letting go of the borrow.
    pub(super) fn forget(&mut self, readiness: &Readiness) -> Option<Rc<Readiness>> {
        self.unlist(readiness);
        self.sources.try_remove(readiness.key())
    }

    /// Notes that a source may be awaited from now on.
    pub(super) fn list(&mut self, readiness: &Readiness) {
        readiness.listed().set(Some(self.listed.len() as u32));
        self.listed.push(readiness.key());
    }

    fn unlist(&mut self, readiness: &Readiness) {
        let Some(place) = readiness.listed().take() else {
            return;
        };
        self.listed.swap_remove(place as usize);
        if self.listed.is_empty() {
            self.listed.shrink_to(MUCH);
        }
        if let Some(&moved) = self.listed.get(place as usize) {
            self.sources[moved].listed().set(Some(place));
        }
    }

    /// Ends the reactor and returns the sources that are still registered.
    pub(super) fn into_sources(self) -> impl Iterator<Item = Rc<Readiness>> {
        self.sources.into_entries()
    }

    /// Calls `visit` with each source that a task waits for, or may, until it says that this was enough.
    /// Returns whether it did.
    ///
    /// The one that was enough comes first the next time: a loop that sleeps again and again is sustained by
    /// the same one, whatever else is registered. Those that are not awaited leave the list, which their next
    /// wait pays for, so that a walk costs no more than waits began since the last one.
    pub(super) fn find_awaited(
        &mut self,
        tasks: &Tasks,
        mut visit: impl FnMut(&Readiness, Awaited) -> bool,
    ) -> bool {
        let mut place = 0;
        while let Some(&key) = self.listed.get(place) {
            let readiness = self.sources[key].clone();
            match readiness.awaited(tasks) {
                Awaited::No => self.unlist(&readiness),
                awaited if visit(&readiness, awaited) => {
                    self.listed.swap(0, place);
                    for place in [0, place] {
                        let key = self.listed[place];
                        self.sources[key].listed().set(Some(place as u32));
                    }
                    return true;
                }
                _ => place += 1,
            }
        }
        false
    }

    /// How many are registered.
    pub(super) fn count(&self) -> usize {
        self.sources.len()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Rc<Readiness>> {
        self.sources.iter().map(|(_, readiness)| readiness)
    }

    /// The selector's descriptor, duplicated.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        self.poll.registry().as_fd().try_clone_to_owned()
    }

    /// Arms the descriptor for `deadline`, so that a host that polls it wakes in time.
    pub(super) fn arm(&mut self, now: u64, deadline: u64) -> Result<(), &Refused> {
        self.sleeper.arm(now, deadline)
    }

    /// Sleeps until something happens, or until `deadline`; `Some(now)` does not sleep.
    ///
    /// What became ready is appended to `hits`; the caller announces it after letting go of the
    /// borrow.
    pub(super) fn poll(
        &mut self,
        now: u64,
        deadline: Option<u64>,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Refused> {
        let timeout = match deadline {
            Some(deadline) if deadline <= now => Some(Duration::ZERO),
            deadline => deadline.and_then(|deadline| self.sleeper.timeout(now, deadline)),
        };
        self.gather(timeout, hits)?;
        while self.events.iter().count() == EVENTS {
            // There may be more than one batch holds, and an edge is not reported twice.
            self.gather(Some(Duration::ZERO), hits)?;
        }
        Ok(())
    }

    /// Polls once and collects one batch.
    fn gather(&mut self, timeout: Option<Duration>, hits: &mut Vec<Hit>) -> Result<(), Refused> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                return Ok(());
            }
            other => other.map_err(Refused::of("epoll_wait"))?,
        }
        for event in &self.events {
            match event.token() {
                DEADLINE => self.sleeper.rang(),
                BELL => {}
                Token(key) => {
                    if let Some(readiness) = self.sources.get(key) {
                        hits.push(Hit::new(readiness.clone(), event));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Wakes the tasks that wait for what a poll found; so nothing may be borrowed.
pub(super) fn announce(kernel: &Kernel, hits: &mut Vec<Hit>) {
    for hit in hits.drain(..) {
        if hit.read_ended {
            hit.readiness.way(Way::Read).doubt();
        }
        if hit.write_ended {
            hit.readiness.way(Way::Write).doubt();
        }
        if hit.readable {
            hit.readiness.way(Way::Read).announce(kernel);
        }
        if hit.writable {
            hit.readiness.way(Way::Write).announce(kernel);
        }
    }
}
