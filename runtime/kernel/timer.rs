//! One armed timer, and what it tells reports.

use std::panic::Location;

use crate::runtime::base::kinds::Name;
use crate::runtime::base::table::{Entry, NONE};
use crate::runtime::kernel::wait::who::Who;

/// One armed timer. It fills a line of the cache.
pub(crate) struct Timer {
    /// 0 if the entry is not in use.
    pub(crate) serial: u64,
    pub(crate) deadline: u64,
    pub(crate) who: Who,
    pub(crate) at: &'static Location<'static>,
    pub(crate) name: Name,
    /// For the table, while the entry is not in use.
    link: u32,
}

impl Entry for Timer {
    fn blank() -> Self {
        Timer {
            serial: 0,
            deadline: 0,
            who: Who::default(),
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
