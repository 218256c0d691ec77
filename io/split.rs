//! One stream for two tasks.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::stream_reader::StreamReader;
use super::stream_writer::StreamWriter;

/// A stream that is shared by an `Rc`, with the traits of `futures-io`: any stream that has them by reference, too.
///
/// The last clone that is dropped closes the stream.
#[derive(Debug)]
pub struct SharedStream<S>(Rc<S>);

impl<S> SharedStream<S> {
    /// Shares a stream.
    pub fn new(stream: impl Into<Rc<S>>) -> Self {
        SharedStream(stream.into())
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.0
    }
}

impl<S> Clone for SharedStream<S> {
    fn clone(&self) -> Self {
        SharedStream(self.0.clone())
    }
}

/// A buffered reader and a buffered writer of one stream, each of which can go to a task of its own.
///
/// To end the stream for the peer while the reader goes on, [`close`](StreamWriter::close) the writer: dropping it
/// says nothing as long as the reader lives.
///
/// asyncio counterpart: the pair of `asyncio.open_connection`.
pub fn split<S>(stream: S) -> (StreamReader<SharedStream<S>>, StreamWriter<SharedStream<S>>) {
    let stream = SharedStream::new(stream);
    (StreamReader::new(stream.clone()), StreamWriter::new(stream))
}

impl<S> AsyncRead for SharedStream<S>
where
    for<'a> &'a S: AsyncRead,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [io::IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_read_vectored(cx, buffers)
    }
}

impl<S> AsyncWrite for SharedStream<S>
where
    for<'a> &'a S: AsyncWrite,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self.0).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self.0).poll_close(cx)
    }
}
