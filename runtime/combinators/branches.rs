//! Futures that are polled inline, in order, inside one task: tuples, arrays and vectors.

#![allow(
    missing_debug_implementations,
    reason = "these types cannot be named outside"
)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Marks futures that are polled inline.
#[derive(Debug)]
pub struct Inline;

pin_project! {
    /// A future, then its output, then nothing.
    #[project = BranchProjection]
    pub enum Branch<F: Future> {
        /// Still to be polled.
        Running { #[pin] future: F },
        /// Ready; nobody has taken the output.
        Over { output: Option<F::Output> },
    }
}

impl<F: Future> Branch<F> {
    fn new(future: F) -> Self {
        Branch::Running { future }
    }

    /// Polls unless it is over; whether it is over now. The future is dropped as it ends.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        if let BranchProjection::Running { future } = self.as_mut().project() {
            match future.poll(cx) {
                Poll::Ready(output) => self.set(Branch::Over {
                    output: Some(output),
                }),
                Poll::Pending => return false,
            }
        }
        true
    }

    fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project() {
            BranchProjection::Over { output } => {
                output.take().expect("the output of a branch is taken once")
            }
            BranchProjection::Running { .. } => {
                panic!("the output of a branch is taken when it is over")
            }
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Branch<F> {
    /// The error, if it ended with one.
    fn take_error(self: Pin<&mut Self>) -> Option<E> {
        let BranchProjection::Over { output } = self.project() else {
            return None;
        };
        output.take_if(|output| output.is_err())?.err()
    }
}

/// Futures that can be polled inline.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot race",
    label = "not a tuple, array or vector of futures",
    note = "it takes one value: write `race((first, second))`; a tuple has at most eight, more are nested"
)]
pub trait IntoBranches {
    /// The branches.
    type Branches;
    #[doc(hidden)]
    fn into_branches(self) -> Self::Branches;
}

/// Branches that are waited for together.
pub trait InlineSet {
    /// All outputs, in order.
    type Outputs;
    #[doc(hidden)]
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs>;
}

/// Branches that end with the first error.
pub trait TrySet {
    /// All values, in order.
    type Values;
    /// The common error.
    type Error;
    #[doc(hidden)]
    fn try_poll_all(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Values, Self::Error>>;
}

/// Branches of which the first to end wins.
pub trait RaceSet {
    /// The common output.
    type Winner;
    /// Whether nobody takes part.
    #[doc(hidden)]
    fn is_empty(&self) -> bool {
        false
    }
    #[doc(hidden)]
    fn poll_any(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Winner>;
}

macro_rules! tuple {
    ($set:ident: $($future:ident $value:ident $field:ident),+) => {
        pin_project! {
            #[doc(hidden)]
            pub struct $set<$($future: Future),+> {
                $(#[pin] $field: Branch<$future>,)+
            }
        }

        impl<$($future: Future),+> IntoBranches for ($($future,)+) {
            type Branches = $set<$($future),+>;

            fn into_branches(self) -> Self::Branches {
                let ($($field,)+) = self;
                $set { $($field: Branch::new($field)),+ }
            }
        }

        impl<$($future: Future),+> InlineSet for $set<$($future),+> {
            type Outputs = ($($future::Output,)+);

            fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs> {
                let mut this = self.project();
                let mut over = true;
                $(over &= this.$field.as_mut().poll(cx);)+
                match over {
                    true => Poll::Ready(($(this.$field.take(),)+)),
                    false => Poll::Pending,
                }
            }
        }

        impl<Error, $($value, $future: Future<Output = Result<$value, Error>>),+> TrySet
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
                match over {
                    true => Poll::Ready((|| Ok(($(this.$field.take()?,)+)))()),
                    false => Poll::Pending,
                }
            }
        }

        impl<Winner, $($future: Future<Output = Winner>),+> RaceSet for $set<$($future),+> {
            type Winner = Winner;

            fn poll_any(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Winner> {
                let mut this = self.project();
                $(
                    if this.$field.as_mut().poll(cx) {
                        return Poll::Ready(this.$field.take());
                    }
                )+
                Poll::Pending
            }
        }
    };
}

tuple!(Set1: A TA a);
tuple!(Set2: A TA a, B TB b);
tuple!(Set3: A TA a, B TB b, C TC c);
tuple!(Set4: A TA a, B TB b, C TC c, D TD d);
tuple!(Set5: A TA a, B TB b, C TC c, D TD d, E TE e);
tuple!(Set6: A TA a, B TB b, C TC c, D TD d, E TE e, F TF f);
tuple!(Set7: A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g);
tuple!(Set8: A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h);

/// Branches of one type, boxed because a slice cannot be pinned through safely.
#[doc(hidden)]
pub struct Many<F: Future> {
    branches: Vec<Pin<Box<Branch<F>>>>,
}

impl<F: Future> Many<F> {
    fn new(futures: impl IntoIterator<Item = F>) -> Self {
        Many {
            branches: futures
                .into_iter()
                .map(|f| Box::pin(Branch::new(f)))
                .collect(),
        }
    }

