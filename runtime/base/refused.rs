//! System calls that are refused: by an old kernel, a small one, or a sandbox, with whatever error it
//! likes.
//!
//! The rule: what the loop can do without is tried once, and done without from then on, silently.
//! What nothing can stand in for is an error that names the call.

use std::fmt;
use std::io;

/// A refused call that nothing can stand in for.
#[derive(Debug)]
pub(crate) struct Refused {
    call: &'static str,
    error: io::Error,
}

impl Refused {
    /// For `map_err`.
    pub(crate) fn of<E: Into<io::Error>>(call: &'static str) -> impl FnOnce(E) -> Refused {
        move |error| Refused {
            call,
            error: error.into(),
        }
    }

    /// Nothing is wrong but that the process, or the system, has no descriptor left.
    pub(crate) fn is_for_want_of_descriptors(&self) -> bool {
        matches!(self.error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.error)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Want of descriptors may strike any call, and programs look for its number; else the name of the
/// call counts.
impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        if refused.is_for_want_of_descriptors() {
            refused.error
        } else {
            io::Error::new(refused.error.kind(), refused)
        }
    }
}
