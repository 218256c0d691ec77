//! Anything that can be registered with the reactor, awaited.
//!
//! ```text
//!   ready? ──yes──▶ try ──▶ done
//!     ▲ no           │ would block: not ready any more
//!     └──── wait ◀───┘
//! ```
//!
//! # Implementation
//!
//! Registered once, edge-triggered, for both directions. What is known of a direction is cached:
//! no system call is made to learn that there is nothing. A task that never has to wait yields
//! after 128 operations in one poll, and after fewer where others are ready, so that a fast peer cannot starve
//! the rest.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, event};

use super::when_ready::{self, Trial, WhenReady};
use crate::runtime::{Readiness, SourceKind, Way, deregister, register};

/// What is known of a foreign descriptor.
const KIND: SourceKind = SourceKind::new("descriptor", "a readable");

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// What a byte stream over a socket is registered for. A read stops at urgent data, which makes it short
/// although more is left.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const STREAM: Interest = BOTH.add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const STREAM: Interest = BOTH;

/// A `mio` source or a descriptor, registered with this thread's reactor.
///
/// The source must be non-blocking. Dropping it takes it off the reactor; the source itself is
/// dropped with it, unless [`into_inner`](AsyncFd::into_inner) takes it out.
///
/// asyncio counterpart: `loop.add_reader` and `loop.add_writer`, as futures.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use turnwise::io::AsyncFd;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (mut tx, rx) = std::os::unix::net::UnixStream::pair()?;
///     rx.set_nonblocking(true)?;
///     let source = AsyncFd::from_fd(rx)?;
///     tx.write_all(b"hello")?;
///     let mut buffer = [0; 16];
///     let read = source.read_with(|rx| (&rx.0).read(&mut buffer)).await?;
///     assert_eq!(&buffer[..read], b"hello");
///     Ok(())
/// })
/// # }
/// ```
pub struct AsyncFd<S: event::Source> {
    /// Absent only while it is being taken out.
    inner: Option<S>,
    readiness: Rc<Readiness>,
}

impl<S: event::Source> AsyncFd<S> {
    /// Registers a source for reading and writing.
    ///
    /// # Errors
    ///
    /// What the system says: no more descriptors, or a kind of file that it cannot watch.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn new(source: S) -> io::Result<Self> {
        AsyncFd::new_at(source, &KIND, Location::caller())
    }

    /// As [`new`](AsyncFd::new), for a source of a known kind, on behalf of another line.
    #[track_caller]
    pub(crate) fn new_at(
        mut source: S,
        kind: &'static SourceKind,
        made: &'static Location<'static>,
    ) -> io::Result<Self> {
        let readiness = register(&mut source, kind, made)?;
        Ok(AsyncFd {
            inner: Some(source),
            readiness,
        })
    }

    pub(crate) fn readiness(&self) -> &Rc<Readiness> {
        &self.readiness
    }

    /// The source.
    ///
    /// # Panics
    ///
    /// Never: the source is there until it is taken out by value.
    pub fn get_ref(&self) -> &S {
        self.inner
            .as_ref()
            .expect("a source is there until it is taken out by value")
    }

    /// Takes the source off the reactor and returns it as it is.
    ///
    /// # Panics
    ///
    /// Never: the source is there until it is taken out by value.
    pub fn into_inner(mut self) -> S {
        let mut source = self.inner.take().expect("a source is taken out once");
        deregister(&mut source, &self.readiness);
        source
    }

    /// Tries `op`, and again each time the source is readable, until it does not block.
    ///
    /// # Cancel safety
    ///
    /// *Strict*, if `op` does nothing when it would block: it is either done or was not done.
    ///
    /// # Errors
    ///
    /// Those of `op`, except `WouldBlock` and `Interrupted`.
    #[track_caller]
    pub fn read_with<R, F>(&self, op: F) -> Op<'_, S, F>
    where
        F: FnMut(&S) -> io::Result<R>,
    {
        Op {
            source: self,
            op,
            trial: self.trial(Way::Read),
        }
    }

    /// Tries `op`, and again each time the source is writable, until it does not block.
    ///
    /// # Cancel safety
    ///
    /// *Strict*, if `op` does nothing when it would block: it is either done or was not done.
    ///
    /// # Errors
    ///
    /// Those of `op`, except `WouldBlock` and `Interrupted`.
    #[track_caller]
    pub fn write_with<R, F>(&self, op: F) -> Op<'_, S, F>
    where
        F: FnMut(&S) -> io::Result<R>,
    {
        Op {
            source: self,
            op,
            trial: self.trial(Way::Write),
        }
    }

    /// Tries `op` now, unless it is known that it would block.
    ///
    /// # Errors
    ///
    /// Those of `op`, except `Interrupted`; `WouldBlock` sends the next
    /// [`readable`](AsyncFd::readable) to sleep.
    pub fn try_read_with<R>(&self, op: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.try_with(Way::Read, op)
    }

    /// Tries `op` now, unless it is known that it would block.
    ///
    /// # Errors
    ///
    /// Those of `op`, except `Interrupted`; `WouldBlock` sends the next
    /// [`writable`](AsyncFd::writable) to sleep.
    pub fn try_write_with<R>(&self, op: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.try_with(Way::Write, op)
    }

    fn try_with<R>(&self, way: Way, mut op: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        let direction = self.readiness.way(way);
        let tried = if direction.is_worth_trying() {
            when_ready::try_once(direction, &mut || op(self.get_ref()))
        } else {
            None
        };
        tried.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    #[track_caller]
    pub(crate) fn trial(&self, way: Way) -> Trial<'_> {
        Trial::new(&self.readiness, way, Location::caller())
    }
}