    fn poll_each(&mut self, cx: &mut Context<'_>) -> bool {
        self.branches
            .iter_mut()
            .fold(true, |over, branch| over & branch.as_mut().poll(cx))
    }
}

/// An array of branches.
#[doc(hidden)]
pub struct Array<F: Future, const N: usize>(Many<F>);

impl<F: Future, const N: usize> Array<F, N> {
    fn take<R, T: FromIterator<R> + TryInto<[R; N]>>(outputs: impl Iterator<Item = R>) -> [R; N] {
        match outputs.collect::<T>().try_into() {
            Ok(array) => array,
            Err(_) => panic!("an array has as many outputs as futures"),
        }
    }
}

impl<F: Future, const N: usize> IntoBranches for [F; N] {
    type Branches = Array<F, N>;

    fn into_branches(self) -> Self::Branches {
        Array(Many::new(self))
    }
}

impl<F: Future, const N: usize> InlineSet for Array<F, N> {
    type Outputs = [F::Output; N];

    fn poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Outputs> {
        if !self.0.poll_each(cx) {
            return Poll::Pending;
        }
        let outputs = self
            .0
            .branches
            .iter_mut()
            .map(|branch| branch.as_mut().take());
        Poll::Ready(Self::take::<_, Vec<_>>(outputs))
    }
}

impl<T, E, F: Future<Output = Result<T, E>>, const N: usize> TrySet for Array<F, N> {
    type Values = [T; N];
    type Error = E;

    fn try_poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<[T; N], E>> {
        let mut over = true;
        for branch in &mut self.0.branches {
            over &= branch.as_mut().poll(cx);
            if let Some(error) = branch.as_mut().take_error() {
                return Poll::Ready(Err(error));
            }
        }
        if !over {
            return Poll::Pending;
        }
        let values = self
            .0
            .branches
            .iter_mut()
            .map(|branch| branch.as_mut().take());
        let values: Result<Vec<T>, E> = values.collect();
        Poll::Ready(values.map(|values| Self::take::<_, Vec<_>>(values.into_iter())))
    }
}

impl<F: Future, const N: usize> RaceSet for Array<F, N> {
    type Winner = F::Output;

    fn is_empty(&self) -> bool {
        N == 0
    }

    fn poll_any(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.0).poll_any(cx)
    }
}

impl<F: Future> IntoBranches for Vec<F> {
    type Branches = Many<F>;

    fn into_branches(self) -> Self::Branches {
        Many::new(self)
    }
}

impl<F: Future> RaceSet for Many<F> {
    type Winner = F::Output;

    fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    fn poll_any(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        for branch in &mut self.branches {
            if branch.as_mut().poll(cx) {
                return Poll::Ready(branch.as_mut().take());
            }
        }
        Poll::Pending
    }
}
