//! Reading a known number of bytes, or all of them, from any byte stream.
//!
//! # Implementation
//!
//! One implementation over `futures-io`, whatever the stream. Each future lends its seat to the polls that it
//! makes, so that a report names its line, and a dropped one waits no longer.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::str;
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;

use crate::runtime::Seat;

/// The room that a vector gets at least for the next read.
const ROOM: usize = 8 << 10;

/// The most that one read takes: what it does not use was zeroed in vain.
const MOST: usize = 64 << 10;

/// The stream ended before all was read that was asked for.
///
/// It is what the [`io::Error`] of kind `UnexpectedEof` carries: `error.downcast::<IncompleteRead>()` takes it out.
///
/// asyncio counterpart: `asyncio.IncompleteReadError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteRead {
    partial: Vec<u8>,
    expected: Option<usize>,
}

impl IncompleteRead {
    pub(crate) fn error(partial: Vec<u8>, expected: Option<usize>) -> io::Error {
        let incomplete = IncompleteRead { partial, expected };
        io::Error::new(io::ErrorKind::UnexpectedEof, incomplete)
    }

    /// The bytes before the end.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// The bytes before the end, by value.
    pub fn into_partial(self) -> Vec<u8> {
        self.partial
    }

    /// How many bytes were asked for; `None` where they were to end with a separator.
    pub fn expected(&self) -> Option<usize> {
        self.expected
    }
}

impl fmt::Display for IncompleteRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.partial.len();
        match self.expected {
            Some(expected) => write!(f, "the stream ended after {read} of {expected} bytes"),
            None => write!(
                f,
                "the stream ended after {read} bytes without the separator"
            ),
        }
    }
}

impl Error for IncompleteRead {}

/// The future of a stream's `read_exact`.
///
/// # Cancel safety
///
/// *Lossy*: what a dropped future has read is in the caller's buffer, and [`filled`](ReadExact::filled) says how much
/// that is as long as the future lives: poll it by `&mut`, and await it again. That of a
/// [`StreamReader`](super::StreamReader) loses nothing.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadExact<'b, S> {
    stream: S,
    buffer: &'b mut [u8],
    filled: usize,
    seat: Seat,
}

impl<'b, S> ReadExact<'b, S> {
    #[track_caller]
    pub(crate) fn new(stream: S, buffer: &'b mut [u8]) -> Self {
        ReadExact {
            stream,
            buffer,
            filled: 0,
            seat: Seat::new(Location::caller()),
        }
    }

    /// How many bytes have been read so far.
    pub fn filled(&self) -> usize {
        self.filled
    }
}

impl<S: AsyncRead + Unpin> Future for ReadExact<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.filled < this.buffer.len() {
            let (stream, rest) = (&mut this.stream, &mut this.buffer[this.filled..]);
            let read = |cx: &mut Context<'_>| Pin::new(stream).poll_read(cx, rest);
            match ready!(this.seat.poll(cx, read))? {
                0 => {
                    let partial = this.buffer[..this.filled].to_vec();
                    let expected = Some(this.buffer.len());
                    return Poll::Ready(Err(IncompleteRead::error(partial, expected)));
                }
                count => this.filled += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> fmt::Debug for ReadExact<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadExact")
            .field("filled", &self.filled)
            .field("of", &self.buffer.len())
            .finish()
    }
}

/// Appends what `stream` gives to `bytes` until its end, and adds to `count` how much that was.
fn poll_to_end<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut Vec<u8>,
    count: &mut usize,
    seat: &mut Seat,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let from = bytes.len();
        bytes.reserve(ROOM);
        bytes.resize(bytes.capacity().min(from + MOST), 0);
        let read = seat.poll(cx, |cx| {
            Pin::new(&mut *stream).poll_read(cx, &mut bytes[from..])
        });
        let read_now = match &read {
            Poll::Ready(Ok(read)) => *read,
            _ => 0,
        };
        bytes.truncate(from + read_now);
        *count += read_now;
        if ready!(read)? == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}

/// The future of a stream's `read_to_end`: how many bytes it has appended.
///
/// # Cancel safety
///
/// *Strict*: what was read is in the vector, and the next call goes on behind it.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadToEnd<'b, S> {
    stream: S,
    bytes: &'b mut Vec<u8>,
    count: usize,
    seat: Seat,
}

impl<'b, S> ReadToEnd<'b, S> {
    #[track_caller]
    pub(crate) fn new(stream: S, bytes: &'b mut Vec<u8>) -> Self {
        ReadToEnd::new_at(stream, bytes, Location::caller())
    }

    /// On behalf of another line.
    pub(crate) fn new_at(
        stream: S,
        bytes: &'b mut Vec<u8>,
        at: &'static Location<'static>,
    ) -> Self {
        ReadToEnd {
            stream,
            bytes,
            count: 0,
            seat: Seat::new(at),
        }
    }
}

