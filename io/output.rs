//! The standard output and the standard error.
//!
//! Both are written as `print!` writes: a reader that does not read holds the program up.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::event::{PollFd, PollFlags, poll};

use super::write_bytes::write_all_method;

/// The standard output, for what writes to a stream of `futures-io`. It blocks as `print!` does.
///
/// asyncio counterpart: none; its programs print, too.
pub fn stdout() -> Stdout {
    Stdout(())
}

/// The standard error, for what writes to a stream of `futures-io`. It blocks as `eprint!` does.
pub fn stderr() -> Stderr {
    Stderr(())
}

/// The standard output; made by [`stdout`]. A reader that has gone away is the error `BrokenPipe`, and
/// a descriptor that may not be written is `EBADF`, where `print!` takes everything and says nothing.
#[derive(Debug)]
pub struct Stdout(());

/// The standard error; made by [`stderr`]. A reader that has gone away is the error `BrokenPipe`, and
/// a descriptor that may not be written is `EBADF`, where `eprint!` takes everything and says nothing.
#[derive(Debug)]
pub struct Stderr(());

/// Writes what the system takes at once, at least one byte, after what was printed before.
fn write_blocking(mut std: impl io::Write + AsFd, bytes: &[u8]) -> io::Result<usize> {
    block_on_room(&mut std, |std| std.flush())?;
    block_on_room(&mut std, |std| Ok(rustix::io::write(std, bytes)?))
}

/// Calls `write` until it does not have to wait, though another owner of the stream may have made it
/// non-blocking.
fn block_on_room<S: AsFd, R>(
    stream: &mut S,
    mut write: impl FnMut(&mut S) -> io::Result<R>,
) -> io::Result<R> {
    loop {
        match write(stream) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut room = [PollFd::new(&*stream, PollFlags::OUT)];
                rustix::io::retry_on_intr(|| poll(&mut room, None))?;
            }
            other => return other,
        }
    }
}

/// Both are written in the same way.
macro_rules! output {
    ($name:ident, $std:path) => {
        impl $name {
            write_all_method!([&mut]);
        }

        impl futures_io::AsyncWrite for $name {
            fn poll_write(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(write_blocking($std(), bytes))
            }

            /// Does nothing: what was written is with the system.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Does nothing: the stream is not ours alone.
            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    };
}

output!(Stdout, io::stdout);
output!(Stderr, io::stderr);
