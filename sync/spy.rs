//! A waker that counts, for the unit tests of the primitives: no runtime, every waiter foreign.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often it was woken.
#[derive(Default)]
pub(super) struct Spy {
    wakes: AtomicUsize,
}

impl Wake for Spy {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Spy {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Polls `future` once with this waker.
    pub(super) fn poll<F: Future + Unpin>(self: &Arc<Self>, future: &mut F) -> Poll<F::Output> {
        let waker = Waker::from(self.clone());
        pin!(future).poll(&mut Context::from_waker(&waker))
    }
}

/// Polls `future` once.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Spy::new().poll(future)
}

/// The output of a future that must be ready.
#[track_caller]
pub(super) fn now<F: Future + Unpin>(future: &mut F) -> F::Output {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// A waker that runs a closure: what a re-entrant executor may do inside a wake.
pub(super) fn waker_that(run: impl Fn() + Send + Sync + 'static) -> Waker {
    struct Run<F>(F);
    impl<F: Fn() + Send + Sync> Wake for Run<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    Waker::from(Arc::new(Run(run)))
}
