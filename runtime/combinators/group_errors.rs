//! What a task group says when it has no value.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;

/// Why a [`try_task_group`](crate::try_task_group) has no value: the errors of body and children, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct GroupError<E = Infallible> {
    /// Empty only if [`TaskGroup::cancel`](crate::TaskGroup::cancel) ended the group: a failure is an error or a panic, which goes on.
    errors: Vec<E>,
}

impl<E> GroupError<E> {
    pub(super) fn new(errors: Vec<E>) -> Self {
        GroupError { errors }
    }

    /// What failed; what failed first comes first.
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// What failed, taken out.
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }

    /// Whether nothing failed, but [`TaskGroup::cancel`](crate::TaskGroup::cancel) ended the body before it gave a value.
    pub fn is_cancelled(&self) -> bool {
        self.errors.is_empty()
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [] => f.write_str("task group cancelled"),
            [error] => write!(f, "task group failed: {error}"),
            [first, rest @ ..] => write!(f, "task group failed: {first} (and {} more)", rest.len()),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GroupError<E> {}

/// For `?`: an error that holds the group's. Its kind is that of the first, if that is an `io::Error` too,
/// else [`Other`](std::io::ErrorKind::Other).
impl<E> From<GroupError<E>> for std::io::Error
where
    E: fmt::Debug + fmt::Display + Send + Sync + 'static,
{
    fn from(failed: GroupError<E>) -> Self {
        let first = failed.errors.first().map(|error| error as &dyn Any);
        let first = first.and_then(|error| error.downcast_ref::<std::io::Error>());
        let kind = first.map_or(std::io::ErrorKind::Other, std::io::Error::kind);
        std::io::Error::new(kind, failed)
    }
}
