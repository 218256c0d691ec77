//! The waiters of this thread that wait alone, in one table. Reports read it.

use std::panic::Location;
use std::ptr;
use std::task::Context;

use super::who::Who;
use crate::runtime::base::kinds::Name;
use crate::runtime::base::table::{Entry, NONE, SPECIAL, Table};
use crate::runtime::kernel::sched::task::TaskId;

/// In the place of the next free entry: this one is in use.
const IN_USE: u32 = SPECIAL;

/// What a seat of a primitive is called, and where that was made.
pub(crate) type Made = (Name, &'static Location<'static>);

/// A task that waits alone.
pub(crate) struct Sitter {
    who: Who,
    at: &'static Location<'static>,
    since: u64,
    of: Option<Made>,
    link: u32,
}

impl Sitter {
    /// The task that waits.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.who.task()
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

impl Entry for Sitter {
    fn blank() -> Self {
        Sitter {
            who: Who::default(),
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
pub(crate) struct Sitters {
    table: Table<Sitter>,
}

impl Sitters {
    pub(super) const fn new() -> Self {
        Sitters {
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
        let (place, sitter) = self.table.take();
        sitter.who.aim(task);
        sitter.at = at;
        sitter.since = since;
        sitter.of = of;
        sitter.link = IN_USE;
        place
    }

    /// Whether the one that polls with `cx` waits there already, at that line.
    pub(super) fn knows(
        &self,
        place: u32,
        cx: &Context<'_>,
        at: &'static Location<'static>,
    ) -> bool {
        let sitter = self.table.get(place);
        sitter.is_some_and(|sitter| sitter.who.is(cx) && ptr::eq(sitter.at, at))
    }

    /// Has `who` wait there, at a line that was reached at `now`. Returns whom it replaces, to be dropped
    /// without a borrow.
    pub(super) fn replace(
        &mut self,
        place: u32,
        mut who: Who,
        at: &'static Location<'static>,
        now: u64,
    ) -> Who {
        if let Some(sitter) = self.table.get_mut(place) {
            if !ptr::eq(sitter.at, at) {
                (sitter.at, sitter.since) = (at, now);
            }
            std::mem::swap(&mut sitter.who, &mut who);
        }
        who
    }

    /// Frees a place and returns whom to wake.
    #[inline]
    pub(super) fn take(&mut self, place: u32) -> Option<Who> {
        let who = self.table.get_mut(place)?.who.depart();
        self.table.give(place);
        Some(who)
    }

    pub(super) fn trim(&mut self, pass: u64) {
        self.table.trim(pass);
    }

    /// The one at a place that is in use.
    pub(crate) fn get(&self, place: u32) -> Option<&Sitter> {
        self.table.get(place)
    }

    /// All of them, with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Sitter)> {
        self.table.iter().filter(|(_, sitter)| sitter.is_used())
    }

    /// How many wait alone, apart from those that await the end of a task.
    pub(crate) fn count(&self) -> usize {
        let sitters = self.iter();
        sitters.filter(|(_, sitter)| sitter.of.is_some()).count()
    }

    /// Places, free or not.
    pub(crate) fn slots(&self) -> usize {
        self.table.slots()
    }
}
