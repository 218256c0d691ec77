//! What all byte streams have in common: reading and writing, by future or by poll.
//!
//! # Implementation
//!
//! A read that gives less than it was asked for has emptied the stream, and a write that takes less
//! has filled it. That is noted, so that the next one waits without a system call that would only
//! say so. The end of a stream and its errors are announced with the last event: once one has been
//! seen, short results prove nothing and every read tries. So do streams that keep boundaries.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::when_ready::{Trial, poll_attempt};
use crate::runtime::{Readiness, Way};

/// A non-blocking byte stream that is registered with the reactor.
pub(crate) trait Flow {
    fn readiness(&self) -> &Readiness;

    /// Whether a short read means that nothing is left.
    fn is_seamless(&self) -> bool {
        true
    }

    // Half of these make no sense for a pipe; its type has no method that leads there.

    fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn try_read_vectored(&self, _: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn try_write_vectored(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Tells the other end that nothing more will be written.
    fn close(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Notes what `count` of `asked` bytes tell about the stream.
fn note_read(flow: &dyn Flow, count: usize, asked: usize) {
    if 0 < count && count < asked && flow.is_seamless() {
        flow.readiness().way(Way::Read).exhausted();
    }
}

fn note_written(flow: &dyn Flow, count: usize, asked: usize) {
    if count < asked {
        flow.readiness().way(Way::Write).exhausted();
    }
}

/// The future of a stream's `read`: the number of bytes read, zero at the end.
///
/// # Cancel safety
///
/// *Strict*: a read that is dropped has read nothing.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct StreamRead<'a> {
    flow: &'a dyn Flow,
    buffer: &'a mut [u8],
    trial: Trial<'a>,
}

impl<'a> StreamRead<'a> {
    #[track_caller]
    pub(crate) fn new(flow: &'a dyn Flow, buffer: &'a mut [u8]) -> Self {
        let trial = Trial::new(flow.readiness(), Way::Read, Location::caller());
        StreamRead {
            flow,
            buffer,
            trial,
        }
    }
}

impl Future for StreamRead<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let asked = this.buffer.len();
        let count = ready!(this.trial.attempt(cx, || this.flow.try_read(this.buffer)))?;
        note_read(this.flow, count, asked);
        Poll::Ready(Ok(count))
    }
}

impl fmt::Debug for StreamRead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRead")
            .field("ready", &self.trial)
            .finish()
    }
}

/// The future of a stream's `write`: the number of bytes written, which may be fewer than given.
///
/// # Cancel safety
///
/// *Strict*: a write that is dropped has written nothing.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct StreamWrite<'a> {
    flow: &'a dyn Flow,
    bytes: &'a [u8],
    trial: Trial<'a>,
}

impl<'a> StreamWrite<'a> {
    #[track_caller]
    pub(crate) fn new(flow: &'a dyn Flow, bytes: &'a [u8]) -> Self {
        let trial = Trial::new(flow.readiness(), Way::Write, Location::caller());
        StreamWrite { flow, bytes, trial }
    }
}

impl Future for StreamWrite<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let count = ready!(this.trial.attempt(cx, || this.flow.try_write(this.bytes)))?;
        note_written(this.flow, count, this.bytes.len());
        Poll::Ready(Ok(count))
    }
}

impl fmt::Debug for StreamWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWrite")
            .field("ready", &self.trial)
            .finish()
    }
}

pub(crate) fn poll_read(
    flow: &dyn Flow,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let asked = buffer.len();
    let read = poll_attempt(flow.readiness(), Way::Read, cx, || flow.try_read(buffer));
    let count = ready!(read)?;
    note_read(flow, count, asked);
    Poll::Ready(Ok(count))
}

pub(crate) fn poll_read_vectored(
    flow: &dyn Flow,
    cx: &mut Context<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let asked = buffers.iter().map(|buffer| buffer.len()).sum();
    let read = poll_attempt(flow.readiness(), Way::Read, cx, || {
        flow.try_read_vectored(buffers)
    });
    let count = ready!(read)?;
    note_read(flow, count, asked);
    Poll::Ready(Ok(count))
}

pub(crate) fn poll_write(
    flow: &dyn Flow,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    let written = poll_attempt(flow.readiness(), Way::Write, cx, || flow.try_write(bytes));
    let count = ready!(written)?;
    note_written(flow, count, bytes.len());
    Poll::Ready(Ok(count))
}

pub(crate) fn poll_write_vectored(
    flow: &dyn Flow,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    // The system takes no more slices than this in one call; those behind are no sign of a lack
    // of room.
    let slices = &slices[..slices.len().min(1024)];
    let asked = slices.iter().map(|slice| slice.len()).sum();
    let written = poll_attempt(flow.readiness(), Way::Write, cx, || {
        flow.try_write_vectored(slices)
    });
    let count = ready!(written)?;
    note_written(flow, count, asked);
    Poll::Ready(Ok(count))
}

/// A stream whose other end is gone already is closed.
pub(crate) fn close_quietly(closed: io::Result<()>) -> io::Result<()> {
    match closed {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}

/// Implements the reading trait of `futures-io` for types that are [`Flow`]s.
macro_rules! impl_async_read {
    ($base:ty: $($type:ty),+) => {$(
        impl futures_io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let flow: &$base = &self;
                $crate::io::flow::poll_read(flow, cx, buffer)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let flow: &$base = &self;
                $crate::io::flow::poll_read_vectored(flow, cx, buffers)
            }
        }
    )+};
}

/// Implements the writing trait of `futures-io` for types that are [`Flow`]s.
macro_rules! impl_async_write {
    ($base:ty: $($type:ty),+) => {$(
        impl futures_io::AsyncWrite for $type {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let flow: &$base = &self;
                $crate::io::flow::poll_write(flow, cx, bytes)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                slices: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let flow: &$base = &self;
                $crate::io::flow::poll_write_vectored(flow, cx, slices)
            }

            /// Does nothing: what was written is with the system.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let flow: &$base = &self;
                let closed = $crate::io::flow::Flow::close(flow);
                std::task::Poll::Ready($crate::io::flow::close_quietly(closed))
            }
        }
    )+};
}

/// Lets streams become the standard streams of a child.
macro_rules! impl_into_stdio {
    ($type:ty) => {
        impl TryFrom<$type> for std::process::Stdio {
            type Error = std::io::Error;

            /// Makes it a standard stream of a child, by way of `into_std`.
            fn try_from(stream: $type) -> std::io::Result<Self> {
                Ok(std::os::fd::OwnedFd::from(stream.into_std()?).into())
            }
        }
    };
}

pub(crate) use {impl_async_read, impl_async_write, impl_into_stdio};

/// The methods by which hyper and tokio write to a stream: they ask for the same ones.
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
macro_rules! write_methods {
    ($type:ty) => {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let flow: &$type = &self;
            flow::poll_write(flow, cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(flow::close_quietly(self.close()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            slices: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let flow: &$type = &self;
            flow::poll_write_vectored(flow, cx, slices)
        }
    };
}

#[cfg(any(feature = "hyper", feature = "tokio-io"))]
pub(super) use write_methods;
