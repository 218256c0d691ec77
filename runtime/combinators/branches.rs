//! Futures that are polled inline, in order, inside one task: tuples, arrays and vectors.
//!
//! A set of futures becomes a set of branches, each with a place for its output. What takes a set has a trait for
//! it: [`GatherSet`](super::gather::GatherSet), [`TryGatherSet`](super::gather::TryGatherSet),
//! [`RaceSet`](super::race::RaceSet), [`RaceEitherSet`](super::race::RaceEitherSet). [`IntoBranches`] is above all
//! of them and has no name outside, which seals them.
//!
//! The functions that take a set have the type of its branches as a parameter of their own, which the compiler
//! infers. So a set that is refused is one error: nothing is known of the branches that could be a second one.

#![allow(
    missing_debug_implementations,
    reason = "these types cannot be named outside"
)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Futures that can be polled inline.
pub trait IntoBranches {
    /// A [`Branch`] for each.
    type Branches;
    #[doc(hidden)]
    fn into_branches(self) -> Self::Branches;
}

pin_project! {
    /// A future whose output becomes one of the type that a race has.
    pub struct Alike<F: Future, T> {
        #[pin]
        future: F,
        convert: fn(F::Output) -> T,
    }
}

impl<F: Future, T> Branch<Alike<F, T>> {
    pub(super) fn alike(future: F, convert: fn(F::Output) -> T) -> Self {
        let future = Alike { future, convert };
        Branch::Running { future }
    }
}

impl<F: Future, T> Future for Alike<F, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        this.future.poll(cx).map(this.convert)
    }
}

pin_project! {
    /// A future, then its output, then nothing.
    #[project = BranchProjection]
    pub enum Branch<F: Future> {
        /// To be polled.
        Running { #[pin] future: F },
        /// Ready; the output is there until it is taken.
        Over { output: Option<F::Output> },
    }
}

impl<F: Future> Branch<F> {
    /// Polls unless it is over; whether it is over now. The future is dropped as it ends.
    pub(super) fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
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

    /// The output of one that is over.
    pub(super) fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project() {
            BranchProjection::Over { output } => {
                output.take().expect("the output of a branch is taken once")
            }
            BranchProjection::Running { .. } => {
                panic!("the output of a branch is taken after its end")
            }
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Branch<F> {
    /// The error, if it ended with one.
    pub(super) fn take_error(self: Pin<&mut Self>) -> Option<E> {
        let BranchProjection::Over { output } = self.project() else {
            return None;
        };
        output.take_if(|output| output.is_err())?.err()
    }
}

macro_rules! tuple {
    ($set:ident: $($future:ident $value:ident $error:ident $field:ident),+) => {
        pin_project! {
            #[doc(hidden)]
            pub struct $set<$($future: Future),+> {
                $(#[pin] pub(super) $field: Branch<$future>,)+
            }
        }

        impl<$($future: Future),+> IntoBranches for ($($future,)+) {
            type Branches = $set<$($future),+>;

            fn into_branches(self) -> Self::Branches {
                let ($($field,)+) = self;
                $set { $($field: Branch::Running { future: $field }),+ }
            }
        }
    };
}

/// Calls a macro for each size of tuple: with its set of branches, then per branch the type of the future, two
/// more types, and the field, which is also the name of the branch.
macro_rules! for_each_tuple {
    ($make:ident) => {
        $make!(Set1: A TA EA a);
        $make!(Set2: A TA EA a, B TB EB b);
        $make!(Set3: A TA EA a, B TB EB b, C TC EC c);
        $make!(Set4: A TA EA a, B TB EB b, C TC EC c, D TD ED d);
        $make!(Set5: A TA EA a, B TB EB b, C TC EC c, D TD ED d, E TE EE e);
        $make!(Set6: A TA EA a, B TB EB b, C TC EC c, D TD ED d, E TE EE e, F TF EF f);
        $make!(Set7: A TA EA a, B TB EB b, C TC EC c, D TD ED d, E TE EE e, F TF EF f, G TG EG g);
        $make!(Set8: A TA EA a, B TB EB b, C TC EC c, D TD ED d, E TE EE e, F TF EF f, G TG EG g, H TH EH h);
    };
}

for_each_tuple!(tuple);

pub(super) use for_each_tuple;

/// Branches of one type, as many as there are, boxed because a slice cannot be pinned through safely.
#[doc(hidden)]
pub struct Many<F: Future>(Vec<Pin<Box<Branch<F>>>>);

impl<F: Future> Many<F> {
    fn new(futures: Vec<F>) -> Self {
        let mut branches = Vec::with_capacity(futures.len());
        for future in futures {
            branches.push(Box::pin(Branch::Running { future }));
        }
        Many(branches)
    }

    /// The branches, in order.
    pub(super) fn iter(&mut self) -> impl Iterator<Item = Pin<&mut Branch<F>>> {
        self.0.iter_mut().map(|branch| branch.as_mut())
    }
}

impl<F: Future> IntoBranches for Vec<F> {
    type Branches = Many<F>;

    fn into_branches(self) -> Self::Branches {
        Many::new(self)
    }
}

/// Branches of one type, of known number.
#[doc(hidden)]
pub struct Array<F: Future, const N: usize>(pub(super) Many<F>);

impl<F: Future, const N: usize> IntoBranches for [F; N] {
    type Branches = Array<F, N>;

    fn into_branches(self) -> Self::Branches {
        Array(Many::new(Vec::from(self)))
    }
}
