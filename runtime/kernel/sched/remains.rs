//! What few tasks have, and what is left of a task.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;

use super::body::BoxedBody;
use super::task_id::TaskId;
use crate::runtime::base::join_error::JoinError;

/// The task-locals of a task, by the address of their `TaskLocal`.
pub(crate) type Locals = Rc<HashMap<usize, Rc<dyn Any>>>;

/// What few tasks have, in memory of its own: a name, locals, why the task ended.
pub(super) struct Extras(Option<Box<Extra>>);

#[derive(Default)]
struct Extra {
    name: Option<Cow<'static, str>>,
    reason: Option<Cow<'static, str>>,
    failure: Option<JoinError>,
    locals: Option<Locals>,
}

impl Extras {
    pub(super) const fn none() -> Self {
        Extras(None)
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.0.as_ref()?.name.as_deref()
    }

    pub(super) fn set_name(&mut self, name: Cow<'static, str>) -> Option<Cow<'static, str>> {
        self.get().name.replace(name)
    }

    /// Why its end was asked for.
    pub(super) fn set_reason(&mut self, reason: Cow<'static, str>) {
        self.get().reason = Some(reason);
    }

    pub(super) fn take_reason(&mut self) -> Option<Cow<'static, str>> {
        self.0.as_mut()?.reason.take()
    }

    /// Whether it ended without an output.
    pub(super) fn has_failure(&self) -> bool {
        let extra = self.0.as_ref();
        extra.is_some_and(|extra| extra.failure.is_some())
    }

    #[cold]
    pub(super) fn set_failure(&mut self, failure: JoinError) {
        self.get().failure = Some(failure);
    }

    fn take_failure(&mut self) -> Option<JoinError> {
        self.0.as_mut()?.failure.take()
    }

    pub(super) fn locals(&self) -> Option<&Locals> {
        self.0.as_ref()?.locals.as_ref()
    }

    pub(super) fn set_locals(&mut self, locals: Option<Locals>) -> Option<Locals> {
        std::mem::replace(&mut self.get().locals, locals)
    }

    pub(super) fn take_locals(&mut self) -> Option<Locals> {
        self.0.as_mut()?.locals.take()
    }

    fn get(&mut self) -> &mut Extra {
        self.0.get_or_insert_default()
    }
}

/// What a task leaves that has ended, to be dropped without a borrow.
pub(super) struct Ended {
    /// The body, if the handle is gone.
    pub(super) left: Option<BoxedBody>,
    pub(super) detached: bool,
    pub(super) locals: Option<Locals>,
    pub(super) waker: u32,
    pub(super) joiner: u32,
}

/// What is left of a task that was taken out of the slab.
pub(crate) struct Remains {
    id: TaskId,
    spawned_at: &'static Location<'static>,
    body: Option<BoxedBody>,
    extras: Extras,
}

impl Remains {
    const KEEPS_BODY: &str = "a task that is over keeps its body";

    #[inline]
    pub(super) fn new(
        id: TaskId,
        spawned_at: &'static Location<'static>,
        body: Option<BoxedBody>,
        extras: Extras,
    ) -> Self {
        Remains {
            id,
            spawned_at,
            body,
            extras,
        }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.extras.name()
    }

    /// Takes the reason why there is no output.
    pub(crate) fn take_failure(&mut self) -> Option<JoinError> {
        self.extras.take_failure()
    }

    /// Whether there is more than what every task has.
    pub(crate) fn has_extra(&self) -> bool {
        self.extras.0.is_some()
    }

    /// The output in its body, or the reason why there is none.
    #[inline]
    pub(super) fn into_result(self) -> Result<BoxedBody, JoinError> {
        if self.has_extra() {
            return self.into_result_or_failure();
        }
        Ok(self.body.expect(Self::KEEPS_BODY))
    }

    #[cold]
    fn into_result_or_failure(mut self) -> Result<BoxedBody, JoinError> {
        match self.take_failure() {
            Some(failure) => Err(failure),
            None => Ok(self.body.expect(Self::KEEPS_BODY)),
        }
    }
}
