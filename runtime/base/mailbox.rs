//! What other threads put into our hands: a mailbox, and the flag that says we are asleep.
//!
//! ```text
//!   sender:  push letter ─▶ mail := true ─▶ parked was true? ─▶ ring the bell
//!   owner:   parked := true ─▶ mail? ─▶ no: sleep until the bell · yes: stay awake
//! ```
//!
//! Both write before they read, with sequential consistency, so at least one sees the other: a
//! letter is never slept over, and the bell (a system call) rings at most once per sleep.
//! `tests/loom` explores every interleaving of this file.

use super::shim::{AtomicBool, Mutex, Ordering};

/// Whether a sender's letter is on its way: another one would say the same.
///
/// ```text
///   sender:  write what it is about ─▶ sent := true ─▶ was it? ─▶ no: send · yes: nothing
///   owner:   take the letter ─▶ sent := false ─▶ read what it is about
/// ```
///
/// Both sides swap, so whoever finds it set is seen by the owner that resets it.
pub(crate) struct Errand {
    sent: AtomicBool,
}

impl Errand {
    pub(crate) fn new() -> Self {
        Errand {
            sent: AtomicBool::new(false),
        }
    }

    /// Whether the sender has to send its letter.
    pub(crate) fn begin(&self) -> bool {
        !self.sent.swap(true, Ordering::SeqCst)
    }

    /// The letter has arrived; the owner looks at what it is about after this.
    pub(crate) fn end(&self) {
        self.sent.swap(false, Ordering::SeqCst);
    }
}

/// What wakes a sleeping owner.
pub(crate) trait Ring {
    fn ring(&self);
}

/// A mailbox for letters `L`; `B` is the bell that wakes a sleeping owner.
pub(crate) struct Mailbox<L, B> {
    inside: Mutex<Inside<L, B>>,
    /// There may be letters.
    mail: AtomicBool,
    /// The owner sleeps, or is about to.
    parked: AtomicBool,
}

struct Inside<L, B> {
    letters: Vec<L>,
    /// Absent until the owner has something to sleep on.
    bell: Option<B>,
    closed: bool,
}

impl<L, B: Clone + Ring> Mailbox<L, B> {
    pub(crate) fn new() -> Self {
        Mailbox {
            inside: Mutex::new(Inside {
                letters: Vec::new(),
                bell: None,
                closed: false,
            }),
            mail: AtomicBool::new(false),
            parked: AtomicBool::new(false),
        }
    }

    /// Delivers a letter, or gives it back if the owner is gone.
    pub(crate) fn send(&self, letter: L) -> Result<(), L> {
        {
            let mut inside = self
                .inside
                .lock()
                .unwrap_or_else(|poison| poison.into_inner());
            if inside.closed {
                return Err(letter);
            }
            inside.letters.push(letter);
        }
        self.nudge();
        Ok(())
    }

    /// Has the owner look around, as for a letter.
    pub(crate) fn nudge(&self) {
        self.mail.store(true, Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) && self.parked.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }

    /// Wakes the owner, asleep or not.
    pub(crate) fn ring(&self) {
        let bell = self
            .inside
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
            .bell
            .clone();
        if let Some(bell) = bell {
            bell.ring();
        }
    }

    /// Whether there may be letters; costs a load.
    pub(crate) fn has_mail(&self) -> bool {
        self.mail.load(Ordering::SeqCst)
    }

    /// Moves all letters to `into`, which should be empty: the two vectors change places.
    pub(crate) fn take(&self, into: &mut Vec<L>) {
        self.mail.store(false, Ordering::SeqCst);
        let mut inside = self
            .inside
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        std::mem::swap(&mut inside.letters, into);
    }

    /// Gives the owner's bell to the senders.
    pub(crate) fn hang(&self, bell: B) {
        self.inside
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
            .bell = Some(bell);
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

    /// Refuses letters from now on and returns those that were not read.
    pub(crate) fn close(&self) -> Vec<L> {
        let mut inside = self
            .inside
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        inside.closed = true;
        inside.bell = None;
        std::mem::take(&mut inside.letters)
    }
}
