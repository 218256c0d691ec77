//! Several futures as one: all of them, all unless one fails, the first of them.
//!
//! Tuples and arrays are polled inline, in order, inside the task that awaits, and may borrow.
//! Iterators and vectors can be long: their futures are spawned, so that one that is woken does not
//! make the others be polled, and must be `'static`.
//!
//! There is no `select!`. A branch that is kept but not polled holds on to what it was granted; here
//! losers are dropped before a result is returned.

use std::fmt;
use std::future::Future;
use std::panic::{self, Location};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::branches::{Inline, InlineSet, IntoBranches, RaceSet, TrySet};
use super::nursery::{Nursery, Report};
use crate::runtime::kernel::sched::body::off_stack;

/// Waits for all of several futures and returns their outputs in order.
///
/// Takes a tuple (of up to eight) or an array of futures, which are polled inline in order and may borrow;
/// or an iterator or vector of `'static` futures, which are spawned. Handles of tasks are futures too.
/// Dropping it drops the futures, spawned ones inside that drop; tasks behind handles are detached.
///
/// asyncio counterpart: `asyncio.gather(..., return_exceptions=True)`: every result comes back.
/// Difference: when that is cancelled it cancels tasks that it was given, too.
///
/// # Cancel safety
///
/// *Lossy*: outputs that are ready already are dropped with it.
///
/// # Panics
///
/// With the first panic of a spawned future, after the others are gone, while further ones are told
/// as those of detached tasks are; when somebody cancels the task of
/// one ([`task::all`](crate::task::all) lists them); without a runtime on this thread for those that
/// are spawned.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let name = String::from("turn");
/// let (a, b) = turnwise::gather((async { name.len() }, async { 'x' })).await;
/// assert_eq!((a, b), (4, 'x'));
///
/// let squares = turnwise::gather((0..4).map(|n| async move { n * n })).await;
/// assert_eq!(squares, [0, 1, 4, 9]);
/// # });
/// ```
#[track_caller]
#[doc(alias = "join")]
#[doc(alias = "join_all")]
pub fn gather<K, G: Gather<K>>(futures: G) -> G::Future {
    futures.into_gather(At(Location::caller()))
}

/// Waits for all of several futures, or for the first error.
///
/// As [`gather`], for futures of results: with the first error the others are dropped, spawned ones
/// inside that poll; tasks behind handles run on.
///
/// asyncio counterpart: `asyncio.gather`. Difference: asyncio lets the others run on.
///
/// # Cancel safety
///
/// *Lossy*: outputs that are ready already are dropped with it.
///
/// # Errors
///
/// The first error, in the order in which the futures are polled.
///
/// # Panics
///
/// As [`gather`].
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let good = async { Ok::<_, &str>(1) };
/// let bad = async { Err::<i32, _>("no") };
/// assert_eq!(turnwise::try_gather((good, bad)).await, Err("no"));
/// # });
/// ```
#[track_caller]
#[doc(alias = "try_join")]
pub fn try_gather<K, G: TryGather<K>>(futures: G) -> G::Future {
    futures.into_try_gather(At(Location::caller()))
}

/// Waits for the first of several futures and drops the others before it returns.
///
/// Takes a tuple (of up to eight), an array or a vector of futures with the same output; they are polled inline in
/// order, and of two that are ready the first in order wins. All are owned, so none is kept unpolled; a
/// task behind a handle goes on, detached.
///
/// asyncio counterpart: `asyncio.wait(..., return_when=FIRST_COMPLETED)` with the cancellation of the
/// rest.
///
/// # Cancel safety
///
/// That of the futures inside.
///
/// # Panics
///
/// On an empty array or vector.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// # turnwise::Builder::new().virtual_clock().build().block_on(async {
/// let slow = async { turnwise::sleep(Duration::from_secs(9)).await; "slow" };
/// let fast = async { turnwise::sleep(Duration::from_secs(1)).await; "fast" };
/// assert_eq!(turnwise::race((slow, fast)).await, "fast");
/// # });
/// ```
#[track_caller]
#[doc(alias = "select")]
pub fn race<B>(futures: B) -> Race<B::Branches>
where
    B: IntoBranches,
    B::Branches: RaceSet,
{
    let branches = futures.into_branches();
    assert!(
        !branches.is_empty(),
        "nobody wins an empty race; give it a future, or check before you call it"
    );
    Race {
        branches: Some(branches),
    }
}

/// Marks futures that are spawned.
#[derive(Debug)]
pub struct Spawned;

/// Marks a vector of futures, which are spawned.
#[derive(Debug)]
pub struct SpawnedVec;

/// The caller's line. It has no name outside, which seals the traits that ask for it.
#[derive(Debug)]
pub struct At(&'static Location<'static>);

/// What [`gather`] takes: tuples, arrays, iterators and vectors of futures. Sealed; `K`
/// tells tuples and arrays from iterators, and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered",
    label = "not a tuple, array, vector or iterator of futures",
    note = "it takes one value: write `gather((first, second))`; a tuple has at most eight, more are nested",
    note = "futures of an iterator or a vector become tasks, which own what they use: `'static`"
)]
pub trait Gather<K> {
    /// The future of [`gather`].
    type Future: Future;
    #[doc(hidden)]
    fn into_gather(self, at: At) -> Self::Future;
}

