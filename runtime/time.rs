//! Sleeping and deadlines, on the runtime's clock.
//!
//! Durations and deadlines are exact to the nanosecond on the virtual clock. On the real one a
//! deadline is never early, and late by what the system and the tasks before it take. A deadline
//! is fixed when its future is made, not when it is first polled.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::context::{self, Kernel, Who, notes};
use super::timers::TimerKey;

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
    let at = Location::caller();
    if duration.is_zero() {
        context::with_runtime("sleep", |_| ());
        return Sleep {
            deadline: Instant(0),
            state: State::Yield,
            at,
        };
    }
    Sleep {
        deadline: from_now(duration, "sleep"),
        state: State::New,
        at,
    }
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
    Sleep {
        deadline,
        state: State::New,
        at: Location::caller(),
    }
}

/// The clock's reading `duration` from now.
#[track_caller]
fn from_now(duration: Duration, what: &str) -> Instant {
    context::with_runtime(what, |kernel| Instant(kernel.clock.now()) + duration)
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not polled yet.
    New,
    /// A sleep of zero that has still to yield.
    Yield,
    Armed(TimerKey),
    Over,
}

/// The future of [`sleep`] and [`sleep_until`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Sleep {
    deadline: Instant,
    state: State,
    at: &'static Location<'static>,
}

impl Sleep {
    /// When it is over.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it is over.
    pub fn is_elapsed(&self) -> bool {
        match self.state {
            State::Over => true,
            State::Yield => false,
            _ => Instant::now() >= self.deadline,
        }
    }

    /// Moves the deadline; the future can be awaited again, even after it was ready.
    pub fn reset(&mut self, deadline: Instant) {
        self.disarm();
        self.deadline = deadline;
        self.state = State::New;
    }

    /// Says which line waits, where that is not the line that made the sleep.
    pub(crate) fn waits_at(&mut self, at: &'static Location<'static>) {
        self.at = at;
    }

    #[track_caller]
    pub(crate) fn poll_named(&mut self, cx: &Context<'_>, what: &'static str) -> Poll<()> {
        match self.state {
            State::Over => Poll::Ready(()),
            State::Yield => {
                self.state = State::Over;
                yield_once(cx);
                Poll::Pending
            }
            State::New => context::with(|kernel| {
                self.arm(kernel, cx, what);
                Poll::Pending
            }),
            State::Armed(key) => context::with(|kernel| self.poll_armed(kernel, key, cx, what)),
        }
    }

    #[track_caller]
    fn arm(&mut self, kernel: &Kernel, cx: &Context<'_>, what: &'static str) {
        context::require_runtime(kernel, what);
        let who = Who::of(kernel, cx);
        let key = kernel
            .timers
            .borrow_mut()
            .arm(self.deadline.0, who, self.at, what);
        self.state = State::Armed(key);
    }

    fn poll_armed(
        &mut self,
        kernel: &Kernel,
        key: TimerKey,
        cx: &Context<'_>,
        what: &'static str,
    ) -> Poll<()> {
        let known = kernel
            .timers
            .borrow_mut()
            .get_mut(key)
            .map(|timer| timer.who.is(kernel, cx));
        match known {
            Some(true) => Poll::Pending,
            Some(false) => {
                let mut who = Who::of(kernel, cx);
                if let Some(timer) = kernel.timers.borrow_mut().get_mut(key) {
                    std::mem::swap(&mut timer.who, &mut who);
                }
                Poll::Pending
            }
            // It expired, unless the runtime that it was armed in has ended since.
            None if kernel.clock.last() >= self.deadline.0 => {
                self.state = State::Over;
                kernel.resumed.set(Some(self.at));
                Poll::Ready(())
            }
            None => {
                self.arm(kernel, cx, what);
                Poll::Pending
            }
        }
    }

    fn disarm(&mut self) {
        if let State::Armed(key) = self.state {
            let timer = context::try_with(|kernel| kernel.timers.borrow_mut().disarm(key));
            drop(timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_named(cx, "sleep")
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// Bounds a future by a time limit.
///
/// The future is polled first: a value that is ready wins, and a limit of zero polls it once. When
/// the time is up the future is dropped before the error is returned.
///
/// asyncio counterpart: `asyncio.wait_for`. Differences: of two nested limits with the same
/// deadline the inner one reports; the time counts from this call.
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
    let deadline = from_now(duration, "timeout");
    Timeout::new(deadline, future, Location::caller())
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
            sleep: Sleep {
                deadline,
                state: State::New,
                at,
            },
        }
    }

    /// When the time is up.
    pub fn when(&self) -> Instant {
        self.sleep.deadline
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
        let up = match this.sleep.state {
            State::New => {
                let reached = context::with(|kernel| {
                    // A limit that has passed polls the future once and arms nothing.
                    this.sleep.deadline.0 <= kernel.clock.last()
                        && this.sleep.deadline.0 <= kernel.clock.now()
                });
                reached || this.sleep.poll_named(cx, "timeout").is_ready()
            }
            _ => this.sleep.poll_named(cx, "timeout").is_ready(),
        };
        if up {
            this.sleep.disarm();
            this.sleep.state = State::Over;
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
/// *Strict*.
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
pub(crate) fn yield_once(cx: &Context<'_>) {
    let own = context::try_with(|kernel| {
        let own = kernel.is_own(cx.waker());
        if own {
            kernel.note(notes::YIELDED);
        }
        own
    });
    if own != Some(true) {
        cx.waker().wake_by_ref();
    }
}
