//! Waiting until all other tasks are blocked: for tests that have to look at a program at rest.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::state;
use crate::runtime::kernel;
use crate::runtime::kernel::wait::wait_node::WaitNode;

/// Waits until every other task is blocked: no task is ready, no timer is due and no descriptor is
/// ready. Time does not pass for it, so a virtual clock stands still.
///
/// Blocking calls and other threads are not waited for. Several tasks that wait so go on together.
///
/// asyncio counterpart: none; `trio.testing.wait_all_tasks_blocked`.
///
/// # Cancel safety
///
/// *Strict*, except that one dropped between the moment of rest and its own turn waits for the next
/// such moment when it comes back.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use turnwise::sync::Event;
///
/// turnwise::block_on(async {
///     let event = Rc::new(Event::new());
///     let task = turnwise::spawn({
///         let event = event.clone();
///         async move { event.wait().await }
///     });
///     turnwise::task::wait_quiescent().await;
///     assert!(!task.is_finished() && turnwise::report::dump().to_string().contains("waits for event"));
///     event.set();
///     task.await.unwrap();
/// });
/// ```
#[track_caller]
pub fn wait_quiescent() -> WaitQuiescent {
    kernel::need_runtime("wait_quiescent");
    WaitQuiescent {
        node: WaitNode::new(0, Location::caller()),
    }
}

/// The future of [`wait_quiescent`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct WaitQuiescent {
    node: WaitNode,
}

impl Future for WaitQuiescent {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        state::with(|driver| self.node.poll(&driver.quiescence, cx).map(drop))
    }
}

impl Drop for WaitQuiescent {
    fn drop(&mut self) {
        state::try_with(|driver| self.node.leave(&driver.quiescence));
    }
}

impl fmt::Debug for WaitQuiescent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQuiescent")
            .field("node", &self.node)
            .finish()
    }
}
