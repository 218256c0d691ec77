//! When the loop may run, and its two ways to run: until a future is over, and for one turn.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::time::Duration;

use super::executor::{self, Main};
use super::park::{self, Parked};
use super::state::{self, Driver};
use super::{fork, host};
use crate::runtime::base::place::shown;
use crate::runtime::diagnostics::at_park;
use crate::runtime::diagnostics::deadlock_error::Deadlock;
use crate::runtime::diagnostics::lost_tasks;
use crate::runtime::diagnostics::report::Report;
use crate::runtime::diagnostics::state::Judging;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel};

/// The caller's line, if it may start a turn.
///
/// # Panics
///
/// Inside another turn, and in a process that was forked off the runtime's own.
#[track_caller]
pub(crate) fn admit(what: &str) -> &'static Location<'static> {
    refuse_nesting(what);
    if let Some(refusal) =
        kernel::with(|kernel| state::with(|driver| fork::refusal(kernel, driver)))
    {
        panic!("{refusal}");
    }
    Location::caller()
}

/// Panics inside a turn, naming the call that started it.
#[track_caller]
pub(crate) fn refuse_nesting(what: &str) {
    if let Some(outer) = state::with(|driver| driver.turning.get()) {
        panic!(
            "{what} was called inside the loop started at {}; \
             `.await` the future instead, or spawn it",
            shown(outer)
        );
    }
}

/// Marks a turn as being under way; undone on every way out.
pub(super) struct Turning<'a> {
    kernel: &'a Kernel,
    driver: &'a Driver,
}

impl<'a> Turning<'a> {
    /// Begins a turn that [`admit`] has let in.
    pub(super) fn begin(
        kernel: &'a Kernel,
        driver: &'a Driver,
        at: &'static Location<'static>,
    ) -> Self {
        driver.turning.set(Some(at));
        kernel.mail().begin_turn();
        Turning { kernel, driver }
    }
}

impl Drop for Turning<'_> {
    fn drop(&mut self) {
        let (kernel, driver) = (self.kernel, self.driver);
        if !std::thread::panicking() {
            lost_tasks::report(kernel);
        }
        driver.turning.set(None);
        polling::set_current_task(None);
        kernel.mail().end_turn();
        if !kernel.mail().is_embedded() {
            return;
        }
        if std::thread::panicking() {
            // A host that goes on after a panic turns again at once.
            kernel.mail().ring();
        } else {
            host::arm(kernel, driver);
        }
    }
}

/// The id of a main future while it runs; its entry goes away on every way out.
struct MainEntry<'a> {
    kernel: &'a Kernel,
    id: TaskId,
}

impl Drop for MainEntry<'_> {
    fn drop(&mut self) {
        drop(self.kernel.remove(self.id));
    }
}

/// Runs `future` to its end on behalf of a line that [`admit`] has let in. With `judge`, a loop that nothing can
/// wake is an error; it waits for ever otherwise.
pub(crate) fn run<F: Future>(
    kernel: &Kernel,
    future: F,
    judge: bool,
    at: &'static Location<'static>,
) -> Result<F::Output, Deadlock> {
    state::with(|driver| {
        let _turning = Turning::begin(kernel, driver, at);
        let _judging = Judging::begin();
        let mut output = None;
        {
            let wrapped = pin!(async { output = Some(future.await) });
            let id = kernel.insert_main(at);
            let _entry = MainEntry { kernel, id };
            let mut main = Some(Main {
                id,
                future: wrapped,
                over: false,
            });
            while main.as_ref().is_some_and(|main| !main.over) {
                if !kernel.has_ready() {
                    if let Parked::Deadlocked(verdict) = park::park(kernel, driver, None, judge) {
                        return Err(Deadlock::new(Report::take_judged(kernel, verdict)));
                    }
                    if kernel.has_ready() {
                        at_park::relieve();
                    }
                }
                executor::pass(kernel, driver, &mut main);
            }
        }
        Ok(output.expect("main is over, so it has given its output"))
    })
}

/// One pass, on behalf of a line that [`admit`] has let in; if no task is ready, first waits for at most `max_wait`.
/// Returns whether another turn has something to do at once.
pub(crate) fn turn(
    kernel: &Kernel,
    max_wait: Option<Duration>,
    at: &'static Location<'static>,
) -> bool {
    state::with(|driver| {
        let _turning = Turning::begin(kernel, driver, at);
        let busy = kernel.has_ready();
        let max_wait = if busy { Some(Duration::ZERO) } else { max_wait };
        park::park(kernel, driver, max_wait, false);
        executor::pass(kernel, driver, &mut None);
        host::has_more(kernel, driver)
    })
}
