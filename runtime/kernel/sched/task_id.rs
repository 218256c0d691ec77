//! The identity of a task.

use std::fmt;
use std::num::NonZeroU64;

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
