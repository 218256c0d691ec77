//! Why a task gave no output.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic;

/// Why a task has no output.
#[non_exhaustive]
pub enum JoinError {
    /// It was cancelled, or its runtime ended first.
    Cancelled {
        /// What [`JoinHandle::cancel_because`](crate::JoinHandle::cancel_because) was told.
        reason: Option<Cow<'static, str>>,
    },
    /// It panicked; the payload of the panic.
    Panicked(Box<dyn Any + Send>),
}

impl JoinError {
    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, JoinError::Cancelled { .. })
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, JoinError::Panicked(_))
    }

    /// Goes on with the panic of the task in this one.
    ///
    /// # Panics
    ///
    /// Always: with the task's own payload, or, if it was cancelled, with this error's text.
    pub fn resume(self) -> ! {
        match self {
            JoinError::Panicked(payload) => panic::resume_unwind(payload),
            cancelled => panic!("{cancelled}"),
        }
    }

    /// What the task panicked with, if that is a text.
    pub fn panic_message(&self) -> Option<&str> {
        let JoinError::Panicked(payload) = self else {
            return None;
        };
        let text = payload.downcast_ref::<&'static str>().copied();
        text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled {
                reason: Some(reason),
            } => write!(f, "task cancelled: {reason}"),
            JoinError::Cancelled { reason: None } => f.write_str("task cancelled"),
            JoinError::Panicked(_) => {
                write!(
                    f,
                    "task panicked: {}",
                    self.panic_message().unwrap_or("(no text)")
                )
            }
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}
