//! The executor: the one place that takes the next ready task and polls it.
//!
//! ```text
//!   ┌─▶ pass: every task that was ready at its start, once each, first ready first
//!   │     └─ every so many polls: a look outside
//!   └── park: nothing is ready: what is due, then verdict or sleep until something happens
//! ```
//!
//! How the loop looks outside and sleeps is in `park.rs`; what follows from the end of a task, a panic included,
//! in `task/end.rs`.
//!
//! # Implementation
//!
//! A poll costs two borrows of the tasks, a push and a pop of the ready queue, and aiming the
//! spare waker. A program without timers, descriptors and other threads makes no system call.

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::Poll;

use super::park;
use super::state::Driver;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::diagnostics::lost_tasks;
use crate::runtime::diagnostics::observer::{self, Observer};
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::polling::notes;
use crate::runtime::kernel::sched::around_poll::{Choice, Chosen, Rest};
use crate::runtime::kernel::sched::body::BoxedBody;
use crate::runtime::kernel::sched::lend_waker::with_waker;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::sched::task_waker::PollWaker;
use crate::runtime::task::end;

/// The future of a `block_on`, which is polled like any task but lives on the stack.
pub(super) struct Main<'a> {
    pub(super) id: TaskId,
    pub(super) future: Pin<&'a mut dyn Future<Output = ()>>,
    pub(super) over: bool,
}

/// One pass: polls every task that is ready now, once each. With a main future, pass after pass until
/// it is over or nothing is ready.
pub(super) fn pass(kernel: &Kernel, driver: &Driver, main: &mut Option<Main<'_>>) {
    if !driver.watched.get() {
        return pass_with(kernel, driver, main, &());
    }
    #[cfg(feature = "explore")]
    if crate::runtime::choices::is_exploring() {
        return super::explored::pass(kernel, main);
    }
    match observer::observers() {
        (Some(dog), None) => pass_with(kernel, driver, main, &*dog),
        (dog, times) => pass_with(kernel, driver, main, &(dog.as_deref(), times.as_deref())),
    }
}

/// The pass, compiled for each kind of observer: without one, a poll does not even ask.
fn pass_with(kernel: &Kernel, driver: &Driver, main: &mut Option<Main<'_>>, watch: &impl Observer) {
    let _resting = Resting(watch);
    let mut spare = kernel.take_spare_waker();
    let mut last = kernel.begin_pass();
    'passes: while last.is_some() {
        loop {
            // The chooser: the only place that decides which ready task is next.
            let slot = step(kernel, Choice::Head, &mut spare, main, watch);
            if main.as_ref().is_some_and(|main| main.over) {
                break 'passes;
            }
            if driver.interval.is_due() {
                watch.rest();
                park::look(kernel, driver);
            }
            if slot.is_none() || slot == last {
                break;
            }
        }
        if main.is_none() {
            break;
        }
        last = kernel.begin_pass();
    }
    kernel.return_spare_waker(spare);
}

/// Polls the chosen task, or drops its future if its end was asked for. Returns its slot, if there was
/// one.
#[inline(always)]
pub(super) fn step(
    kernel: &Kernel,
    choice: Choice,
    spare: &mut PollWaker,
    main: &mut Option<Main<'_>>,
    watch: &impl Observer,
) -> Option<u32> {
    let chosen = kernel.choose(choice, |pass, task| watch.begin(pass, task))?;
    let (slot, id, body, key, cancelled, spawned_at) = match chosen {
        Chosen::Skipped { slot } => return Some(slot),
        Chosen::Poll {
            slot,
            id,
            body,
            waker,
            cancelled,
            spawned_at,
        } => (slot, id, body, waker, cancelled, spawned_at),
    };
    match body {
        Some(body) if cancelled => end::cancel_now(kernel, id, body),
        Some(body) => poll_task(kernel, id, key, spare, body),
        None => match main {
            Some(main) if main.id == id => poll_main(kernel, key, spare, main),
            _ => {}
        },
    }
    watch.end(id, spawned_at);
    Some(slot)
}

/// Says that no poll is under way when a pass is over, also by a panic.
struct Resting<'a, O: Observer>(&'a O);

impl<O: Observer> Drop for Resting<'_, O> {
    fn drop(&mut self) {
        self.0.rest();
    }
}

fn poll_task(kernel: &Kernel, id: TaskId, key: u32, spare: &mut PollWaker, mut body: BoxedBody) {
    let (result, notes) = with_waker(kernel, id, key, spare, |cx| {
        panic::catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx)))
    });
    match result {
        Ok(Poll::Pending) => rest(kernel, id, notes, body),
        Ok(Poll::Ready(())) => end::complete(kernel, id, body, None),
        Err(payload) => end::complete(kernel, id, body, Some(JoinError::panicked(payload))),
    }
}

/// Puts a task that is not finished back into its slot.
#[inline]
fn rest(kernel: &Kernel, id: TaskId, notes: u8, body: BoxedBody) {
    match kernel.put_back(id, notes, body) {
        Rest::Waits => {}
        Rest::Silent => lost_tasks::suspect(kernel, id),
        Rest::Cancelled(body) => end::cancel_now(kernel, id, body),
        Rest::Gone(body) => drop(body),
    }
}

fn poll_main(kernel: &Kernel, key: u32, spare: &mut PollWaker, main: &mut Main<'_>) {
    // A panic of main is the caller's; `Turning` and `run` put the kernel in order.
    let (result, notes) = with_waker(kernel, main.id, key, spare, |cx| {
        main.future.as_mut().poll(cx)
    });
    if result.is_ready() {
        main.over = true;
    } else if notes & notes::YIELDED != 0 {
        kernel.yields(main.id);
    } else if notes & notes::REGISTERED == 0 && !kernel.has_own_waker(main.id) {
        lost_tasks::suspect(kernel, main.id);
    }
}
