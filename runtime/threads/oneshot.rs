//! A result on its way from one thread to another: one that gives, one that waits.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::runtime::base::join_error::JoinError;
use crate::runtime::base::poison::ignore_poison;

struct Shared<T> {
    state: Mutex<State<T>>,
    given: Condvar,
    /// The reason for which it was asked to end, once it was.
    cancelled: OnceLock<Option<Cow<'static, str>>>,
}

enum State<T> {
    /// Nothing is there; the waker of the task that awaits it.
    Open(Option<Waker>),
    Given(Result<T, JoinError>),
    Taken,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        ignore_poison(self.state.lock())
    }

    fn give(&self, result: Result<T, JoinError>) {
        let before = {
            let mut state = self.lock();
            if !matches!(*state, State::Open(_)) {
                return;
            }
            std::mem::replace(&mut *state, State::Given(result))
        };
        self.given.notify_all();
        if let State::Open(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// A pair of ends.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Mutex::new(State::Open(None));
    let shared = Arc::new(Shared {
        state,
        given: Condvar::new(),
        cancelled: OnceLock::new(),
    });
    (
        Sender {
            shared: shared.clone(),
        },
        Receiver { shared },
    )
}

/// The end that gives. Dropped without a result it says that there will be none.
pub(crate) struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(crate) fn send(self, result: Result<T, JoinError>) {
        self.shared.give(result);
    }

    /// Whether the other end is gone, so that the work need not be done.
    pub(crate) fn is_unwanted(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let reason = match self.shared.cancelled.get() {
            Some(reason) => reason.clone(),
            None => Some("it was dropped before it had a result".into()),
        };
        self.shared.give(Err(JoinError::Cancelled { reason }));
    }
}

/// The end that waits: as a future, or by blocking its thread.
pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Blocks until the result is there; `None` if that takes longer than until `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Result<T, JoinError>> {
        let mut state = self.shared.lock();
        while matches!(*state, State::Open(_)) {
            let given = &self.shared.given;
            state = match deadline {
                None => ignore_poison(given.wait(state)),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = given.wait_timeout(state, left);
                    ignore_poison(waited).0
                }
            };
        }
        Some(take(&mut state))
    }

    /// Notes that the other end is about to be asked to end.
    pub(crate) fn cancel(&self, reason: Option<Cow<'static, str>>) {
        let _ = self.shared.cancelled.set(reason);
    }

    pub(crate) fn is_given(&self) -> bool {
        !matches!(*self.shared.lock(), State::Open(_))
    }
}

fn take<T>(state: &mut State<T>) -> Result<T, JoinError> {
    match std::mem::replace(state, State::Taken) {
        State::Given(result) => result,
        _ => panic!("a result from another thread was awaited again after it was taken"),
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned before the lock is taken: a foreign waker may run anything.
        let mut waker = Some(cx.waker().clone());
        let mut state = self.shared.lock();
        match &mut *state {
            State::Open(known) => {
                std::mem::swap(known, &mut waker);
                drop(state);
                Poll::Pending
            }
            given => Poll::Ready(take(given)),
        }
    }
}
