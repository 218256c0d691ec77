//! A buffered reader: lines, records, and bytes that are taken whole or not at all.
//!
//! # Implementation
//!
//! ```text
//!   buffer  [ taken │ unread ····················│ room ]
//!                   start                       end
//! ```
//!
//! A read fills the room, and what is asked for leaves the unread part in one step, in the poll that is ready. So
//! a future that is dropped has taken nothing. The room grows by doubling as long as a record does not fit; when
//! nothing is unread, a large buffer is given back. A separator is looked for once: a poll goes on where the last
//! one stopped.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead};

use super::read_bytes::{IncompleteRead, ReadToEnd, ReadToString};
use super::read_until::{Lines, ReadLine, ReadUntil};
use crate::runtime::Seat;

/// How long a line or a record may be, unless another limit is asked for; asyncio's.
const LIMIT: usize = 64 << 10;

/// The room of a small buffer.
const ROOM: usize = 8 << 10;

/// Reads from a stream through a buffer.
///
/// The stream is anything with the reading trait of `futures-io`: ours by value or by reference, those of
/// `futures-rustls`, … For a reader and a writer in different tasks, [`split`](super::split) the stream.
///
/// asyncio counterpart: `asyncio.StreamReader`, with the same limit. Differences: where a line is too long, nothing of
/// it is thrown away, and [`read_until`](StreamReader::read_until) tells the end of the stream between two records
/// from one within a record.
///
/// # Examples
///
/// ```
/// use turnwise::io::{StreamReader, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (client, server) = UnixStream::pair()?;
///     client.write_all(b"GET /\r\nHost: here\r\n\r\n").await?;
///     drop(client);
///     let mut lines = StreamReader::new(server).lines();
///     assert_eq!(lines.next_line().await?.as_deref(), Some("GET /"));
///     assert_eq!(lines.next_line().await?.as_deref(), Some("Host: here"));
///     Ok(())
/// })
/// # }
/// ```
pub struct StreamReader<S> {
    stream: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    limit: usize,
}

impl<S> StreamReader<S> {
    /// A reader with a limit of 64 KiB.
    pub fn new(stream: S) -> Self {
        StreamReader::with_limit(stream, LIMIT)
    }

    /// A reader whose lines and records have at most `limit` bytes before their separator.
    pub fn with_limit(stream: S, limit: usize) -> Self {
        StreamReader {
            stream,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            limit,
        }
    }

    /// The stream. What is read from it past the reader is missing here.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream, to be changed. What is read from it past the reader is missing here.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, and what was read of it and not taken.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let unread = self.buffer().to_vec();
        (self.stream, unread)
    }

    /// What was read from the stream and not taken.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes `count` bytes off [`buffer`](StreamReader::buffer), or all if there are fewer.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > LIMIT {
                self.buffer = Vec::new();
            }
        }
    }

    /// Takes `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.buffer()[..count].to_vec();
        self.consume(count);
        taken
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Sees to it that a read finds room, for `wanted` unread bytes if need be.
    fn make_room(&mut self, wanted: usize) {
        if self.start > 0 && (self.end == self.buffer.len() || self.start >= self.end - self.start)
        {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            let twice = (2 * self.buffer.len()).max(ROOM);
            self.buffer
                .resize(twice.min(wanted.max(ROOM)).max(self.end + ROOM), 0);
        }
    }
}

