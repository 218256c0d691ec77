//! What other threads put into our hands: a mailbox, and the flag that says we are asleep.
//!
//! ```text
//!   sender:  push message ─▶ mail := true ─▶ parked was true? ─▶ ring the bell
//!   owner:   parked := true ─▶ mail? ─▶ no: sleep until the bell · yes: stay awake
//! ```
//!
//! Both write before they read, with sequential consistency, so at least one sees the other: a
//! message is never slept over, and the bell (a system call) rings at most once per sleep.
//! `tests/loom` explores every interleaving of this file.

use super::poison::ignore_poison;
use super::shim::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Whether a sender's message is on its way: another one would say the same.
///
/// ```text
///   sender:  write what it is about ─▶ sent := true ─▶ was it? ─▶ no: send · yes: nothing
///   owner:   take the message ─▶ sent := false ─▶ read what it is about
/// ```
///
/// Both sides swap, so a sender that finds it set is seen by the owner that resets it.
pub(crate) struct Errand {
    sent: AtomicBool,
}

impl Errand {
    pub(crate) fn new() -> Self {
        Errand {
            sent: AtomicBool::new(false),
        }
    }

    /// Whether the sender has to send its message.
    pub(crate) fn begin(&self) -> bool {
        !self.sent.swap(true, Ordering::SeqCst)
    }

    /// The message has arrived; the owner looks at what it is about after this.
    pub(crate) fn end(&self) {
        self.sent.swap(false, Ordering::SeqCst);
    }
}

/// What wakes a sleeping owner.
pub(crate) trait Ring {
    fn ring(&self);
}

/// A mailbox for messages `M`; `B` is the bell that wakes a sleeping owner.
pub(crate) struct Mailbox<M, B> {
    inside: Mutex<Inside<M, B>>,
    /// There may be messages.
    mail: AtomicBool,
    /// The owner sleeps, or is about to.
    parked: AtomicBool,
}

struct Inside<M, B> {
    messages: Vec<M>,
    /// Absent until the owner has something to sleep on.
    bell: Option<B>,
    closed: bool,
}

impl<M, B: Clone + Ring> Mailbox<M, B> {
    pub(crate) fn new() -> Self {
        Mailbox {
            inside: Mutex::new(Inside {
                messages: Vec::new(),
                bell: None,
                closed: false,
            }),
            mail: AtomicBool::new(false),
            parked: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside<M, B>> {
        ignore_poison(self.inside.lock())
    }

    /// Delivers a message, or gives it back if the owner is gone.
    pub(crate) fn send(&self, message: M) -> Result<(), M> {
        {
            let mut inside = self.lock();
            if inside.closed {
                return Err(message);
            }
            inside.messages.push(message);
        }
        self.nudge();
        Ok(())
    }

    /// Has the owner look around, as for a message.
    pub(crate) fn nudge(&self) {
        self.mail.store(true, Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) && self.parked.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }

    /// Wakes the owner, asleep or not.
    pub(crate) fn ring(&self) {
        let bell = self.lock().bell.clone();
        if let Some(bell) = bell {
            bell.ring();
        }
    }

    /// Whether there may be messages; costs a load.
    pub(crate) fn has_mail(&self) -> bool {
        self.mail.load(Ordering::SeqCst)
    }

    /// Moves all messages to `into`, which should be empty: the two vectors change places.
    pub(crate) fn take(&self, into: &mut Vec<M>) {
        self.mail.store(false, Ordering::SeqCst);
        let mut inside = self.lock();
        std::mem::swap(&mut inside.messages, into);
    }

    /// Gives the owner's bell to the senders.
    pub(crate) fn hang(&self, bell: B) {
        self.lock().bell = Some(bell);
    }

    /// Announces that the owner is about to sleep. Returns `false` if there is mail: stay awake.
    pub(crate) fn park(&self) -> bool {
        self.parked.store(true, Ordering::SeqCst);
        if self.mail.load(Ordering::SeqCst) {
            self.unpark();
            return false;
        }
        true
    }

    /// The owner is awake again.
    pub(crate) fn unpark(&self) {
        self.parked.store(false, Ordering::SeqCst);
    }

    /// Refuses messages from now on and returns those that were not read.
    pub(crate) fn close(&self) -> Vec<M> {
        let mut inside = self.lock();
        inside.closed = true;
        inside.bell = None;
        std::mem::take(&mut inside.messages)
    }
}
