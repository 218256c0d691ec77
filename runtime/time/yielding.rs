//! Giving way to the other ready tasks.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::runtime::base::passes::Pass;
use crate::runtime::kernel::polling::{self, notes};
use crate::runtime::kernel::{self, Kernel};

/// Lets every other ready task run before this one goes on.
///
/// asyncio counterpart: `asyncio.sleep(0)`. Works under any executor.
///
/// # Cancel safety
///
/// *Strict* for `&mut`: calling it again yields again.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// turnwise::yield_now().await;
/// # });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        yield_once(cx);
        Poll::Pending
    }
}

/// Asks for another poll from the tail of the ready queue.
#[inline]
pub(crate) fn yield_once(cx: &Context<'_>) {
    if !polling::yields(cx.waker()) {
        yield_through(cx.waker());
    }
}

/// As that, where a combinator has to poll again, or another executor.
fn yield_through(waker: &Waker) {
    let is_ready = |kernel: &Kernel| {
        let task = polling::current_task()?;
        Some(kernel.tasks().get(task)?.is_scheduled())
    };
    if kernel::try_with(is_ready).flatten() == Some(true) {
        // Its waker would leave the task where it stands, before others that are ready.
        polling::note(notes::YIELDED);
    }
    waker.wake_by_ref();
}

/// Rule R9 for a wait that need not wait: if another one was over already in this poll, every other ready
/// task runs first.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    /// The pass in which it let the others go first.
    held: Option<Pass>,
}

impl Courtesy {
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let now = kernel::with(|kernel| kernel.passes().now());
        let hold = match self.held {
            None => polling::was_wait_over(),
            Some(pass) => pass == now,
        };
        if !hold {
            return Poll::Ready(());
        }
        self.held = Some(now);
        yield_once(cx);
        Poll::Pending
    }

    /// The wait is over, and the next one begins.
    pub(crate) fn over(&mut self) {
        self.held = None;
        polling::note_wait_over();
    }
}
