//! TCP listeners.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use mio::Interest;

use super::accept::{Accepting, Acceptor};
use super::dns::{ToSocketAddrs, first_that_works, resolve};
use super::steps::Steps;
use super::tcp::TcpStream;
use crate::runtime::SourceKind;

const KIND: SourceKind =
    SourceKind::new("TCP listener", "a connection to").with_interest(Interest::READABLE);

/// A socket that accepts TCP connections.
///
/// asyncio counterpart: `asyncio.start_server`. Difference: you decide what becomes of a
/// connection; spawn a task for each, or as many as you want to serve.
///
/// # Examples
///
/// ```no_run
/// use turnwise::io::{TcpListener, TcpStream};
///
/// async fn serve(stream: TcpStream) { /* … */ }
///
/// #[turnwise::main]
/// async fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("localhost:8000").await?;
///     loop {
///         match listener.accept().await {
///             Ok((stream, _peer)) => drop(turnwise::spawn(serve(stream))),
///             // Out of descriptors, for instance: no reason to end.
///             Err(error) => eprintln!("{error}"),
///         }
///     }
/// }
/// ```
pub struct TcpListener {
    acceptor: Acceptor<mio::net::TcpListener>,
}

impl TcpListener {
    /// Listens at the first of the addresses that can be had; port 0 lets the system choose. A name
    /// is looked up off the loop.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says of the last address; `AddrInUse` where another socket listens already.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn bind(addresses: impl ToSocketAddrs) -> Steps<Self> {
        let (addresses, at) = (addresses.to_addresses(), Location::caller());
        Steps::new(async move {
            let addresses = resolve(addresses, at).await?;
            first_that_works(addresses, async |address| {
                TcpListener::new(mio::net::TcpListener::bind(address)?, at)
            })
            .await
        })
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
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        TcpListener::new(
            mio::net::TcpListener::from_std(listener),
            Location::caller(),
        )
    }

    /// Takes the listener off the reactor and makes it blocking again, as the standard library expects it. That
    /// also holds for every other handle of its description, by `dup` or in another process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        Ok(self.acceptor.source.into_blocking()?.into())
    }

    #[track_caller]
    fn new(listener: mio::net::TcpListener, at: &'static Location<'static>) -> io::Result<Self> {
        let acceptor = Acceptor::new(listener, &KIND, at)?;
        Ok(TcpListener { acceptor })
    }

    /// Waits for the next connection. One that was broken off before it was accepted is skipped.
    ///
    /// When the process has no descriptor left, that is the error, and the connection stays in the
    /// line; the next call waits until this thread closes something, or until 10 ms have passed since
    /// the error. So a loop that notes the error and goes on neither spins nor stalls.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: no connection is lost.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn accept(&self) -> TcpAccept<'_> {
        TcpAccept {
            listener: self,
            accepting: self.acceptor.accepting(),
        }
    }

    /// The connections as a stream that never ends.
    #[track_caller]
    pub fn incoming(&self) -> TcpIncoming<'_> {
        TcpIncoming {
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

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.acceptor.source.get_ref().as_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.acceptor.fmt(f)
    }
}

/// The future of [`TcpListener::accept`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct TcpAccept<'a> {
    listener: &'a TcpListener,
    accepting: Accepting<'a>,
}

impl Future for TcpAccept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let listener = this.listener.acceptor.source.get_ref();
        let (stream, peer) = ready!(this.accepting.poll(cx, || listener.accept()))?;
        let accepted = TcpStream::new(stream, this.accepting.at);
        Poll::Ready(accepted.map(|stream| (stream, peer)))
    }
}

impl fmt::Debug for TcpAccept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpAccept")
            .field("listener", &self.listener)
            .finish()
    }
}

/// The stream of [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless they are polled"]
pub struct TcpIncoming<'a> {
    accept: TcpAccept<'a>,
}

impl Stream for TcpIncoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = ready!(Pin::new(&mut self.accept).poll(cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}
