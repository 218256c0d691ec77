//! One run: a runtime, the body under its chooser, and how that ended.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::rc::Rc;
use std::time::Duration;

use super::exploration::Failure;
use super::quiet::Quiet;
use crate::runtime::choices::chooser::{Chooser, Stopped};
use crate::runtime::choices::state;
use crate::runtime::driver;
use crate::runtime::kernel;
use crate::runtime::lifecycle::runtime::Runtime;
use crate::runtime::task::end;
use crate::runtime::task::unobserved::Unobserved;

/// Runs one body again and again on this thread.
pub(super) struct Runs<'a, M> {
    make: &'a M,
    /// Of the last run, if nothing of that run is left in it.
    kept: Option<Runtime>,
    /// Most choices of one run, for messages.
    choices: usize,
    /// The first problem of a task that nothing asks about.
    unobserved: Rc<RefCell<Option<String>>>,
    /// The caller's line.
    at: &'static Location<'static>,
}

impl<'a, M, F> Runs<'a, M>
where
    M: Fn() -> F,
    F: Future<Output = ()>,
{
    /// Begins an exploration on this thread.
    ///
    /// # Panics
    ///
    /// Inside another exploration, and where this thread has a runtime.
    #[track_caller]
    pub(super) fn begin(make: &'a M, choices: usize) -> Self {
        assert!(
            !state::is_installed(),
            "an exploration was started inside another one; explore one body at a time"
        );
        if let Some(at) = kernel::with(kernel::Kernel::runtime) {
            panic!(
                "an exploration makes its own runtimes, and this thread has one, made at {at}; \
                 start it outside of block_on, or on another thread"
            );
        }
        Runs {
            make,
            kept: None,
            choices,
            unobserved: Rc::default(),
            at: Location::caller(),
        }
    }

    /// Gives the runs another chooser.
    pub(super) fn choose_by(&mut self, chooser: Chooser) {
        state::install(chooser);
    }

    /// Runs the body once. With `log`, what happens is written down.
    pub(super) fn run(&mut self, log: bool) -> Option<Failure> {
        let runtime = self.kept.take().unwrap_or_else(|| self.start());
        // A runtime that is new on this thread may have the ids of an older one before it.
        kernel::with(|kernel| {
            kernel.restart();
            kernel.clock().reset(true);
        });
        self.unobserved.take();
        driver::be_explored(true);
        let quiet = Quiet::begin();
        state::begin_run(log);
        let ended = panic::catch_unwind(AssertUnwindSafe(|| {
            kernel::with(|kernel| driver::run(kernel, (self.make)(), true, self.at))
        }));
        let swept = panic::catch_unwind(AssertUnwindSafe(|| kernel::with(end::end_cancelled)));
        state::end_run();
        driver::be_explored(false);
        let mut failure = match state::with_chooser(Chooser::take_stopped) {
            Some(Stopped::Endless) => Some(Failure::Endless(self.choices)),
            Some(Stopped::Diverged(seen)) => Some(Failure::NotDeterministic(seen)),
            None => match (ended, swept) {
                (Ok(Ok(())), Ok(())) => self.unobserved.take().map(Failure::Unobserved),
                (Ok(Err(deadlock)), _) => Some(Failure::Deadlock(deadlock.to_string())),
                (Err(_), _) | (_, Err(_)) => Some(Failure::Panic(quiet.take().unwrap_or_default())),
            },
        };
        if failure.is_none()
            && !kernel::with(|kernel| kernel.tasks().iter().all(|task| task.is_over()))
        {
            failure = Some(Failure::Leak(runtime.dump().to_string()));
        }
        if failure.is_none() && kernel::with(kernel::Kernel::restart) {
            self.kept = Some(runtime);
            return None;
        }
        let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(runtime)));
        if dropped.is_err() && failure.is_none() {
            failure = Some(Failure::Panic(quiet.take().unwrap_or_default()));
        }
        failure
    }

    /// A runtime as a test has it; no thread can wake it, so that a suspicion is at once a failure.
    fn start(&self) -> Runtime {
        let first = self.unobserved.clone();
        let builder = Runtime::builder()
            .virtual_clock()
            .fail_on_suspected()
            .suspect_after(Duration::ZERO)
            .time_polls(false);
        let note = move |problem: &Unobserved| {
            first
                .borrow_mut()
                .get_or_insert_with(|| problem.to_string());
        };
        builder.on_unobserved(note).build()
    }
}

impl<M> Drop for Runs<'_, M> {
    fn drop(&mut self) {
        drop(self.kept.take());
        state::uninstall();
    }
}
