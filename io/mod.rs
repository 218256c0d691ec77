//! I/O on readiness: sockets, pipes, signals and children of the operating system, awaited.
//!
//! | to do | use |
//! | --- | --- |
//! | talk over TCP and UDP | [`TcpListener`], [`TcpStream`], [`UdpSocket`]; names by [`lookup_host`] |
//! | talk on this machine (feature `unix`) | `UnixListener`, `UnixStream`, `UnixDatagram` |
//! | read the input, write the output | [`stdin`], [`stdout`], [`stderr`] |
//! | hear signals (feature `signal`) | `ctrl_c`, `signal` |
//! | run programs (feature `process`) | `Command`, `Child` |
//! | wait for anything else | [`AsyncFd`], for any `mio` source or descriptor |
//!
//! Methods take `&self`, so two tasks can read and write one stream by reference. Streams read and write whole:
//! `read_exact`, `read_to_end`, `read_to_string`, `write_all`. Lines, records and small writes go through a
//! [`StreamReader`] and a [`StreamWriter`], whatever the stream; [`split`] makes both of one stream, for two tasks.
//!
//! Streams also have the traits of `futures-io`, on the type and on a reference to it: `copy` and the rest come from
//! `futures::AsyncReadExt` and its like. With the feature `hyper` they have hyper's traits, with `tokio-io` those of
//! tokio. A library that asks for `Send` gets `stream.into_send()`, a [`SendStream`]. A trait says neither when its caller gives a wait up nor on which line it waits, so reports know less of it
//! than of a method
//! ([the guide](crate::guide::diagnostics)). Any number of tasks may wait for one stream, in either way. What
//! wakes one that waits through a trait wakes all that do, so that a thousand of them cost a thousand polls.
//!
//! What the standard library has opened comes in with `from_std`, which makes it non-blocking, and leaves with
//! `into_std`, which makes it blocking again. A stream or a pipe can become a standard stream of a child:
//! `command.stdin(Stdio::try_from(stream)?)`.

mod accept;
#[cfg(feature = "process")]
mod child;
#[cfg(feature = "process")]
mod communicate;
mod datagram;
mod dns;
#[cfg(feature = "signal")]
mod ears;
mod flow;
#[cfg(feature = "hyper")]
mod hyper_io;
mod output;
#[cfg(feature = "process")]
mod pipe;
#[cfg(feature = "process")]
mod process;
mod read_bytes;
mod read_until;
#[cfg(feature = "process")]
mod reap;
mod send_stream;
#[cfg(feature = "signal")]
mod signal;
mod source;
mod split;
mod stagger;
mod std_traits;
mod stdio;
mod steps;
mod stream_reader;
mod stream_writer;
mod tcp;
mod tcp_listener;
mod tcp_socket;
#[cfg(feature = "tokio-io")]
mod tokio_io;
mod udp;
#[cfg(feature = "unix")]
mod unix;
#[cfg(feature = "unix")]
mod unix_datagram;
#[cfg(feature = "unix")]
mod unix_listener;
mod when_ready;
mod write_bytes;

#[cfg(feature = "process")]
pub use child::Child;
pub use dns::{ToSocketAddrs, lookup_host};
#[cfg(feature = "hyper")]
pub use hyper_io::{HyperExecutor, HyperTimer};
pub use output::{Stderr, Stdout, stderr, stdout};
#[cfg(feature = "process")]
pub use pipe::{ChildStderr, ChildStdin, ChildStdout};
#[cfg(feature = "process")]
pub use process::Command;
pub use read_bytes::IncompleteRead;
pub use read_until::{LimitOverrun, Lines};
pub use send_stream::SendStream;
#[cfg(feature = "signal")]
pub use signal::{Signal, SignalKind, ctrl_c, signal};
#[doc(alias = "Source")]
pub use source::{AsyncFd, Fd};
pub use split::{SharedStream, split};
pub use stdio::{Stdin, stdin};
#[doc(alias("BufReader", "AsyncReadExt", "AsyncBufReadExt"))]
pub use stream_reader::StreamReader;
#[doc(alias("BufWriter", "AsyncWriteExt"))]
pub use stream_writer::StreamWriter;
pub use tcp::TcpStream;
pub use tcp_listener::TcpListener;
#[doc(alias("SO_KEEPALIVE", "SO_REUSEPORT", "backlog"))]
pub use tcp_socket::TcpSocket;
pub use udp::UdpSocket;
#[cfg(all(feature = "unix", target_os = "linux"))]
#[doc(alias("UCred", "SO_PEERCRED"))]
pub use unix::Credentials;
#[cfg(feature = "unix")]
pub use unix::UnixStream;
#[cfg(feature = "unix")]
pub use unix_datagram::UnixDatagram;
#[cfg(feature = "unix")]
pub use unix_listener::UnixListener;

/// The futures of the types of this module, named after what they do, for code that stores one.
pub mod futures {
    #[cfg(feature = "process")]
    pub use super::child::ChildWait;
    pub use super::datagram::{DatagramRecv, DatagramRecvFrom, DatagramSend, DatagramSendTo};
    pub use super::flow::{StreamRead, StreamWrite};
    pub use super::read_bytes::{ReadExact, ReadToEnd, ReadToString};
    pub use super::read_until::{NextLine, ReadLine, ReadUntil};
    #[cfg(feature = "signal")]
    pub use super::signal::{CtrlC, SignalRecv};
    pub use super::source::Op;
    pub use super::stdio::StdinRead;
    pub use super::steps::Steps;
    pub use super::stream_reader::{ReadBuffered, ReadExactBuffered};
    pub use super::stream_writer::{Flush, WriteBuffered};
    pub use super::tcp::TcpPeek;
    pub use super::tcp_listener::{TcpAccept, TcpIncoming};
    #[cfg(feature = "unix")]
    pub use super::unix_listener::{UnixAccept, UnixIncoming};
    pub use super::when_ready::WhenReady;
    pub use super::write_bytes::WriteAll;
}
