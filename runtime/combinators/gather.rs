//! All of several futures, or all unless one fails, polled inside one task.
//!
//! Tuples, arrays and vectors are polled in order inside the task that awaits, and may borrow. For many futures
//! there is [`gather_spawned`](super::gather_spawned::gather_spawned).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::branches::{Alike, Array, Branch, IntoBranches, Many, for_each_tuple};
use super::branches::{Set1, Set2, Set3, Set4, Set5, Set6, Set7, Set8};

/// Waits for all of several futures and returns their outputs in order.
///
/// Takes a tuple (of up to eight), an array or a vector of futures, which may borrow. They are polled inside this
/// one, in order: each wake polls all that have not ended, which is O(n). For many futures that are woken one by
/// one there is [`gather_spawned`](crate::gather_spawned), which is O(1) for each. Handles of tasks are futures,
/// too; dropping the gather detaches their tasks.
///
/// The futures are moved into this one. A build without optimisation copies them from frame to frame, which takes
/// about 16 times the size of a tuple and 10 times that of an array on the stack: box futures of more than 50 KiB
/// (`Box::pin`), collect them into a `Vec`, or let `gather_spawned` make tasks of them.
///
/// asyncio counterpart: `asyncio.gather(..., return_exceptions=True)`: every result comes back.
/// Differences: the futures are polled in place and do not become tasks; when asyncio's gather is cancelled, it
/// cancels tasks that it was given, too.
///
/// # Cancel safety
///
/// *Lossy*: outputs that are ready already are dropped with it.
///
/// # Panics
///
/// When polled again after its end.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let name = String::from("turn");
/// let (a, b) = turnwise::gather((async { name.len() }, async { 'x' })).await;
/// assert_eq!((a, b), (4, 'x'));
///
/// let lengths: Vec<_> = ["a", "bc"].iter().map(async |text| text.len()).collect();
/// assert_eq!(turnwise::gather(lengths).await, [1, 2]);
/// # });
/// ```
#[track_caller]
#[doc(alias = "join")]
#[doc(alias = "join_all")]
pub fn gather<S, B>(futures: S) -> Gather<B>
where
    S: GatherSet<Branches = B>,
{
    Gather {
        branches: futures.into_branches(),
    }
}

/// Waits for all of several futures, or for the first error.
///
/// As [`gather`], for futures of results: with the first error the others are dropped before it is returned; tasks
/// behind handles run on. The futures have one type of error.
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
/// When polled again after its end.
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
#[doc(alias = "try_join_all")]
pub fn try_gather<S, B>(futures: S) -> TryGather<B>
where
    S: TryGatherSet<Gathering = B>,
{
    TryGather {
        branches: Some(futures.into_try_gather()),
    }
}

/// What [`gather`] takes: tuples, arrays and vectors of futures. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered",
    label = "not a tuple, array or vector of futures",
    note = "it takes one value: write `gather((first, second))`; a tuple has at most eight, more are nested",
    note = "collect an iterator into a `Vec`, or let `gather_spawned` make a task of each"
)]
pub trait GatherSet: IntoBranches<Branches: PollAll<Outputs = Self::Outputs>> {
    /// All outputs, in order: a tuple, an array or a vector.
    type Outputs;
}

/// What [`try_gather`] takes: tuples, arrays and vectors of futures of results. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered",
    label = "not a tuple, array or vector of futures of results",
    note = "it takes one value: write `try_gather((first, second))`; a tuple has at most eight, more are nested",
    note = "collect an iterator into a `Vec`, or let `try_gather_spawned` make a task of each"
)]
pub trait TryGatherSet: Sized + IntoBranches {
    /// All values, in order: a tuple, an array or a vector.
    type Values;
    /// The error of each.
    type Error;
    #[doc(hidden)]
    type Gathering: TryPollAll<Values = Self::Values, Error = Self::Error>;
    #[doc(hidden)]
    fn into_try_gather(self) -> Self::Gathering;
}

/// Branches that all end.
pub trait PollAll {
    type Outputs;
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs>;
}

/// Branches that end with the first error.
pub trait TryPollAll {
    type Values;
    type Error;
    fn try_poll_all(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Values, Self::Error>>;
}

/// Says in an error what is wrong with the errors of the futures.
#[derive(Debug)]
pub struct Errors;

/// Holds for one type of error twice.
#[diagnostic::on_unimplemented(
    message = "the futures of `try_gather` have different errors: `{First}` and `{Other}`",
    label = "give them one type of error",
    note = "inside an `async` block `?` converts: `async {{ Ok::<_, MyError>(future.await?) }}`"
)]
pub trait SameError<First, Other> {
    #[doc(hidden)]
    fn same(other: Other) -> First;
}

impl<E> SameError<E, E> for Errors {
    fn same(other: E) -> E {
        other
    }
}

