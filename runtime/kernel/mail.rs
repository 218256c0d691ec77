//! What other threads send to the runtime of this thread, and what they send it by.
//!
//! Wakes, calls and announcements travel as [`Message`]s through one [`Inbox`]. A [`Link`] sends them from
//! any thread and is counted: a loop that waits for nothing else sleeps while one lives. The host of an
//! embedded loop sleeps on the same bell.
//!
//! # Invariant
//!
//! **A runtime has an inbox**, from its making to its end, and an embedded loop is a runtime's.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sched::task::TaskId;
use crate::runtime::base::batch;
use crate::runtime::base::mailbox::{Mailbox, Ring};

/// What wakes a task, once for all wakes until its message is read. The message counts as a clone of
/// the waker, which therefore stays aimed at its task.
pub(crate) trait Summons: Send + Sync {
    /// The task to wake. Wakes from now on need another message.
    fn arrive(&self) -> Option<TaskId>;
}

/// What another thread can ask of a runtime.
pub(crate) enum Message {
    /// Schedule a task.
    Wake(Arc<dyn Summons>),
    /// Run a function on the runtime's thread, between two polls.
    Call(Box<dyn FnOnce() + Send>),
    /// Items have arrived at an inlet.
    Items(u64),
}

/// Wakes a runtime that sleeps in the reactor.
pub(crate) type Bell = Arc<mio::Waker>;

impl Ring for Bell {
    fn ring(&self) {
        // A full event counter means that the bell is ringing already; nothing else can fail.
        let _ = self.wake();
    }
}

/// The messages for one runtime.
pub(crate) struct Inbox {
    mailbox: Mailbox<Message, Bell>,
    /// Wakers that the kernel has let go of and others have clones of.
    loose: AtomicUsize,
}

impl Inbox {
    fn new() -> Self {
        Inbox {
            mailbox: Mailbox::new(),
            loose: AtomicUsize::new(0),
        }
    }

    /// Whether a clone of a waker is left that the kernel has let go of.
    pub(super) fn has_loose(&self) -> bool {
        self.loose.load(Ordering::SeqCst) > 0
    }

    /// The kernel lets go of a waker.
    pub(super) fn add_loose(&self) {
        self.loose.fetch_add(1, Ordering::SeqCst);
    }

