//! One spawned future: its identity, its states, its memory.
//!
//! ```text
//!            schedule               take body                    Ready, panic, cancel
//!   idle ───────────────▶ scheduled ─────────▶ running ───────────────────────────────▶ over
//!    ▲                                           │                                       │
//!    └───────────────── Pending ─────────────────┘                       handle takes or drops output
//! ```
//!
//! - *idle*: not scheduled, `body` present. Something else will schedule it.
//! - *scheduled*: in the ready queue, once. A wake while *running* puts it there too, at that instant.
//! - *running*: `body` is out of the slot, so that spawning, waking and cancelling stay re-entrant.
//! - *over*: the body holds the output, or `extra` the reason why there is none. A detached task
//!   frees its slot right here.
//!
//! # Implementation
//!
//! A [`TaskId`] is a slot of the slab (`tasks.rs`) and the slot's generation, so a late wake
//! finds a stranger's generation and does nothing.

use std::any::Any;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use std::panic::Location;
use std::rc::Rc;

use super::body::BoxedBody;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::passes::Pass;

/// Identity of a task, unique on its thread for as long as the thread lives.
///
/// Two tasks of different threads may have equal ids. Ids have no order: a slot of a task that has
/// ended is used again, so a greater number does not mean a later spawn.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    /// No task's: the first generation is one.
    pub(crate) const STALE: TaskId = TaskId(NonZeroU64::MIN);

    pub(crate) fn new(slot: usize, generation: u32) -> Option<Self> {
        NonZeroU64::new((u64::from(generation) << 32) | slot as u64).map(TaskId)
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    pub(crate) fn slot(self) -> usize {
        self.0.get() as u32 as usize
    }

    /// The id as a number that fits an atomic; see [`from_bits`](TaskId::from_bits).
    pub(crate) fn to_bits(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(TaskId)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation() {
            1 => write!(f, "#{}", self.slot()),
            generation => write!(f, "#{}.{generation}", self.slot()),
        }
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

/// In the place of the next task of the ready queue: this one is not there.
pub(crate) const IDLE: u32 = u32::MAX;

/// As that: this one is the last.
pub(crate) const NOBODY: u32 = u32::MAX - 1;

/// No key in the list of cloned wakers.
pub(crate) const NO_WAKER: u32 = u32::MAX;

/// What becomes of a task when it is at the head of the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Poll,
    /// It yielded when it stood in the queue already: first it goes to the tail.
    Tail,
    /// It is finished, one way or another.
    Over,
}

/// One entry of the task slab.
pub(crate) struct Task {
    pub(crate) id: TaskId,
    /// Who is next in the ready queue, if this one is there; of a free slot the next free one.
    pub(crate) next: u32,
    /// Somebody asked for its end.
    pub(crate) cancelled: bool,
    /// Nobody will ask for the output.
    pub(crate) detached: bool,
    /// What its turn comes to.
    pub(crate) turn: Turn,
    /// The main future of a `block_on`, which lives on that call's stack.
    pub(crate) main: bool,
    /// Used while it is found out whether anything can wake it.
    pub(crate) suspect: Cell<bool>,
    /// It was reported as having nothing that can wake it.
    pub(crate) lost: bool,
    /// Its poll is under way, and has another task's inside it.
    pub(crate) aside: bool,
    /// The pass in which it was polled last.
    pub(crate) polled: Pass,
    /// The number of the group it is a child of; 0 is none.
    pub(crate) group: u32,
    /// Key of a waker of its own, once somebody kept a clone.
    pub(crate) waker: u32,
    /// The place of who awaits the handle. Apart, because few of many tasks are awaited at the same time.
    pub(crate) joiner: u32,
    /// Out of the slot while running; absent for main.
    pub(crate) body: Option<BoxedBody>,
    pub(crate) spawned_at: &'static Location<'static>,
    /// Order of spawning on this thread, which is the order of teardown.
    pub(crate) serial: u64,
    pub(crate) extra: Option<Box<Extra>>,
}

/// The task-locals of a task, by the address of their `TaskLocal`.
pub(crate) type Locals = Rc<HashMap<usize, Rc<dyn Any>>>;

/// What few tasks have.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) failure: Option<JoinError>,
    pub(crate) locals: Option<Locals>,
}

/// What is left of a task that was taken out of the slab.
pub(crate) struct Remains {
    pub(crate) id: TaskId,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) body: Option<BoxedBody>,
    pub(crate) extra: Option<Box<Extra>>,
    /// The key of its waker, to be released.
    pub(crate) waker: u32,
}

impl Task {
    /// Whether the slot holds a task.
    pub(crate) fn is_there(&self) -> bool {
        self.serial != 0
    }

    /// Whether it is finished, one way or another.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.turn == Turn::Over
    }

    /// Whether the slot can take a task: it holds none, has not got the turn of one that is gone still to
    /// come, and is not retired.
    pub(crate) fn is_free(&self) -> bool {
        !self.is_there() && !self.is_over() && self.id != TaskId::STALE
    }

    /// Whether it is in the ready queue.
    #[inline]
    pub(crate) fn is_scheduled(&self) -> bool {
        self.next != IDLE
    }

    /// Says that it is the last of the ready queue, where [`Tasks`](super::tasks::Tasks) puts it next.
    #[inline]
    pub(crate) fn set_scheduled(&mut self) {
        debug_assert!(!self.is_scheduled());
        self.next = NOBODY;
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.extra.as_ref()?.name.as_deref()
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}
