//! The life of a task, from its spawn to the freeing of its slot, and that of the runtime it belongs to.
//!
//! These verbs change what the thread knows of a task. The future of a cancelled one is dropped in `task/end.rs`.

use std::borrow::Cow;
use std::panic::Location;

use super::body::BoxedBody;
use super::cloned_wakers::Cloned;
use super::lend_waker;
use super::remains::{Ended, Locals, Remains};
use super::task::TaskId;
use crate::runtime::base::foreign::drop_quietly;
use crate::runtime::base::join_error::JoinError;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::wait::single_waiter;

/// What the end of a handle leaves to do.
pub(crate) enum Detached {
    Nothing,
    /// The task is over: its body is to be dropped, and its slot freed.
    Over(Option<BoxedBody>),
}

/// Spawning.
impl Kernel {
    /// Adds a task, which is not ready yet. A runtime in teardown starts nothing: it drops the future at once.
    #[inline]
    pub(crate) fn insert(&self, body: BoxedBody, at: &'static Location<'static>) -> TaskId {
        let id = self.sched.tasks.borrow_mut().insert(Some(body), at);
        if self.sched.closing.get() {
            let task = self.sched.tasks.borrow_mut().remove(id);
            drop(task);
            return id;
        }
        if self.sched.locals_used.get() {
            self.inherit_locals(id);
        }
        id
    }

    /// Adds the main future of a `block_on`, which lives on the stack of that call, and makes it ready.
    pub(crate) fn insert_main(&self, at: &'static Location<'static>) -> TaskId {
        let id = self.sched.tasks.borrow_mut().insert(None, at);
        self.schedule(id);
        id
    }

    /// Names a task for reports.
    pub(crate) fn name_task(&self, id: TaskId, name: Cow<'static, str>) {
        let mut tasks = self.sched.tasks.borrow_mut();
        tasks
            .get_mut(id)
            .and_then(|task| task.extras_mut().set_name(name));
    }

    /// Makes a task a child of a group. Returns whether the task is there.
    pub(crate) fn join_group(&self, id: TaskId, group: u32) -> bool {
        let mut tasks = self.sched.tasks.borrow_mut();
        let task = tasks.get_mut(id);
        task.map(|task| task.set_group(group)).is_some()
    }

    /// The task-locals of a task.
    pub(crate) fn locals_of(&self, id: TaskId) -> Option<Locals> {
        self.sched
            .tasks
            .borrow()
            .get(id)?
            .extras()
            .locals()
            .cloned()
    }

    /// Gives a task these task-locals; returns those it had, to be dropped without a borrow.
    pub(crate) fn set_locals(&self, id: TaskId, locals: Locals) -> Option<Locals> {
        self.sched.locals_used.set(true);
        let mut tasks = self.sched.tasks.borrow_mut();
        tasks.get_mut(id)?.extras_mut().set_locals(Some(locals))
    }

    /// Gives a new task the values of the one that spawns it.
    #[cold]
    fn inherit_locals(&self, child: TaskId) {
        let parent = polling::current_task().and_then(|parent| self.locals_of(parent));
        let mut tasks = self.sched.tasks.borrow_mut();
        if let Some(task) = tasks.get_mut(child).filter(|_| parent.is_some()) {
            task.extras_mut().set_locals(parent);
        }
    }
}

/// Ending.
impl Kernel {
    /// Asks for the end of a task. Returns whether it had still to end and can be ended.
    pub(crate) fn request_cancel(&self, id: TaskId, reason: Option<Cow<'static, str>>) -> bool {
        {
            let mut tasks = self.sched.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(id) else {
                return false;
            };
            match (task.request_cancel(), reason) {
                (None, _) => return false,
                (Some(false), _) => return true,
                (Some(true), Some(reason)) => task.extras_mut().set_reason(reason),
                (Some(true), None) => {}
            }
        }
        self.schedule(id);
        true
    }

