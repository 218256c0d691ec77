//! Waiting until an operation on a source is worth trying, and trying it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::runtime::{Courtesy, Direction, Readiness, Wait, Way, spend_io, yield_once};

/// The future of [`AsyncFd::readable`](super::AsyncFd::readable) and its like on streams and sockets:
/// waits until the system says that an operation would not block.
///
/// It is over at once only if the system has been asked. Of two such waits in a row the second lets
/// every other ready task run first.
///
/// # Cancel safety
///
/// *Strict*.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct WhenReady<'a> {
    trial: Trial<'a>,
    fd: BorrowedFd<'a>,
    courtesy: Courtesy,
}

impl<'a> WhenReady<'a> {
    #[track_caller]
    pub(crate) fn new(readiness: &'a Readiness, way: Way, fd: BorrowedFd<'a>) -> Self {
        WhenReady {
            trial: Trial::new(readiness, way, Location::caller()),
            fd,
            courtesy: Courtesy::default(),
        }
    }
}

impl Future for WhenReady<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let direction = this.trial.direction();
        loop {
            let waited = ready!(this.trial.poll_worth(cx))?;
            if waited && direction.use_news() {
                break;
            }
            // What is known is an assumption, or other code may have made use of it.
            ready!(this.courtesy.poll(cx));
            if is_ready_now(this.fd, this.trial.way)? {
                break;
            }
            direction.blocks();
        }
        this.courtesy.over();
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for WhenReady<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trial.debug_as("WhenReady", f)
    }
}

/// Asks the system whether an operation would not block. An error of the descriptor is for the operation
/// to report.
pub(crate) fn is_ready_now(fd: BorrowedFd<'_>, way: Way) -> io::Result<bool> {
    const NOW: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let events = match way {
        Way::Read => PollFlags::IN,
        Way::Write => PollFlags::OUT,
    };
    Ok(poll(&mut [PollFd::new(&fd, events)], Some(&NOW))? > 0)
}

/// Tries an operation each time it may succeed. The first time that is assumed: trying tells as much as
/// asking does.
pub(crate) struct Trial<'a> {
    readiness: &'a Readiness,
    way: Way,
    wait: Option<Wait<'a, Direction>>,
    at: &'static Location<'static>,
}

impl<'a> Trial<'a> {
    /// Waits on behalf of another line.
    pub(crate) fn new(readiness: &'a Readiness, way: Way, at: &'static Location<'static>) -> Self {
        Trial {
            readiness,
            way,
            wait: None,
            at,
        }
    }

    /// The direction that it waits for.
    pub(crate) fn direction(&self) -> &'a Direction {
        self.readiness.way(self.way)
    }

    /// Tries `op` each time it is worth while, until it does not block.
    pub(crate) fn attempt<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut op: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.poll_worth(cx))?;
            ready!(spend(cx));
            if let Some(result) = try_once(self.direction(), &mut op) {
                return Poll::Ready(result);
            }
        }
    }

    /// Waits until an operation may succeed. Returns whether the system said so since the wait began.
    pub(crate) fn poll_worth(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let direction = self.direction();
        loop {
            if self.readiness.is_orphaned() {
                return Poll::Ready(Err(orphaned()));
            }
            if direction.is_worth_trying() {
                return Poll::Ready(Ok(self.wait.take().is_some()));
            }
            let wait = || self.readiness.wait(self.way, self.at);
            let wait = self.wait.get_or_insert_with(wait);
            ready!(Pin::new(wait).poll(cx));
            if !direction.is_worth_trying() {
                self.wait = None;
            }
        }
    }

    /// As [`poll_worth`](Trial::poll_worth).
    pub(crate) async fn worth(mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_worth(cx)).await.map(drop)
    }

    fn debug_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("way", &self.way)
            .field("wait", &self.wait)
            .finish()
    }
}

impl fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug_as("Trial", f)
    }
}

/// As [`Trial::attempt`], for the poll-style traits.
pub(crate) fn poll_attempt<R>(
    readiness: &Readiness,
    way: Way,
    cx: &mut Context<'_>,
    mut op: impl FnMut() -> io::Result<R>,
) -> Poll<io::Result<R>> {
    let direction = readiness.way(way);
    loop {
        if readiness.is_orphaned() {
            return Poll::Ready(Err(orphaned()));
        }
        ready!(readiness.poll_ready(way, cx));
        ready!(spend(cx));
        if let Some(result) = try_once(direction, &mut op) {
            return Poll::Ready(result);
        }
    }
}

/// Counts an operation; a task that has had its share of them yields.
fn spend(cx: &Context<'_>) -> Poll<()> {
    if spend_io() {
        return Poll::Ready(());
    }
    yield_once(cx);
    Poll::Pending
}

/// Tries `op`, and notes that the direction is not ready if it would block.
pub(crate) fn try_once<R>(
    direction: &Direction,
    op: &mut impl FnMut() -> io::Result<R>,
) -> Option<io::Result<R>> {
    direction.use_news();
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                direction.blocks();
                return None;
            }
            result => return Some(result),
        }
    }
}

#[cold]
fn orphaned() -> io::Error {
    io::Error::other("the runtime that this was registered with has ended; register it again")
}