impl<S: AsyncRead + Unpin> Future for ReadToEnd<'_, S> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let (stream, seat) = (&mut this.stream, &mut this.seat);
        ready!(poll_to_end(stream, this.bytes, &mut this.count, seat, cx))?;
        Poll::Ready(Ok(this.count))
    }
}

impl<S> fmt::Debug for ReadToEnd<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ReadToEnd");
        debug.field("count", &self.count).finish()
    }
}

/// The future of a stream's `read_to_string`: how many bytes it has appended.
///
/// # Cancel safety
///
/// *Lossy*: the text that was read is in the string, but the bytes of a character that had not come whole are lost.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadToString<'b, S> {
    stream: S,
    text: &'b mut String,
    /// The bytes of the text while it grows.
    bytes: Vec<u8>,
    count: usize,
    seat: Seat,
}

impl<'b, S> ReadToString<'b, S> {
    #[track_caller]
    pub(crate) fn new(stream: S, text: &'b mut String) -> Self {
        ReadToString {
            stream,
            bytes: mem::take(text).into_bytes(),
            text,
            count: 0,
            seat: Seat::new(Location::caller()),
        }
    }
}

impl<S: AsyncRead + Unpin> Future for ReadToString<'_, S> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let (stream, seat) = (&mut this.stream, &mut this.seat);
        ready!(poll_to_end(
            stream,
            &mut this.bytes,
            &mut this.count,
            seat,
            cx
        ))?;
        // A second poll finds nothing to add.
        match String::from_utf8(mem::take(&mut this.bytes)) {
            Ok(text) => *this.text = text,
            Err(error) => {
                valid(error.as_bytes()).clone_into(this.text);
                return Poll::Ready(Err(not_utf8(error)));
            }
        }
        Poll::Ready(Ok(this.count))
    }
}

impl<S> Drop for ReadToString<'_, S> {
    /// Leaves what is text already to the caller.
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            valid(&self.bytes).clone_into(self.text);
        }
    }
}

impl<S> fmt::Debug for ReadToString<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ReadToString");
        debug.field("count", &self.count).finish()
    }
}

/// The text that the bytes begin with.
fn valid(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// The error for bytes that are no text, which gives them back.
pub(crate) fn not_utf8(error: std::string::FromUtf8Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The methods of a type that can be read, by reference where `[&]` says so.
macro_rules! read_methods {
    ([$($by:tt)+]) => {
        /// Fills `buffer`, however many reads that takes.
        ///
        /// asyncio counterpart: `StreamReader.readexactly`.
        ///
        /// # Cancel safety
        ///
        /// *Lossy*: what was read is in `buffer`, and only the future knows how much
        /// ([`ReadExact::filled`](crate::io::futures::ReadExact::filled)). The method of a
        /// [`StreamReader`](crate::io::StreamReader) is strict.
        ///
        /// # Errors
        ///
        /// What the system says; `UnexpectedEof` if the stream ends first, with an
        /// [`IncompleteRead`](crate::io::IncompleteRead) that has the bytes before the end.
        #[track_caller]
        pub fn read_exact<'a>(
            $($by)+ self,
            buffer: &'a mut [u8],
        ) -> $crate::io::futures::ReadExact<'a, $($by)+ Self> {
            $crate::io::futures::ReadExact::new(self, buffer)
        }

        /// Reads until the end, appends to `bytes` and returns how many bytes that were.
        ///
        /// asyncio counterpart: `StreamReader.read()`.
        ///
        /// # Cancel safety
        ///
        /// *Strict*: what was read is in `bytes`; the next call goes on behind it.
        ///
        /// # Errors
        ///
        /// What the system says; what was read before is in `bytes`.
        #[track_caller]
        pub fn read_to_end<'a>(
            $($by)+ self,
            bytes: &'a mut Vec<u8>,
        ) -> $crate::io::futures::ReadToEnd<'a, $($by)+ Self> {
            $crate::io::futures::ReadToEnd::new(self, bytes)
        }

        /// Reads text until the end, appends to `text` and returns how many bytes that were.
        ///
        /// # Cancel safety
        ///
        /// *Lossy*: the text that was read is in `text`; the bytes of a character that had not come whole are
        /// lost.
        ///
        /// # Errors
        ///
        /// What the system says; `InvalidData` for what is not UTF-8, with a
        /// [`FromUtf8Error`](std::string::FromUtf8Error) that has all bytes. In both cases the valid text before is
        /// in `text`.
        #[track_caller]
        pub fn read_to_string<'a>(
            $($by)+ self,
            text: &'a mut String,
        ) -> $crate::io::futures::ReadToString<'a, $($by)+ Self> {
            $crate::io::futures::ReadToString::new(self, text)
        }
    };
}

pub(crate) use read_methods;
