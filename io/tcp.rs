//! TCP streams.
//!
//! Methods take `&self`: two tasks can read and write the same stream by sharing a reference or an
//! `Rc`, and there is no type for a half. For the traits of `futures-io`, which take `&mut self`,
//! use `&mut &stream`.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::dns::{ToSocketAddrs, resolve};
use super::flow::{self, Flow, StreamRead, StreamWrite};
use super::read_bytes::read_methods;
use super::send_stream::into_send_method;
use super::source::{AsyncFd, STREAM};
use super::stagger::staggered;
use super::steps::Steps;
use super::when_ready::{Trial, WhenReady};
use super::write_bytes::write_all_method;
use crate::runtime::{Readiness, SourceKind, Way, has_virtual_clock};

const KIND: SourceKind = SourceKind::new("TCP stream", "bytes from").with_interest(STREAM);

/// A TCP connection.
///
/// asyncio counterpart: the pair of `asyncio.open_connection`. Differences: nothing is buffered
/// (wrap it in a [`StreamReader`](super::StreamReader) or [`split`](super::split) it), a write waits until the system
/// takes it, and small writes are sent at once only after [`set_nodelay`](TcpStream::set_nodelay). On a virtual clock
/// that is on from the start: such a clock does not wait for the 40 ms that the system may hold a small write back.
///
/// # Examples
///
/// ```
/// use turnwise::io::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     client.write_all(b"hello").await?;
///     drop(client);
///     let mut text = String::new();
///     server.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
///     Ok(())
/// })
/// # }
/// ```
pub struct TcpStream {
    source: AsyncFd<mio::net::TcpStream>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers. A name is looked up off the loop.
    ///
    /// Addresses of both families are tried by turns. One that has not answered after 250 ms, or has failed, does not
    /// hold the next one up (RFC 8305); when one answers, the others are given up.
    ///
    /// asyncio counterpart: `open_connection` with `happy_eyeballs_delay=0.25`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: the attempt is given up and its socket closed.
    ///
    /// # Errors
    ///
    /// What the address said that failed last; `ConnectionRefused` where no socket listens.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn connect(addresses: impl ToSocketAddrs) -> Steps<Self> {
        let (addresses, at) = (addresses.to_addresses(), Location::caller());
        Steps::new(async move {
            let addresses = resolve(addresses, at).await?;
            staggered(addresses, at, |address| connect(address, at)).await
        })
    }

    /// Registers a connection of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        TcpStream::new(mio::net::TcpStream::from_std(stream), Location::caller())
    }

    /// Takes the connection off the reactor and makes it blocking again, as the standard library expects it. That
    /// also holds for every other handle of its description, by `dup` or in another process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        Ok(self.source.into_blocking()?.into())
    }

    #[track_caller]
    pub(crate) fn new(
        stream: mio::net::TcpStream,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        let source = AsyncFd::new_at(stream, &KIND, at)?;
        if has_virtual_clock() {
            // The system may hold a small write back for 40 ms, for which virtual time does not wait. Where this is
            // refused the connection is gone, as the next use of it says.
            let _ = source.get_ref().set_nodelay(true);
        }
        Ok(TcpStream { source })
    }

    /// Reads what is there, at least one byte, into `buffer`; zero bytes mean the end.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `ConnectionReset` if the peer broke the connection off.
    #[track_caller]
    pub fn read<'a>(&'a self, buffer: &'a mut [u8]) -> StreamRead<'a> {
        StreamRead::new(self, buffer)
    }

    read_methods!([&]);

    /// Writes as much of `bytes` as the system takes, at least one byte, and returns how much.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `BrokenPipe` or `ConnectionReset` if the peer is gone.
    #[track_caller]
    pub fn write<'a>(&'a self, bytes: &'a [u8]) -> StreamWrite<'a> {
        StreamWrite::new(self, bytes)
    }

    write_all_method!([&]);

    into_send_method!();

    /// Reads into `buffer` and leaves the bytes where they are, for the next read.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// As for [`read`](TcpStream::read).
    #[track_caller]
    pub fn peek<'a>(&'a self, buffer: &'a mut [u8]) -> TcpPeek<'a> {
        TcpPeek {
            trial: self.source.trial(Way::Read),
            stream: self,
            buffer,
        }
    }

    /// Waits until reading would not block; see [`AsyncFd::readable`].
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
        self.source.readable()
    }

    /// Waits until writing would not block; see [`AsyncFd::writable`].
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
        self.source.writable()
    }

    /// Runs a system call of your own that reads; see [`AsyncFd::try_read_with`].
    ///
    /// # Errors
    ///
    /// Those of `op`.
    pub fn try_read_with<R>(&self, mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.source.try_read_with(|_| op())
    }

    /// Runs a system call of your own that writes; see [`AsyncFd::try_write_with`].
    ///
    /// # Errors
    ///
    /// Those of `op`.
    pub fn try_write_with<R>(&self, mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.source.try_write_with(|_| op())
    }

    /// Ends reading, writing or both; the peer sees the end of the stream once writing has ended.
    ///
    /// # Errors
    ///
    /// What the system says; `NotConnected` if the connection is gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket().shutdown(how)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// What the system says; `NotConnected` if the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket().nodelay()
    }

    /// Sends small writes at once (`TCP_NODELAY`) instead of waiting for more.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket().set_nodelay(nodelay)
    }

    /// The number of networks that a packet may cross.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().ttl()
    }

    /// Sets the number of networks that a packet may cross.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_ttl(ttl)
    }

    /// Takes the socket's pending error (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }

    fn socket(&self) -> &mio::net::TcpStream {
        self.source.get_ref()
    }
}

/// Connects to one address.
async fn connect(address: SocketAddr, at: &'static Location<'static>) -> io::Result<TcpStream> {
    connected(mio::net::TcpStream::connect(address)?, at).await
}

/// Waits until a socket is connected that has begun to connect.
pub(crate) async fn connected(
    stream: mio::net::TcpStream,
    at: &'static Location<'static>,
) -> io::Result<TcpStream> {
    let stream = TcpStream::new(stream, at)?;
    let readiness = stream.source.readiness();
    readiness.way(Way::Write).blocks();
    loop {
        Trial::new(readiness, Way::Write, at).worth().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                readiness.way(Way::Write).blocks();
            }
            connected => return connected.map(|_| stream),
        }
    }
}

impl Flow for TcpStream {
    fn readiness(&self) -> &Readiness {
        self.source.readiness()
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket().read(buffer)
    }

    fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket().read_vectored(buffers)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket().write(bytes)
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket().write_vectored(slices)
    }

    fn close(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

flow::impl_async_read!(TcpStream: TcpStream, &TcpStream);
flow::impl_async_write!(TcpStream: TcpStream, &TcpStream);
flow::impl_into_stdio!(TcpStream);

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket().fmt(f)
    }
}

/// The future of [`TcpStream::peek`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct TcpPeek<'a> {
    stream: &'a TcpStream,
    buffer: &'a mut [u8],
    trial: Trial<'a>,
}

impl Future for TcpPeek<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.trial
            .attempt(cx, || this.stream.socket().peek(this.buffer))
    }
}

impl fmt::Debug for TcpPeek<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpPeek")
            .field("ready", &self.trial)
            .finish()
    }
}
