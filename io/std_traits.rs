//! From the sockets of the standard library, and to the raw descriptors that other libraries ask for.

use std::io;
use std::net;
use std::os::fd::{AsFd, AsRawFd, RawFd};
#[cfg(feature = "unix")]
use std::os::unix;

use super::{TcpListener, TcpStream, UdpSocket};
#[cfg(feature = "unix")]
use super::{UnixDatagram, UnixListener, UnixStream};

macro_rules! socket {
    ($($ours:ident: $std:ty;)+) => {$(
        /// As `from_std`: the socket becomes non-blocking.
        impl TryFrom<$std> for $ours {
            type Error = io::Error;

            #[track_caller]
            fn try_from(socket: $std) -> io::Result<Self> {
                $ours::from_std(socket)
            }
        }

        impl AsRawFd for $ours {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }
    )+};
}

socket! {
    TcpListener: net::TcpListener;
    TcpStream: net::TcpStream;
    UdpSocket: net::UdpSocket;
}

#[cfg(feature = "unix")]
socket! {
    UnixDatagram: unix::net::UnixDatagram;
    UnixListener: unix::net::UnixListener;
    UnixStream: unix::net::UnixStream;
}
