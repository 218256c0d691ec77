//! Waiting until an operation on a source is worth trying, and trying it.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::runtime::{Direction, Readiness, Wait, Way, spend_io, yield_once};

/// The future of [`Source::readable`](super::Source::readable) and its like on streams, sockets and
/// listeners: waits until trying is worth while.
///
/// # Cancel safety
///
/// *Strict*.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Ready<'a> {
    readiness: &'a Readiness,
    way: Way,
    wait: Option<Wait<'a, Direction>>,
    at: &'static Location<'static>,
}

impl<'a> Ready<'a> {
    /// Waits on behalf of another line.
    pub(crate) fn new(readiness: &'a Readiness, way: Way, at: &'static Location<'static>) -> Self {
        Ready {
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
            ready!(Pin::new(&mut *self).poll(cx))?;
            ready!(spend(cx));
            if let Some(result) = try_once(self.direction(), &mut op) {
                return Poll::Ready(result);
            }
        }
    }
}

impl Future for Ready<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let direction = this.direction();
        loop {
            if this.readiness.orphaned.get() {
                return Poll::Ready(Err(orphaned()));
            }
            if direction.ready.get() {
                this.wait = None;
                return Poll::Ready(Ok(()));
            }
            let wait = this.wait.get_or_insert_with(|| direction.wait(this.at));
            ready!(Pin::new(wait).poll(cx));
            this.wait = None;
        }
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("way", &self.way)
            .field("wait", &self.wait)
            .finish()
    }
}

/// As [`Ready::attempt`], for the poll-style traits.
pub(crate) fn poll_attempt<R>(
    readiness: &Readiness,
    way: Way,
    cx: &mut Context<'_>,
    mut op: impl FnMut() -> io::Result<R>,
) -> Poll<io::Result<R>> {
    let direction = readiness.way(way);
    loop {
        if readiness.orphaned.get() {
            return Poll::Ready(Err(orphaned()));
        }
        ready!(direction.poll_ready(cx));
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
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                direction.ready.set(false);
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
