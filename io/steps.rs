//! An operation that takes several steps, as one future.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of an operation that takes several steps: connecting, binding, looking up a name,
/// running a command. Each says for itself what dropping it costs.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Steps<T>(Pin<Box<dyn Future<Output = io::Result<T>>>>);

impl<T> Steps<T> {
    pub(crate) fn new(steps: impl Future<Output = io::Result<T>> + 'static) -> Self {
        Steps(Box::pin(steps))
    }
}

impl<T> Future for Steps<T> {
    type Output = io::Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Steps<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").finish_non_exhaustive()
    }
}
