//! Lending wakers to polls, taking them back, and letting go of those that others have clones of.

use std::sync::Arc;
use std::task::Context;

use super::task::{NO_WAKER, TaskId};
use super::waker::{Loose, PollWaker};
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::mail::Inbox;
use crate::runtime::kernel::polling;

/// Runs a poll with the task's own waker if somebody keeps clones of it, else with the spare one.
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
        .cloned
        .borrow_mut()
        .get_mut(key as usize)
        .and_then(Option::take);
    let own = own.expect("a waker stays with its task until the task is over");
    let polled = polling::poll(id, own.waker(), poll);
    if let Some(place) = kernel.cloned.borrow_mut().get_mut(key as usize) {
        *place = Some(own);
    }
    polled
}

/// Leaves the spare waker with a task that gave clones of it away, and makes another.
#[cold]
fn adopt_waker(kernel: &Kernel, id: TaskId, spare: &mut PollWaker) {
    if kernel.runtime.get().is_none() {
        // An eager task has ended it inside this poll.
        return;
    }
    let own = std::mem::replace(spare, new_waker(kernel));
    if let Some(task) = kernel.tasks.borrow_mut().get_mut(id) {
        task.waker = kernel.cloned.borrow_mut().insert(Some(own)) as u32;
    }
}

pub(crate) fn new_waker(kernel: &Kernel) -> PollWaker {
    PollWaker::new(kernel.mail.inbox())
}

/// Frees a waker of a task's own; clones that others keep wake nothing any more.
pub(crate) fn release_waker(kernel: &Kernel, key: u32) {
    if key != NO_WAKER {
        let waker = kernel.cloned.borrow_mut().try_remove(key as usize);
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
    /// `None` if nobody has a clone any more: then nobody is left who would announce that.
    pub(crate) fn all(kernel: &'a Kernel) -> Option<Self> {
        let mut cloned = kernel.cloned.borrow_mut();
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
        let mut cloned = self.kernel.cloned.borrow_mut();
        for (key, waker) in self.wakers.drain(..) {
            if let Some(place) = cloned.get_mut(key) {
                *place = Some(waker.take_up(&self.inbox));
            }
        }
    }
}
