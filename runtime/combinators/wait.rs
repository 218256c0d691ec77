//! Waiting for some of many tasks without giving up their handles.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::nursery::{Nursery, Report};
use crate::runtime::base::join_error::JoinError;
use crate::runtime::kernel;
use crate::runtime::kernel::sched::joiner;
use crate::runtime::kernel::wait::wake_target::WakeTarget;
use crate::runtime::task::failure_count;
use crate::runtime::task::join::JoinHandle;
use crate::runtime::time::{Sleep, sleep};

/// When [`wait`] is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// When one of the tasks has ended.
    FirstCompleted,
    /// When one of the tasks has panicked or was cancelled, or all have ended.
    FirstError,
    /// When all have ended.
    All,
}

/// Waits until some or all of the tasks have ended, or the time is up. Cancels nothing.
///
/// Takes the handles of the tasks that have ended out of `handles`, in their order, and returns
/// them: awaiting those is ready at once. The rest stay where they are.
///
/// A call looks at every handle, which is O(n); so does the end of a task that fails under [`When::FirstError`]. To
/// take the results of many tasks one by one, use [`as_completed`], which looks only at those that ended.
///
/// asyncio counterpart: `asyncio.wait`. Differences: an `Err` that a task returns is a value, not an
/// error of the task; a cancelled task ends a [`When::FirstError`], where it does not end asyncio's
/// `FIRST_EXCEPTION`.
///
/// # Cancel safety
///
/// *Strict*: a dropped wait leaves every handle in place. A new wait has its time limit from the start.
///
/// # Panics
///
/// Without handles, which would be over never or at once; with a handle that gave its output already;
/// without a runtime on this thread if there is a time limit.
///
/// # Examples
///
/// ```
/// use turnwise::{When, spawn, wait};
/// # turnwise::block_on(async {
/// let mut tasks = vec![spawn(std::future::pending()), spawn(async { 7 })];
/// let mut done = wait(&mut tasks).until(When::FirstCompleted).await;
/// assert_eq!(done.pop().unwrap().await.unwrap(), 7);
/// assert_eq!(tasks.len(), 1);
/// # });
/// ```
#[track_caller]
pub fn wait<T>(handles: &mut Vec<JoinHandle<T>>) -> WaitHandles<'_, T> {
    assert!(
        !handles.is_empty(),
        "wait needs at least one handle; check before you call it"
    );
    if let Some(spent) = handles.iter().find(|handle| handle.is_spent()) {
        panic!(
            "the handle of task {} was passed to wait after it gave its output; \
             take it out of the vector when you await it",
            spent.id()
        );
    }
    WaitHandles {
        handles,
        when: When::All,
        limit: None,
        ended: 0,
        looked: None,
        at: Location::caller(),
    }
}

/// The future of [`wait`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct WaitHandles<'a, T> {
    handles: &'a mut Vec<JoinHandle<T>>,
    when: When,
    limit: Option<Sleep>,
    /// That many from the front have ended, so that each is looked at once.
    ended: usize,
    /// With `FirstError`: how many tasks of the thread had failed when all handles were last looked at, and the
    /// waiter that they all had then.
    looked: Option<(u64, WakeTarget)>,
    at: &'static Location<'static>,
}

impl<T> WaitHandles<'_, T> {
    /// Chooses what is waited for; all of them unless this is called.
    pub fn until(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Waits for at most `limit`, counted from this call. Tasks run on when the time is up.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(sleep(limit));
        self
    }

    fn is_over(&mut self, cx: &Context<'_>) -> bool {
        let ended = |handle: &JoinHandle<T>| joiner::watch(handle.id(), cx, self.at).is_ready();
        let front = self.handles[self.ended..].iter();
        self.ended += front.take_while(|handle| ended(handle)).count();
        let left = &self.handles[self.ended..];
        match self.when {
            _ if left.is_empty() => true,
            When::All => false,
            // All are watched unless one has ended.
            When::FirstCompleted => self.ended > 0 || left.iter().any(ended),
            When::FirstError => {
                let failures = failure_count::count();
                let looked = self.looked.as_ref();
                if looked.is_some_and(|(seen, waiter)| *seen == failures && waiter.is(cx)) {
                    return false;
                }
                self.looked = Some((failures, WakeTarget::of(cx)));
                left.iter().for_each(|handle| _ = ended(handle));
                let failed = |handle: &JoinHandle<T>| handle.is_finished() && handle.has_failed();
                self.handles.iter().any(failed)
            }
        }
    }
}

