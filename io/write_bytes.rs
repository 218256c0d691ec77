//! Writing all of some bytes to any byte stream.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;

use crate::runtime::Seat;

/// The future of a stream's `write_all`.
///
/// # Cancel safety
///
/// *Lossy*: what a dropped future has written is written, and [`written`](WriteAll::written) says how much that is as
/// long as the future lives: poll it by `&mut`, and await it again. That of a
/// [`StreamWriter`](super::StreamWriter) is strict.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct WriteAll<'b, S> {
    stream: S,
    bytes: &'b [u8],
    written: usize,
    seat: Seat,
}

impl<'b, S> WriteAll<'b, S> {
    #[track_caller]
    pub(crate) fn new(stream: S, bytes: &'b [u8]) -> Self {
        WriteAll::new_at(stream, bytes, Location::caller())
    }

    /// On behalf of another line.
    pub(crate) fn new_at(stream: S, bytes: &'b [u8], at: &'static Location<'static>) -> Self {
        WriteAll {
            stream,
            bytes,
            written: 0,
            seat: Seat::new(at),
        }
    }

    /// How many bytes have been written so far.
    pub fn written(&self) -> usize {
        self.written
    }
}

impl<S: AsyncWrite + Unpin> Future for WriteAll<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (stream, written) = (&mut this.stream, &mut this.written);
        poll_write_all(stream, this.bytes, written, &mut this.seat, cx)
    }
}

/// Writes what is left of `bytes` behind the first `written`.
pub(crate) fn poll_write_all<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    written: &mut usize,
    seat: &mut Seat,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while *written < bytes.len() {
        let rest = &bytes[*written..];
        match ready!(seat.poll(cx, |cx| Pin::new(&mut *stream).poll_write(cx, rest)))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => *written += count,
        }
    }
    Poll::Ready(Ok(()))
}

impl<S> fmt::Debug for WriteAll<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteAll")
            .field("written", &self.written)
            .field("of", &self.bytes.len())
            .finish()
    }
}

/// The methods of a type that can be written, by reference where `[&]` says so.
macro_rules! write_all_method {
    ([$($by:tt)+]) => {
        /// Writes all of `bytes`, however many writes that takes.
        ///
        /// asyncio counterpart: `StreamWriter.write` and `drain`.
        ///
        /// # Cancel safety
        ///
        /// *Lossy*: what was written is written, and only the future knows how much
        /// ([`WriteAll::written`](crate::io::futures::WriteAll::written)). The method of a
        /// [`StreamWriter`](crate::io::StreamWriter) is strict.
        ///
        /// # Errors
        ///
        /// What the system says; `BrokenPipe` if no reader is left.
        #[track_caller]
        pub fn write_all<'a>(
            $($by)+ self,
            bytes: &'a [u8],
        ) -> $crate::io::futures::WriteAll<'a, $($by)+ Self> {
            $crate::io::futures::WriteAll::new(self, bytes)
        }
    };
}

pub(crate) use write_all_method;
