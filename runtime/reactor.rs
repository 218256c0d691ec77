//! Readiness from the operating system, and exact sleep.
//!
//! Every source is registered once, edge-triggered, for both directions; what the kernel last said
//! is cached, so that no system call is made to learn what is known already. A wait for readiness
//! is a wait in the direction's [`WaitQueue`].
//!
//! # Implementation
//!
//! One `mio::Poll`. mio sleeps in whole milliseconds, so a `timerfd` carries the deadline; it is
//! armed only when the loop is about to sleep, and only when what it is armed for would come too
//! late: a deadline that moves further away costs one early wake-up instead of a call per sleep.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Events, Interest, Token};
use slab::Slab;

use super::context::{Kernel, Who};
use super::kinds::{DESCRIPTOR, READABLE, WRITABLE};
use super::remote::Bell;
use super::sleeper::Sleeper;
use super::task::TaskId;
use super::ticket::{Left, Owner, Wait};
use super::wait_queue::WaitQueue;

/// Rings when a letter arrives.
const BELL: Token = Token(usize::MAX - 1);
/// Rings when the deadline has come. (`usize::MAX` is mio's own.)
const DEADLINE: Token = Token(usize::MAX - 2);

/// Events taken from the system in one batch.
const EVENTS: usize = 1024;

/// One of the two ways that data can flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Read,
    Write,
}

/// What is known about one direction of a source, and who waits to know more.
pub(crate) struct Direction {
    /// Trying is worth a system call.
    pub(crate) ready: Cell<bool>,
    /// The other end has closed or failed, or urgent data came: from now on a short result does not
    /// mean that nothing is left.
    doubtful: Cell<bool>,
    queue: WaitQueue,
    /// The one waiter of the poll-style traits.
    single: RefCell<Option<Who>>,
}

impl Owner for Direction {
    /// Readiness is a hint for everybody who waits: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

impl Direction {
    fn new(kind: &'static str) -> Self {
        let (ready, single) = (Cell::new(true), RefCell::new(None));
        Direction {
            ready,
            doubtful: Cell::new(false),
            queue: WaitQueue::new(kind),
            single,
        }
    }

    /// Waits until trying is worth while again.
    pub(crate) fn wait(&self, at: &'static Location<'static>) -> Wait<'_, Self> {
        self.queue.wait_at(self, 0, at)
    }

    /// Whether trying is worth while. If not, who polls with `cx` becomes the one waiter of the
    /// poll-style traits.
    pub(crate) fn poll_single(&self, cx: &Context<'_>) -> Poll<()> {
        if self.ready.get() {
            return Poll::Ready(());
        }
        let known = match &mut *self.single.borrow_mut() {
            Some(who) => who.becomes(cx),
            None => false,
        };
        if !known {
            let who = Who::of(cx);
            let before = self.single.replace(Some(who));
            drop(before);
        }
        Poll::Pending
    }

    /// From now on a short result says nothing.
    pub(crate) fn doubt(&self) {
        self.doubtful.set(true);
    }

    /// Notes that a stream gave or took less than it was asked for: there is no more, or no room.
    /// Unless it is doubtful: the end and errors are told once, and must be met by trying.
    pub(crate) fn exhausted(&self) {
        if !self.doubtful.get() {
            self.ready.set(false);
        }
    }

    fn has_waiter(&self) -> bool {
        !self.queue.is_empty() || self.single.borrow().is_some()
    }

    /// Says that a descriptor may be free now.
    pub(crate) fn announce(&self, kernel: &Kernel) {
        self.ready.set(true);
        let single = self.single.borrow_mut().take();
        if let Some(who) = single {
            who.wake(kernel);
        }
        self.queue.wake_all();
    }
}

/// What the reactor knows about one registered source.
pub(crate) struct Readiness {
    pub(crate) read: Direction,
    pub(crate) write: Direction,
    /// The reactor is gone: nothing will ever be announced again.
    pub(crate) orphaned: Cell<bool>,
    /// It tells of a request to end the program, which a test does not count on.
    pub(crate) ends_program: Cell<bool>,
    key: Cell<usize>,
}

impl Readiness {
    pub(crate) fn way(&self, way: Way) -> &Direction {
        match way {
            Way::Read => &self.read,
            Way::Write => &self.write,
        }
    }

    /// Marks the source as belonging to a dead reactor and wakes whoever waits for it.
    pub(crate) fn orphan(&self, kernel: &Kernel) {
        self.orphaned.set(true);
        self.read.announce(kernel);
        self.write.announce(kernel);
    }

    /// The tasks that wait for this source through the poll-style traits, and for what.
    pub(crate) fn polled_by(&self) -> impl Iterator<Item = (&'static str, TaskId)> {
        let ways = [(READABLE, &self.read), (WRITABLE, &self.write)];
        ways.into_iter().filter_map(|(kind, way)| {
            let single = way.single.borrow();
            single.as_ref().and_then(|who| Some((kind, who.task?)))
        })
    }

