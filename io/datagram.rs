//! What all datagram sockets have in common: sending and receiving, connected or by address.
//!
//! # Implementation
//!
//! A Unix socket whose receiver has no room hears when that receiver has some only if it is connected
//! with it. Else the system says at once that it can send, since its own buffer is free, and would try
//! without end. So it rests between two tries, 100 µs at first and 10 ms at most.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::when_ready::Trial;
use crate::runtime::time::{Sleep, sleep};
use crate::runtime::{Readiness, Way};

/// The first and the longest rest of a sender that does not hear of room.
const RESTS: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(10));

/// A non-blocking datagram socket that is registered with the reactor.
pub(crate) trait Datagrams {
    type Address;

    fn readiness(&self) -> &Readiness;

    /// Whether the system tells a sender that is not connected when there is room again.
    fn hears_of_room(&self) -> bool {
        true
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn try_recv_from(&self, buffer: &mut [u8], peek: bool) -> io::Result<(usize, Self::Address)>;
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize>;
    fn try_send_to(&self, bytes: &[u8], to: &Self::Address) -> io::Result<usize>;
}

type Socket<'a, A> = &'a dyn Datagrams<Address = A>;

/// The future of a datagram socket's `recv`: the number of bytes received.
///
/// # Cancel safety
///
/// *Strict*: no datagram is lost.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct DatagramRecv<'a, A = SocketAddr> {
    socket: Socket<'a, A>,
    buffer: &'a mut [u8],
    trial: Trial<'a>,
}

impl<'a, A> DatagramRecv<'a, A> {
    #[track_caller]
    pub(crate) fn new(socket: Socket<'a, A>, buffer: &'a mut [u8]) -> Self {
        DatagramRecv {
            socket,
            buffer,
            trial: Trial::new(socket.readiness(), Way::Read, Location::caller()),
        }
    }
}

impl<A> Future for DatagramRecv<'_, A> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.trial.attempt(cx, || this.socket.try_recv(this.buffer))
    }
}

/// The future of a datagram socket's `recv_from` and `peek_from`: the number of bytes received, and
/// the sender's address.
///
/// # Cancel safety
///
/// *Strict*: no datagram is lost.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct DatagramRecvFrom<'a, A = SocketAddr> {
    socket: Socket<'a, A>,
    buffer: &'a mut [u8],
    peek: bool,
    trial: Trial<'a>,
}

impl<'a, A> DatagramRecvFrom<'a, A> {
    #[track_caller]
    pub(crate) fn new(socket: Socket<'a, A>, buffer: &'a mut [u8], peek: bool) -> Self {
        DatagramRecvFrom {
            socket,
            buffer,
            peek,
            trial: Trial::new(socket.readiness(), Way::Read, Location::caller()),
        }
    }
}

impl<A> Future for DatagramRecvFrom<'_, A> {
    type Output = io::Result<(usize, A)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.trial
            .attempt(cx, || this.socket.try_recv_from(this.buffer, this.peek))
    }
}

/// The future of a datagram socket's `send`: the number of bytes sent.
///
/// # Cancel safety
///
/// *Strict*: a send that is dropped has sent nothing.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct DatagramSend<'a, A = SocketAddr> {
    socket: Socket<'a, A>,
    bytes: &'a [u8],
    trial: Trial<'a>,
}

impl<'a, A> DatagramSend<'a, A> {
    #[track_caller]
    pub(crate) fn new(socket: Socket<'a, A>, bytes: &'a [u8]) -> Self {
        DatagramSend {
            socket,
            bytes,
            trial: Trial::new(socket.readiness(), Way::Write, Location::caller()),
        }
    }
}

impl<A> Future for DatagramSend<'_, A> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.trial.attempt(cx, || this.socket.try_send(this.bytes))
    }
}

/// The future of a datagram socket's `send_to`: the number of bytes sent.
///
/// # Cancel safety
///
/// *Strict*: a send that is dropped has sent nothing.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct DatagramSendTo<'a, A = SocketAddr> {
    socket: Socket<'a, A>,
    bytes: &'a [u8],
    to: A,
    trial: Trial<'a>,
    /// The rest after a try that found no room, and how long the next one is.
    rest: Option<Sleep>,
    next_rest: Duration,
    at: &'static Location<'static>,
}

impl<'a, A> DatagramSendTo<'a, A> {
    #[track_caller]
    pub(crate) fn new(socket: Socket<'a, A>, bytes: &'a [u8], to: A) -> Self {
        let at = Location::caller();
        DatagramSendTo {
            socket,
            bytes,
            to,
            trial: Trial::new(socket.readiness(), Way::Write, at),
            rest: None,
            next_rest: RESTS.0,
            at,
        }
    }
}

// The address is a value; nothing is pinned.
impl<A> Unpin for DatagramSendTo<'_, A> {}

impl<A> Future for DatagramSendTo<'_, A> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Some(rest) = &mut this.rest {
                ready!(Pin::new(rest).poll(cx));
                this.rest = None;
            }
            let sent =
                this.trial
                    .attempt(cx, || match this.socket.try_send_to(this.bytes, &this.to) {
                        Err(error) if is_deaf(this.socket, &error) => Ok(None),
                        sent => sent.map(Some),
                    });
            if let Some(count) = ready!(sent)? {
                return Poll::Ready(Ok(count));
            }
            let mut rest = sleep(this.next_rest);
            rest.waits_at(this.at);
            this.rest = Some(rest);
            this.next_rest = RESTS.1.min(2 * this.next_rest);
        }
    }
}

/// Whether there is no room, and the system will not say when there is.
fn is_deaf<A>(socket: Socket<'_, A>, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock && !socket.hears_of_room()
}

/// Debug that shows what is waited for.
macro_rules! debug {
    ($($name:ident),+) => {$(
        impl<A> fmt::Debug for $name<'_, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("ready", &self.trial).finish_non_exhaustive()
            }
        }
    )+};
}

debug!(DatagramRecv, DatagramRecvFrom, DatagramSend, DatagramSendTo);
