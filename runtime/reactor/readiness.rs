//! The readiness of one source: what the system said of it last, and the tasks that wait to read or write.
//!
//! What the system said last is cached for each direction, so that no system call is made to learn
//! what is known already. A wait for readiness is a wait in the direction's [`WaitQueue`]. A task that asks
//! through the poll-style traits, which cannot say when they give up, is one of the direction's
//! [`Askers`].

use std::cell::{Cell, RefCell};
use std::panic::Location;
#[cfg(feature = "process")]
use std::task::Waker;
use std::task::{Context, Poll};

use mio::{Interest, Token};

use super::askers::{Asker, Askers, Awaited};
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::sched::tasks::Tasks;
use crate::runtime::kernel::wait::description::Description;
use crate::runtime::kernel::wait::wait_node::{Left, Owner, Wait};
use crate::runtime::kernel::wait::wait_queue::WaitQueue;
use crate::runtime::kernel::wait::wake_target::WakeTarget;
use crate::runtime::kernel::{self, Kernel};

/// What a source is: what the system is asked to tell of it, and what reports call it.
pub(crate) struct SourceKind {
    name: &'static str,
    read: Description,
    interest: Interest,
}

/// A task that wants to write waits for this, whatever it is.
const WRITE: Description = Description::of_source("a writable");

impl SourceKind {
    /// A source to be read and written. `what` is what a reader waits for, to be said before the name:
    /// "bytes from".
    pub(crate) const fn new(name: &'static str, what: &'static str) -> Self {
        SourceKind {
            name,
            read: Description::of_source(what),
            interest: Interest::READABLE.add(Interest::WRITABLE),
        }
    }

    /// Asks the system for other events.
    pub(crate) const fn with_interest(mut self, interest: Interest) -> Self {
        self.interest = interest;
        self
    }

    /// What the system is asked to tell.
    pub(super) fn interest(&self) -> Interest {
        self.interest
    }
}

/// One of the two ways that data can flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Read,
    Write,
}

/// What is known of the next operation in one direction.
///
/// ```text
///              an operation blocks, or the system says that it would
///           ┌──────────────────────────▶ Blocked ──┐
///   new ──▶ Guess ◀── a task uses it ──── News ◀───┴── an event
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It would block, until an event says otherwise.
    Blocked,
    /// It may succeed: no task has asked about a new source yet, and what an event said may be used up.
    /// An operation tries; a wait for readiness asks the system.
    Guess,
    /// It would succeed: an event has said so, and no operation and no wait has made use of it.
    News,
}

/// What is known about one direction of a source, and which tasks wait to know more.
pub(crate) struct Direction {
    known: Cell<Known>,
    /// The other end has closed or failed, or urgent data came: from now on a short result does not
    /// mean that nothing is left.
    doubtful: Cell<bool>,
    queue: WaitQueue,
    askers: RefCell<Askers>,
}

impl Owner for Direction {
    /// Readiness is a hint for every task that waits: there is nothing to pass on.
    fn left(&self, _: Left) {}
}

impl Direction {
    pub(crate) fn new(
        kind: &'static str,
        description: &'static Description,
        made: &'static Location<'static>,
    ) -> Self {
        Direction {
            known: Cell::new(Known::Guess),
            doubtful: Cell::new(false),
            queue: WaitQueue::new_at(kind, made).described(description),
            askers: RefCell::default(),
        }
    }

    /// Whether an operation may succeed.
    pub(crate) fn is_worth_trying(&self) -> bool {
        self.known.get() != Known::Blocked
    }

    /// Notes that an operation would block.
    pub(crate) fn blocks(&self) {
        self.known.set(Known::Blocked);
    }

    /// Uses up what an event has said of a direction that is worth trying. Returns whether it was not used up before.
    pub(crate) fn use_news(&self) -> bool {
        self.known.replace(Known::Guess) == Known::News
    }

    /// The waits of which it is known when they end.
    pub(super) fn queue(&self) -> &WaitQueue {
        &self.queue
    }

