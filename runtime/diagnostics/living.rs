//! The tasks that a report is about.

use crate::runtime::kernel::sched::task::{Task, TaskId};
use crate::runtime::kernel::sched::tasks::Tasks;

/// The tasks that have not ended, numbered by age.
pub(crate) struct Living<'a> {
    tasks: &'a Tasks,
    ids: Vec<TaskId>,
    /// Of each slot, the number of its task.
    numbers: Vec<u32>,
}

impl<'a> Living<'a> {
    pub(super) fn of(tasks: &'a Tasks) -> Self {
        let mut ids = tasks.in_spawn_order();
        ids.retain(|id| tasks.get(*id).is_some_and(|task| !task.is_over()));
        ids.shrink_to_fit();
        let mut numbers = vec![u32::MAX; tasks.slots()];
        for (number, id) in ids.iter().enumerate() {
            numbers[id.slot()] = number as u32;
        }
        Living {
            tasks,
            ids,
            numbers,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn id(&self, number: usize) -> TaskId {
        self.ids[number]
    }

    pub(crate) fn number(&self, id: TaskId) -> Option<usize> {
        let number = *self.numbers.get(id.slot())? as usize;
        (self.ids.get(number) == Some(&id)).then_some(number)
    }

    /// Each with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &'a Task)> + '_ {
        let tasks = self.ids.iter().filter_map(|id| self.tasks.get(*id));
        tasks.enumerate()
    }
}
