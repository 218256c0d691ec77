//! What every module above may use, and what knows none of them: tables, passes, names, mailboxes.

pub(crate) mod batch;
pub(crate) mod foreign;
pub(crate) mod join_error;
pub(crate) mod kinds;
pub(crate) mod mailbox;
pub(crate) mod nesting;
pub(crate) mod passes;
pub(crate) mod place;
pub(crate) mod poison;
pub(crate) mod refused;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod trimmed_slab;

/// The names that [`mailbox`] and [`batch`] use of the standard library, so that loom can offer its own.
mod shim {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
}