impl<T> Future for WaitHandles<'_, T> {
    type Output = Vec<JoinHandle<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let over = this.is_over(cx)
            || this
                .limit
                .as_mut()
                .is_some_and(|limit| limit.poll_named(cx, &"wait").is_ready());
        if !over {
            return Poll::Pending;
        }
        let ended = |handle: &mut JoinHandle<T>| handle.is_finished();
        Poll::Ready(extract(this.handles, ended))
    }
}

impl<T> Drop for WaitHandles<'_, T> {
    fn drop(&mut self) {
        // Those that are left are not awaited any more: their end must not wake this task, nor a report say it waits.
        let left = self.handles.iter().map(JoinHandle::id);
        kernel::try_with(|kernel| left.for_each(|id| joiner::unwatch(kernel, id)));
    }
}

/// Moves what `takes` wants out of `from`, keeping the order of both.
fn extract<T>(from: &mut Vec<T>, mut takes: impl FnMut(&mut T) -> bool) -> Vec<T> {
    let (mut taken, mut kept) = (Vec::new(), Vec::with_capacity(from.len()));
    for mut item in from.drain(..) {
        if takes(&mut item) {
            taken.push(item)
        } else {
            kept.push(item)
        }
    }
    *from = kept;
    taken
}

impl<T> fmt::Debug for WaitHandles<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitHandles")
            .field("handles", &self.handles.len())
            .field("when", &self.when)
            .finish()
    }
}

/// A stream of the results of tasks in the order in which they end, each with its place in `handles`.
///
/// asyncio counterpart: `asyncio.as_completed`. Difference: it says which task it was, as that does
/// since CPython 3.13 under `async for`.
///
/// # Cancel safety
///
/// *Strict* for `next`; dropping the stream detaches the tasks that have not ended.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use turnwise::{as_completed, spawn, yield_now};
/// # turnwise::block_on(async {
/// let slow = spawn(async { yield_now().await; "slow" });
/// let fast = spawn(async { "fast" });
/// let mut results = as_completed([slow, fast]);
/// assert_eq!(results.next().await.unwrap().1.unwrap(), "fast");
/// assert_eq!(results.next().await.unwrap().0, 0);
/// assert!(results.next().await.is_none());
/// # });
/// ```
#[track_caller]
pub fn as_completed<T: 'static>(
    handles: impl IntoIterator<Item = JoinHandle<T>>,
) -> AsCompleted<T> {
    let at = Location::caller();
    let nursery = Nursery::new("as_completed", at);
    for handle in handles {
        drop(nursery.shared().spawn(handle, |output| (output, ()), at));
    }
    nursery.close();
    AsCompleted { nursery }
}

/// The stream of [`as_completed`].
#[must_use = "streams do nothing unless you poll them"]
pub struct AsCompleted<T: 'static> {
    nursery: Nursery<Result<T, JoinError>>,
}

impl<T: 'static> Unpin for AsCompleted<T> {}

impl<T: 'static> Stream for AsCompleted<T> {
    type Item = (usize, Result<T, JoinError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.nursery.poll_next(cx).map(|report| {
            let (place, report) = report?;
            let result = match report {
                Report::Value(result) => result,
                Report::Panicked(panicked) => Err(JoinError::panicked(panicked.into_payload())),
                Report::Cancelled => Err(JoinError::Cancelled {
                    reason: Some("the wait for it was cancelled; it runs on".into()),
                }),
            };
            Some((place, result))
        })
    }
}

impl<T: 'static> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.nursery.shared().living())
            .finish()
    }
}
