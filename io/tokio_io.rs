//! tokio's reading and writing traits, for libraries that ask for them. They bring no runtime.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flow::{self, Flow};
use super::tcp::TcpStream;
use super::unix::UnixStream;

/// Streams read and write in the same way.
macro_rules! stream {
    ($type:ty) => {
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

        impl AsyncWrite for $type {
            flow::write_methods!($type);
        }
    };
}

stream!(TcpStream);
stream!(UnixStream);
