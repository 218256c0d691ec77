//! The hidden entry points of the macros.

use std::future::Future;

use super::runtime::Runtime;
use crate::runtime::kernel;
use crate::runtime::kernel::sched::body::off_stack;
use crate::runtime::task::end;

/// Runs a program.
#[track_caller]
pub fn main<R, F: Future<Output = R>>(future: F) -> R {
    off_stack!(F, future => Runtime::new().block_on(future))
}

/// Runs a program on the virtual clock.
#[track_caller]
pub fn main_virtual<R, F: Future<Output = R>>(future: F) -> R {
    off_stack!(F, future => Runtime::builder().virtual_clock().build().block_on(future))
}

/// Runs a test on the virtual clock.
#[track_caller]
pub fn test<R, F: Future<Output = R>>(future: F) -> R {
    off_stack!(F, future => checked(Runtime::builder().virtual_clock().fail_on_suspected().build(), future))
}

/// Runs a test on the real clock.
#[track_caller]
pub fn test_real_time<R, F: Future<Output = R>>(future: F) -> R {
    off_stack!(F, future => checked(Runtime::builder().fail_on_suspected().build(), future))
}

/// Runs a test on the virtual clock that may leave tasks behind.
#[track_caller]
pub fn test_detached<R, F: Future<Output = R>>(future: F) -> R {
    off_stack!(F, future => Runtime::builder().virtual_clock().fail_on_suspected().build().block_on(future))
}

/// Runs a test on the real clock that may leave tasks behind.
#[track_caller]
pub fn test_real_time_detached<R, F: Future<Output = R>>(future: F) -> R {
    off_stack!(F, future => Runtime::builder().fail_on_suspected().build().block_on(future))
}

/// Fails if a task outlives main that was not cancelled.
#[track_caller]
fn checked<R, F: Future<Output = R>>(runtime: Runtime, future: F) -> R {
    let output = runtime.block_on(future);
    kernel::with(end::end_cancelled);
    let leaked = runtime.dump();
    assert!(
        leaked.task_count() == 0,
        "the test returned while tasks were still alive; await or cancel them, or write `#[turnwise::test(detached)]`\n{leaked}"
    );
    output
}
