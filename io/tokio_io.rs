//! tokio's reading and writing traits, for libraries that ask for them. They bring no runtime.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flow::{self, Flow};
#[cfg(feature = "process")]
use super::pipe::{ChildStderr, ChildStdin, ChildStdout};
use super::tcp::TcpStream;
use super::unix::UnixStream;

/// What can be read is read in the same way.
macro_rules! reads {
    ($($type:ty),+) => {$(
        impl AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let flow: &$type = &self;
                // Zeros are written the first time only; the buffer remembers.
                let count = ready!(flow::poll_read(flow, cx, buffer.initialize_unfilled()))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
        }
    )+};
}

/// Streams are written in the same way.
macro_rules! writes {
    ($($type:ty),+) => {$(
        impl AsyncWrite for $type {
            flow::write_methods!($type);
        }
    )+};
}

reads!(TcpStream, UnixStream);
writes!(TcpStream, UnixStream);
#[cfg(feature = "process")]
reads!(ChildStdout, ChildStderr);

/// The pipe is closed by being shut down.
#[cfg(feature = "process")]
impl AsyncWrite for ChildStdin {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        futures_io::AsyncWrite::poll_write(self, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures_io::AsyncWrite::poll_close(self, cx)
    }
}