impl<S: event::Source + AsFd> AsyncFd<S> {
    /// Waits until reading would not block.
    ///
    /// The answer is the system's: unless an event has just said so, it is asked, with one call that does not
    /// wait. So it does not matter which task reads, and what is left unread makes the next wait end again. Of two
    /// waits in a row that need not wait, the second lets every other ready task run first.
    ///
    /// asyncio counterpart: `loop.add_reader`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// When the runtime that it was registered with has ended.
    #[track_caller]
    pub fn readable(&self) -> WhenReady<'_> {
        WhenReady::new(&self.readiness, Way::Read, self.as_fd())
    }

    /// Waits until writing would not block, in the same way as [`readable`](AsyncFd::readable).
    ///
    /// asyncio counterpart: `loop.add_writer`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// When the runtime that it was registered with has ended.
    #[track_caller]
    pub fn writable(&self) -> WhenReady<'_> {
        WhenReady::new(&self.readiness, Way::Write, self.as_fd())
    }

    /// Takes the source off the reactor and makes it blocking: nothing else leaves by an `into_std`.
    pub(crate) fn into_blocking(self) -> io::Result<S> {
        let source = self.into_inner();
        rustix::io::ioctl_fionbio(&source, false)?;
        Ok(source)
    }
}

impl<T: AsFd> AsyncFd<Fd<T>> {
    /// Registers a descriptor, which must be non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says; a regular file, for example, cannot be watched.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn from_fd(fd: T) -> io::Result<Self> {
        AsyncFd::new(Fd(fd))
    }
}

impl<S: event::Source + AsFd> AsFd for AsyncFd<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<S: event::Source> Drop for AsyncFd<S> {
    fn drop(&mut self) {
        if let Some(source) = &mut self.inner {
            deregister(source, &self.readiness);
        }
    }
}

impl<S: event::Source + fmt::Debug> fmt::Debug for AsyncFd<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd")
            .field("source", &self.inner)
            .field("readable", &self.readiness.way(Way::Read).is_worth_trying())
            .field(
                "writable",
                &self.readiness.way(Way::Write).is_worth_trying(),
            )
            .finish()
    }
}

/// A descriptor as a `mio` source.
#[derive(Debug)]
pub struct Fd<T>(pub T);

impl<T: AsFd> AsFd for Fd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: AsFd> event::Source for Fd<T> {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_fd().as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_fd().as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_fd().as_raw_fd()).deregister(registry)
    }
}

/// The future of [`AsyncFd::read_with`] and [`AsyncFd::write_with`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Op<'a, S: event::Source, F> {
    source: &'a AsyncFd<S>,
    op: F,
    trial: Trial<'a>,
}

// Nothing in it is pinned; the operation is called, never polled.
impl<S: event::Source, F> Unpin for Op<'_, S, F> {}

impl<S, F, R> Future for Op<'_, S, F>
where
    S: event::Source,
    F: FnMut(&S) -> io::Result<R>,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let this = &mut *self;
        let source = this.source.get_ref();
        this.trial.attempt(cx, || (this.op)(source))
    }
}

impl<S: event::Source, F> fmt::Debug for Op<'_, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Op").field("ready", &self.trial).finish()
    }
}
