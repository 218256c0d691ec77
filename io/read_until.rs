//! Lines and records: what a separator ends.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, BufRead as _};
use std::panic::Location;
use std::pin::Pin;
use std::str;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::AsyncRead;

use super::read_bytes::{IncompleteRead, not_utf8};
use super::stream_reader::StreamReader;
use crate::runtime::Seat;

/// More bytes than the limit came before a separator.
///
/// It is what the [`io::Error`] of kind `InvalidData` carries: `error.downcast::<LimitOverrun>()` takes it out.
///
/// asyncio counterpart: `asyncio.LimitOverrunError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOverrun {
    limit: usize,
}

impl LimitOverrun {
    fn error(limit: usize) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, LimitOverrun { limit })
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for LimitOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        write!(
            f,
            "no separator within {limit} bytes; ask for a higher limit with `StreamReader::with_limit`, \
             or skip what has come with `consume`"
        )
    }
}

impl Error for LimitOverrun {}

/// The search for a separator in what a reader has not given away yet.
struct Search<'a> {
    separator: &'a [u8],
    /// Where it goes on: no separator ends before.
    from: usize,
    seat: Seat,
}

impl<'a> Search<'a> {
    fn new(separator: &'a [u8], at: &'static Location<'static>) -> Self {
        Search {
            separator,
            from: 0,
            seat: Seat::new(at),
        }
    }

    /// Reads until the separator has come. Returns where it ends, or `None` at the end of the stream.
    fn poll<S: AsyncRead + Unpin>(
        &mut self,
        reader: &mut StreamReader<S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<usize>>> {
        let most = reader.limit().saturating_add(self.separator.len());
        let found = loop {
            match self.find(reader.buffer()) {
                Some(end) if end <= most => break Ok(Some(end)),
                None if reader.buffer().len() < most => {}
                _ => break Err(LimitOverrun::error(reader.limit())),
            }
            match ready!(self.seat.poll(cx, |cx| reader.poll_fill(cx, most))) {
                Ok(0) => break Ok(None),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        self.from = 0;
        Poll::Ready(found)
    }

    /// Where the first separator ends. Looks for its last byte, which the standard library does fast.
    fn find(&mut self, unread: &[u8]) -> Option<usize> {
        let last = *self.separator.last()?;
        while self.from < unread.len() {
            let mut rest = &unread[self.from..];
            self.from += rest.skip_until(last).unwrap_or(rest.len());
            if unread[..self.from].ends_with(self.separator) {
                return Some(self.from);
            }
        }
        None
    }
}

/// The future of [`StreamReader::read_until`]: how many bytes the record has, zero at the end of the stream.
///
/// # Cancel safety
///
/// *Strict*: a future that is dropped has taken nothing from the reader.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadUntil<'a, S> {
    reader: &'a mut StreamReader<S>,
    record: &'a mut Vec<u8>,
    search: Search<'a>,
}

impl<'a, S> ReadUntil<'a, S> {
    #[track_caller]
    pub(crate) fn new(
        reader: &'a mut StreamReader<S>,
        separator: &'a [u8],
        record: &'a mut Vec<u8>,
    ) -> Self {
        ReadUntil {
            reader,
            record,
            search: Search::new(separator, Location::caller()),
        }
    }
}

impl<S: AsyncRead + Unpin> Future for ReadUntil<'_, S> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let found = ready!(this.search.poll(this.reader, cx))?;
        let count = match found {
            Some(count) => count,
            None if this.reader.buffer().is_empty() => 0,
            None => {
                let partial = this.reader.take(this.reader.buffer().len());
                return Poll::Ready(Err(IncompleteRead::error(partial, None)));
            }
        };
        this.record
            .extend_from_slice(&this.reader.buffer()[..count]);
        this.reader.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl<S> fmt::Debug for ReadUntil<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = self.search.separator.escape_ascii().to_string();
        let mut debug = f.debug_struct("ReadUntil");
        debug.field("separator", &separator).finish()
    }
}

