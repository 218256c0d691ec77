//! Foreign code in the middle of the loop, and what is done about its panics.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Calls foreign code; the panic hook has printed a panic of it, which goes no further.
pub(crate) fn call_foreign(code: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(code)) {
        drop_quietly(payload);
    }
}

/// Drops a value that is of no more use; a panic of the destructor goes no further.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(value)));
}

/// Keeps the first of several panics; the others have been printed.
pub(crate) fn keep_first(kept: &mut Option<Payload>, payload: Payload) {
    match kept {
        None => *kept = Some(payload),
        Some(_) => drop_quietly(payload),
    }
}

/// Prints a line where no hook listens. A closed standard error is no reason to panic.
pub(crate) fn print(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "turnwise: {text}");
}
