//! The waiters of this thread that wait alone, in one table. Reports read it.

use std::panic::Location;
use std::ptr;
use std::task::Context;

use super::wake_target::WakeTarget;
use crate::runtime::base::kinds::Name;
use crate::runtime::base::table::{Entry, NONE, SPECIAL, Table};
use crate::runtime::kernel::sched::task::TaskId;

/// In the place of the next free entry: this one is in use.
const IN_USE: u32 = SPECIAL;

/// What the single waiter of a primitive is called, and where that was made.
pub(crate) type Made = (Name, &'static Location<'static>);

/// A task that waits alone.
pub(crate) struct Single {
    target: WakeTarget,
    at: &'static Location<'static>,
    since: u64,
    of: Option<Made>,
    link: u32,
}

impl Single {
    /// The task that waits.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.target.task()
    }

    /// The line that waits.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// The clock's last reading when that line was reached.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// What it waits for; the end of a task has no name.
    pub(crate) fn of(&self) -> Option<Made> {
        self.of
    }
}

impl Entry for Single {
    fn blank() -> Self {
        Single {
            target: WakeTarget::default(),
            at: Location::caller(),
            since: 0,
            of: None,
            link: NONE,
        }
    }

    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }

    fn is_used(&self) -> bool {
        self.link == IN_USE
    }
}

/// The tasks that wait alone, by their places.
pub(crate) struct Singles {
    table: Table<Single>,
}

impl Singles {
    pub(super) const fn new() -> Self {
        Singles {
            table: Table::new(),
        }
    }

    /// Adds a task of the loop, and returns its place.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        task: Option<TaskId>,
        at: &'static Location<'static>,
        since: u64,
        of: Option<Made>,
    ) -> u32 {
        let (place, single) = self.table.take();
        single.target.aim(task);
        single.at = at;
        single.since = since;
        single.of = of;
        single.link = IN_USE;
        place
    }

    /// Whether the one that polls with `cx` waits there already, at that line.
    pub(super) fn knows(
        &self,
        place: u32,
        cx: &Context<'_>,
        at: &'static Location<'static>,
    ) -> bool {
        let single = self.table.get(place);
        single.is_some_and(|single| single.target.is(cx) && ptr::eq(single.at, at))
    }

    /// Has `target` wait there, at a line that was reached at `now`. Returns what it replaces, to be dropped
    /// without a borrow.
    pub(super) fn replace(
        &mut self,
        place: u32,
        mut target: WakeTarget,
        at: &'static Location<'static>,
        now: u64,
    ) -> WakeTarget {
        if let Some(single) = self.table.get_mut(place) {
            if !ptr::eq(single.at, at) {
                (single.at, single.since) = (at, now);
            }
            std::mem::swap(&mut single.target, &mut target);
        }
        target
    }

    /// Frees a place and returns what to wake.
    #[inline]
    pub(super) fn take(&mut self, place: u32) -> Option<WakeTarget> {
        let target = self.table.get_mut(place)?.target.depart();
        self.table.give(place);
        Some(target)
    }

    pub(super) fn trim(&mut self, pass: u64) {
        self.table.trim(pass);
    }

    /// The one at a place that is in use.
    pub(crate) fn get(&self, place: u32) -> Option<&Single> {
        self.table.get(place)
    }

    /// All of them, with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Single)> {
        self.table.iter().filter(|(_, single)| single.is_used())
    }

    /// How many wait alone, apart from those that await the end of a task.
    pub(crate) fn count(&self) -> usize {
        let singles = self.iter();
        singles.filter(|(_, single)| single.of.is_some()).count()
    }

    /// Places, free or not.
    pub(crate) fn slots(&self) -> usize {
        self.table.slots()
    }
}
