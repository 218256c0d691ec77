//! The end of a runtime.
//!
//! Futures are dropped one at a time in the order of their spawning, with the kernel still in
//! place: a destructor may use primitives and handles. Wakes and grants schedule nothing any more
//! and a spawn drops its future at once. A destructor that panics does not keep the rest from being
//! dropped; the first panic goes on afterwards.

use std::panic::{self, AssertUnwindSafe};

use crate::runtime::base::foreign::{Payload, keep_first};
use crate::runtime::diagnostics::observer;
use crate::runtime::diagnostics::state;
use crate::runtime::driver;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::joiner;
use crate::runtime::kernel::slack;
use crate::runtime::reactor;
use crate::runtime::task::unobserved;
use crate::runtime::threads::{external, inlet, pool};

/// Closes one module after the other: the tasks first, which may use all the rest; the hooks last. Returns the first panic of a destructor.
pub(super) fn tear_down(kernel: &Kernel) -> Option<Payload> {
    let closing = Closing::begin(kernel);
    let mut panics = Panics { first: None };
    drop_tasks(kernel, &mut panics);
    panics.catch(|| kernel.timers().clear());
    panics.catch(|| reactor::close(kernel));
    panics.catch(pool::close);
    panics.catch(driver::close);
    inlet::close(|gone| panics.catch(|| drop(gone)));
    // Closed, but still there: a destructor may ask for a handle, which finds the runtime gone.
    panics.catch(|| drop(kernel.mail().close()));
    panics.catch(|| kernel.drop_wakers());
    panics.catch(|| drop(unobserved::configure(None)));
    panics.catch(state::close);
    drop(closing);
    panics.first
}

/// Marks the teardown as being under way. On every way out the thread is fit for another runtime.
struct Closing<'a>(&'a Kernel);

impl<'a> Closing<'a> {
    fn begin(kernel: &'a Kernel) -> Self {
        kernel.begin_closing();
        Closing(kernel)
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let kernel = self.0;
        kernel.mail().end();
        external::close();
        slack::trim(kernel);
        kernel.end_closing();
    }
}

/// Keeps the first panic of destructors that each run for themselves.
struct Panics {
    first: Option<Payload>,
}

impl Panics {
    fn catch(&mut self, code: impl FnOnce()) {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(code)) {
            keep_first(&mut self.first, payload);
        }
    }
}

fn drop_tasks(kernel: &Kernel, panics: &mut Panics) {
    // A destructor that blocks is a poll that blocks, as the watchdog sees it.
    let sight = observer::sight();
    kernel.passes().begin();
    let pass = kernel.passes().now();
    let order = kernel.tasks().in_spawn_order();
    for id in order {
        if let (Some(sight), Some(task)) = (&sight, kernel.tasks().get(id)) {
            sight.begin(pass, task);
        }
        let joiner = joiner::take_joiner(kernel, id);
        if let Some(mut task) = kernel.remove(id) {
            unobserved::report_panic(&mut task);
            panics.catch(|| drop((joiner, task)));
        }
        if let Some(sight) = &sight {
            sight.rest();
        }
    }
}
