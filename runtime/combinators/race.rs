//! The first of several futures.
//!
//! There is no `select!`. A branch that is kept but not polled holds on to what it was granted; here losers are
//! dropped before a result is returned.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::branches::{Alike, Array, Branch, IntoBranches, Many, for_each_tuple};
use super::branches::{Set1, Set2, Set3, Set4, Set5, Set6, Set7, Set8};

/// Waits for the first of several futures, drops the others and returns its output.
///
/// Takes a tuple (of up to eight), an array or a vector of futures with the same output; for different outputs
/// there is [`race_either`]. The futures may borrow. They are polled inside this one, in order, and of two that are
/// ready the first in order wins. All are owned, so none is kept unpolled; a task behind a handle goes on, detached.
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
/// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
/// let slow = async { turnwise::sleep(Duration::from_secs(9)).await; "slow" };
/// let fast = async { turnwise::sleep(Duration::from_secs(1)).await; "fast" };
/// assert_eq!(turnwise::race((slow, fast)).await, "fast");
/// # });
/// ```
#[track_caller]
#[doc(alias = "select")]
pub fn race<S, B>(futures: S) -> Race<B>
where
    S: RaceSet<Racing = B>,
{
    assert!(
        !futures.is_empty(),
        "an empty race has no winner; give it a future, or check before you call it"
    );
    Race {
        branches: Some(futures.into_race()),
    }
}

/// As [`race`], for futures with different outputs: says which of them won.
///
/// Takes a tuple of up to eight futures.
///
/// # Cancel safety
///
/// That of the futures inside.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use turnwise::{Either, race_either};
/// # turnwise::Runtime::builder().virtual_clock().build().block_on(async {
/// let number = async { 7 };
/// let pause = turnwise::sleep(Duration::from_secs(1));
/// match race_either((number, pause)).await {
///     Either::A(number) => assert_eq!(number, 7),
///     Either::B(()) => panic!("too late"),
/// }
/// # });
/// ```
#[track_caller]
#[doc(alias = "select")]
pub fn race_either<S, B>(futures: S) -> RaceEither<B>
where
    S: RaceEitherSet<Racing = B>,
{
    let branches = Some(futures.into_race());
    RaceEither {
        race: Race { branches },
    }
}

/// The output of the branch that won a [`race_either`]: `A` that of the first in the tuple, and so on.
///
/// A `match` names only as many variants as the tuple has futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the type says what they are")]
pub enum Either<
    A,
    B = Infallible,
    C = Infallible,
    D = Infallible,
    E = Infallible,
    F = Infallible,
    G = Infallible,
    H = Infallible,
> {
    A(A),
    B(B),
    C(C),
    D(D),
    E(E),
    F(F),
    G(G),
    H(H),
}

/// What [`race`] takes: tuples, arrays and vectors of futures with the same output. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot race",
    label = "not a tuple, array or vector of futures",
    note = "it takes one value: write `race((first, second))`; a tuple has at most eight, more are nested",
    note = "collect an iterator into a `Vec`"
)]
pub trait RaceSet: Sized + IntoBranches {
    /// The output of each.
    type Output;
    #[doc(hidden)]
    type Racing: PollAny<Output = Self::Output>;
    #[doc(hidden)]
    fn into_race(self) -> Self::Racing;
    #[doc(hidden)]
    fn is_empty(&self) -> bool {
        false
    }
}

/// What [`race_either`] takes: tuples of futures. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot race",
    label = "not a tuple of futures",
    note = "it takes one value: write `race_either((first, second))`; a tuple has at most eight, more are nested",
    note = "an array or a vector of futures has one type of output: `race` takes it"
)]
pub trait RaceEitherSet: Sized + IntoBranches {
    /// An [`Either`] of the outputs.
    type Output;
    #[doc(hidden)]
    type Racing: PollAny<Output = Self::Output>;
    #[doc(hidden)]
    fn into_race(self) -> Self::Racing;
}

/// Branches with the same output, of which the first that ends wins.
pub trait PollAny {
    type Output;
    fn poll_any(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output>;
}

/// Says in an error what is wrong with the outputs of a race.
#[derive(Debug)]
pub struct Outputs;

/// Holds for one output twice.
#[diagnostic::on_unimplemented(
    message = "the futures of a race have different outputs: `{First}` and `{Other}`",
    label = "use `race_either` in place of `race`",
    note = "`race_either` returns `Either::A(..)`, `Either::B(..)` and so on"
)]
pub trait SameOutput<First, Other> {
    #[doc(hidden)]
    fn same(other: Other) -> First;
}

impl<T> SameOutput<T, T> for Outputs {
    fn same(other: T) -> T {
        other
    }
}

macro_rules! tuple {
    ($set:ident: $($future:ident $value:ident $error:ident $field:ident),+) => {
        impl<$($future: Future),+> RaceSet for ($($future,)+)
        where
            $(Outputs: SameOutput<A::Output, $future::Output>,)+
        {
            type Output = A::Output;
            type Racing = $set<$(Alike<$future, A::Output>),+>;

            fn into_race(self) -> Self::Racing {
                let ($($field,)+) = self;
                $set { $($field: Branch::alike($field, Outputs::same)),+ }
            }
        }

        impl<Output, $($future: Future<Output = Output>),+> PollAny for $set<$($future),+> {
            type Output = Output;

            fn poll_any(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
                let mut this = self.project();
                $(
                    if this.$field.as_mut().poll(cx) {
                        return Poll::Ready(this.$field.take());
                    }
                )+
                Poll::Pending
            }
        }

        impl<$($future: Future),+> RaceEitherSet for ($($future,)+) {
            type Output = Either<$($future::Output),+>;
            type Racing = $set<$(Alike<$future, <Self as RaceEitherSet>::Output>),+>;

            fn into_race(self) -> Self::Racing {
                let ($($field,)+) = self;
                $set { $($field: Branch::alike($field, Either::$future)),+ }
            }
        }
    };
}

for_each_tuple!(tuple);

impl<F: Future> RaceSet for Vec<F> {
    type Output = F::Output;
    type Racing = Many<F>;

    fn into_race(self) -> Many<F> {
        self.into_branches()
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<F: Future, const N: usize> RaceSet for [F; N] {
    type Output = F::Output;
    type Racing = Many<F>;

    fn into_race(self) -> Many<F> {
        let Array(branches) = self.into_branches();
        branches
    }

    fn is_empty(&self) -> bool {
        N == 0
    }
}

impl<F: Future> PollAny for Many<F> {
    type Output = F::Output;

    fn poll_any(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        for mut branch in self.iter() {
            if branch.as_mut().poll(cx) {
                return Poll::Ready(branch.take());
            }
        }
        Poll::Pending
    }
}

pin_project! {
    /// The future of [`race`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Race<B> {
        #[pin]
        branches: Option<B>,
    }
}

impl<B: PollAny> Future for Race<B> {
    type Output = B::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        let mut branches = self.project().branches;
        let racing = branches.as_mut().as_pin_mut();
        let racing = racing.expect("a race was polled after its end");
        let winner = ready!(racing.poll_any(cx));
        branches.set(None);
        Poll::Ready(winner)
    }
}

pin_project! {
    /// The future of [`race_either`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct RaceEither<B> {
        #[pin]
        race: Race<B>,
    }
}

impl<B: PollAny> Future for RaceEither<B> {
    type Output = B::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        self.project().race.poll(cx)
    }
}

impl<B> fmt::Debug for Race<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for RaceEither<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceEither").finish_non_exhaustive()
    }
}
