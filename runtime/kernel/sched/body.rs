//! The future of a spawned task, whatever its type.
//!
//! # Implementation
//!
//! One allocation per spawn: a pinned box holds the future and then, in the same memory, its output.

use std::any::Any;
use std::future::Future;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A future, then its output, in the same memory.
    #[project = StageProjection]
    enum Stage<F: Future> {
        Running { #[pin] future: F },
        Over { output: Option<F::Output> },
    }
}

/// What the executor needs of a spawned future, whatever its type.
pub(crate) trait Body {
    /// Polls the future; when it is ready its output takes its place. If the poll panics, the future is
    /// dropped while the panic unwinds.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
    /// Drops the future where it stands, leaving no output.
    fn drop_future(self: Pin<&mut Self>);
    /// The place of the output: an `Option<F::Output>`.
    fn output(self: Pin<&mut Self>) -> Option<&mut (dyn Any + 'static)>;
}

impl<F> Body for Stage<F>
where
    F: Future,
    F::Output: 'static,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let poll = |mut stage: Pin<&mut Self>| match stage.as_mut().project() {
            StageProjection::Running { future } => match future.poll(cx) {
                Poll::Ready(output) => {
                    stage.set(Stage::Over {
                        output: Some(output),
                    });
                    Poll::Ready(())
                }
                Poll::Pending => Poll::Pending,
            },
            StageProjection::Over { .. } => Poll::Ready(()),
        };
        clearing(self, poll, |stage| stage.drop_future())
    }

    fn drop_future(mut self: Pin<&mut Self>) {
        self.set(Stage::Over { output: None });
    }

    fn output(self: Pin<&mut Self>) -> Option<&mut (dyn Any + 'static)> {
        match self.project() {
            StageProjection::Running { .. } => None,
            StageProjection::Over { output } => Some(output),
        }
    }
}

/// A spawned future of any type, or its output.
pub(crate) type BoxedBody = Pin<Box<dyn Body>>;

/// Boxes a future for the slab: the one allocation of a spawn.
pub(crate) fn boxed<F>(future: F) -> BoxedBody
where
    F: Future + 'static,
{
    Box::pin(Stage::Running { future })
}

/// Whether a future goes to the heap by itself before anything else is done with it.
pub(crate) const fn is_large<F>() -> bool {
    size_of::<F>() > 16 << 10
}

/// Goes on with a future of type `$type`; with one on the heap if it is large.
///
/// A build without optimisation copies what a function hands on, and a few copies of a large future
/// overflow the stack. So this stands in the first function that is given it, and is a macro, which hands nothing on.
macro_rules! off_stack {
    ($type:ty, $future:ident => $go_on:expr) => {
        if const { $crate::runtime::kernel::sched::body::is_large::<$type>() } {
            let $future = ::std::boxed::Box::pin($future);
            $go_on
        } else {
            $go_on
        }
    };
}

pub(crate) use off_stack;

/// Polls what is in `place`. If that panics, `clear` drops it while the panic unwinds, as the locals of
/// an `async` block are dropped; a panic in there goes no further. The first panic unwinds on.
#[inline]
pub(crate) fn clearing<P: ?Sized, R>(
    place: Pin<&mut P>,
    poll: impl FnOnce(Pin<&mut P>) -> R,
    clear: impl Fn(Pin<&mut P>),
) -> R {
    struct Unwound<'a, P: ?Sized, C: Fn(Pin<&mut P>)>(Pin<&'a mut P>, C);

    impl<P: ?Sized, C: Fn(Pin<&mut P>)> Drop for Unwound<'_, P, C> {
        fn drop(&mut self) {
            let (place, clear) = (self.0.as_mut(), &self.1);
            // A future whose destructor panics too has said enough with the first panic.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| clear(place)));
        }
    }

    let mut unwound = Unwound(place, clear);
    let polled = poll(unwound.0.as_mut());
    mem::forget(unwound);
    polled
}
