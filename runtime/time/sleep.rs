//! Sleeping and deadlines, on the runtime's clock.
//!
//! Durations and deadlines are exact to the nanosecond on the virtual clock. On the real one a
//! deadline is never early, and late by what the system and the tasks before it take. A deadline
//! is fixed when its future is made, not when it is first polled; only where there is no runtime
//! yet, as in `block_on(sleep(…))`, the first poll fixes it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::alarm::Alarm;
use super::instant::Instant;
use crate::runtime::base::kinds::Name;
use crate::runtime::base::passes::Pass;
use crate::runtime::kernel::polling::{self, notes};
use crate::runtime::kernel::{self, Kernel, ThisThread};

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
/// # turnwise::Builder::new().virtual_clock().build().block_on(async {
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

    /// Moves the deadline; the future can be awaited again, even after it was ready. Who waits for it
    /// goes on waiting, for the new deadline.
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

/// Lets every other ready task run before this one goes on.
///
/// asyncio counterpart: `asyncio.sleep(0)`. Works under any executor.
///
/// # Cancel safety
///
/// *Strict* for `&mut`: calling it again yields again.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// turnwise::yield_now().await;
/// # });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        yield_once(cx);
        Poll::Pending
    }
}

/// Asks for another turn at the tail of the ready queue.
#[inline]
pub(crate) fn yield_once(cx: &Context<'_>) {
    if !polling::yields(cx.waker()) {
        yield_through(cx.waker());
    }
}

/// As that, where a combinator has to poll again, or another executor.
fn yield_through(waker: &Waker) {
    let is_ready = |kernel: &Kernel| {
        let task = polling::current_task()?;
        Some(kernel.tasks.borrow().get(task)?.is_scheduled())
    };
    if kernel::try_with(is_ready).flatten() == Some(true) {
        // Its waker would leave the task where it stands, before others that are ready.
        polling::note(notes::YIELDED);
    }
    waker.wake_by_ref();
}

/// Rule R9 for a wait that need not wait: if another one was over already in this poll, every other ready
/// task runs first.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    /// The pass in which it let the others go first.
    held: Option<Pass>,
}

impl Courtesy {
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let now = kernel::with(|kernel| kernel.passes.now());
        let hold = match self.held {
            None => polling::was_wait_over(),
            Some(pass) => pass == now,
        };
        if !hold {
            return Poll::Ready(());
        }
        self.held = Some(now);
        yield_once(cx);
        Poll::Pending
    }

    /// The wait is over, and the next one begins.
    pub(crate) fn over(&mut self) {
        self.held = None;
        polling::note_wait_over();
    }
}
