//! What every verb says when the other end is gone.

use std::{fmt, io};

/// It is closed: a queue that takes no more and has given all, or a [`oneshot`](super::oneshot) whose other end is
/// gone. A refused value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()>(pub T);

impl<T> Closed<T> {
    /// The value that was refused.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed: the other end is gone, or takes no more")
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> std::error::Error for Closed<T> {}

/// For `?`: of the kind [`BrokenPipe`](io::ErrorKind::BrokenPipe). The value is dropped.
impl<T> From<Closed<T>> for io::Error {
    fn from(_: Closed<T>) -> Self {
        io::Error::new(io::ErrorKind::BrokenPipe, Closed(()))
    }
}
