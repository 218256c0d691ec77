//! Unix stream listeners, at a path or an abstract address.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use mio::Interest;

use super::accept::{Accepting, Acceptor};
use super::unix::UnixStream;
use crate::runtime::SourceKind;

const KIND: SourceKind =
    SourceKind::new("Unix listener", "a connection to").with_interest(Interest::READABLE);

/// A socket that accepts Unix stream connections.
///
/// asyncio counterpart: `asyncio.start_unix_server`. The file at its path stays when it is dropped.
pub struct UnixListener {
    acceptor: Acceptor<mio::net::UnixListener>,
}

impl UnixListener {
    /// Listens at a path, where nothing may be yet: asyncio would remove a socket that is left there.
    ///
    /// # Errors
    ///
    /// What the system says; `AddrInUse` where there is something already.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        UnixListener::new(mio::net::UnixListener::bind(path)?, Location::caller())
    }

    /// As [`bind`](UnixListener::bind), but a socket that is left there and that nothing listens at any more is removed
    /// first. Two programs that do so at the same time may take the path from each other: hold a lock file where that
    /// can be.
    ///
    /// asyncio counterpart: `start_unix_server`, which removes a socket that another program listens at, too.
    ///
    /// # Errors
    ///
    /// What the system says; `AddrInUse` where another program listens, or where there is something else than a socket.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn take_over(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        // A datagram does for the question: a listener is of another type, and refuses it otherwise than none does.
        let is_left = || {
            if !std::fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket()) {
                return false;
            }
            let asked = net::UnixDatagram::unbound().and_then(|asks| asks.connect(path));
            asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        if is_left() {
            std::fs::remove_file(path)?;
        }
        UnixListener::bind(path)
    }

    /// Listens at an address, which may be an abstract one.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        UnixListener::new(
            mio::net::UnixListener::bind_addr(address)?,
            Location::caller(),
        )
    }

    /// Registers a listener of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        UnixListener::new(
            mio::net::UnixListener::from_std(listener),
            Location::caller(),
        )
    }

    /// Takes the listener off the reactor and makes it blocking again, as the standard library expects it. That
    /// also holds for every other handle of its description, by `dup` or in another process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        Ok(self.acceptor.source.into_blocking()?.into())
    }

    #[track_caller]
    fn new(listener: mio::net::UnixListener, at: &'static Location<'static>) -> io::Result<Self> {
        let acceptor = Acceptor::new(listener, &KIND, at)?;
        Ok(UnixListener { acceptor })
    }

    /// Waits for the next connection; see [`TcpListener::accept`](super::TcpListener::accept).
    ///
    /// # Cancel safety
    ///
    /// *Strict*: no connection is lost.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn accept(&self) -> UnixAccept<'_> {
        UnixAccept {
            listener: self,
            accepting: self.acceptor.accepting(),
        }
    }

    /// The connections as a stream that never ends.
    #[track_caller]
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming {
            accept: self.accept(),
        }
    }

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.acceptor.source.get_ref().local_addr()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.acceptor.source.get_ref().as_fd()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.acceptor.fmt(f)
    }
}

/// The future of [`UnixListener::accept`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct UnixAccept<'a> {
    listener: &'a UnixListener,
    accepting: Accepting<'a>,
}

impl Future for UnixAccept<'_> {
    type Output = io::Result<(UnixStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let listener = this.listener.acceptor.source.get_ref();
        let (stream, peer) = ready!(this.accepting.poll(cx, || listener.accept()))?;
        let accepted = UnixStream::new(stream, this.accepting.at);
        Poll::Ready(accepted.map(|stream| (stream, peer)))
    }
}

impl fmt::Debug for UnixAccept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixAccept")
            .field("listener", &self.listener)
            .finish()
    }
}

/// The stream of [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless they are polled"]
pub struct UnixIncoming<'a> {
    accept: UnixAccept<'a>,
}

impl Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = ready!(Pin::new(&mut self.accept).poll(cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}