    /// Waits until trying is worth while again. Of a source: through `Readiness::wait`.
    pub(crate) fn wait(&self, at: &'static Location<'static>) -> Wait<'_, Self> {
        self.queue.wait_at(self, 0, at)
    }

    /// Has the task that polls with `cx` woken when trying is worth while again.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        kernel::with(|kernel| {
            let now = kernel.passes().now();
            if self.askers.borrow_mut().asks_again(cx, now) {
                return;
            }
            let target = WakeTarget::of(cx);
            kernel.wake_collected(|batch| {
                let mut askers = self.askers.borrow_mut();
                askers.add(target, kernel.passes(), batch);
            });
        });
        Poll::Pending
    }

    /// Has `waker` woken when trying is worth while again.
    #[cfg(feature = "process")]
    pub(super) fn notify(&self, waker: Waker) {
        let target = WakeTarget::of_waker(waker);
        kernel::with(|kernel| {
            kernel.wake_collected(|batch| {
                let mut askers = self.askers.borrow_mut();
                askers.add(target, kernel.passes(), batch);
            });
        });
    }

    /// From now on a short result says nothing.
    pub(crate) fn doubt(&self) {
        self.doubtful.set(true);
    }

    /// Notes that a stream gave or took less than it was asked for: there is no more, or no room.
    /// Unless it is doubtful: the end and errors are reported once, and must be met by trying.
    pub(crate) fn exhausted(&self) {
        if !self.doubtful.get() {
            self.blocks();
        }
    }

    fn awaited(&self, tasks: &Tasks) -> Awaited {
        if !self.queue.is_empty() {
            return Awaited::Yes;
        }
        self.askers.borrow().awaited(tasks)
    }

    /// Says that a descriptor may be free now.
    pub(super) fn announce(&self, kernel: &Kernel) {
        self.known.set(Known::News);
        if !self.askers.borrow().is_empty() {
            kernel.wake_collected(|batch| {
                let mut askers = self.askers.borrow_mut();
                askers.drain(kernel.passes().now(), batch);
            });
        }
        self.queue.grant_all();
    }
}

/// What the reactor knows about one registered source.
pub(crate) struct Readiness {
    read: Direction,
    write: Direction,
    /// The reactor is gone: nothing will ever be announced again.
    orphaned: Cell<bool>,
    /// It tells of a request to end the program, which a test does not count on.
    ends_program: Cell<bool>,
    /// Its key in the reactor.
    key: usize,
    /// Its place among those that may be awaited, if it is one of them.
    listed: Cell<Option<u32>>,
}

impl Readiness {
    pub(super) fn new(
        key: usize,
        kind: &'static SourceKind,
        made: &'static Location<'static>,
    ) -> Self {
        Readiness {
            read: Direction::new(kind.name, &kind.read, made),
            write: Direction::new(kind.name, &WRITE, made),
            orphaned: Cell::new(false),
            ends_program: Cell::new(false),
            key,
            listed: Cell::new(None),
        }
    }

    pub(super) fn key(&self) -> usize {
        self.key
    }

    /// What the system calls it by.
    pub(super) fn token(&self) -> Token {
        Token(self.key)
    }

    /// Its place among the sources that may be awaited.
    pub(super) fn listed(&self) -> &Cell<Option<u32>> {
        &self.listed
    }

    /// Whether its reactor is gone: nothing will ever be announced again.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.orphaned.get()
    }

    /// Whether it tells of a request to end the program.
    pub(crate) fn ends_program(&self) -> bool {
        self.ends_program.get()
    }

    /// Says whether it tells of a request to end the program.
    #[cfg(feature = "signal")]
    pub(crate) fn set_ends_program(&self, ends: bool) {
        self.ends_program.set(ends);
    }

    pub(crate) fn way(&self, way: Way) -> &Direction {
        match way {
            Way::Read => &self.read,
            Way::Write => &self.write,
        }
    }

    /// Marks the source as belonging to a dead reactor and wakes every task that waits for it.
    pub(super) fn orphan(&self, kernel: &Kernel) {
        self.orphaned.set(true);
        self.read.announce(kernel);
        self.write.announce(kernel);
    }

    /// The tasks that wait for this source through the poll-style traits.
    pub(super) fn polled_by(&self, tasks: &Tasks) -> impl Iterator<Item = Polled> {
        [&self.read, &self.write].into_iter().flat_map(|way| {
            let polled = |asker: &Asker| {
                Some(Polled {
                    kind: way.queue.kind(),
                    what: way.queue.source()?,
                    task: asker.task()?,
                    awaited: asker.awaited(tasks),
                    made: way.queue.made(),
                })
            };
            let askers = way.askers.borrow();
            askers.iter().filter_map(polled).collect::<Vec<_>>()
        })
    }

    /// Whether some task waits for this source.
    pub(super) fn awaited(&self, tasks: &Tasks) -> Awaited {
        self.read.awaited(tasks).max(self.write.awaited(tasks))
    }
}

/// What a report says of a waiter of the poll-style traits.
#[derive(Clone, Copy)]
pub(crate) struct Polled {
    kind: &'static str,
    what: &'static str,
    task: TaskId,
    awaited: Awaited,
    made: &'static Location<'static>,
}

impl Polled {
    /// What kind of source it waits for, and for what of it: "TCP stream", "bytes from".
    pub(crate) fn source(self) -> (&'static str, &'static str) {
        (self.kind, self.what)
    }

    /// The task that waits.
    pub(crate) fn task(self) -> TaskId {
        self.task
    }

    /// Whether it waits still.
    pub(crate) fn awaited(self) -> Awaited {
        self.awaited
    }

    /// Where the source was made.
    pub(crate) fn made(self) -> &'static Location<'static> {
        self.made
    }
}
