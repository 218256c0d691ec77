//! The end of a task: it completes, it panics, or it was cancelled and its future is dropped.
//!
//! ```text
//!   poll returned Ready ───────▶ complete: the output stays in the task's body, the joiner is woken
//!   poll panicked ─────────────▶ complete: the payload is the failure
//!   cancel: the task is ready ─▶ the loop comes to it ─▶ cancel_now: drops the future, completes
//!   its group is dropped ──────▶ abort: the same at once, or when the poll on the stack returns
//! ```
//!
//! The slot is free once the handle has taken the output (`join.rs`), or at once if the task is detached. Only
//! then a failure that nothing can observe is reported (`unobserved.rs`).

use std::borrow::Cow;
use std::panic::{self, AssertUnwindSafe};

use super::{failure_count, unobserved};
use crate::runtime::base::foreign::{Payload, drop_quietly};
use crate::runtime::base::join_error::JoinError;
use crate::runtime::kernel::sched::body::BoxedBody;
use crate::runtime::kernel::sched::life::Detached;
use crate::runtime::kernel::sched::remains::Remains;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::{self, Kernel, polling};

/// Asks for the end of a task. Returns whether it had still to end.
pub(crate) fn cancel(id: TaskId, reason: Option<Cow<'static, str>>) -> bool {
    kernel::try_with(|kernel| kernel.request_cancel(id, reason)).unwrap_or(false)
}

/// Leaves the task to itself; drops what is left of one that is over, and reports it if it failed.
pub(super) fn detach(id: TaskId) {
    kernel::try_with(|kernel| {
        if let Detached::Over(body) = kernel.detach(id) {
            retire(kernel, id, body);
        }
    });
}

/// Ends a task whose future is done with; `body` holds the output unless there was a failure.
#[inline]
pub(crate) fn complete(kernel: &Kernel, id: TaskId, body: BoxedBody, failure: Option<JoinError>) {
    if failure.is_some() {
        failure_count::note();
    }
    if let Some(left) = kernel.finish(id, body, failure) {
        retire(kernel, id, left);
    }
}

/// Drops what a task that is over leaves and nothing takes, and frees its slot. A panic in there is one
/// of that task, and is reported as such: it does not reach the code that happens to be on the stack.
fn retire(kernel: &Kernel, id: TaskId, body: Option<BoxedBody>) {
    let dropped = drop_as(id, || drop(body));
    let remains = kernel.retire(id, dropped.err().map(JoinError::panicked));
    if let Some(mut task) = remains.filter(Remains::has_extra) {
        unobserved::report_panic(&mut task);
        drop_quietly(task);
    }
}

/// Drops something of a task as that task, even inside the poll of another one.
fn drop_as(id: TaskId, drop: impl FnOnce()) -> Result<(), Payload> {
    let outer = polling::set_current_task(Some(id));
    let dropped = panic::catch_unwind(AssertUnwindSafe(drop));
    polling::set_current_task(outer);
    dropped
}

/// Drops the future of a task whose end was asked for, and completes it.
pub(crate) fn cancel_now(kernel: &Kernel, id: TaskId, mut body: BoxedBody) {
    let failure = match drop_as(id, || body.as_mut().drop_future()) {
        Err(payload) => JoinError::panicked(payload),
        Ok(()) => JoinError::Cancelled {
            reason: kernel.take_reason(id),
        },
    };
    complete(kernel, id, body, Some(failure));
}

/// Drops the future of a task here and now, unless it is on the stack: then when its poll returns.
pub(crate) fn abort(id: TaskId) {
    kernel::try_with(|kernel| {
        if let Some(body) = kernel.abandon(id) {
            cancel_now(kernel, id, body);
        }
    });
}

/// Ends every task whose end was asked for, as the loop would.
pub(crate) fn end_cancelled(kernel: &Kernel) {
    // The destructor of one may ask for the end of another.
    while let Some(id) = kernel.next_cancelled() {
        abort(id);
    }
}
