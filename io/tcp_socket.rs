//! A TCP socket before it is connected or listens, for what has to be set by then.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketType, sockopt};

use super::dns::{ToSocketAddrs, resolve};
use super::steps::Steps;
use super::tcp::{TcpStream, connected};
use super::tcp_listener::TcpListener;

/// How many connections wait to be accepted, unless another number is asked for; the system may bound it further.
const BACKLOG: u32 = 1024;

/// A TCP socket that is neither connected nor listens yet.
///
/// Most programs need none: [`TcpStream::connect`] and [`TcpListener::bind`] make their own. Options that are missing
/// here are set through its descriptor, with the crate `socket2` for example.
///
/// asyncio counterpart: `local_addr` of `open_connection`, `backlog`, `reuse_port` and `keep_alive` of
/// `create_server`, or a socket of one's own as `sock`.
///
/// # Examples
///
/// ```
/// use turnwise::io::TcpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let socket = TcpSocket::v4()?;
///     socket.bind("127.0.0.1:0".parse().unwrap())?;
///     let listener = socket.listen(16)?;
///     let socket = TcpSocket::v4()?;
///     socket.set_nodelay(true)?;
///     let stream = socket.connect(listener.local_addr()?).await?;
///     assert!(stream.nodelay()?);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    fd: OwnedFd,
}

/// An option of the socket, set by a function of the system's.
macro_rules! options {
    ($($(#[$doc:meta])+ $name:ident($($value:ident: $type:ty),+) => $set:expr;)+) => {$(
        $(#[$doc])+
        ///
        /// # Errors
        ///
        /// What the system says.
        pub fn $name(&self, $($value: $type),+) -> io::Result<()> {
            let set: fn(&OwnedFd, $($type),+) -> Result<(), Errno> = $set;
            Ok(set(&self.fd, $($value),+)?)
        }
    )+};
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// What the system says; there may be no descriptor left.
    pub fn v4() -> io::Result<Self> {
        TcpSocket::open(AddressFamily::INET)
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    ///
    /// What the system says; there may be no descriptor left.
    pub fn v6() -> io::Result<Self> {
        TcpSocket::open(AddressFamily::INET6)
    }

    fn of(address: SocketAddr) -> io::Result<Self> {
        match address {
            SocketAddr::V4(_) => TcpSocket::v4(),
            SocketAddr::V6(_) => TcpSocket::v6(),
        }
    }

    #[cfg(not(target_vendor = "apple"))]
    fn open(family: AddressFamily) -> io::Result<Self> {
        let flags = net::SocketFlags::NONBLOCK | net::SocketFlags::CLOEXEC;
        let fd = net::socket_with(family, SocketType::STREAM, flags, None)?;
        Ok(TcpSocket { fd })
    }

    #[cfg(target_vendor = "apple")]
    fn open(family: AddressFamily) -> io::Result<Self> {
        let fd = net::socket(family, SocketType::STREAM, None)?;
        rustix::io::ioctl_fionbio(&fd, true)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        Ok(TcpSocket { fd })
    }

    options! {
        /// Lets it take an address that an earlier connection still holds for a while (`SO_REUSEADDR`).
        set_reuse_address(reuse: bool) => |fd, reuse| sockopt::set_socket_reuseaddr(fd, reuse);
        /// Lets several sockets listen at one address; the system spreads what comes (`SO_REUSEPORT`).
        set_reuse_port(reuse: bool) => |fd, reuse| sockopt::set_socket_reuseport(fd, reuse);
        /// Keeps an IPv6 socket from taking connections of IPv4, too (`IPV6_V6ONLY`).
        set_only_v6(only: bool) => |fd, only| sockopt::set_ipv6_v6only(fd, only);
        /// Sends small writes at once (`TCP_NODELAY`).
        set_nodelay(nodelay: bool) => |fd, nodelay| sockopt::set_tcp_nodelay(fd, nodelay);
        /// Asks for room for so many bytes on their way out (`SO_SNDBUF`).
        set_send_buffer_size(bytes: usize) => |fd, bytes| sockopt::set_socket_send_buffer_size(fd, bytes);
        /// Asks for room for so many bytes that have come in (`SO_RCVBUF`).
        set_recv_buffer_size(bytes: usize) => |fd, bytes| sockopt::set_socket_recv_buffer_size(fd, bytes);
        /// Says how long a close waits for bytes on their way; it holds the thread up. A zero duration breaks the
        /// connection off instead (`SO_LINGER`).
        set_linger(limit: Option<Duration>) => |fd, limit| sockopt::set_socket_linger(fd, limit);
    }

    /// Has the system ask a silent peer whether it is still there, after so much silence; `None` turns that off
    /// (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        sockopt::set_socket_keepalive(&self.fd, after.is_some())?;
        match after {
            Some(after) => Ok(sockopt::set_tcp_keepidle(&self.fd, after)?),
            None => Ok(()),
        }
    }

    /// Takes an address of this machine; port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// What the system says; `AddrInUse` where another socket has it.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        Ok(net::bind(&self.fd, &address)?)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = net::getsockname(&self.fd)?;
        SocketAddr::try_from(address).map_err(io::Error::from)
    }

    /// Connects to an address.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: the attempt is given up and the socket closed.
    ///
    /// # Errors
    ///
    /// What the system says; `ConnectionRefused` where no socket listens.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn connect(self, address: SocketAddr) -> Steps<TcpStream> {
        let at = Location::caller();
        Steps::new(async move {
            match net::connect(&self.fd, &address) {
                Ok(()) | Err(Errno::INPROGRESS) => {}
                Err(error) => return Err(error.into()),
            }
            let stream = std::net::TcpStream::from(self.fd);
            connected(mio::net::TcpStream::from_std(stream), at).await
        })
    }

    /// Listens, with room for `backlog` connections that wait to be accepted.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        net::listen(&self.fd, backlog.try_into().unwrap_or(i32::MAX))?;
        TcpListener::from_std(std::net::TcpListener::from(self.fd))
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl TcpListener {
    /// Listens at all of the addresses, where [`bind`](TcpListener::bind) takes the first that can be had: all that a
    /// name stands for, in both families. With port 0 each has its own. One that this machine does not have is left
    /// out, unless that leaves none.
    ///
    /// asyncio counterpart: `start_server`, which listens at all of them, too.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says of any other failure; `AddrInUse` where another socket listens already.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn bind_all(addresses: impl ToSocketAddrs) -> Steps<Vec<Self>> {
        let (addresses, at) = (addresses.to_addresses(), Location::caller());
        Steps::new(async move {
            let (mut listeners, mut missing) = (Vec::new(), None);
            for address in resolve(addresses, at).await? {
                match listen_at(address) {
                    Ok(listener) => listeners.push(listener),
                    Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                        missing = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            match missing {
                Some(error) if listeners.is_empty() => Err(error),
                _ => Ok(listeners),
            }
        })
    }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::of(address)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
