//! How long to sleep in the selector: exact where the system has timer descriptors and grants one,
//! else in the selector's whole milliseconds, rounded up.

use std::time::Duration;

use mio::{Registry, Token};

use crate::runtime::base::refused::Refused;

#[cfg(target_os = "linux")]
use linux::Timer;
#[cfg(not(target_os = "linux"))]
use plain::Timer;

pub(super) struct Sleeper {
    /// Without one, why.
    timer: Result<Timer, Refused>,
    /// What the timer is armed for; in the past once it rang.
    armed: u64,
}

impl Sleeper {
    pub(super) fn new(registry: &Registry, token: Token) -> Self {
        Sleeper {
            timer: Timer::new(registry, token),
            armed: 0,
        }
    }

    /// Arms the timer for `deadline`, if it must; returns why there is none.
    ///
    /// A timer armed for an earlier time that is still to come is left alone: it wakes the loop once
    /// too early, which is cheaper than a call for every deadline that moves away.
    pub(super) fn arm(&mut self, now: u64, deadline: u64) -> Result<(), &Refused> {
        if now < self.armed && self.armed <= deadline {
            return Ok(());
        }
        if let Ok(timer) = &self.timer {
            match timer.arm(deadline.saturating_sub(now).max(1)) {
                Ok(()) => self.armed = deadline,
                Err(refused) => (self.timer, self.armed) = (Err(refused), 0),
            }
        }
        self.timer.as_ref().map(drop)
    }

    /// The selector's timeout for a sleep until `deadline`; none where the timer rings.
    pub(super) fn timeout(&mut self, now: u64, deadline: u64) -> Option<Duration> {
        let coarse = Duration::from_nanos(deadline.saturating_sub(now));
        self.arm(now, deadline).err().map(|_| coarse)
    }

    pub(super) fn rang(&mut self) {
        self.armed = 0;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::{Interest, unix::SourceFd};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use super::*;

    /// A `timerfd`, which knows nanoseconds and no timer slack.
    pub(crate) struct Timer(OwnedFd);

    impl Timer {
        pub(super) fn new(registry: &Registry, token: Token) -> Result<Self, Refused> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags);
            let timer = timer.map_err(Refused::of("timerfd_create"))?;
            registry
                .register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)
                .map_err(Refused::of("epoll_ctl"))?;
            Ok(Timer(timer))
        }

        /// Has it ring in `ahead` nanoseconds.
        pub(super) fn arm(&self, ahead: u64) -> Result<(), Refused> {
            let it_value = Timespec {
                tv_sec: (ahead / 1_000_000_000) as i64,
                tv_nsec: (ahead % 1_000_000_000) as _,
            };
            let once = Itimerspec {
                it_interval: Timespec::default(),
                it_value,
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)
                .map_err(Refused::of("timerfd_settime"))?;
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod plain {
    use std::io;

    use super::*;

    /// There is none.
    pub(crate) enum Timer {}

    impl Timer {
        pub(super) fn new(_: &Registry, _: Token) -> Result<Self, Refused> {
            let unsupported = io::Error::from(io::ErrorKind::Unsupported);
            Err(Refused::of("timerfd_create")(unsupported))
        }

        pub(super) fn arm(&self, _: u64) -> Result<(), Refused> {
            match *self {}
        }
    }
}
