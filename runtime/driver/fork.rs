//! A runtime that a fork has carried into another process is not used there.

use super::state::Driver;
use crate::runtime::base::place::shown;
use crate::runtime::kernel::Kernel;

/// Panics in a process that was forked off the runtime's own.
#[track_caller]
pub(super) fn refuse(kernel: &Kernel, driver: &Driver) {
    if let Some(refusal) = refusal(kernel, driver) {
        panic!("{refusal}");
    }
}

/// Checks at a park, at most every 10 ms, that the process is still the one that made the runtime.
pub(super) fn refuse_now_and_then(kernel: &Kernel, driver: &Driver, now: u64) {
    const EVERY: u64 = 10_000_000;
    if now.saturating_sub(driver.checked.get()) >= EVERY {
        driver.checked.set(now);
        refuse(kernel, driver);
    }
}

/// Why the runtime cannot be used here, if a fork has carried it into another process. It says where the loop
/// was started: at a park that is not the line of the panic.
pub(super) fn refusal(kernel: &Kernel, driver: &Driver) -> Option<String> {
    let (maker, process) = (driver.process.get(), std::process::id());
    if maker == process {
        return None;
    }
    let made = match (driver.turning.get(), kernel.runtime()) {
        (Some(started), _) => format!(", whose loop was started at {},", shown(started)),
        (None, Some(made)) => format!(", made at {},", shown(made)),
        (None, None) => String::new(),
    };
    Some(format!(
        "this runtime{made} belongs to process {maker} and was carried into process {process} by a fork; \
         make a runtime after the fork"
    ))
}
