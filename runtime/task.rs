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
use std::fmt;
use std::future::Future;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use slab::Slab;

use super::context::Who;
use super::join::JoinError;

/// Identity of a task, unique on its thread for as long as the thread lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    /// No task's: the first generation is one.
    const STALE: TaskId = TaskId(NonZeroU64::MIN);

    fn new(slot: usize, generation: u32) -> Option<Self> {
        NonZeroU64::new((u64::from(generation) << 32) | slot as u64).map(TaskId)
    }

    fn slot(self) -> usize {
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
        match self.0.get() >> 32 {
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
    /// It was reported as having nothing that can wake it.
    pub(crate) lost: bool,
    /// Key of a waker of its own, once somebody kept a clone.
    pub(crate) waker: u32,
    /// Out of the slot while running; absent for main.
    pub(crate) body: Option<BoxedBody>,
    /// Who awaits the handle, and on which line.
    pub(crate) joiner: Who,
    pub(crate) joined_at: Option<&'static Location<'static>>,
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
}

/// What is left of a task that was taken out of the slab.
pub(crate) struct Remains {
    pub(crate) id: TaskId,
    pub(crate) body: Option<BoxedBody>,
    pub(crate) extra: Option<Box<Extra>>,
    /// Only to be dropped: a removed task wakes nobody.
    #[allow(dead_code, reason = "it leaves the borrow to be dropped")]
    joiner: Who,
    pub(crate) waker: u32,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl Task {
    /// Serial of the tombstone in a retired slot.
    const RETIRED: u64 = 0;

    pub(crate) fn name(&self) -> Option<&str> {
        self.extra.as_ref()?.name.as_deref()
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

/// The tasks of a thread.
pub(crate) struct Tasks {
    slab: Slab<Task>,
    /// Next generation of each slot; outlives the runtimes of the thread.
    generations: Vec<u32>,
    spawned: u64,
}

impl Tasks {
    pub(crate) const fn new() -> Self {
        Tasks {
            slab: Slab::new(),
            generations: Vec::new(),
            spawned: 0,
        }
    }

    /// Adds a task, marked as scheduled; the caller puts it into the ready queue.
    pub(crate) fn insert(
        &mut self,
        body: Option<BoxedBody>,
        spawned_at: &'static Location<'static>,
    ) -> TaskId {
        let vacant = self.slab.vacant_entry();
        let slot = vacant.key();
        if slot == self.generations.len() {
            self.generations.push(1);
        }
        let generation = self.generations[slot];
        let id = TaskId::new(slot, generation).expect("generations start at one");
        self.spawned += 1;
        vacant.insert(Task {
            id,
            scheduled: true,
            cancelled: false,
            detached: false,
            over: false,
            main: body.is_none(),
            lost: false,
            waker: NO_WAKER,
            body,
            joiner: Who::default(),
            joined_at: None,
            spawned_at,
            serial: self.spawned,
            extra: None,
        });
        id
    }

    pub(crate) fn get(&self, id: TaskId) -> Option<&Task> {
        self.slab.get(id.slot()).filter(|task| task.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.slab.get_mut(id.slot()).filter(|task| task.id == id)
    }

    /// Frees a task's slot; the caller drops the remains after letting go of the borrow.
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Remains> {
        let task = self.get_mut(id)?;
        let remains = Remains {
            body: task.body.take(),
            extra: task.extra.take(),
            joiner: std::mem::take(&mut task.joiner),
            waker: std::mem::replace(&mut task.waker, NO_WAKER),
            spawned_at: task.spawned_at,
            id,
        };
        match self.generations[id.slot()].checked_add(1) {
            Some(next) => {
                self.generations[id.slot()] = next;
                drop(self.slab.try_remove(id.slot()));
            }
            None => self.retire(id),
        }
        Some(remains)
    }

    /// Keeps a slot occupied for ever by a tombstone, because its next id would repeat an old one.
    #[cold]
    fn retire(&mut self, id: TaskId) {
        if let Some(task) = self.get_mut(id) {
            task.over = true;
            task.serial = Task::RETIRED;
            task.id = TaskId::STALE;
        }
    }

    /// The tasks, in no particular order, without retired slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.slab
            .iter()
            .map(|(_, task)| task)
            .filter(|task| task.serial != Task::RETIRED)
    }

    /// Ids of all tasks in the order of their spawning.
    pub(crate) fn in_spawn_order(&self) -> Vec<TaskId> {
        let mut all: Vec<_> = self.iter().map(|task| (task.serial, task.id)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect()
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.spawned
    }

    /// Makes the next id of a free slot the last one of its generation count.
    #[cfg(test)]
    fn exhaust(&mut self, slot: usize) {
        self.generations[slot] = u32::MAX;
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