/// What [`try_gather`] takes: tuples, arrays, iterators and vectors of futures of results. Sealed;
/// `K` tells tuples and arrays from iterators, and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered",
    label = "not a tuple, array, vector or iterator of futures of results",
    note = "it takes one value: write `try_gather((first, second))`; a tuple has at most eight, more are nested",
    note = "all errors have one type; futures of an iterator or a vector become tasks: `'static`"
)]
pub trait TryGather<K> {
    /// The future of [`try_gather`].
    type Future: Future;
    #[doc(hidden)]
    fn into_try_gather(self, at: At) -> Self::Future;
}

impl<B> Gather<Inline> for B
where
    B: IntoBranches,
    B::Branches: InlineSet,
{
    type Future = GatherInline<B::Branches>;

    fn into_gather(self, _: At) -> Self::Future {
        GatherInline {
            branches: self.into_branches(),
        }
    }
}

impl<B> TryGather<Inline> for B
where
    B: IntoBranches,
    B::Branches: TrySet,
{
    type Future = TryGatherInline<B::Branches>;

    fn into_try_gather(self, _: At) -> Self::Future {
        TryGatherInline {
            branches: Some(self.into_branches()),
        }
    }
}

impl<I, F> Gather<Spawned> for I
where
    I: Iterator<Item = F>,
    F: Future<Output: 'static> + 'static,
{
    type Future = GatherSpawned<F::Output>;

    fn into_gather(self, at: At) -> Self::Future {
        GatherSpawned::new(self, at.0)
    }
}

impl<I, F, T, E> TryGather<Spawned> for I
where
    I: Iterator<Item = F>,
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: 'static,
{
    type Future = TryGatherSpawned<T, E>;

    fn into_try_gather(self, at: At) -> Self::Future {
        TryGatherSpawned {
            all: GatherSpawned::new(self, at.0),
        }
    }
}

impl<F> Gather<SpawnedVec> for Vec<F>
where
    F: Future<Output: 'static> + 'static,
{
    type Future = GatherSpawned<F::Output>;

    fn into_gather(self, at: At) -> Self::Future {
        GatherSpawned::new(self.into_iter(), at.0)
    }
}

impl<F, T, E> TryGather<SpawnedVec> for Vec<F>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: 'static,
{
    type Future = TryGatherSpawned<T, E>;

    fn into_try_gather(self, at: At) -> Self::Future {
        TryGatherSpawned {
            all: GatherSpawned::new(self.into_iter(), at.0),
        }
    }
}

pin_project! {
    /// The future of [`gather`] over a tuple or an array.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct GatherInline<S> {
        #[pin]
        branches: S,
    }
}

impl<S: InlineSet> Future for GatherInline<S> {
    type Output = S::Outputs;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Outputs> {
        self.project().branches.poll_all(cx)
    }
}

pin_project! {
    /// The future of [`try_gather`] over a tuple or an array.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct TryGatherInline<S> {
        #[pin]
        branches: Option<S>,
    }
}

impl<S: TrySet> Future for TryGatherInline<S> {
    type Output = Result<S::Values, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut branches = self.project().branches;
        let set = branches.as_mut().as_pin_mut();
        let result = ready!(
            set.expect("a gather was polled after its end")
                .try_poll_all(cx)
        );
        branches.set(None);
        Poll::Ready(result)
    }
}

pin_project! {
    /// The future of [`race`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Race<S> {
        #[pin]
        branches: Option<S>,
    }
}

impl<S: RaceSet> Future for Race<S> {
    type Output = S::Winner;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Winner> {
        let mut branches = self.project().branches;
        let set = branches.as_mut().as_pin_mut();
        let winner = ready!(set.expect("a race was polled after its end").poll_any(cx));
        branches.set(None);
        Poll::Ready(winner)
    }
}

/// The future of [`gather`] over an iterator or a vector.
#[must_use = "dropping it drops the futures; `.await` it"]
pub struct GatherSpawned<T: 'static> {
    outputs: Vec<Option<T>>,
    nursery: Nursery<T>,
}

impl<T: 'static> GatherSpawned<T> {
    fn new<F>(futures: impl Iterator<Item = F>, at: &'static Location<'static>) -> Self
    where
        F: Future<Output = T> + 'static,
    {
        let nursery = Nursery::new("gather", at);
        let mut outputs = Vec::new();
        for future in futures {
            let shared = nursery.shared();
            drop(off_stack!(F, future => shared.spawn(future, |output| (output, ()), at)));
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
                    "somebody cancelled the task of future {place} of a gather, \
                     which can therefore have no output; cancel the task that gathers instead"
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

/// The future of [`try_gather`] over an iterator or a vector.
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

macro_rules! debug_by_name {
    ($($name:ident<$($param:ident $(: $bound:lifetime)?),+>;)+) => {$(
        impl<$($param $(: $bound)?),+> fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

debug_by_name! {
    GatherInline<S>;
    TryGatherInline<S>;
    Race<S>;
    GatherSpawned<T: 'static>;
    TryGatherSpawned<T: 'static, E: 'static>;
}