impl<S: AsyncRead + Unpin> StreamReader<S> {
    /// Reads what is there, at least one byte, into `buffer`; zero bytes mean the end.
    ///
    /// asyncio counterpart: `StreamReader.read(n)`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    #[track_caller]
    pub fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> ReadBuffered<'a, S> {
        ReadBuffered {
            reader: self,
            buffer,
            seat: Seat::new(Location::caller()),
        }
    }

    /// Fills `buffer`. The reader's own buffer grows to the same size if need be.
    ///
    /// asyncio counterpart: `StreamReader.readexactly`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what has come waits in the reader until all of it has.
    ///
    /// # Errors
    ///
    /// Those of the stream; `UnexpectedEof` if it ends first, with an [`IncompleteRead`] that has the bytes before the
    /// end.
    #[track_caller]
    pub fn read_exact<'a>(&'a mut self, buffer: &'a mut [u8]) -> ReadExactBuffered<'a, S> {
        ReadExactBuffered {
            reader: self,
            buffer,
            seat: Seat::new(Location::caller()),
        }
    }

    /// Reads up to and with `separator`, appends that to `record` and returns how many bytes it has. Zero mean that
    /// the stream has ended, after the last record.
    ///
    /// asyncio counterpart: `StreamReader.readuntil`, which raises `IncompleteReadError` there, too.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what has come waits in the reader until the record is whole.
    ///
    /// # Errors
    ///
    /// Those of the stream; `UnexpectedEof` if it ends within a record, with an [`IncompleteRead`] that has the bytes
    /// before the end; `InvalidData` with a [`LimitOverrun`](super::LimitOverrun) if more than the limit comes before
    /// the separator: that stays in [`buffer`](StreamReader::buffer), and so the next call says the same until you
    /// [`consume`](StreamReader::consume) it.
    ///
    /// # Panics
    ///
    /// If the separator is empty.
    #[track_caller]
    pub fn read_until<'a>(
        &'a mut self,
        separator: &'a [u8],
        record: &'a mut Vec<u8>,
    ) -> ReadUntil<'a, S> {
        assert!(
            !separator.is_empty(),
            "a separator has at least one byte; to read to the end, call `read_to_end`"
        );
        ReadUntil::new(self, separator, record)
    }

    /// Reads a line with its `\n`, appends it to `line` and returns how many bytes it has. Zero mean that the stream
    /// has ended. The last line may lack its `\n`.
    ///
    /// asyncio counterpart: `StreamReader.readline`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what has come waits in the reader until the line is whole.
    ///
    /// # Errors
    ///
    /// Those of the stream; `InvalidData` with a [`LimitOverrun`](super::LimitOverrun) as for
    /// [`read_until`](StreamReader::read_until), or with a [`FromUtf8Error`](std::string::FromUtf8Error) that has the bytes of a line that is not UTF-8; the next
    /// call reads the next line.
    #[track_caller]
    pub fn read_line<'a>(&'a mut self, line: &'a mut String) -> ReadLine<'a, S> {
        ReadLine::new(self, line)
    }

    /// The lines, without `\n` or `\r\n`.
    ///
    /// asyncio counterpart: `async for line in reader`.
    pub fn lines(self) -> Lines<S> {
        Lines::new(self)
    }

    /// Reads until the end, appends to `bytes` and returns how many bytes that were. There is no limit.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what was read is in `bytes`; the next call goes on behind it.
    ///
    /// # Errors
    ///
    /// Those of the stream; what was read before is in `bytes`.
    #[track_caller]
    pub fn read_to_end<'a>(&'a mut self, bytes: &'a mut Vec<u8>) -> ReadToEnd<'a, &'a mut Self> {
        ReadToEnd::new(self, bytes)
    }

    /// Reads text until the end, appends to `text` and returns how many bytes that were. There is no limit.
    ///
    /// # Cancel safety
    ///
    /// *Lossy*: the text that was read is in `text`; the bytes of a character that had not come whole are lost.
    ///
    /// # Errors
    ///
    /// Those of the stream; `InvalidData` for what is not UTF-8, with a
    /// [`FromUtf8Error`](std::string::FromUtf8Error) that has all bytes. In both cases the valid text before is in
    /// `text`.
    #[track_caller]
    pub fn read_to_string<'a>(
        &'a mut self,
        text: &'a mut String,
    ) -> ReadToString<'a, &'a mut Self> {
        ReadToString::new(self, text)
    }

    /// Reads once, to have up to `wanted` bytes unread. Zero bytes mean the end.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        self.make_room(wanted);
        let room = &mut self.buffer[self.end..];
        let count = ready!(Pin::new(&mut self.stream).poll_read(cx, room))?;
        self.end += count;
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncRead + Unpin> AsyncBufRead for StreamReader<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.start == this.end {
            ready!(this.poll_fill(cx, ROOM))?;
        }
        Poll::Ready(Ok(this.buffer()))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        StreamReader::consume(&mut self, count);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StreamReader<S> {
    /// A large read does not go through an empty buffer.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.start == self.end && buffer.len() >= ROOM {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let unread = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        StreamReader::consume(&mut self, count);
        Poll::Ready(Ok(count))
    }
}

impl<S: fmt::Debug> fmt::Debug for StreamReader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader")
            .field("stream", &self.stream)
            .field("unread", &self.buffer().len())
            .field("limit", &self.limit)
            .finish()
    }
}

/// The future of [`StreamReader::read`]: the number of bytes read, zero at the end.
///
/// # Cancel safety
///
/// *Strict*: a future that is dropped has taken nothing from the reader.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadBuffered<'a, S> {
    reader: &'a mut StreamReader<S>,
    buffer: &'a mut [u8],
    seat: Seat,
}

impl<S: AsyncRead + Unpin> Future for ReadBuffered<'_, S> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let (reader, buffer) = (&mut *this.reader, &mut *this.buffer);
        this.seat
            .poll(cx, |cx| Pin::new(reader).poll_read(cx, buffer))
    }
}

impl<S> fmt::Debug for ReadBuffered<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ReadBuffered");
        debug.field("asked", &self.buffer.len()).finish()
    }
}

/// The future of [`StreamReader::read_exact`].
///
/// # Cancel safety
///
/// *Strict*: a future that is dropped has taken nothing from the reader.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadExactBuffered<'a, S> {
    reader: &'a mut StreamReader<S>,
    buffer: &'a mut [u8],
    seat: Seat,
}

impl<S: AsyncRead + Unpin> Future for ReadExactBuffered<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (reader, asked) = (&mut *this.reader, this.buffer.len());
        while reader.buffer().len() < asked {
            if ready!(this.seat.poll(cx, |cx| reader.poll_fill(cx, asked)))? == 0 {
                let partial = reader.take(reader.buffer().len());
                return Poll::Ready(Err(IncompleteRead::error(partial, Some(asked))));
            }
        }
        this.buffer.copy_from_slice(&reader.buffer()[..asked]);
        reader.consume(asked);
        Poll::Ready(Ok(()))
    }
}

impl<S> fmt::Debug for ReadExactBuffered<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ReadExactBuffered");
        debug.field("asked", &self.buffer.len()).finish()
    }
}