/// Appends the next line to `text`; returns how many bytes it has, zero at the end.
fn poll_line<S: AsyncRead + Unpin>(
    search: &mut Search<'_>,
    reader: &mut StreamReader<S>,
    text: &mut String,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let found = ready!(search.poll(reader, cx))?;
    let count = found.unwrap_or(reader.buffer().len());
    if let Ok(line) = str::from_utf8(&reader.buffer()[..count]) {
        text.push_str(line);
        reader.consume(count);
        return Poll::Ready(Ok(count));
    }
    let line = String::from_utf8(reader.take(count));
    Poll::Ready(line.map(|line| line.len()).map_err(not_utf8))
}

/// The future of [`StreamReader::read_line`]: how many bytes the line has, zero at the end of the stream.
///
/// # Cancel safety
///
/// *Strict*: a future that is dropped has taken nothing from the reader.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReadLine<'a, S> {
    reader: &'a mut StreamReader<S>,
    line: &'a mut String,
    search: Search<'static>,
}

impl<'a, S> ReadLine<'a, S> {
    #[track_caller]
    pub(crate) fn new(reader: &'a mut StreamReader<S>, line: &'a mut String) -> Self {
        ReadLine {
            reader,
            line,
            search: Search::new(b"\n", Location::caller()),
        }
    }
}

impl<S: AsyncRead + Unpin> Future for ReadLine<'_, S> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        poll_line(&mut this.search, this.reader, this.line, cx)
    }
}

impl<S> fmt::Debug for ReadLine<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadLine").finish_non_exhaustive()
    }
}

/// The lines of a stream, without `\n` or `\r\n`; made by [`StreamReader::lines`]. Also a `Stream`.
pub struct Lines<S> {
    reader: StreamReader<S>,
    /// That of the `Stream`.
    search: Search<'static>,
}

impl<S> Lines<S> {
    #[track_caller]
    pub(crate) fn new(reader: StreamReader<S>) -> Self {
        Lines {
            reader,
            search: Search::new(b"\n", Location::caller()),
        }
    }

    /// The reader, which goes on behind the last line.
    pub fn into_inner(self) -> StreamReader<S> {
        self.reader
    }
}

impl<S: AsyncRead + Unpin> Lines<S> {
    /// Reads the next line; `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what has come waits in the reader until the line is whole.
    ///
    /// # Errors
    ///
    /// Those of [`StreamReader::read_line`].
    #[track_caller]
    pub fn next_line(&mut self) -> NextLine<'_, S> {
        NextLine {
            reader: &mut self.reader,
            search: Search::new(b"\n", Location::caller()),
        }
    }
}

impl<S: AsyncRead + Unpin> Stream for Lines<S> {
    type Item = io::Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        poll_next_line(&mut this.search, &mut this.reader, cx).map(Result::transpose)
    }
}

impl<S: fmt::Debug> fmt::Debug for Lines<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("of", &self.reader).finish()
    }
}

fn poll_next_line<S: AsyncRead + Unpin>(
    search: &mut Search<'_>,
    reader: &mut StreamReader<S>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Option<String>>> {
    let mut line = String::new();
    if ready!(poll_line(search, reader, &mut line, cx))? == 0 {
        return Poll::Ready(Ok(None));
    }
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    Poll::Ready(Ok(Some(line)))
}

/// The future of [`Lines::next_line`]: the line without its end, or `None` at the end of the stream.
///
/// # Cancel safety
///
/// *Strict*: a future that is dropped has taken nothing from the reader.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct NextLine<'a, S> {
    reader: &'a mut StreamReader<S>,
    search: Search<'static>,
}

impl<S: AsyncRead + Unpin> Future for NextLine<'_, S> {
    type Output = io::Result<Option<String>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        poll_next_line(&mut this.search, this.reader, cx)
    }
}

impl<S> fmt::Debug for NextLine<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextLine").finish_non_exhaustive()
    }
}
