//! How long to sleep in the selector: exact where the system has timer descriptors.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

#[cfg(target_os = "linux")]
pub(crate) use linux::Sleeper;
#[cfg(not(target_os = "linux"))]
pub(crate) use plain::Sleeper;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::{Interest, unix::SourceFd};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use super::*;

    /// Sleeps through a `timerfd`, which knows nanoseconds and no timer slack.
    pub(crate) struct Sleeper {
        timer: OwnedFd,
        /// What the timer is armed for; in the past once it rang.
        armed: u64,
    }

    impl Sleeper {
        pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Sleeper { timer, armed: 0 })
        }

        /// The selector's timeout for a sleep until `deadline`; arms the timer if it must.
        ///
        /// A timer armed for an earlier time that is still to come is left alone: it wakes the
        /// loop once too early, which is cheaper than a call for every deadline that moves away.
        pub(crate) fn timeout(
            &mut self,
            now: u64,
            deadline: Option<u64>,
        ) -> io::Result<Option<Duration>> {
            let soon_enough = |deadline: &u64| now < self.armed && self.armed <= *deadline;
            if let Some(deadline) = deadline.filter(|deadline| !soon_enough(deadline)) {
                let ahead = deadline.saturating_sub(now).max(1);
                let it_value = Timespec {
                    tv_sec: (ahead / 1_000_000_000) as i64,
                    tv_nsec: (ahead % 1_000_000_000) as _,
                };
                let once = Itimerspec {
                    it_interval: Timespec::default(),
                    it_value,
                };
                timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
                self.armed = deadline;
            }
            Ok(None)
        }

        pub(crate) fn rang(&mut self) {
            self.armed = 0;
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod plain {
    use super::*;

    /// Sleeps through the selector's own timeout, in whole milliseconds.
    pub(crate) struct Sleeper;

    impl Sleeper {
        pub(crate) fn new(_: &Registry, _: Token) -> io::Result<Self> {
            Ok(Sleeper)
        }

        pub(crate) fn timeout(
            &mut self,
            now: u64,
            deadline: Option<u64>,
        ) -> io::Result<Option<Duration>> {
            Ok(deadline.map(|deadline| Duration::from_nanos(deadline.saturating_sub(now))))
        }

        pub(crate) fn rang(&mut self) {}
    }
}
