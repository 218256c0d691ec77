//! The pipes to a child's standard streams.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::process;
use std::task::{Context, Poll};

use mio::Interest;

use super::flow::{self, Flow, StreamRead, StreamWrite};
use super::read_bytes::read_methods;
use super::send_stream::into_send_method;
use super::source::{AsyncFd, Fd};
use super::write_bytes::write_all_method;
use crate::runtime::{Readiness, SourceKind};

const INPUT: SourceKind = SourceKind::new("pipe to a child", "").with_interest(Interest::WRITABLE);
const OUTPUT: SourceKind =
    SourceKind::new("pipe from a child", "bytes from").with_interest(Interest::READABLE);

/// The writing end of a child's standard input. The child sees the end of its input when this is
/// closed or dropped.
#[derive(Debug)]
pub struct ChildStdin {
    /// Absent once it has been closed.
    source: Option<AsyncFd<Fd<process::ChildStdin>>>,
}

impl ChildStdin {
    #[track_caller]
    pub(crate) fn new(
        pipe: process::ChildStdin,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let source = Some(AsyncFd::new_at(Fd(pipe), &INPUT, at)?);
        Ok(ChildStdin { source })
    }

    /// Writes as much of `bytes` as the pipe takes, at least one byte, and returns how much.
    ///
    /// # Cancel safety
    ///
    /// *Strict*.
    ///
    /// # Errors
    ///
    /// What the system says; `BrokenPipe` when the child does not read any more.
    ///
    /// # Panics
    ///
    /// After it was closed.
    #[track_caller]
    pub fn write<'a>(&'a self, bytes: &'a [u8]) -> StreamWrite<'a> {
        assert!(
            self.source.is_some(),
            "the child's standard input is closed"
        );
        StreamWrite::new(self, bytes)
    }

    write_all_method!([&mut]);

    into_send_method!();

    /// Takes the pipe off the reactor and makes it blocking again, as the standard library
    /// expects it. To serve as the output of another command, it can be turned into a `Stdio`.
    ///
    /// # Errors
    ///
    /// What the system says; `BrokenPipe` after it was closed.
    pub fn into_std(self) -> io::Result<process::ChildStdin> {
        let source = self.source.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(source.into_blocking()?.0)
    }

    fn pipe(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.source {
            Some(source) => Ok(source.get_ref().0.as_fd()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Flow for ChildStdin {
    fn readiness(&self) -> &Readiness {
        let source = self.source.as_ref();
        source.expect("writing begins before closing").readiness()
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.pipe()?, bytes)?)
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::writev(self.pipe()?, slices)?)
    }
}

impl futures_io::AsyncWrite for ChildStdin {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pipe()?;
        flow::poll_write(&*self, cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe()?;
        flow::poll_write_vectored(&*self, cx, slices)
    }

    /// Does nothing: what was written is in the pipe.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source = None;
        Poll::Ready(Ok(()))
    }
}

flow::impl_into_stdio!(ChildStdin);

/// The reading ends differ in name alone.
macro_rules! output {
    ($name:ident, $what:literal) => {
        #[doc = concat!("The reading end of a child's standard ", $what, ".")]
        #[derive(Debug)]
        pub struct $name {
            source: AsyncFd<Fd<process::$name>>,
        }

        impl $name {
            #[track_caller]
            pub(crate) fn new(pipe: process::$name, at: &'static Location<'static>) -> io::Result<Self> {
                rustix::io::ioctl_fionbio(&pipe, true)?;
                let source = AsyncFd::new_at(Fd(pipe), &OUTPUT, at)?;
                Ok($name { source })
            }

            /// Reads what is there, at least one byte, into `buffer`; zero bytes mean the end.
            ///
            /// # Cancel safety
            ///
            /// *Strict*.
            ///
            /// # Errors
            ///
            /// What the system says.
            #[track_caller]
            pub fn read<'a>(&'a self, buffer: &'a mut [u8]) -> StreamRead<'a> {
                StreamRead::new(self, buffer)
            }

            read_methods!([&]);

            into_send_method!();

            /// Takes the pipe off the reactor and makes it blocking again, as the standard library
            /// expects it. To serve as the input of another command, it can be turned into a `Stdio`.
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn into_std(self) -> io::Result<process::$name> {
                Ok(self.source.into_blocking()?.0)
            }
        }

        impl Flow for $name {
            fn readiness(&self) -> &Readiness {
                self.source.readiness()
            }

            fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(rustix::io::read(&self.source.get_ref().0, buffer)?)
            }

            fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                Ok(rustix::io::readv(&self.source.get_ref().0, buffers)?)
            }
        }

        flow::impl_async_read!($name: $name, &$name);
        flow::impl_into_stdio!($name);
    };
}

output!(ChildStdout, "output");
output!(ChildStderr, "error");
