//! One spawned future: its identity, its states, its memory.
//!
//! ```text
//!            schedule               take body                    Ready, panic, cancel
//!   idle ───────────────▶ scheduled ─────────▶ running ───────────────────────────────▶ over
//!    ▲                                           │                                       │
//!    └───────────────── Pending ─────────────────┘                       handle takes or drops output
//! ```
//!
//! - *idle*: `!scheduled`, `body` present. Something else will schedule it.
//! - *scheduled*: in the ready queue, once. A wake while *running* puts it there too, at that instant.
//! - *running*: `body` is out of the slot, so that spawning, waking and cancelling stay re-entrant.
//! - *over*: the body holds the output, or `extra` the reason why there is none. A detached task
//!   frees its slot right here.
//!
//! # Implementation
//!
//! One allocation per spawn: a pinned box holds the future and then, in the same memory, its
//! output. A [`TaskId`] is a slot and the slot's generation, which never restarts while the thread
//! lives, so a late wake finds a stranger's generation and does nothing. A slot whose generation
//! would wrap is retired.

use std::any::Any;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use slab::Slab;

use super::context::Who;
use super::join_error::JoinError;
use super::local::Locals;

/// Identity of a task, unique on its thread for as long as the thread lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    /// No task's: the first generation is one.
    const STALE: TaskId = TaskId(NonZeroU64::MIN);

    fn new(slot: usize, generation: u32) -> Option<Self> {
        NonZeroU64::new((u64::from(generation) << 32) | slot as u64).map(TaskId)
    }

    fn generation(self) -> u32 {
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

pin_project! {
    /// A future, then its output, in the same memory.
    #[project = StageProjection]
    enum Stage<F: Future> {
        Running { #[pin] future: F },
        Over { output: Option<F::Output> },
    }
}

/// What the executor needs of a spawned future, whatever its type.
pub(crate) trait Body {
    /// Polls the future; when it is ready its output takes its place.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
    /// Drops the future where it stands, leaving no output.
    fn drop_future(self: Pin<&mut Self>);
    /// The place of the output: an `Option<F::Output>`.
    fn output(self: Pin<&mut Self>) -> Option<&mut (dyn Any + 'static)>;
}

impl<F> Body for Stage<F>
where
    F: Future,
    F::Output: 'static,
{
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.as_mut().project() {
            StageProjection::Running { future } => match future.poll(cx) {
                Poll::Ready(output) => {
                    self.set(Stage::Over {
                        output: Some(output),
                    });
                    Poll::Ready(())
                }
                Poll::Pending => Poll::Pending,
            },
            StageProjection::Over { .. } => Poll::Ready(()),
        }
    }

    fn drop_future(mut self: Pin<&mut Self>) {
        self.set(Stage::Over { output: None });
    }

    fn output(self: Pin<&mut Self>) -> Option<&mut (dyn Any + 'static)> {
        match self.project() {
            StageProjection::Running { .. } => None,
            StageProjection::Over { output } => Some(output),
        }
    }
}

/// A spawned future of any type, or its output.
pub(crate) type BoxedBody = Pin<Box<dyn Body>>;

/// Boxes a future for the slab: the one allocation of a spawn.
pub(crate) fn boxed<F>(future: F) -> BoxedBody
where
    F: Future + 'static,
{
    Box::pin(Stage::Running { future })
}

/// No key in the list of cloned wakers.
pub(crate) const NO_WAKER: u32 = u32::MAX;

const NO_JOINER: u32 = u32::MAX;

/// One entry of the task slab.
pub(crate) struct Task {
    pub(crate) id: TaskId,
    /// In the ready queue.
    pub(crate) scheduled: bool,
    /// Somebody asked for its end.
    pub(crate) cancelled: bool,
    /// Nobody will ask for the output.
    pub(crate) detached: bool,
    /// Finished, one way or another.
    pub(crate) over: bool,
    /// The main future of a `block_on`, which lives on that call's stack.
    pub(crate) main: bool,
    /// Used while it is found out whether anything can wake it.
    pub(crate) suspect: Cell<bool>,
    /// It was reported as having nothing that can wake it.
    pub(crate) lost: bool,
    /// Its poll is under way, and has another task's inside it.
    pub(crate) aside: bool,
    /// The pass in which it was polled last: the low half. 0 before that.
    pub(crate) polled: u32,
    /// The number of the group it is a child of; 0 is none.
    pub(crate) group: u32,
    /// Key of a waker of its own, once somebody kept a clone.
    pub(crate) waker: u32,
    /// The key of who awaits the handle.
    joiner: u32,
    /// Out of the slot while running; absent for main.
    pub(crate) body: Option<BoxedBody>,
    pub(crate) spawned_at: &'static Location<'static>,
    /// Order of spawning on this thread, which is the order of teardown.
    pub(crate) serial: u64,
    pub(crate) extra: Option<Box<Extra>>,
}

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
    fn is_there(&self) -> bool {
        self.serial != 0
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.extra.as_ref()?.name.as_deref()
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

/// Who awaits the end of a task, on which line.
pub(crate) struct Joiner {
    pub(crate) who: Who,
    pub(crate) at: &'static Location<'static>,
    /// The clock's last reading when that line was reached.
    pub(crate) since: u64,
}

/// How many places a full table of so many gets besides. Doubling would leave up to half of a large
/// one unused.
pub(super) fn growth(places: usize) -> usize {
    places / 8 + 8
}

/// The tasks of a thread: slots, and which of them are free.
///
/// Slots are never given back, because a slot remembers its generation.
pub(crate) struct Tasks {
    slots: Vec<Task>,
    free: Vec<u32>,
    /// Apart, because few of many tasks are awaited at the same time.
    joiners: Slab<Joiner>,
    spawned: u64,
}

impl Tasks {
    pub(crate) const fn new() -> Self {
        Tasks {
            slots: Vec::new(),
            free: Vec::new(),
            joiners: Slab::new(),
            spawned: 0,
        }
    }

    /// Adds a task, marked as scheduled; the caller puts it into the ready queue.
    pub(crate) fn insert(
        &mut self,
        body: Option<BoxedBody>,
        spawned_at: &'static Location<'static>,
    ) -> TaskId {
        self.spawned += 1;
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None => self.add_slot(spawned_at),
        };
        let task = &mut self.slots[slot];
        task.scheduled = true;
        task.main = body.is_none();
        task.body = body;
        task.spawned_at = spawned_at;
        task.serial = self.spawned;
        task.id
    }

    #[cold]
    fn add_slot(&mut self, spawned_at: &'static Location<'static>) -> usize {
        let slot = self.slots.len();
        if slot == self.slots.capacity() {
            self.slots.reserve_exact(growth(slot));
        }
        self.slots.push(Task {
            id: TaskId::new(slot, 1).expect("generations start at one"),
            scheduled: false,
            cancelled: false,
            detached: false,
            over: false,
            main: false,
            suspect: Cell::new(false),
            lost: false,
            aside: false,
            polled: 0,
            group: 0,
            waker: NO_WAKER,
            body: None,
            joiner: NO_JOINER,
            spawned_at,
            serial: 0,
            extra: None,
        });
        slot
    }

    #[inline]
    pub(crate) fn get(&self, id: TaskId) -> Option<&Task> {
        self.slots.get(id.slot()).filter(|task| task.id == id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.slots.get_mut(id.slot()).filter(|task| task.id == id)
    }

    /// Who awaits the end of this task.
    pub(crate) fn joiner(&self, task: &Task) -> Option<&Joiner> {
        self.joiners.get(task.joiner as usize)
    }

    /// As [`joiner`](Tasks::joiner), to be changed.
    pub(crate) fn joiner_mut(&mut self, id: TaskId) -> Option<&mut Joiner> {
        let key = self.get(id)?.joiner;
        self.joiners.get_mut(key as usize)
    }

    /// Makes this the one who awaits the task. Returns the one to drop without a borrow: who was it
    /// so far, or this one if the task is gone.
    pub(crate) fn set_joiner(&mut self, id: TaskId, mut joiner: Joiner) -> Option<Joiner> {
        if let Some(known) = self.joiner_mut(id) {
            if std::ptr::eq(known.at, joiner.at) {
                joiner.since = known.since;
            }
            return Some(std::mem::replace(known, joiner));
        }
        let key = self.joiners.vacant_key() as u32;
        match self.get_mut(id) {
            Some(task) => task.joiner = key,
            None => return Some(joiner),
        }
        self.joiners.insert(joiner);
        None
    }

    /// Takes out who awaits the task.
    #[inline]
    pub(crate) fn take_joiner(&mut self, id: TaskId) -> Option<Joiner> {
        let task = self.get_mut(id).filter(|task| task.joiner != NO_JOINER)?;
        let key = std::mem::replace(&mut task.joiner, NO_JOINER);
        self.joiners.try_remove(key as usize)
    }

    /// Frees a task's slot; the caller drops the remains after letting go of the borrow.
    ///
    /// The joiner is gone by now: whoever ends a task wakes it first, and whoever drops the handle
    /// takes it out.
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Remains> {
        let task = self.get_mut(id)?;
        let remains = Remains {
            id,
            spawned_at: task.spawned_at,
            body: task.body.take(),
            extra: task.extra.take(),
            waker: std::mem::replace(&mut task.waker, NO_WAKER),
        };
        task.cancelled = false;
        task.detached = false;
        task.over = false;
        task.lost = false;
        task.polled = 0;
        task.group = 0;
        task.serial = 0;
        match id
            .generation()
            .checked_add(1)
            .and_then(|next| TaskId::new(id.slot(), next))
        {
            Some(next) => {
                task.id = next;
                self.free.push(id.slot() as u32);
            }
            // Its next id would repeat an old one: the slot is retired.
            None => task.id = TaskId::STALE,
        }
        Some(remains)
    }

    /// The tasks, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.slots.iter().filter(|task| task.is_there())
    }

    /// Ids of all tasks in the order of their spawning.
    pub(crate) fn in_spawn_order(&self) -> Vec<TaskId> {
        let mut all: Vec<_> = self.iter().map(|task| (task.serial, task.id)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect()
    }

    /// How many slots there are, in use or free.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.spawned
    }

    /// Makes the next id of a free slot its last one.
    #[cfg(test)]
    fn exhaust(&mut self, slot: usize) {
        self.slots[slot].id = TaskId::new(slot, u32::MAX).expect("it is not zero");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(tasks: &mut Tasks) -> TaskId {
        tasks.insert(Some(boxed(async {})), Location::caller())
    }

    #[test]
    fn a_reused_slot_gets_another_id() {
        let mut tasks = Tasks::new();
        let first = add(&mut tasks);
        tasks.remove(first).expect("it was just added");
        let second = add(&mut tasks);
        assert_eq!(first.slot(), second.slot());
        assert_ne!(first, second);
        assert!(tasks.get(first).is_none());
        assert!(tasks.remove(first).is_none());
    }

    #[test]
    fn a_slot_whose_generation_would_wrap_is_retired() {
        let mut tasks = Tasks::new();
        let first = add(&mut tasks);
        tasks.remove(first).expect("it was just added");
        tasks.exhaust(0);
        let last = add(&mut tasks);
        tasks.remove(last).expect("it was just added");
        assert_ne!(add(&mut tasks).slot(), last.slot());
        assert_eq!(tasks.iter().count(), 1);
    }
}
