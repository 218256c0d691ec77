//! Unix datagram sockets, at a path or an abstract address.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::Location;
use std::path::Path;

use super::datagram::{DatagramRecv, DatagramRecvFrom, DatagramSend, DatagramSendTo, Datagrams};
use super::source::{AsyncFd, Fd};
use super::when_ready::WhenReady;
use crate::runtime::{Readiness, SourceKind};

const KIND: SourceKind = SourceKind::new("Unix datagram socket", "a datagram to");

/// A Unix datagram socket.
///
/// Datagrams are neither lost nor reordered; a sender waits while the receiver's queue is full. What
/// does not fit into the receiver's buffer is cut off.
///
/// asyncio counterpart: `loop.create_datagram_endpoint` with `AF_UNIX`.
///
/// # Examples
///
/// ```
/// use turnwise::io::UnixDatagram;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (a, b) = UnixDatagram::pair()?;
///     a.send(b"one").await?;
///     a.send(b"two").await?;
///     let mut buffer = [0; 64];
///     assert_eq!(b.recv(&mut buffer).await?, 3);
///     assert_eq!(&buffer[..3], b"one");
///     Ok(())
/// })
/// # }
/// ```
pub struct UnixDatagram {
    source: AsyncFd<Fd<net::UnixDatagram>>,
}

impl UnixDatagram {
    /// Binds to a path, where nothing may be yet.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        UnixDatagram::from_std(net::UnixDatagram::bind(path)?)
    }

    /// Binds to an address, which may be an abstract one.
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
        UnixDatagram::from_std(net::UnixDatagram::bind_addr(address)?)
    }

    /// A socket without an address: it can send, and be connected.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        UnixDatagram::from_std(net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected with each other.
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
        let (a, b) = net::UnixDatagram::pair()?;
        Ok((UnixDatagram::from_std(a)?, UnixDatagram::from_std(b)?))
    }

    /// Registers a socket of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let source = AsyncFd::new_at(Fd(socket), &KIND, Location::caller())?;
        Ok(UnixDatagram { source })
    }

    /// Takes the socket off the reactor and makes it blocking again, as the standard library expects it. That
    /// also holds for every other handle of its description, by `dup` or in another process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        Ok(self.source.into_blocking()?.0)
    }

    /// Chooses the one peer that [`send`](UnixDatagram::send) sends to and that is heard.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.socket().connect(path)
    }

    /// As [`connect`](UnixDatagram::connect), with an address, which may be an abstract one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.socket().connect_addr(address)
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn send<'a>(&'a self, bytes: &'a [u8]) -> DatagramSend<'a, SocketAddr> {
        DatagramSend::new(self, bytes)
    }

    /// Sends a datagram to the socket at an address, which may be an abstract one. For a path, use
    /// [`SocketAddr::from_pathname`].
    ///
    /// The system tells only a connected socket when the receiver has room again. This tries again and
    /// again, at most every 100 µs and at least every 10 ms; to be woken, [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn send_to<'a>(
        &'a self,
        bytes: &'a [u8],
        to: SocketAddr,
    ) -> DatagramSendTo<'a, SocketAddr> {
        DatagramSendTo::new(self, bytes, to)
    }

    /// Receives a datagram.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> DatagramRecv<'a, SocketAddr> {
        DatagramRecv::new(self, buffer)
    }

    /// Receives a datagram and returns its sender's address.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buffer: &'a mut [u8]) -> DatagramRecvFrom<'a, SocketAddr> {
        DatagramRecvFrom::new(self, buffer, false)
    }

    /// Waits until receiving would not block; see [`AsyncFd::readable`].
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

    /// Waits until sending would not block; see [`AsyncFd::writable`].
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

    /// Ends receiving, sending or both.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket().shutdown(how)
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// The address of the connected peer.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    fn socket(&self) -> &net::UnixDatagram {
        &self.source.get_ref().0
    }
}

impl Datagrams for UnixDatagram {
    type Address = SocketAddr;

    fn readiness(&self) -> &Readiness {
        self.source.readiness()
    }

    fn hears_of_room(&self) -> bool {
        false
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket().recv(buffer)
    }

    fn try_recv_from(&self, buffer: &mut [u8], _: bool) -> io::Result<(usize, SocketAddr)> {
        self.socket().recv_from(buffer)
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket().send(bytes)
    }

    fn try_send_to(&self, bytes: &[u8], to: &SocketAddr) -> io::Result<usize> {
        self.socket().send_to_addr(bytes, to)
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket().fmt(f)
    }
}
