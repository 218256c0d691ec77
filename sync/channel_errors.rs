//! What the verbs of the queues can say no with.

use std::fmt;

/// Why [`Channel::try_put`](crate::sync::Channel::try_put) put nothing; the item comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// There is no room, or it belongs to waiters.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

/// Why [`Channel::try_get`](crate::sync::Channel::try_get) got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryGetError {
    /// There is no item, or they belong to waiters.
    Empty,
    /// The queue is closed and empty.
    Closed,
}

/// [`Channel::task_done`](crate::sync::Channel::task_done) was called more often than items were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverDone(pub(super) ());

impl<T> TryPutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "queue is full; await put to wait for room",
            TryPutError::Closed(_) => "queue is closed",
        })
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::Closed(_) => "Closed(..)",
        })
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Empty => "queue is empty; await get to wait for an item",
            TryGetError::Closed => "queue is closed and empty",
        })
    }
}

impl fmt::Display for OverDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done called more often than items were put; call it once per get")
    }
}

impl<T> std::error::Error for TryPutError<T> {}
impl std::error::Error for TryGetError {}
impl std::error::Error for OverDone {}
