//! UDP sockets.

use std::fmt;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;

use super::datagram::{DatagramRecv, DatagramRecvFrom, DatagramSend, DatagramSendTo, Datagrams};
use super::dns::{ToSocketAddrs, first_that_works, resolve};
use super::source::AsyncFd;
use super::steps::Steps;
use super::when_ready::WhenReady;
use crate::runtime::{Readiness, SourceKind};

const KIND: SourceKind = SourceKind::new("UDP socket", "a datagram to");

/// A UDP socket.
///
/// A datagram is received whole or cut: what does not fit into the buffer is lost, so give room for
/// the largest you expect (65,507 bytes always suffice).
///
/// asyncio counterpart: `loop.create_datagram_endpoint`. Difference: there is no protocol object
/// that is called; the task that wants a datagram waits for it.
///
/// # Examples
///
/// ```
/// use turnwise::io::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
///     a.send_to(b"hello", b.local_addr()?).await?;
///     let mut buffer = [0; 64];
///     let (count, from) = b.recv_from(&mut buffer).await?;
///     assert_eq!((&buffer[..count], from), (&b"hello"[..], a.local_addr()?));
///     Ok(())
/// })
/// # }
/// ```
pub struct UdpSocket {
    source: AsyncFd<mio::net::UdpSocket>,
}

impl UdpSocket {
    /// Binds to the first of the addresses that can be had; port 0 lets the system choose.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says of the last address.
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
                let socket = mio::net::UdpSocket::bind(address)?;
                let source = AsyncFd::new_at(socket, &KIND, at)?;
                Ok(UdpSocket { source })
            })
            .await
        })
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
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = mio::net::UdpSocket::from_std(socket);
        let source = AsyncFd::new_at(socket, &KIND, Location::caller())?;
        Ok(UdpSocket { source })
    }

    /// Takes the socket off the reactor and makes it blocking again, as the standard library expects it. That
    /// also holds for every other handle of its description, by `dup` or in another process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        Ok(self.source.into_blocking()?.into())
    }

    /// Chooses the one peer that [`send`](UdpSocket::send) sends to and that is heard. Nothing is
    /// sent, and nothing waits.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.socket().connect(peer)
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `ConnectionRefused` is the answer to an earlier datagram.
    #[track_caller]
    pub fn send<'a>(&'a self, bytes: &'a [u8]) -> DatagramSend<'a> {
        DatagramSend::new(self, bytes)
    }

    /// Sends a datagram.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn send_to<'a>(&'a self, bytes: &'a [u8], to: SocketAddr) -> DatagramSendTo<'a> {
        DatagramSendTo::new(self, bytes, to)
    }

    /// Receives a datagram from the connected peer.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `ConnectionRefused` is the answer to an earlier datagram.
    #[track_caller]
    pub fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> DatagramRecv<'a> {
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
    pub fn recv_from<'a>(&'a self, buffer: &'a mut [u8]) -> DatagramRecvFrom<'a> {
        DatagramRecvFrom::new(self, buffer, false)
    }

    /// As [`recv_from`](UdpSocket::recv_from), but leaves the datagram for the next receiver.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn peek_from<'a>(&'a self, buffer: &'a mut [u8]) -> DatagramRecvFrom<'a> {
        DatagramRecvFrom::new(self, buffer, true)
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

    /// Runs a system call of your own that receives; see [`AsyncFd::try_read_with`].
    ///
    /// # Errors
    ///
    /// Those of `op`.
    pub fn try_read_with<R>(&self, mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.source.try_read_with(|_| op())
    }

    /// Runs a system call of your own that sends; see [`AsyncFd::try_write_with`].
    ///
    /// # Errors
    ///
    /// Those of `op`.
    pub fn try_write_with<R>(&self, mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.source.try_write_with(|_| op())
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
    /// `NotConnected`, and what else the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Allows sending to a broadcast address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.socket().set_broadcast(on)
    }

    /// Sets the number of networks that a datagram may cross.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_ttl(ttl)
    }

    /// Joins a multicast group.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket().join_multicast_v4(&group, &interface)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket().leave_multicast_v4(&group, &interface)
    }

    /// Joins a multicast group.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket().join_multicast_v6(&group, interface)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket().leave_multicast_v6(&group, interface)
    }

    fn socket(&self) -> &mio::net::UdpSocket {
        self.source.get_ref()
    }
}

impl Datagrams for UdpSocket {
    type Address = SocketAddr;

    fn readiness(&self) -> &Readiness {
        self.source.readiness()
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket().recv(buffer)
    }

    fn try_recv_from(&self, buffer: &mut [u8], peek: bool) -> io::Result<(usize, SocketAddr)> {
        if peek {
            self.socket().peek_from(buffer)
        } else {
            self.socket().recv_from(buffer)
        }
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket().send(bytes)
    }

    fn try_send_to(&self, bytes: &[u8], to: &SocketAddr) -> io::Result<usize> {
        self.socket().send_to(bytes, *to)
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket().fmt(f)
    }
}
