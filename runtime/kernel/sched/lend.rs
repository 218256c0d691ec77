//! Lending wakers to polls, taking them back, and letting go of those that others have clones of.

use std::sync::Arc;
use std::task::Context;

use super::task::{NO_WAKER, Task, TaskId};
use super::waker::{Loose, PollWaker};
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::mail::Inbox;
use crate::runtime::kernel::polling;

/// Runs a poll with the task's own waker if clones of it are kept, else with the spare one.
/// Returns what the poll did besides.
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
    let own = kernel
        .sched
        .cloned
        .borrow_mut()
        .get_mut(key as usize)
        .and_then(Option::take);
    let own = own.expect("a waker stays with its task until the task is over");
    let polled = polling::poll(id, own.waker(), poll);
    if let Some(place) = kernel.sched.cloned.borrow_mut().get_mut(key as usize) {
        *place = Some(own);
    }
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
        task.set_waker(kernel.sched.cloned.borrow_mut().insert(Some(own)) as u32);
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

    /// How many tasks there are of whose waker foreign code keeps clones.
    pub(crate) fn count_cloned(&self) -> usize {
        let cloned = self.sched.cloned.borrow();
        let wakers = cloned.iter().filter_map(|(_, waker)| waker.as_ref());
        wakers.filter(|waker| waker.is_cloned()).count()
    }

    /// Whether foreign code keeps clones of the task's waker.
    pub(crate) fn has_clones(&self, task: &Task) -> bool {
        let cloned = self.sched.cloned.borrow();
        let waker = cloned.get(task.waker() as usize).and_then(Option::as_ref);
        task.waker() != NO_WAKER && waker.is_some_and(PollWaker::is_cloned)
    }
}

/// Frees a waker of a task's own; clones that others keep wake nothing any more.
#[inline]
pub(super) fn release_waker(kernel: &Kernel, key: u32) {
    if key != NO_WAKER {
        let waker = kernel.sched.cloned.borrow_mut().try_remove(key as usize);
        drop(waker);
    }
}

/// Others have clones of these wakers, and the kernel has no reference until this is dropped.
///
/// No task may be polled or end meanwhile: its waker is not in its place.
pub(crate) struct LetGo<'a> {
    kernel: &'a Kernel,
    inbox: Arc<Inbox>,
    wakers: Vec<(usize, Loose)>,
}

impl<'a> LetGo<'a> {
    /// `None` if there are no clones any more: then no drop of one would announce that.
    pub(crate) fn all(kernel: &'a Kernel) -> Option<Self> {
        let mut cloned = kernel.sched.cloned.borrow_mut();
        let wakers = cloned.iter_mut().filter_map(|(key, place)| {
            let own = place.take_if(|own| own.is_cloned())?;
            Some((key, own.let_go()))
        });
        let wakers: Vec<_> = wakers.collect();
        (!wakers.is_empty()).then(|| LetGo {
            kernel,
            inbox: kernel.mail.inbox(),
            wakers,
        })
    }
}

impl Drop for LetGo<'_> {
    fn drop(&mut self) {
        let mut cloned = self.kernel.sched.cloned.borrow_mut();
        for (key, waker) in self.wakers.drain(..) {
            if let Some(place) = cloned.get_mut(key) {
                *place = Some(waker.take_up(&self.inbox));
            }
        }
    }
}
