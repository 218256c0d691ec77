//! Why a task gave no output.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic;
use std::sync::Mutex;

use super::poison::ignore_poison;

/// Why a task has no output.
///
/// `Send` and `Sync`, so that `?` takes it into any kind of boxed error.
#[non_exhaustive]
pub enum JoinError {
    /// It was cancelled, or its runtime ended first.
    #[non_exhaustive]
    Cancelled {
        /// The reason passed to [`JoinHandle::cancel_because`](crate::JoinHandle::cancel_because).
        reason: Option<Cow<'static, str>>,
    },
    /// It panicked.
    Panicked(Panic),
    /// It returned an error, which its group reports: only the handle of a child says so.
    Failed,
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
            JoinError::Panicked(panic) => panic::resume_unwind(panic.into_payload()),
            other => panic!("{other}"),
        }
    }

    /// What the task panicked with, if that is a text.
    pub fn panic_message(&self) -> Option<&str> {
        match self {
            JoinError::Panicked(panic) => panic.message(),
            JoinError::Cancelled { .. } | JoinError::Failed => None,
        }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        JoinError::Panicked(Panic::new(payload))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled {
                reason: Some(reason),
            } => write!(f, "task cancelled: {reason}"),
            JoinError::Cancelled { reason: None } => f.write_str("task cancelled"),
            JoinError::Failed => f.write_str("task failed; its group has the error"),
            JoinError::Panicked(panic) => {
                let message = panic.message().unwrap_or("(no text)");
                write!(f, "task panicked: {message}")
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

/// For `?`: an error of the kind [`Other`](std::io::ErrorKind::Other) that holds this one.
impl From<JoinError> for std::io::Error {
    fn from(failed: JoinError) -> Self {
        std::io::Error::other(failed)
    }
}

/// What a task panicked with.
pub struct Panic(Box<Caught>);

struct Caught {
    message: Option<Cow<'static, str>>,
    /// Never locked: it makes an error `Sync` whose payload need not be.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast_ref::<&'static str>() {
            Some(text) => Some(Cow::Borrowed(*text)),
            None => payload.downcast_ref::<String>().cloned().map(Cow::Owned),
        };
        let payload = Mutex::new(payload);
        Panic(Box::new(Caught { message, payload }))
    }

    /// The payload, if it is a text: that of `panic!` is.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The payload, for [`resume_unwind`](panic::resume_unwind) or a downcast.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let payload = self.0.payload.into_inner();
        ignore_poison(payload)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message()).finish()
    }
}
