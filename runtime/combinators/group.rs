//! Task groups: children that cannot outlive the block that spawned them.
//!
//! ```text
//!   body runs ──Ok──▶ children run ──last one ends──▶ Ok(value)
//!      │                  ├──cancel──▶ children dropped, oldest first ──▶ Ok(value)
//!      └── error, panic, cancel ──▶ body dropped, children dropped, oldest first ──▶ Err(all errors)
//! ```
//!
//! The shape is trio's nursery and asyncio's `TaskGroup`. Children are `'static` and share by `Rc`:
//! a future cannot lend its locals to another task without `unsafe`.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::group_errors::{GroupClosed, GroupError};
use super::nursery::{Nursery, Report, Shared, poll_caught};
use crate::runtime::base::foreign::keep_first;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::kernel::sched::body::off_stack;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::task::join::JoinHandle;

/// Runs `body` with a group that it can spawn children into, and waits until all have ended.
///
/// The first error or panic, of the body or of a child, ends the rest: the body and then every child
/// is dropped, oldest first, before this returns. Errors of children that had failed by then are all
/// collected. A panic goes on when the siblings are gone; of several the first does, and the others are
/// reported to [`Builder::on_unobserved`](crate::Builder::on_unobserved), once each. Dropping the group's future drops all of it.
///
/// asyncio counterpart: `asyncio.TaskGroup`. Differences: children are dropped, where asyncio raises an
/// exception in them; a value comes back.
///
/// # Cancel safety
///
/// *Lossy*: dropping it drops the body and all children.
///
/// # Errors
///
/// [`GroupError`] with what failed; without an error if [`Group::cancel`] ended a body that had given no value.
///
/// # Panics
///
/// With the panic of a child; without a runtime on this thread, at the first spawn.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let sum = turnwise::task_group(async |group| {
///     let one = group.spawn(async { Ok(1) })?;
///     let two = group.spawn(async { Ok(2) })?;
///     Ok::<i32, std::io::Error>(one.await.unwrap() + two.await.unwrap())
/// })
/// .await
/// .unwrap();
/// assert_eq!(sum, 3);
/// # });
/// ```
#[track_caller]
#[doc(alias = "TaskGroup")]
#[doc(alias = "JoinSet")]
#[doc(alias = "nursery")]
pub fn task_group<B, F, T, E>(body: B) -> TaskGroup<F, T, E>
where
    B: FnOnce(Group<E>) -> F,
    F: Future<Output = Result<T, E>>,
    E: 'static,
{
    let nursery = Nursery::new("task group", Location::caller());
    let body = body(Group {
        shared: nursery.shared().clone(),
    });
    TaskGroup {
        body: Some(body),
        value: None,
        failed: Failed::new(),
        nursery,
    }
}

/// Spawns children into a [`task_group`]. Clones are handles of the same group.
pub struct Group<E: 'static> {
    shared: Rc<Shared<Result<(), E>>>,
}

impl<E: 'static> Group<E> {
    /// Spawns a child whose error ends the group.
    ///
    /// The handle gives its value. It may be dropped: the group keeps the child.
    ///
    /// # Errors
    ///
    /// [`GroupClosed`] if the group is ending or has ended; the future is dropped.
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> Result<ChildHandle<T>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        let split = |output: Result<T, E>| match output {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        let at = Location::caller();
        let child = off_stack!(F, future => self.shared.spawn(future, split, at));
        Ok(ChildHandle {
            task: child.ok_or_else(GroupClosed::new)?,
        })
    }

    /// Spawns a child that cannot fail.
    ///
    /// # Errors
    ///
    /// [`GroupClosed`] if the group is ending or has ended; the future is dropped.
    #[track_caller]
    pub fn spawn_infallible<F>(&self, future: F) -> Result<ChildHandle<F::Output>, GroupClosed>
    where
        F: Future + 'static,
    {
        let split = |output| (Ok(()), Some(output));
        let at = Location::caller();
        let child = off_stack!(F, future => self.shared.spawn(future, split, at));
        Ok(ChildHandle {
            task: child.ok_or_else(GroupClosed::new)?,
        })
    }

    /// Ends the group: it takes no more children, and those that live are dropped.
    ///
    /// A value that the body has given, or gives before it next waits, is the value of the group. So
    /// a body shuts down cleanly by `group.cancel(); Ok(value)`. A body that waits is dropped, and
    /// [`task_group`] returns a [`GroupError`] that [is cancelled](GroupError::is_cancelled).
    ///
    /// asyncio counterpart: `TaskGroup.cancel`; in trio `nursery.cancel_scope.cancel`. Both end a body at its next
    /// wait, and the block without an error. Difference: a group has a value, so one whose body gave none is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # turnwise::block_on(async {
    /// let served = turnwise::task_group(async |group| {
    ///     group.spawn_infallible(std::future::pending::<()>())?; // a service that never ends
    ///     group.cancel();
    ///     Ok::<_, std::io::Error>("bye")
    /// });
    /// assert_eq!(served.await.unwrap(), "bye");
    /// # });
    /// ```
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// Number of children that have not ended.
    pub fn len(&self) -> usize {
        self.shared.living()
    }

    /// Whether no child is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the group takes no children any more.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closing()
    }
}

impl<E: 'static> Clone for Group<E> {
    fn clone(&self) -> Self {
        Group {
            shared: self.shared.clone(),
        }
    }
}

impl<E: 'static> fmt::Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("children", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// The handle of a child; gives its value. Dropping it leaves the child to its group.
///
/// # Cancel safety
///
/// *Strict*: `&mut child` can be awaited, dropped and awaited again.
///
/// # Errors
///
/// [`JoinError`], if the child was cancelled, has panicked or has failed; what it failed with is among the
/// errors of the group.
///
/// # Panics
///
/// When awaited again after it gave its value.
pub struct ChildHandle<T: 'static> {
    task: JoinHandle<Option<Option<T>>>,
}

impl<T: 'static> ChildHandle<T> {
    /// Names the child for reports.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        ChildHandle {
            task: self.task.named(name),
        }
    }

    /// The child's identity.
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// Requests the end of this child alone. A cancelled child is not an error of the group.
    /// Returns whether it had still to end.
    pub fn cancel(&self) -> bool {
        self.task.cancel()
    }

    /// As [`cancel`](ChildHandle::cancel), with a reason that [`JoinError::Cancelled`] will carry.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) -> bool {
        self.task.cancel_because(reason)
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T: 'static> Future for ChildHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx).map(|ended| {
            let reason = "it failed, which the group reports";
            ended?.flatten().ok_or(JoinError::Cancelled {
                reason: Some(reason.into()),
            })
        })
    }
}

impl<T: 'static> fmt::Debug for ChildHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildHandle")
            .field("finished", &self.is_finished())
            .finish()
    }
}

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
    /// The future of [`task_group`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct TaskGroup<F, T, E: 'static> {
        // Absent once it has ended. Dropped before the children.
        #[pin]
        body: Option<F>,
        value: Option<T>,
        failed: Failed<E>,
        nursery: Nursery<Result<(), E>>,
    }
}

impl<F, T, E> Future for TaskGroup<F, T, E>
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

impl<F, T, E: 'static> fmt::Debug for TaskGroup<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("children", &self.nursery.shared().living())
            .finish()
    }
}
