//! A buffered writer: many small writes become few large ones.
//!
//! # Implementation
//!
//! Bytes are taken whole. A write that does not fit below the high-water mark first waits until the stream has taken
//! what is buffered; then its bytes go into the buffer, in the poll that is ready. So a future that is dropped has
//! written nothing.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;

use super::write_bytes::poll_write_all;
use crate::runtime::Seat;

/// How much is buffered before a write waits, unless another mark is asked for; asyncio's.
const HIGH_WATER: usize = 64 << 10;

/// Writes to a stream through a buffer, which [`flush`](StreamWriter::flush) empties.
///
/// The stream is anything with the writing trait of `futures-io`: ours by value or by reference, those of
/// `futures-rustls`, … What is not flushed when the writer is dropped is lost: a drop cannot wait.
///
/// asyncio counterpart: `asyncio.StreamWriter`. Differences: no loop writes behind your back, so that a writer that you
/// do not flush keeps what is below the mark; a write waits by itself, where asyncio has `drain`.
///
/// # Examples
///
/// ```
/// use turnwise::io::{StreamWriter, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let (client, server) = UnixStream::pair()?;
///     let mut writer = StreamWriter::new(server);
///     for n in 1..=3 {
///         writer.write_all(format!("line {n}\n").as_bytes()).await?;
///     }
///     writer.flush().await?; // one system call
///     drop(writer);
///     let mut text = String::new();
///     client.read_to_string(&mut text).await?;
///     assert_eq!(text, "line 1\nline 2\nline 3\n");
///     Ok(())
/// })
/// # }
/// ```
pub struct StreamWriter<S> {
    stream: S,
    buffer: Vec<u8>,
    /// How much of the buffer is written.
    written: usize,
    high_water: usize,
}

impl<S> StreamWriter<S> {
    /// A writer with a high-water mark of 64 KiB.
    pub fn new(stream: S) -> Self {
        StreamWriter::with_high_water(stream, HIGH_WATER)
    }

    /// A writer that buffers `high_water` bytes before a write waits. With zero, a write waits until all that was
    /// written before is with the system.
    pub fn with_high_water(stream: S, high_water: usize) -> Self {
        StreamWriter {
            stream,
            buffer: Vec::new(),
            written: 0,
            high_water,
        }
    }

    /// The stream. What is written to it past the writer overtakes what is buffered.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream, to be changed. What is written to it past the writer overtakes what is buffered.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, and what is not written to it yet.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let unwritten = self.buffer().to_vec();
        (self.stream, unwritten)
    }

    /// What is not written to the stream yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer[self.written..]
    }
}

impl<S: AsyncWrite + Unpin> StreamWriter<S> {
    /// Puts all of `bytes` into the buffer. If that went above the high-water mark, it first waits until the stream has
    /// taken what is buffered.
    ///
    /// asyncio counterpart: `StreamWriter.write` after a `drain`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: all of the bytes were taken, or none.
    ///
    /// # Errors
    ///
    /// Those of the stream, which may concern what was written before; none of these bytes were taken.
    #[track_caller]
    pub fn write_all<'a>(&'a mut self, bytes: &'a [u8]) -> WriteBuffered<'a, S> {
        WriteBuffered {
            writer: self,
            bytes,
            seat: Seat::new(Location::caller()),
        }
    }

    /// Waits until the stream has taken all that was written, and flushes the stream.
    ///
    /// asyncio counterpart: `StreamWriter.drain`, which waits for the low-water mark only.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what the stream has not taken stays in the buffer, in order.
    ///
    /// # Errors
    ///
    /// Those of the stream; what it did not take stays in the buffer.
    #[track_caller]
    pub fn flush(&mut self) -> Flush<'_, S> {
        self.settle(false)
    }

    /// As [`flush`](StreamWriter::flush); then closes the stream, so that the peer sees its end.
    ///
    /// asyncio counterpart: `StreamWriter.write_eof`, or `close` and `wait_closed`.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what the stream has not taken stays in the buffer, in order.
    ///
    /// # Errors
    ///
    /// Those of the stream; what it did not take stays in the buffer.
    #[track_caller]
    pub fn close(&mut self) -> Flush<'_, S> {
        self.settle(true)
    }

    #[track_caller]
    fn settle(&mut self, close: bool) -> Flush<'_, S> {
        Flush {
            writer: self,
            close,
            seat: Seat::new(Location::caller()),
        }
    }

    /// Writes what is buffered.
    fn poll_drain(&mut self, seat: &mut Seat, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (stream, buffer) = (&mut self.stream, &self.buffer);
        ready!(poll_write_all(stream, buffer, &mut self.written, seat, cx))?;
        self.written = 0;
        self.buffer.clear();
        self.buffer.shrink_to(self.high_water);
        Poll::Ready(Ok(()))
    }
}

impl<S: fmt::Debug> fmt::Debug for StreamWriter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("stream", &self.stream)
            .field("unwritten", &self.buffer().len())
            .field("high_water", &self.high_water)
            .finish()
    }
}

/// The future of [`StreamWriter::write_all`].
///
/// # Cancel safety
///
/// *Strict*: all of the bytes were taken, or none.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct WriteBuffered<'a, S> {
    writer: &'a mut StreamWriter<S>,
    bytes: &'a [u8],
    seat: Seat,
}

impl<S: AsyncWrite + Unpin> Future for WriteBuffered<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let buffered = this.writer.buffer().len();
        if buffered > 0 && buffered + this.bytes.len() > this.writer.high_water {
            ready!(this.writer.poll_drain(&mut this.seat, cx))?;
        }
        // A second poll adds nothing.
        this.writer
            .buffer
            .extend_from_slice(std::mem::take(&mut this.bytes));
        Poll::Ready(Ok(()))
    }
}

impl<S> fmt::Debug for WriteBuffered<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("WriteBuffered");
        debug.field("bytes", &self.bytes.len()).finish()
    }
}

/// The future of [`StreamWriter::flush`] and of [`StreamWriter::close`].
///
/// # Cancel safety
///
/// *Strict*: what the stream has not taken stays in the buffer, in order.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Flush<'a, S> {
    writer: &'a mut StreamWriter<S>,
    close: bool,
    seat: Seat,
}

impl<S: AsyncWrite + Unpin> Future for Flush<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.writer.poll_drain(&mut this.seat, cx))?;
        let (stream, close) = (Pin::new(&mut this.writer.stream), this.close);
        this.seat.poll(cx, |cx| match close {
            true => stream.poll_close(cx),
            false => stream.poll_flush(cx),
        })
    }
}

impl<S> fmt::Debug for Flush<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Flush");
        debug.field("close", &self.close).finish()
    }
}
