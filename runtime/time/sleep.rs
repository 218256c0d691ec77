//! Sleeping, for a duration or until a deadline.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::alarm::Alarm;
use super::instant::Instant;
use crate::runtime::base::kinds::Name;
use crate::runtime::kernel::ThisThread;

/// Waits for `duration`. A zero duration yields once and sets no timer; [`Duration::MAX`] never ends.
///
/// asyncio counterpart: `asyncio.sleep`. Difference: the time counts from this call, not from the
/// first poll, unless there is no runtime on this thread yet: `block_on(sleep(…))` works.
///
/// # Cancel safety
///
/// *Strict* for `&mut sleep`: the deadline stays. Calling `sleep` again starts a new one.
///
/// # Panics
///
/// When polled without a runtime on this thread.
///
/// # Examples
///
/// ```
/// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
/// turnwise::sleep(std::time::Duration::from_millis(1500)).await;
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Alarm::sleep(duration, Location::caller()))
}

/// Waits until `deadline`.
///
/// asyncio counterpart: none; `loop.call_at` is the nearest.
///
/// # Cancel safety
///
/// *Strict*: wait again for the same deadline.
///
/// # Panics
///
/// When polled without a runtime on this thread.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(Alarm::until(deadline, Location::caller()))
}

/// The future of [`sleep`] and [`sleep_until`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Sleep {
    alarm: Alarm,
    _thread: ThisThread,
}

impl Sleep {
    pub(crate) fn new(alarm: Alarm) -> Self {
        let _thread = ThisThread::new();
        Sleep { alarm, _thread }
    }

    /// When the time is up. Where there was no runtime yet, the first poll fixes that, and this is what it
    /// would be for a poll now.
    pub fn deadline(&self) -> Instant {
        self.alarm.deadline()
    }

    /// Whether it is over: a poll would be ready. A deadline that has passed is not enough, because
    /// every sleep lets the other tasks run first.
    pub fn is_elapsed(&self) -> bool {
        self.alarm.is_elapsed()
    }

    /// Moves the deadline; the future can be awaited again, even after it was ready. A task that
    /// waits for it goes on waiting, for the new deadline.
    pub fn reset(&mut self, deadline: Instant) {
        self.alarm.reset(deadline);
    }

    /// Says which line waits, where that is not the line that made the sleep.
    pub(crate) fn waits_at(&mut self, at: &'static Location<'static>) {
        self.alarm.waits_at(at);
    }

    pub(crate) fn poll_named(&mut self, cx: &Context<'_>, name: Name) -> Poll<()> {
        self.alarm.poll(cx, name)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_named(cx, &"sleep")
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.alarm.disarm();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .finish()
    }
}
