//! Running a group: its body and its children, until all have ended.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::group_errors::GroupError;
use super::nursery::{Nursery, Report, poll_caught};
use crate::runtime::base::foreign::keep_first;

/// What went wrong so far.
struct Failed<E> {
    errors: Vec<E>,
    panic: Option<Box<dyn Any + Send>>,
}

impl<E> Failed<E> {
    fn new() -> Self {
        Failed {
            errors: Vec::new(),
            panic: None,
        }
    }

    fn any(&self) -> bool {
        !self.errors.is_empty() || self.panic.is_some()
    }
}

pin_project! {
    /// The future of [`try_task_group`](crate::try_task_group).
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct TryGroupRun<F, T, E: 'static> {
        // Absent once it has ended. Dropped before the children.
        #[pin]
        body: Option<F>,
        value: Option<T>,
        failed: Failed<E>,
        nursery: Nursery<Result<(), E>>,
    }
}

impl<F, T, E: 'static> TryGroupRun<F, T, E> {
    pub(super) fn new(body: F, nursery: Nursery<Result<(), E>>) -> Self {
        TryGroupRun {
            body: Some(body),
            value: None,
            failed: Failed::new(),
            nursery,
        }
    }
}

impl<F, T, E> Future for TryGroupRun<F, T, E>
where
    F: Future<Output = Result<T, E>>,
    E: 'static,
{
    type Output = Result<T, GroupError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            // First of all: a body must not run on, and stumble, when a child has ended the group.
            collect(this.nursery, this.failed);
            let ending = this.failed.any() || this.nursery.shared().is_cancelled();
            if this.body.is_some() && !ending {
                // Caught, so that the children are gone when the panic goes on.
                match poll_caught(this.body.as_mut(), cx) {
                    Ok(Poll::Pending) => {}
                    Ok(Poll::Ready(result)) => {
                        end(this.body.as_mut(), this.failed);
                        match result {
                            Ok(value) => *this.value = Some(value),
                            Err(error) => this.failed.errors.push(error),
                        }
                    }
                    Err(payload) => this.failed.panic = Some(payload),
                }
                collect(this.nursery, this.failed);
            }
            if this.failed.any() || this.nursery.shared().is_cancelled() {
                this.nursery.close();
                end(this.body.as_mut(), this.failed);
                this.nursery.abort();
                collect(this.nursery, this.failed);
                if let Some(payload) = this.failed.panic.take() {
                    panic::resume_unwind(payload);
                }
                let errors = std::mem::take(&mut this.failed.errors);
                return Poll::Ready(match this.value.take() {
                    Some(value) if errors.is_empty() => Ok(value),
                    _ => Err(GroupError::new(errors)),
                });
            }
            if this.body.is_none() && this.nursery.shared().living() == 0 {
                this.nursery.close();
                let value = this.value.take();
                return Poll::Ready(Ok(value.expect("a task group was polled after its end")));
            }
            ready!(this.nursery.poll_changed(cx));
        }
    }
}

/// Drops the body. A panic of its destructor goes on when the children are gone.
fn end<F, E>(mut body: Pin<&mut Option<F>>, failed: &mut Failed<E>) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| body.set(None))) {
        keep_first(&mut failed.panic, payload);
    }
}

/// Takes the reports that are there.
fn collect<E>(nursery: &Nursery<Result<(), E>>, failed: &mut Failed<E>) {
    while let Some(report) = nursery.next_now() {
        match report {
            Report::Value(Err(error)) => failed.errors.push(error),
            Report::Panicked(panicked) if failed.panic.is_none() => {
                failed.panic = Some(panicked.into_payload());
            }
            Report::Panicked(panicked) => panicked.report(),
            Report::Value(Ok(())) | Report::Cancelled => {}
        }
    }
}

impl<F, T, E: 'static> fmt::Debug for TryGroupRun<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGroupRun")
            .field("children", &self.nursery.shared().living())
            .finish()
    }
}

pin_project! {
    /// The future of [`task_group`](crate::task_group).
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct GroupRun<F, T> {
        #[pin]
        run: TryGroupRun<Infallibly<F>, T, Infallible>,
    }
}

impl<F, T> GroupRun<F, T> {
    pub(super) fn new(body: F, nursery: Nursery<Result<(), Infallible>>) -> Self {
        GroupRun {
            run: TryGroupRun::new(Infallibly { body }, nursery),
        }
    }
}

impl<F: Future<Output = T>, T> Future for GroupRun<F, T> {
    type Output = Result<T, GroupError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll(cx)
    }
}

impl<F, T> fmt::Debug for GroupRun<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupRun")
            .field("children", &self.run.nursery.shared().living())
            .finish()
    }
}

pin_project! {
    /// A body that cannot fail, as one that does not.
    struct Infallibly<F> {
        #[pin]
        body: F,
    }
}

impl<F: Future> Future for Infallibly<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().body.poll(cx).map(Ok)
    }
}
