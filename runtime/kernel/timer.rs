//! One armed timer, and what reports read of it.

use std::panic::Location;

use crate::runtime::base::kinds::Name;
use crate::runtime::base::table::{Entry, NONE};
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::wake_target::WakeTarget;

/// One armed timer. It fills a line of the cache.
pub(crate) struct Timer {
    /// 0 if the entry is not in use.
    serial: u64,
    deadline: u64,
    target: WakeTarget,
    at: &'static Location<'static>,
    name: Name,
    /// For the table, while the entry is not in use.
    link: u32,
}

impl Timer {
    /// Takes the entry into use, to wake a task of the loop.
    #[inline]
    pub(super) fn arm(
        &mut self,
        (serial, deadline): (u64, u64),
        task: Option<TaskId>,
        at: &'static Location<'static>,
        name: Name,
    ) {
        self.serial = serial;
        self.deadline = deadline;
        self.target.aim(task);
        self.at = at;
        self.name = name;
    }

    /// Moves the deadline. Keys with the old serial are stale from now on.
    #[inline]
    pub(super) fn rearm(&mut self, serial: u64, deadline: u64) {
        self.serial = serial;
        self.deadline = deadline;
    }

    /// Ends the use of the entry and returns what the timer was to wake.
    #[inline]
    pub(super) fn disarm(&mut self) -> WakeTarget {
        self.serial = 0;
        self.target.depart()
    }

    /// Whether it is armed, and by this serial.
    #[inline]
    pub(super) fn is_armed_by(&self, serial: u64) -> bool {
        self.serial == serial
    }

    pub(super) fn target(&mut self) -> &mut WakeTarget {
        &mut self.target
    }

    /// The task that waits for it.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.target.task()
    }

    /// When it expires, in nanoseconds of the clock.
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline
    }

    /// The line that waits for it.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// What waits for it: "sleep".
    pub(crate) fn name(&self) -> Name {
        self.name
    }
}

impl Entry for Timer {
    fn blank() -> Self {
        Timer {
            serial: 0,
            deadline: 0,
            target: WakeTarget::default(),
            at: Location::caller(),
            name: &"",
            link: NONE,
        }
    }

    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }

    fn is_used(&self) -> bool {
        self.serial != 0
    }
}