    /// The kernel takes a waker up again, or its last clone is gone. Returns whether it was the last waker.
    pub(super) fn remove_loose(&self) -> bool {
        self.loose.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

impl Deref for Inbox {
    type Target = Mailbox<Message, Bell>;

    fn deref(&self) -> &Self::Target {
        &self.mailbox
    }
}

/// Sends messages to a runtime from any thread. Counted.
pub(crate) struct Link(Arc<Shared>);

/// What all links to a runtime share.
struct Shared {
    inbox: Arc<Inbox>,
    /// Links alive, on whatever thread.
    links: AtomicUsize,
}

impl Link {
    fn of(shared: Arc<Shared>) -> Self {
        shared.links.fetch_add(1, Ordering::SeqCst);
        Link(shared)
    }

    /// Delivers a message, or gives it back if the runtime has ended.
    pub(crate) fn send(&self, message: Message) -> Result<(), Message> {
        self.0.inbox.send(message)
    }
}

impl Clone for Link {
    fn clone(&self) -> Self {
        Link::of(self.0.clone())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.0.links.fetch_sub(1, Ordering::SeqCst) == 1 {
            // The loop may sleep for the sake of this link alone: now it has to be judged.
            self.0.inbox.nudge();
        }
    }
}

/// The inbox of this thread's runtime, and whether a host waits for its bell.
pub(crate) struct Mail {
    inbox: RefCell<Option<Arc<Inbox>>>,
    /// Made with the first link.
    shared: RefCell<Option<Arc<Shared>>>,
    /// Reused for the messages of a batch.
    messages: Cell<Vec<Message>>,
    /// Set while a host drives the loop through a descriptor.
    embedded: Cell<bool>,
    /// The host's descriptor is readable already, or a turn is under way.
    rung: Cell<bool>,
}

impl Mail {
    pub(super) const fn new() -> Self {
        Mail {
            inbox: RefCell::new(None),
            shared: RefCell::new(None),
            messages: Cell::new(Vec::new()),
            embedded: Cell::new(false),
            rung: Cell::new(false),
        }
    }

    /// Takes messages in from now on, for a new runtime.
    pub(crate) fn open(&self) {
        *self.inbox.borrow_mut() = Some(Arc::new(Inbox::new()));
    }

    /// Refuses messages from now on and returns those that were not read. The inbox is still there: a
    /// destructor may ask for a link, whose messages all come back.
    pub(crate) fn close(&self) -> Vec<Message> {
        let inbox = self.inbox.borrow();
        inbox.as_ref().map_or_else(Vec::new, |inbox| inbox.close())
    }

    /// Leaves nothing of a runtime that was closed.
    pub(crate) fn end(&self) {
        let inbox = self.inbox.borrow_mut().take();
        let shared = self.shared.borrow_mut().take();
        drop((inbox, shared));
        self.embedded.set(false);
        self.rung.set(false);
    }

    /// The inbox of the runtime.
    ///
    /// # Panics
    ///
    /// Without a runtime.
    pub(crate) fn inbox(&self) -> Arc<Inbox> {
        self.with_inbox(Arc::clone)
    }

    fn with_inbox<R>(&self, f: impl FnOnce(&Arc<Inbox>) -> R) -> R {
        f(self
            .inbox
            .borrow()
            .as_ref()
            .expect("a runtime has an inbox"))
    }

    /// Whether `inbox` is that of this thread's runtime.
    #[inline]
    pub(crate) fn is_home(&self, inbox: &Arc<Inbox>) -> bool {
        matches!(&*self.inbox.borrow(), Some(own) if Arc::ptr_eq(own, inbox))
    }

    /// Whether `link` leads to this thread's runtime.
    pub(crate) fn is_home_of(&self, link: &Link) -> bool {
        self.is_home(&link.0.inbox)
    }

    /// A link to the runtime.
    ///
    /// # Panics
    ///
    /// Without a runtime.
    pub(crate) fn link(&self) -> Link {
        let mut shared = self.shared.borrow_mut();
        let new = || {
            let (inbox, links) = (self.inbox(), AtomicUsize::new(0));
            Arc::new(Shared { inbox, links })
        };
        Link::of(shared.get_or_insert_with(new).clone())
    }

    /// Links alive, on whatever thread.
    pub(crate) fn links(&self) -> usize {
        let shared = self.shared.borrow();
        shared
            .as_ref()
            .map_or(0, |shared| shared.links.load(Ordering::SeqCst))
    }

    /// Whether there may be messages.
    pub(crate) fn has_mail(&self) -> bool {
        let inbox = self.inbox.borrow();
        inbox.as_ref().is_some_and(|inbox| inbox.has_mail())
    }

    /// The messages that have arrived, if there may be any. Their vector comes back through
    /// [`give_back`](Mail::give_back).
    pub(crate) fn take(&self) -> Option<Vec<Message>> {
        let inbox = self.inbox.borrow();
        let inbox = inbox.as_ref().filter(|inbox| inbox.has_mail())?;
        let mut messages = self.messages.take();
        inbox.take(&mut messages);
        Some(messages)
    }

    /// Keeps the emptied vector of a batch for the next one.
    pub(crate) fn give_back(&self, mut messages: Vec<Message>) {
        batch::trim(&mut messages);
        self.messages.set(messages);
    }

    /// Gives the bell to other threads: from now on the loop can sleep.
    pub(crate) fn hang(&self, bell: Bell) {
        if let Some(inbox) = &*self.inbox.borrow() {
            inbox.hang(bell);
        }
    }

    /// Announces that the loop, or its host, is about to sleep. Returns `false` if there is mail: stay
    /// awake.
    pub(crate) fn park(&self) -> bool {
        self.with_inbox(|inbox| inbox.park())
    }

    /// The loop is awake again.
    pub(crate) fn unpark(&self) {
        if let Some(inbox) = &*self.inbox.borrow() {
            inbox.unpark();
        }
    }

    /// A host drives the loop from now on.
    pub(crate) fn embed(&self) {
        self.embedded.set(true);
    }

    /// Whether a host drives the loop.
    #[inline]
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.get()
    }

    /// What happens in a turn needs no bell: the host is armed when it ends.
    pub(crate) fn begin_turn(&self) {
        self.rung.set(true);
    }

    /// Whatever makes a task ready from now on rings for the host.
    pub(crate) fn end_turn(&self) {
        self.rung.set(false);
    }

    /// Makes the descriptor of an embedded loop readable, once until its next turn.
    #[cold]
    pub(crate) fn ring(&self) {
        if self.rung.replace(true) {
            return;
        }
        if let Some(inbox) = &*self.inbox.borrow() {
            inbox.ring();
        }
    }
}
