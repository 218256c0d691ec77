//! What happened at a choice, for people.

use std::fmt;
use std::panic::Location;

use super::mark::Mark;
use crate::runtime::kernel::sched::task::{Task, TaskId};

/// What happened at one choice. `Display` says how it deviates from what the loop does by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    mark: Mark,
    /// The task that was polled or cancelled.
    task: Option<Told>,
    /// The task that the loop would have polled.
    first: Option<Told>,
}

impl Said {
    pub(super) fn new(mark: Mark, task: Option<Told>, first: Option<Told>) -> Self {
        Said { mark, task, first }
    }

    /// Whether the loop would have done the same by itself.
    pub(crate) fn is_plain(&self) -> bool {
        self.mark.is_plain()
    }

    /// The task that was polled or cancelled.
    pub(crate) fn task(&self) -> Option<&Told> {
        self.task.as_ref()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |task: &Option<Told>| task.as_ref().map_or("a task".to_owned(), Told::to_string);
        let task = name(&self.task);
        match self.mark {
            Mark::Run(_) => write!(
                f,
                "polls {task} although {} was ready first",
                name(&self.first)
            ),
            Mark::Cancel(_) => write!(f, "cancels {task}"),
            Mark::Stall => f.write_str("time passes to the next deadline although tasks are ready"),
            Mark::Pick(n) => write!(f, "picks option {n}"),
        }
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    id: TaskId,
    name: Option<String>,
    spawned_at: &'static Location<'static>,
}

impl Told {
    pub(super) fn of(task: &Task) -> Self {
        Told {
            id: task.id(),
            name: task.name().map(str::to_owned),
            spawned_at: task.spawned_at(),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "task {} {name:?}", self.id),
            None => write!(f, "task {}, spawned at {},", self.id, self.spawned_at),
        }
    }
}