    /// The reason that was given for the end of a task.
    pub(crate) fn take_reason(&self, id: TaskId) -> Option<Cow<'static, str>> {
        self.sched
            .tasks
            .borrow_mut()
            .get_mut(id)?
            .extras_mut()
            .take_reason()
    }

    /// Asks for the end of a task and takes its body, unless it runs: then it ends when its poll returns.
    pub(crate) fn abandon(&self, id: TaskId) -> Option<BoxedBody> {
        self.sched.tasks.borrow_mut().get_mut(id)?.abandon()
    }

    /// The oldest task whose end was asked for and is still to come. O(tasks).
    pub(crate) fn next_cancelled(&self) -> Option<TaskId> {
        let tasks = self.sched.tasks.borrow();
        let cancelled = tasks.iter().filter(|task| task.is_cancelled());
        cancelled
            .min_by_key(|task| task.serial())
            .map(|task| task.id())
    }

    /// Ends a task whose future is done with, and wakes its joiner; `body` holds the output unless there was
    /// a failure. Returns what a detached task leaves, to be dropped before its slot is freed.
    #[inline]
    pub(crate) fn finish(
        &self,
        id: TaskId,
        body: BoxedBody,
        failure: Option<JoinError>,
    ) -> Option<Option<BoxedBody>> {
        let mut tasks = self.sched.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(id) else {
            drop(tasks);
            drop_quietly(body);
            return None;
        };
        let Ended {
            left,
            detached,
            locals,
            waker,
            mut joiner,
        } = task.finish(body, failure, self.sched.locals_used.get());
        drop(tasks);
        let joiner = single_waiter::take(self, &mut joiner);
        if locals.is_some() {
            drop_quietly(locals);
        }
        lend_waker::release_waker(self, waker);
        if let Some(joiner) = joiner {
            joiner.wake(self);
        }
        detached.then_some(left)
    }

    /// Leaves a task without its handle.
    pub(crate) fn detach(&self, id: TaskId) -> Detached {
        let mut tasks = self.sched.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(id) else {
            return Detached::Nothing;
        };
        let joiner = single_waiter::take(self, task.joiner_mut());
        let (over, body) = task.detach();
        drop(tasks);
        drop(joiner);
        if over {
            Detached::Over(body)
        } else {
            Detached::Nothing
        }
    }

    /// Frees the slot of a detached task that is over. A panic of what it left is the reason of its end.
    pub(crate) fn retire(&self, id: TaskId, panic: Option<JoinError>) -> Option<Remains> {
        let mut tasks = self.sched.tasks.borrow_mut();
        if let Some(panic) = panic {
            tasks.get_mut(id)?.extras_mut().set_failure(panic);
        }
        let (remains, _) = tasks.remove(id)?;
        Some(remains)
    }

    /// Takes out a task that is over: the body with its output, or the reason why there is none.
    #[inline]
    pub(crate) fn take_result(&self, id: TaskId) -> Option<Result<BoxedBody, JoinError>> {
        let (remains, _) = self.sched.tasks.borrow_mut().remove(id)?;
        Some(remains.into_result())
    }

    /// Takes a task out, whatever its state, with its joiner and its waker. The caller drops what is left.
    pub(crate) fn remove(&self, id: TaskId) -> Option<Remains> {
        let (remains, waker) = self.sched.tasks.borrow_mut().remove(id)?;
        lend_waker::release_waker(self, waker);
        Some(remains)
    }
}

/// The runtime of the tasks.
impl Kernel {
    /// Where the runtime of this thread was made, if there is one.
    #[inline]
    pub(crate) fn runtime(&self) -> Option<&'static Location<'static>> {
        self.sched.runtime.get()
    }

    /// A runtime begins.
    pub(crate) fn open(&self, at: &'static Location<'static>) {
        self.sched.runtime.set(Some(at));
    }

    /// Whether the runtime is being torn down.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.sched.closing.get()
    }

    /// The teardown begins: nothing is scheduled or spawned any more.
    pub(crate) fn begin_closing(&self) {
        self.sched.closing.set(true);
    }

    /// Drops the wakers of a runtime that is being torn down.
    pub(crate) fn drop_wakers(&self) {
        let cloned = self.sched.cloned.replace(Cloned::new());
        drop((cloned, self.sched.spare.take()));
    }

    /// The runtime has ended: the thread is fit for another one.
    pub(crate) fn end_closing(&self) {
        self.sched.tasks.borrow_mut().clear_ready();
        self.sched.runtime.set(None);
        self.sched.closing.set(false);
    }
}
