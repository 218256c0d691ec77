//! Timeouts: a future that has to be ready in time, or is dropped.

use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::alarm::Alarm;
use super::instant::Instant;
use crate::runtime::kernel::ThisThread;
use crate::runtime::kernel::polling;

/// Bounds a future by a time limit.
///
/// The future is polled first: a value that is ready wins, and a limit of zero polls it once. When
/// the time is up the future is dropped before the error is returned. A task behind a handle goes on.
///
/// asyncio counterpart: `asyncio.wait_for`. Differences: that cancels a task that it waits for; of two
/// nested limits with the same deadline the inner one reports; the time counts from this call, unless
/// there is no runtime on this thread yet.
///
/// # Cancel safety
///
/// That of the future inside.
///
/// # Errors
///
/// [`Elapsed`] when the time is up first. Of two limits in a row that are up at once, the second lets every
/// other ready task run before it says so.
///
/// # Panics
///
/// When polled without a runtime on this thread.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
/// let forever = std::future::pending::<()>();
/// assert!(turnwise::timeout(Duration::from_secs(1), forever).await.is_err());
/// # });
/// ```
#[track_caller]
#[doc(alias = "wait_for")]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout::new(TimeLimit::after(duration), future)
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
/// When polled without a runtime on this thread.
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout::new(TimeLimit::until(deadline), future)
}

/// A time limit that everything that shares it can move: another task, or the future that it bounds.
///
/// [`timeout`] has one of its own, which only its owner can move.
///
/// asyncio counterpart: what `async with asyncio.timeout(…) as limit` binds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use turnwise::time::{Instant, TimeLimit};
///
/// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
/// let limit = TimeLimit::after(Duration::from_secs(1));
/// let work = async {
///     turnwise::sleep(Duration::from_millis(900)).await;
///     // The first half is done: the second has its own second.
///     limit.reschedule(Instant::now() + Duration::from_secs(1)).unwrap();
///     turnwise::sleep(Duration::from_millis(900)).await;
/// };
/// assert!(limit.timeout(work).await.is_ok());
/// # });
/// ```
pub struct TimeLimit {
    alarm: Alarm,
    stage: Cell<Stage>,
    _thread: ThisThread,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Free,
    /// A future is bounded by it.
    Taken,
    /// The time was up, and the future was dropped.
    Expired,
    /// The `Timeout` has returned that.
    Reported,
}

impl TimeLimit {
    /// A limit of `duration` from now, or from the first poll if there is no runtime yet.
    #[track_caller]
    pub fn after(duration: Duration) -> Self {
        TimeLimit::new(Alarm::after(duration, Location::caller()))
    }

    /// A limit until `deadline`.
    #[track_caller]
    pub fn until(deadline: Instant) -> Self {
        TimeLimit::new(Alarm::until(deadline, Location::caller()))
    }

    fn new(alarm: Alarm) -> Self {
        TimeLimit {
            alarm,
            stage: Cell::new(Stage::Free),
            _thread: ThisThread::new(),
        }
    }

    /// Bounds a future; see [`timeout`](timeout()).
    ///
    /// # Cancel safety
    ///
    /// That of the future inside. Dropped before the time is up, it leaves the limit free for another.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time is up first.
    ///
    /// # Panics
    ///
    /// When the limit bounds another future, or has expired; when polled without a runtime on this thread.
    #[track_caller]
    pub fn timeout<F: Future>(&self, future: F) -> Timeout<F, &TimeLimit> {
        let stage = self.stage.replace(Stage::Taken);
        assert!(
            stage == Stage::Free,
            "a time limit bounds one future at a time, until it expires; make one for each"
        );
        Timeout::new(self, future)
    }

    /// When the time is up.
    pub fn when(&self) -> Instant {
        self.alarm.deadline()
    }

    /// Whether the time was up and the future was dropped.
    pub fn expired(&self) -> bool {
        matches!(self.stage.get(), Stage::Expired | Stage::Reported)
    }

    /// Moves the deadline, also while a task waits.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time was already up and the future is gone.
    pub fn reschedule(&self, deadline: Instant) -> Result<(), Elapsed> {
        if self.expired() {
            return Err(Elapsed(()));
        }
        self.alarm.reset(deadline);
        Ok(())
    }

    /// The future that it bounds is gone.
    fn end(&self) {
        self.alarm.disarm();
        if self.stage.get() == Stage::Taken {
            self.stage.set(Stage::Free);
        }
    }
}

impl fmt::Debug for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLimit")
            .field("when", &self.when())
            .field("expired", &self.expired())
            .finish()
    }
}

pin_project! {
    /// The future of [`timeout`], [`timeout_at`] and [`TimeLimit::timeout`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Timeout<F, L: Borrow<TimeLimit> = TimeLimit> {
        // Absent once it was dropped because the time was up.
        #[pin]
        future: Option<F>,
        limit: L,
    }

    impl<F, L: Borrow<TimeLimit>> PinnedDrop for Timeout<F, L> {
        fn drop(this: Pin<&mut Self>) {
            let limit: &TimeLimit = (*this.project().limit).borrow();
            limit.end();
        }
    }
}

impl<F, L: Borrow<TimeLimit>> Timeout<F, L> {
    fn new(limit: L, future: F) -> Self {
        let future = Some(future);
        Timeout { future, limit }
    }

    /// When the time is up.
    pub fn when(&self) -> Instant {
        self.limit.borrow().when()
    }

    /// Whether the time was up and the future was dropped.
    pub fn expired(&self) -> bool {
        self.future.is_none()
    }

    /// Moves the deadline. A task that waits goes on waiting, for the new one. For others to move it, or
    /// the future inside, make a [`TimeLimit`].
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time was already up and the future is gone.
    pub fn reschedule(&self, deadline: Instant) -> Result<(), Elapsed> {
        self.limit.borrow().reschedule(deadline)
    }
}

impl<F: Future, L: Borrow<TimeLimit>> Future for Timeout<F, L> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let limit: &TimeLimit = (*this.limit).borrow();
        match this.future.as_mut().as_pin_mut() {
            Some(future) => {
                if let Poll::Ready(value) = future.poll(cx) {
                    return Poll::Ready(Ok(value));
                }
                ready!(limit.alarm.poll_limit(cx, &"timeout"));
                limit.stage.set(Stage::Expired);
                this.future.set(None);
            }
            None => assert!(
                limit.stage.get() != Stage::Reported,
                "a timeout was polled after it had expired; make a new one"
            ),
        }
        ready!(limit.alarm.poll(cx, &"timeout"));
        polling::note_wait_over();
        limit.stage.set(Stage::Reported);
        Poll::Ready(Err(Elapsed(())))
    }
}

impl<F, L: Borrow<TimeLimit>> fmt::Debug for Timeout<F, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("when", &self.when())
            .field("expired", &self.expired())
            .finish()
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
