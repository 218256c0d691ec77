//! Locks whose data a panic cannot leave half changed.

use std::sync::LockResult;

/// What a lock gives, also after a panic under it. Every lock of the crate is held for a few statements
/// that leave its data whole wherever they stop.
pub(crate) fn ignore_poison<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(|poison| poison.into_inner())
}
