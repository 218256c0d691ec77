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

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use super::child_handle::ChildHandle;
use super::group_run::{GroupRun, TryGroupRun};
use super::nursery::{Nursery, Shared};
use crate::runtime::kernel::sched::body::off_stack;

/// Runs `body` with a group that it can spawn children into, and waits until all have ended. For children and a
/// body that cannot fail; see [`try_task_group`] for those that return a `Result`.
///
/// A panic, of the body or of a child, ends the rest: the body and then every child is dropped, oldest first,
/// before the panic goes on here; of several the first goes on, and the others are reported to
/// [`RuntimeBuilder::on_unobserved`](crate::RuntimeBuilder::on_unobserved), once each. Dropping the group's future drops all of
/// it.
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
/// [`GroupError`](crate::GroupError), which then [is cancelled](crate::GroupError::is_cancelled), if [`TaskGroup::cancel`] ended a body that
/// had given no value.
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
///     let one = group.spawn(async { 1 });
///     let two = group.spawn(async { 2 });
///     one.await.unwrap() + two.await.unwrap()
/// });
/// assert_eq!(sum.await.unwrap(), 3);
/// # });
/// ```
#[track_caller]
#[doc(alias = "TaskGroup")]
#[doc(alias = "nursery")]
#[doc(alias = "scope")]
pub fn task_group<B, F>(body: B) -> GroupRun<F, F::Output>
where
    B: FnOnce(TaskGroup) -> F,
    F: Future,
{
    let nursery = Nursery::new("task group", Location::caller());
    GroupRun::new(body(TaskGroup::of(&nursery)), nursery)
}

/// As [`task_group`], for children and a body that can fail: the first error ends the rest.
///
/// With the first error or panic, of the body or of a child, the body and then every child is dropped, oldest
/// first, before this returns. Errors of children that had failed by then are all collected. A panic goes on when
/// the siblings are gone.
///
/// # Cancel safety
///
/// *Lossy*: dropping it drops the body and all children.
///
/// # Errors
///
/// [`GroupError`](crate::GroupError) with what failed; without an error if [`TaskGroup::cancel`] ended a body that had given no value.
///
/// # Panics
///
/// As [`task_group`].
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let group = turnwise::try_task_group(async |group| {
///     group.try_spawn(async { "7".parse::<i32>() });
///     group.try_spawn(async { "seven".parse::<i32>() });
///     Ok(())
/// });
/// assert_eq!(group.await.unwrap_err().errors().len(), 1);
/// # });
/// ```
#[track_caller]
#[doc(alias = "TaskGroup")]
pub fn try_task_group<B, F, T, E>(body: B) -> TryGroupRun<F, T, E>
where
    B: FnOnce(TaskGroup<E>) -> F,
    F: Future<Output = Result<T, E>>,
    E: 'static,
{
    let nursery = Nursery::new("task group", Location::caller());
    TryGroupRun::new(body(TaskGroup::of(&nursery)), nursery)
}

/// Spawns children into a [`task_group`] or a [`try_task_group`]. Clones are handles of the same group.
pub struct TaskGroup<E: 'static = Infallible> {
    shared: Rc<Shared<Result<(), E>>>,
}

impl<E: 'static> TaskGroup<E> {
    fn of(nursery: &Nursery<Result<(), E>>) -> Self {
        TaskGroup {
            shared: nursery.shared().clone(),
        }
    }

    /// Spawns a child that cannot fail.
    ///
    /// The handle gives its value. It may be dropped: the group keeps the child. A group that is ending or has
    /// ended takes no child: the future is dropped here, and the handle says that it was cancelled, and why.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> ChildHandle<F::Output>
    where
        F: Future + 'static,
    {
        let split = |output| (Ok(()), Some(output));
        let at = Location::caller();
        ChildHandle::new(off_stack!(F, future => self.shared.spawn(future, split, at)))
    }

    /// Spawns a child whose error ends the group. Otherwise as [`spawn`](TaskGroup::spawn).
    #[track_caller]
    pub fn try_spawn<F, T>(&self, future: F) -> ChildHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        let split = |output: Result<T, E>| match output {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        let at = Location::caller();
        ChildHandle::new(off_stack!(F, future => self.shared.spawn(future, split, at)))
    }

    /// Ends the group: it takes no more children, and those that live are dropped.
    ///
    /// A value that the body has given, or gives before it next waits, is the value of the group. So
    /// a body shuts down cleanly by `group.cancel(); Ok(value)`. A body that waits is dropped, and
    /// the group returns a [`GroupError`](crate::GroupError) that [is cancelled](crate::GroupError::is_cancelled).
    ///
    /// asyncio counterpart: `TaskGroup.cancel`; in trio `nursery.cancel_scope.cancel`. Both end a body at its next
    /// wait, and the block without an error. Difference: a group has a value, so one whose body gave none is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # turnwise::block_on(async {
    /// let served = turnwise::task_group(async |group| {
    ///     group.spawn(std::future::pending::<()>()); // A service that never ends.
    ///     group.cancel();
    ///     "bye"
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

impl<E: 'static> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup {
            shared: self.shared.clone(),
        }
    }
}

impl<E: 'static> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("children", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}
