//! Unix streams, at a path or an abstract address.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;

use rustix::net::{RecvFlags, ReturnFlags, recvmsg};

use super::flow::{self, Flow, StreamRead, StreamWrite};
use super::read_bytes::read_methods;
use super::send_stream::into_send_method;
use super::source::{AsyncFd, STREAM};
use super::steps::Steps;
use super::when_ready::{Trial, WhenReady};
use super::write_bytes::write_all_method;
use crate::runtime::{Readiness, SourceKind, Way};

const KIND: SourceKind = SourceKind::new("Unix stream", "bytes from").with_interest(STREAM);

/// A Unix stream connection.
///
/// asyncio counterpart: the pair of `asyncio.open_unix_connection`.
///
/// # Examples
///
/// ```
/// use turnwise::io::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (a, b) = UnixStream::pair()?;
///     a.write(b"hello").await?;
///     let mut buffer = [0; 64];
///     let count = b.read(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"hello");
///     Ok(())
/// })
/// # }
/// ```
pub struct UnixStream {
    source: AsyncFd<mio::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the listener at a path.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `WouldBlock` where the listener's line is full.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn connect(path: impl AsRef<Path>) -> Steps<Self> {
        let (address, at) = (SocketAddr::from_pathname(path), Location::caller());
        Steps::new(async move { connect(&address?, at).await })
    }

    /// Connects to the listener at an address, which may be an abstract one.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `WouldBlock` where the listener's line is full.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> Steps<Self> {
        let (address, at) = (address.clone(), Location::caller());
        Steps::new(async move { connect(&address, at).await })
    }

    /// Two streams that are connected with each other.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = mio::net::UnixStream::pair()?;
        let at = Location::caller();
        Ok((UnixStream::new(a, at)?, UnixStream::new(b, at)?))
    }

    /// Registers a stream of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        UnixStream::new(mio::net::UnixStream::from_std(stream), Location::caller())
    }

    /// Takes the stream off the reactor and makes it blocking again, as the standard library expects it. That
    /// also holds for every other handle of its description, by `dup` or in another process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        Ok(self.source.into_blocking()?.into())
    }

    #[track_caller]
    pub(crate) fn new(
        stream: mio::net::UnixStream,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        let source = AsyncFd::new_at(stream, &KIND, at)?;
        Ok(UnixStream { source })
    }

    /// Reads what is there, at least one byte, into `buffer`; zero bytes mean the end. Descriptors
    /// that come with the bytes are closed.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `ConnectionReset` if the peer left bytes unread.
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
    /// What the system says; `BrokenPipe` if the peer is gone.
    #[track_caller]
    pub fn write<'a>(&'a self, bytes: &'a [u8]) -> StreamWrite<'a> {
        StreamWrite::new(self, bytes)
    }

    write_all_method!([&]);

    into_send_method!();

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

    /// Runs a system call of your own that reads, such as one that receives descriptors; see
    /// [`AsyncFd::try_read_with`].
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
    /// What the system says.
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
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// The process at the other end, as it was when the two were connected.
    ///
    /// asyncio counterpart: `get_extra_info("socket")` and `SO_PEERCRED`.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[cfg(target_os = "linux")]
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        let peer = rustix::net::sockopt::socket_peercred(self.socket())?;
        Ok(Credentials {
            process: peer.pid.as_raw_nonzero().get() as u32,
            user: peer.uid.as_raw(),
            group: peer.gid.as_raw(),
        })
    }

    /// Takes the socket's pending error (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }

    fn socket(&self) -> &mio::net::UnixStream {
        self.source.get_ref()
    }
}

/// Which process is at the other end of a Unix stream, by the numbers of the system.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The process.
    pub process: u32,
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

async fn connect(address: &SocketAddr, at: &'static Location<'static>) -> io::Result<UnixStream> {
    let stream = UnixStream::new(mio::net::UnixStream::connect_addr(address)?, at)?;
    Trial::new(stream.source.readiness(), Way::Write, at)
        .worth()
        .await?;
    match stream.socket().take_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

impl Flow for UnixStream {
    fn readiness(&self) -> &Readiness {
        self.source.readiness()
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_read_vectored(&mut [IoSliceMut::new(buffer)])
    }

    /// A read ends where descriptors or credentials came along, which makes it short although more
    /// is left. Only `recvmsg` tells.
    fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut control = Default::default();
        let received = recvmsg(self.as_fd(), buffers, &mut control, RecvFlags::empty())?;
        if received.flags.contains(ReturnFlags::CTRUNC) {
            self.readiness().way(Way::Read).doubt();
        }
        Ok(received.bytes)
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

flow::impl_async_read!(UnixStream: UnixStream, &UnixStream);
flow::impl_async_write!(UnixStream: UnixStream, &UnixStream);
flow::impl_into_stdio!(UnixStream);

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket().fmt(f)
    }
}
