//! I/O on readiness: sources of the operating system, awaited.

mod accept;
mod datagram;
mod dns;
mod flow;
#[cfg(feature = "process")]
mod pipe;
#[cfg(feature = "process")]
mod process;
mod ready;
#[cfg(feature = "process")]
mod reap;
#[cfg(feature = "signal")]
mod signal;
mod source;
mod steps;
mod tcp;
mod tcp_listener;
mod udp;
mod unix;
mod unix_datagram;
mod unix_listener;

pub use datagram::{Recv, RecvFrom, Send, SendTo};
pub use dns::{ToAddresses, lookup_host};
pub use flow::{Read, Write};
#[cfg(feature = "process")]
pub use pipe::{ChildStderr, ChildStdin, ChildStdout};
#[cfg(feature = "process")]
pub use process::{Child, Command, WaitChild};
pub use ready::Ready;
#[cfg(feature = "signal")]
pub use signal::{CtrlC, RecvSignal, Signal, SignalKind, ctrl_c, signal};
pub use source::{Fd, Op, Source};
pub use steps::Steps;
pub use tcp::{Peek, TcpStream};
pub use tcp_listener::{Accept, Incoming, TcpListener};
pub use udp::UdpSocket;
pub use unix::UnixStream;
pub use unix_datagram::UnixDatagram;
pub use unix_listener::{AcceptUnix, IncomingUnix, UnixListener};
