//! Lending wakers to polls, taking them back, and letting go of those that others have clones of.

use std::task::Context;

use super::cloned_wakers::Own;
use super::task::{NO_WAKER, Task, TaskId};
use super::task_waker::PollWaker;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::polling;

/// Runs a poll with the task's own waker if clones of it are kept, else with the spare one.
/// Returns its result and what it noted.
#[inline]
pub(crate) fn with_waker<R>(
    kernel: &Kernel,
    id: TaskId,
    key: u32,
    spare: &mut PollWaker,
    poll: impl FnOnce(&mut Context<'_>) -> R,
) -> (R, u8) {
    if key != NO_WAKER {
        return with_own_waker(kernel, id, key, poll);
    }
    spare.aim(id);
    let polled = polling::poll(id, spare.waker(), poll);
    if spare.is_cloned() {
        adopt_waker(kernel, id, spare);
    }
    polled
}

#[cold]
fn with_own_waker<R>(
    kernel: &Kernel,
    id: TaskId,
    key: u32,
    poll: impl FnOnce(&mut Context<'_>) -> R,
) -> (R, u8) {
    let own = kernel.sched.cloned.borrow_mut().lend(key);
    let own = match own.expect("a waker stays with its task until the task is over") {
        Own::Held(own) => own,
        Own::Loose(loose) => loose.take_up(&kernel.mail.inbox()),
    };
    own.aim(id);
    let polled = polling::poll(id, own.waker(), poll);
    kernel.sched.cloned.borrow_mut().put_back(key, own);
    polled
}

/// Leaves the spare waker with a task that gave clones of it away, and makes another.
#[cold]
fn adopt_waker(kernel: &Kernel, id: TaskId, spare: &mut PollWaker) {
    if kernel.runtime().is_none() {
        // An eager task has ended it inside this poll.
        return;
    }
    let own = std::mem::replace(spare, new_waker(kernel));
    if let Some(task) = kernel.sched.tasks.borrow_mut().get_mut(id) {
        task.set_waker(kernel.sched.cloned.borrow_mut().insert(own));
    }
}

pub(crate) fn new_waker(kernel: &Kernel) -> PollWaker {
    PollWaker::new(kernel.mail.inbox())
}

impl Kernel {
    /// Takes the waker that serves every task that keeps no clone of it. Boxed, so that taking it and putting it
    /// back moves one word.
    #[inline]
    pub(crate) fn take_spare_waker(&self) -> Box<PollWaker> {
        let spare = self.sched.spare.take();
        spare.unwrap_or_else(|| Box::new(new_waker(self)))
    }

    /// Puts it back.
    #[inline]
    pub(crate) fn return_spare_waker(&self, spare: Box<PollWaker>) {
        self.sched.spare.set(Some(spare));
    }

    /// How many tasks there are of whose waker foreign code keeps clones: O(tasks of which it did).
    pub(crate) fn count_cloned(&self) -> usize {
        self.sched.cloned.borrow().count()
    }

    /// Whether foreign code keeps clones of the task's waker.
    pub(crate) fn has_clones(&self, task: &Task) -> bool {
        task.waker() != NO_WAKER && self.sched.cloned.borrow().is_cloned(task.waker())
    }

    /// Whether a task has a waker of its own, since foreign code keeps or kept clones of it.
    pub(crate) fn has_own_waker(&self, id: TaskId) -> bool {
        let tasks = self.sched.tasks.borrow();
        tasks.get(id).is_some_and(|task| task.waker() != NO_WAKER)
    }

    /// Lets go of the wakers that others have clones of. Returns whether there are any; then the drop of the
    /// last clone has the loop judged again. O(those that were polled since the last time).
    pub(crate) fn let_go_of_cloned(&self) -> bool {
        let mut cloned = self.sched.cloned.borrow_mut();
        cloned.let_go();
        !cloned.is_empty() && self.mail.inbox().has_loose()
    }
}

/// Frees a waker of a task's own; clones that others keep wake nothing any more.
#[inline]
pub(super) fn release_waker(kernel: &Kernel, key: u32) {
    if key != NO_WAKER {
        let waker = kernel.sched.cloned.borrow_mut().remove(key);
        drop(waker);
    }
}
