//! Sleeping and deadlines, on the runtime's clock.
//!
//! Durations and deadlines are exact to the nanosecond on the virtual clock. On the real one a
//! deadline is never early, and late by what the system and the tasks before it take. A deadline
//! is fixed when its future is made, not when it is first polled.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::context::{self, Kernel, ThisThread};
use super::kinds::Name;
use super::passes::Pass;
use super::polling::{self, notes};

pub use super::instant::Instant;
pub use super::interval::{Interval, Tick, interval, interval_at};

/// Waits for `duration`. A zero duration yields once and sets no timer; [`Duration::MAX`] never ends.
///
/// asyncio counterpart: `asyncio.sleep`. Difference: the time counts from this call, not from the
/// first poll.
///
/// # Cancel safety
///
/// *Strict* for `&mut sleep`: the deadline stays. Calling `sleep` again starts a new one.
///
/// # Panics
///
/// Without a runtime on this thread.
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
    Sleep::new(Alarm::after(duration, "sleep"))
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
/// Without a runtime on this thread.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    context::with_runtime("sleep_until", |_| ());
    Sleep::new(Alarm::until(deadline, Location::caller()))
}

/// The future of [`sleep`] and [`sleep_until`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Sleep {
    alarm: Alarm,
    _thread: ThisThread,
}

impl Sleep {
    fn new(alarm: Alarm) -> Self {
        let _thread = ThisThread::new();
        Sleep { alarm, _thread }
    }

    /// When it is over.
    pub fn deadline(&self) -> Instant {
        self.alarm.deadline()
    }

    /// Whether it is over.
    pub fn is_elapsed(&self) -> bool {
        self.alarm.is_elapsed()
    }

    /// Moves the deadline; the future can be awaited again, even after it was ready.
    pub fn reset(&mut self, deadline: Instant) {
        self.alarm.reset(deadline);
    }

    /// Says which line waits, where that is not the line that made the sleep.
    pub(crate) fn waits_at(&mut self, at: &'static Location<'static>) {
        self.alarm.waits_at(at);
    }

    #[track_caller]
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

/// Bounds a future by a time limit.
///
/// The future is polled first: a value that is ready wins, and a limit of zero polls it once. When
/// the time is up the future is dropped before the error is returned. A task behind a handle goes on.
///
/// asyncio counterpart: `asyncio.wait_for`. Differences: that cancels a task that it waits for; of two
/// nested limits with the same deadline the inner one reports; the time counts from this call.
///
/// # Cancel safety
///
/// That of the future inside.
///
/// # Errors
///
/// [`Elapsed`] when the time is up first.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// # turnwise::Builder::new().virtual_clock().build().block_on(async {
/// let forever = std::future::pending::<()>();
/// assert!(turnwise::timeout(Duration::from_secs(1), forever).await.is_err());
/// # });
/// ```
#[track_caller]
#[doc(alias = "wait_for")]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    let now = context::with_runtime("timeout", |kernel| Instant(kernel.clock.now()));
    Timeout::new(now + duration, future, Location::caller())
}

/// Bounds a future by a deadline; see [`timeout`].
///
/// asyncio counterpart: `asyncio.timeout_at`.
///
/// # Cancel safety
///
/// That of the future inside.
///
/// # Errors
///
/// [`Elapsed`] when the deadline comes first.
///
/// # Panics
///
/// Without a runtime on this thread.
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    context::with_runtime("timeout_at", |_| ());
    Timeout::new(deadline, future, Location::caller())
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct Timeout<F> {
        // Absent once it was dropped because the time was up.
        #[pin]
        future: Option<F>,
        sleep: Sleep,
    }
}

impl<F: Future> Timeout<F> {
    fn new(deadline: Instant, future: F, at: &'static Location<'static>) -> Self {
        Timeout {
            future: Some(future),
            sleep: Sleep::new(Alarm::until(deadline, at)),
        }
    }

    /// When the time is up.
    pub fn when(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Whether the time was up and the future was dropped.
    pub fn expired(&self) -> bool {
        self.future.is_none()
    }

    /// Moves the deadline.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time was already up and the future is gone.
    pub fn reschedule(self: Pin<&mut Self>, deadline: Instant) -> Result<(), Elapsed> {
        if self.expired() {
            return Err(Elapsed(()));
        }
        self.project().sleep.reset(deadline);
        Ok(())
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("a timeout was polled after it had expired; make a new one");
        };
        if let Poll::Ready(value) = future.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        // A limit that has passed polls the future once and arms nothing.
        if this.sleep.alarm.poll_limit(cx, &"timeout").is_ready() {
            this.sleep.alarm.disarm();
            this.future.set(None);
            return Poll::Ready(Err(Elapsed(())));
        }
        Poll::Pending
    }
}

/// The time was up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
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
    if context::try_with(is_ready).flatten() == Some(true) {
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
        let now = context::with(|kernel| kernel.passes.now());
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
}