macro_rules! tuple {
    ($set:ident: $($future:ident $value:ident $error:ident $field:ident),+) => {
        impl<$($future: Future),+> GatherSet for ($($future,)+) {
            type Outputs = ($($future::Output,)+);
        }

        impl<$($future: Future),+> PollAll for $set<$($future),+> {
            type Outputs = ($($future::Output,)+);

            fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs> {
                let mut this = self.project();
                let mut over = true;
                $(over &= this.$field.as_mut().poll(cx);)+
                if over {
                    Poll::Ready(($(this.$field.take(),)+))
                } else {
                    Poll::Pending
                }
            }
        }

        impl<$($value, $error, $future: Future<Output = Result<$value, $error>>),+> TryGatherSet
            for ($($future,)+)
        where
            $(Errors: SameError<EA, $error>,)+
        {
            type Values = ($($value,)+);
            type Error = EA;
            type Gathering = $set<$(Alike<$future, Result<$value, EA>>),+>;

            fn into_try_gather(self) -> Self::Gathering {
                let ($($field,)+) = self;
                $set { $($field: Branch::alike($field, |result| result.map_err(Errors::same))),+ }
            }
        }

        impl<Error, $($value, $future: Future<Output = Result<$value, Error>>),+> TryPollAll
            for $set<$($future),+>
        {
            type Values = ($($value,)+);
            type Error = Error;

            fn try_poll_all(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Result<Self::Values, Error>> {
                let mut this = self.project();
                let mut over = true;
                $(
                    over &= this.$field.as_mut().poll(cx);
                    if let Some(error) = this.$field.as_mut().take_error() {
                        return Poll::Ready(Err(error));
                    }
                )+
                if !over {
                    return Poll::Pending;
                }
                let values = || Ok(($(this.$field.take()?,)+));
                Poll::Ready(values())
            }
        }
    };
}

for_each_tuple!(tuple);

impl<F: Future> GatherSet for Vec<F> {
    type Outputs = Vec<F::Output>;
}

impl<F: Future, const N: usize> GatherSet for [F; N] {
    type Outputs = [F::Output; N];
}

impl<F: Future> PollAll for Many<F> {
    type Outputs = Vec<F::Output>;

    fn poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs> {
        let mut over = true;
        for branch in self.iter() {
            over &= branch.poll(cx);
        }
        if over {
            Poll::Ready(self.iter().map(|branch| branch.take()).collect())
        } else {
            Poll::Pending
        }
    }
}

impl<F: Future, const N: usize> PollAll for Array<F, N> {
    type Outputs = [F::Output; N];

    fn poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs> {
        Pin::new(&mut self.0).poll_all(cx).map(array)
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> TryGatherSet for Vec<F> {
    type Values = Vec<T>;
    type Error = E;
    type Gathering = Many<F>;

    fn into_try_gather(self) -> Many<F> {
        self.into_branches()
    }
}

impl<T, E, F: Future<Output = Result<T, E>>, const N: usize> TryGatherSet for [F; N] {
    type Values = [T; N];
    type Error = E;
    type Gathering = Array<F, N>;

    fn into_try_gather(self) -> Array<F, N> {
        self.into_branches()
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> TryPollAll for Many<F> {
    type Values = Vec<T>;
    type Error = E;

    fn try_poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Vec<T>, E>> {
        let mut over = true;
        for mut branch in self.iter() {
            over &= branch.as_mut().poll(cx);
            if let Some(error) = branch.take_error() {
                return Poll::Ready(Err(error));
            }
        }
        if over {
            Poll::Ready(self.iter().map(|branch| branch.take()).collect())
        } else {
            Poll::Pending
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>, const N: usize> TryPollAll for Array<F, N> {
    type Values = [T; N];
    type Error = E;

    fn try_poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<[T; N], E>> {
        Pin::new(&mut self.0).try_poll_all(cx).map_ok(array)
    }
}

fn array<T, const N: usize>(outputs: Vec<T>) -> [T; N] {
    let array = outputs.try_into().ok();
    array.expect("an array has as many outputs as futures")
}

pin_project! {
    /// The future of [`gather`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Gather<B> {
        #[pin]
        branches: B,
    }
}

impl<B: PollAll> Future for Gather<B> {
    type Output = B::Outputs;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Outputs> {
        self.project().branches.poll_all(cx)
    }
}

pin_project! {
    /// The future of [`try_gather`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct TryGather<B> {
        #[pin]
        branches: Option<B>,
    }
}

impl<B: TryPollAll> Future for TryGather<B> {
    type Output = Result<B::Values, B::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut branches = self.project().branches;
        let gathered = branches.as_mut().as_pin_mut();
        let gathered = gathered.expect("a gather was polled after its end");
        let result = ready!(gathered.try_poll_all(cx));
        branches.set(None);
        Poll::Ready(result)
    }
}

impl<B> fmt::Debug for Gather<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for TryGather<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather").finish_non_exhaustive()
    }
}
