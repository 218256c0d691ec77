//! The inbox: wakes and calls from other threads, on their way to a runtime.

use std::sync::Arc;

use super::context::Kernel;
use super::mailbox::{Mailbox, Ring};
use super::task::TaskId;

/// What another thread can ask of a runtime.
pub(crate) enum Letter {
    /// Schedule a task.
    Wake(TaskId),
    /// Run a function on the runtime's thread, between two polls.
    Call(Box<dyn FnOnce() + Send>),
}

/// Wakes a runtime that sleeps in the reactor.
pub(crate) type Bell = Arc<mio::Waker>;

impl Ring for Bell {
    fn ring(&self) {
        // A full event counter means that the bell is ringing already; nothing else can fail.
        let _ = self.wake();
    }
}

/// The letters for one runtime.
pub(crate) type Inbox = Mailbox<Letter, Bell>;

/// Works off the letters that have arrived. Returns whether there were any.
pub(crate) fn read(kernel: &Kernel) -> bool {
    let Some(inbox) = kernel.inbox.borrow().clone() else {
        return false;
    };
    if !inbox.has_mail() {
        return false;
    }
    let mut letters = kernel.letters.take();
    inbox.take(&mut letters);
    let any = !letters.is_empty();
    for letter in letters.drain(..) {
        match letter {
            Letter::Wake(id) => kernel.schedule(id),
            Letter::Call(call) => call(),
        }
    }
    kernel.letters.set(letters);
    any
}

/// What all [`Remote`] handles of a runtime share.
pub(crate) struct Link {
    inbox: Arc<Inbox>,
}

impl Link {
    /// Handles alive, on whatever thread.
    pub(crate) fn remotes(self: &Arc<Self>) -> usize {
        Arc::strong_count(self) - 1
    }
}

/// A handle for other threads: `Send`, `Sync` and `Clone`.
///
/// While one lives, a loop that has nothing to do waits instead of being declared dead.
///
/// asyncio counterpart: the loop, in `call_soon_threadsafe` and `run_coroutine_threadsafe`.
#[derive(Clone)]
pub struct Remote {
    link: Arc<Link>,
}

impl Remote {
    /// The handle for this thread's runtime.
    pub(crate) fn of(kernel: &Kernel) -> Self {
        let inbox = kernel
            .inbox
            .borrow()
            .clone()
            .expect("a runtime has an inbox");
        let mut link = kernel.link.borrow_mut();
        Remote {
            link: link.get_or_insert_with(|| Arc::new(Link { inbox })).clone(),
        }
    }

    /// Runs `call` on the runtime's thread, in order of arrival, between two polls.
    ///
    /// asyncio counterpart: `loop.call_soon_threadsafe`.
    ///
    /// # Errors
    ///
    /// [`Gone`] with the function, if the runtime has ended.
    pub fn call<F>(&self, call: F) -> Result<(), Gone<Box<dyn FnOnce() + Send>>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.link
            .inbox
            .send(Letter::Call(Box::new(call)))
            .map_err(|letter| match letter {
                Letter::Call(call) => Gone(call),
                Letter::Wake(_) => {
                    unreachable!("the letter that comes back is the one that was sent")
                }
            })
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// The runtime has ended; gives back what it was sent.
pub struct Gone<T>(pub T);

impl<T> std::fmt::Debug for Gone<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gone(..)")
    }
}

impl<T> std::fmt::Display for Gone<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the runtime of this handle has ended")
    }
}

impl<T> std::error::Error for Gone<T> {}
