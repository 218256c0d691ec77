//! All of many futures, each as a task, so that one that is woken does not make the others be polled.

use std::fmt;
use std::future::Future;
use std::panic::{self, Location};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::nursery::{Nursery, Report};
use crate::runtime::choices;
use crate::runtime::kernel;
use crate::runtime::kernel::sched::body::off_stack;

/// Spawns a task for each of many futures, waits for all and returns their outputs in order.
///
/// As [`gather`](crate::gather), for many `'static` futures: an end costs the same however many there are. They
/// are spawned inside this call. Dropping it drops those that have not ended, inside that drop; tasks behind
/// handles are detached.
///
/// asyncio counterpart: `asyncio.gather(..., return_exceptions=True)`: every result comes back.
///
/// # Cancel safety
///
/// *Lossy*: outputs that are ready already are dropped with it.
///
/// # Panics
///
/// With the first panic of a future, after the others are gone; further panics are reported as those of detached
/// tasks are. When the task of one is cancelled ([`task::all`](crate::task::all) lists them). Without a runtime
/// on this thread.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let squares = turnwise::gather_spawned((0..4).map(|n| async move { n * n })).await;
/// assert_eq!(squares, [0, 1, 4, 9]);
/// # });
/// ```
#[track_caller]
#[doc(alias = "join_all")]
pub fn gather_spawned<I, T>(futures: I) -> GatherSpawned<T>
where
    I: IntoIterator<Item: Future<Output = T> + 'static>,
    T: 'static,
{
    GatherSpawned::new(futures, Location::caller())
}

/// As [`gather_spawned`], for futures of results: returns the first error.
///
/// With the first error the others are dropped, inside that poll; tasks behind handles run on.
///
/// asyncio counterpart: `asyncio.gather`. Difference: asyncio lets the others run on.
///
/// # Cancel safety
///
/// *Lossy*: outputs that are ready already are dropped with it.
///
/// # Errors
///
/// The first error, in the order in which the futures end.
///
/// # Panics
///
/// As [`gather_spawned`].
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let halves = [4, 2, 7].map(|n| async move { if n % 2 == 0 { Ok(n / 2) } else { Err(n) } });
/// assert_eq!(turnwise::try_gather_spawned(halves).await, Err(7));
/// # });
/// ```
#[track_caller]
#[doc(alias = "try_join_all")]
pub fn try_gather_spawned<I, T, E>(futures: I) -> TryGatherSpawned<T, E>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>> + 'static>,
    T: 'static,
    E: 'static,
{
    TryGatherSpawned {
        all: GatherSpawned::new(futures, Location::caller()),
    }
}

/// The future of [`gather_spawned`].
#[must_use = "dropping it drops the futures; `.await` it"]
pub struct GatherSpawned<T: 'static> {
    outputs: Vec<Option<T>>,
    nursery: Nursery<T>,
}

impl<T: 'static> GatherSpawned<T> {
    fn new<I>(futures: I, at: &'static Location<'static>) -> Self
    where
        I: IntoIterator<Item: Future<Output = T> + 'static>,
    {
        let nursery = Nursery::new("gather", at);
        let mut outputs = Vec::new();
        for future in futures {
            let shared = nursery.shared();
            let split = |output| (output, ());
            let task = off_stack!(I::Item, future => shared.spawn(future, split, at));
            // Its cancellation would be a panic of the gather, not of the program.
            kernel::with(|kernel| choices::spare(kernel, task.id()));
            drop(task);
            outputs.push(None);
        }
        nursery.close();
        GatherSpawned { outputs, nursery }
    }

    /// Ready with the next child that has ended, if any is left.
    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<(usize, T)>> {
        match ready!(self.nursery.poll_next(cx)) {
            None => Poll::Ready(None),
            Some((place, Report::Value(output))) => Poll::Ready(Some((place, output))),
            Some((_, Report::Panicked(panicked))) => {
                self.nursery.abort();
                panic::resume_unwind(panicked.into_payload())
            }
            Some((place, Report::Cancelled)) => {
                self.nursery.abort();
                panic!(
                    "the task of future {place} of a gather was cancelled, so it has no output; \
                     cancel the task that gathers instead"
                )
            }
        }
    }

    fn outputs(&mut self) -> impl Iterator<Item = T> {
        let ended = "a gather was polled after its end, or after its runtime's";
        std::mem::take(&mut self.outputs)
            .into_iter()
            .map(move |output| output.expect(ended))
    }
}

impl<T: 'static> Unpin for GatherSpawned<T> {}

impl<T: 'static> Future for GatherSpawned<T> {
    type Output = Vec<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<T>> {
        while let Some((place, output)) = ready!(self.poll_next(cx)) {
            self.outputs[place] = Some(output);
        }
        Poll::Ready(self.outputs().collect())
    }
}

impl<T: 'static> fmt::Debug for GatherSpawned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherSpawned")
            .field("left", &self.nursery.shared().living())
            .finish()
    }
}

/// The future of [`try_gather_spawned`].
#[must_use = "dropping it drops the futures; `.await` it"]
pub struct TryGatherSpawned<T: 'static, E: 'static> {
    all: GatherSpawned<Result<T, E>>,
}

impl<T: 'static, E: 'static> Future for TryGatherSpawned<T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some((place, output)) = ready!(self.all.poll_next(cx)) {
            match output {
                Err(error) => {
                    self.all.nursery.abort();
                    return Poll::Ready(Err(error));
                }
                good => self.all.outputs[place] = Some(good),
            }
        }
        Poll::Ready(self.all.outputs().collect())
    }
}

impl<T: 'static, E: 'static> fmt::Debug for TryGatherSpawned<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGatherSpawned")
            .field("left", &self.all.nursery.shared().living())
            .finish()
    }
}
