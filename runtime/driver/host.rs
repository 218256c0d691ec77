//! A loop that a host drives: the descriptor that the host polls.

use std::io;
use std::os::fd::OwnedFd;

use super::state::{self, Driver};
use crate::runtime::kernel::Kernel;
use crate::runtime::reactor;

/// Turns on the embedded mode. Returns the descriptor that becomes readable when a turn is due.
pub(crate) fn embed(kernel: &Kernel) -> io::Result<OwnedFd> {
    if kernel.clock().is_virtual() {
        let text = "a virtual clock cannot be polled for; use the real clock";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let descriptor = show_deadlines(kernel)?;
    kernel.mail().embed();
    state::with(|driver| arm(kernel, driver));
    Ok(descriptor)
}

/// A descriptor for the host of an embedded loop, if it can show deadlines.
fn show_deadlines(kernel: &Kernel) -> io::Result<OwnedFd> {
    /// Later than anything, and soon replaced: what counts is whether the timer can be armed.
    const FAR: u64 = u64::MAX / 2;
    reactor::need_reactor(kernel)?;
    reactor::arm(kernel.clock().now(), FAR).map_err(|refused| {
        let text = format!("no descriptor can show deadlines here: {refused}");
        io::Error::new(io::ErrorKind::Unsupported, text)
    })?;
    reactor::descriptor(kernel)
}

/// Leaves the descriptor of an embedded loop readable if a turn is due, and armed for when it will
/// be.
pub(super) fn arm(kernel: &Kernel, driver: &Driver) {
    if has_more(kernel, driver) || !kernel.mail().park() {
        return kernel.mail().ring();
    }
    let next = kernel.timers().next();
    if let Some(next) = next {
        let (now, due) = (kernel.clock().now(), driver.slacken(next));
        if let Err(refused) = reactor::arm(now, due) {
            panic!("the timer of an embedded loop failed: {refused}");
        }
    }
}

/// Whether a turn has something to do at once: tasks are ready, a deadline has come, or some tasks wait for
/// nothing to be ready.
pub(super) fn has_more(kernel: &Kernel, driver: &Driver) -> bool {
    let next = || kernel.timers().next();
    kernel.has_ready()
        || !driver.quiescence.is_empty()
        || next().is_some_and(|next| next <= kernel.clock().now())
}
