//! The task that awaits a handle: it waits for the end of another task. The tasks are borrowed before the singles.

use std::panic::Location;
use std::task::{Context, Poll};

use super::task::TaskId;
use crate::runtime::base::table::NONE;
use crate::runtime::kernel::wait::single_waiter;
use crate::runtime::kernel::wait::wake_target::WakeTarget;
use crate::runtime::kernel::{self, Kernel, polling};

/// Ready if the task is over or gone; else makes `cx` its joiner.
pub(crate) fn watch(id: TaskId, cx: &Context<'_>, at: &'static Location<'static>) -> Poll<()> {
    kernel::with(|kernel| {
        let mut tasks = kernel.sched.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(id).filter(|task| !task.is_over()) else {
            return Poll::Ready(());
        };
        let place = task.joiner();
        if place == NONE && polling::is_own(cx.waker()) {
            *task.joiner_mut() = single_waiter::enter(kernel, polling::registers(), at, None);
            return Poll::Pending;
        }
        drop(tasks);
        watch_again(kernel, id, place, cx, at)
    })
}

/// As [`watch`], for a joiner that is known already, or in place of another, or with a foreign waker.
#[inline(never)]
fn watch_again(
    kernel: &Kernel,
    id: TaskId,
    place: u32,
    cx: &Context<'_>,
    at: &'static Location<'static>,
) -> Poll<()> {
    if single_waiter::knows(kernel, place, cx, at) {
        return Poll::Pending;
    }
    let who = WakeTarget::of(cx);
    let mut tasks = kernel.sched.tasks.borrow_mut();
    // The clone of a foreign waker may have ended it.
    let (gone, polled) = match tasks.get_mut(id).filter(|task| !task.is_over()) {
        Some(task) => {
            let gone = single_waiter::replace(kernel, task.joiner_mut(), who, at, None);
            (gone, Poll::Pending)
        }
        None => (who, Poll::Ready(())),
    };
    drop(tasks);
    drop(gone);
    polled
}

/// Undoes what [`watch`] did, if the task is not over.
pub(crate) fn unwatch(kernel: &Kernel, id: TaskId) {
    drop(take_joiner(kernel, id));
}

/// Takes the joiner of a task, to be dropped without a borrow.
pub(crate) fn take_joiner(kernel: &Kernel, id: TaskId) -> Option<WakeTarget> {
    let mut tasks = kernel.sched.tasks.borrow_mut();
    single_waiter::take(kernel, tasks.get_mut(id)?.joiner_mut())
}