    /// Notes that the end of the stream, or an error, is to be met by trying.
    fn doubt(&self, hit: &Hit) {
        for (way, ended) in [(&self.read, hit.read_ended), (&self.write, hit.write_ended)] {
            if ended {
                way.doubt();
            }
        }
    }

    /// Whether some task waits for this source.
    pub(crate) fn has_waiter(&self) -> bool {
        self.read.has_waiter() || self.write.has_waiter()
    }
}

/// What a poll of the reactor found.
pub(crate) struct Hit {
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
pub(crate) struct Reactor {
    poll: mio::Poll,
    events: Events,
    sources: Slab<Rc<Readiness>>,
    /// Where those wait who need a descriptor and could not have one.
    released: Rc<Direction>,
    sleeper: Sleeper,
    bell: Bell,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let sleeper = Sleeper::new(poll.registry(), DEADLINE)?;
        let bell = Arc::new(mio::Waker::new(poll.registry(), BELL)?);
        Ok(Reactor {
            poll,
            events: Events::with_capacity(EVENTS),
            sources: Slab::new(),
            released: Rc::new(Direction::new(DESCRIPTOR)),
            sleeper,
            bell,
        })
    }

    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Registers a source for the interests it can have.
    pub(crate) fn register<S>(
        &mut self,
        source: &mut S,
        interest: Interest,
    ) -> io::Result<Rc<Readiness>>
    where
        S: Source + ?Sized,
    {
        let vacant = self.sources.vacant_entry();
        let key = vacant.key();
        self.poll
            .registry()
            .register(source, Token(key), interest)?;
        Ok(vacant
            .insert(Rc::new(Readiness {
                read: Direction::new(READABLE),
                write: Direction::new(WRITABLE),
                orphaned: Cell::new(false),
                ends_program: Cell::new(false),
                key: Cell::new(key),
            }))
            .clone())
    }

    /// Where to wait for a source to go and leave its descriptor to others.
    pub(crate) fn released(&self) -> Rc<Direction> {
        self.released.clone()
    }

    /// Forgets a source. The caller drops the returned handle after letting go of the borrow.
    pub(crate) fn deregister<S>(
        &mut self,
        source: &mut S,
        readiness: &Readiness,
    ) -> Option<Rc<Readiness>>
    where
        S: Source + ?Sized,
    {
        // A descriptor that the system refuses to forget is forgotten when it is closed.
        let _ = self.poll.registry().deregister(source);
        self.sources.try_remove(readiness.key.get())
    }

    /// Ends the reactor and returns the sources that are still registered.
    pub(crate) fn into_sources(self) -> impl Iterator<Item = Rc<Readiness>> {
        self.sources.into_iter().map(|(_, readiness)| readiness)
    }

    /// Whether a task waits for any source.
    pub(crate) fn is_awaited(&self) -> bool {
        self.sources
            .iter()
            .any(|(_, readiness)| readiness.has_waiter())
    }

    pub(crate) fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = &Rc<Readiness>> {
        self.sources.iter().map(|(_, readiness)| readiness)
    }

    /// The selector's descriptor, duplicated.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        self.poll.registry().as_fd().try_clone_to_owned()
    }

    /// Arms the descriptor for `deadline`, so that a host that polls it wakes in time.
    pub(crate) fn arm(&mut self, now: u64, deadline: u64) -> io::Result<()> {
        self.sleeper.timeout(now, Some(deadline)).map(drop)
    }

    /// Sleeps until something happens, or until `deadline`; `Some(now)` does not sleep.
    ///
    /// What became ready is appended to `hits`; the caller announces it after letting go of the
    /// borrow.
    pub(crate) fn poll(
        &mut self,
        now: u64,
        deadline: Option<u64>,
        hits: &mut Vec<Hit>,
    ) -> io::Result<()> {
        let timeout = match deadline {
            Some(deadline) if deadline <= now => Some(Duration::ZERO),
            deadline => self.sleeper.timeout(now, deadline)?,
        };
        self.gather(timeout, hits)?;
        while self.events.iter().count() == EVENTS {
            // There may be more than one batch holds, and an edge is not told twice.
            self.gather(Some(Duration::ZERO), hits)?;
        }
        Ok(())
    }

    /// Polls once and collects one batch.
    fn gather(&mut self, timeout: Option<Duration>, hits: &mut Vec<Hit>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                return Ok(());
            }
            other => other?,
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

/// Tells those who wait what a poll found; wakes, so nothing may be borrowed.
pub(crate) fn announce(kernel: &Kernel, hits: &mut Vec<Hit>) {
    for hit in hits.drain(..) {
        hit.readiness.doubt(&hit);
        if hit.readable {
            hit.readiness.read.announce(kernel);
        }
        if hit.writable {
            hit.readiness.write.announce(kernel);
        }
    }
}
