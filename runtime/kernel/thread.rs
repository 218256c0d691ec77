//! The kernel of this thread, in a thread-local, and what every other file reaches it by.
//!
//! A [`Kernel`] is const-initialised and belongs to its thread. It holds two things of different
//! lives: the *waiters*, which serve the primitives even where no runtime exists or another one
//! polls, and the *scheduler* of at most one [`Runtime`](crate::Runtime).
//!
//! # Invariants
//!
//! - **No foreign code under a borrow** (rule R4). A `RefCell` of the kernel is borrowed for a few
//!   statements that call nothing a user wrote: no wake, no clone or drop of a foreign waker, no
//!   poll, no destructor. Values to drop leave the borrow first.
//! - **Late is a no-op.** Everything that runs in a `Drop` or in a wake uses [`try_with`]: once the
//!   thread-local is gone there is nothing left to do.
//!
//! # Implementation
//!
//! Access is one thread-local read and a state byte; there is no `Option<Rc<…>>` on the way. What
//! lasts for one poll only lies beside the kernel (`polling.rs`).

use std::cell::Cell;
use std::rc::Rc;

use super::clock::Clock;
use super::mail::Mail;
use super::sched::Sched;
use super::timer_store::TimerStore;
use crate::runtime::kernel::wait::state::Waiting;

thread_local! {
    static KERNEL: Kernel = const { Kernel::new() };
}

/// Everything a thread needs to run tasks and to let them wait.
pub(crate) struct Kernel {
    /// What waits, in queues and alone.
    pub(super) wait: Waiting,
    /// The tasks, and which of them are ready.
    pub(super) sched: Sched,
    /// Armed deadlines.
    pub(super) timers: TimerStore,
    /// Real or virtual time.
    pub(super) clock: Clock,
    /// Where other threads put what they have for us.
    pub(super) mail: Mail,
    /// The pass in which tables were looked at for what a burst has left.
    pub(super) trimmed: Cell<u64>,
}

impl Kernel {
    const fn new() -> Self {
        Kernel {
            wait: Waiting::new(),
            sched: Sched::new(),
            timers: TimerStore::new(),
            clock: Clock::new(),
            mail: Mail::new(),
            trimmed: Cell::new(0),
        }
    }

    /// Real or virtual time.
    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Armed deadlines.
    #[inline]
    pub(crate) fn timers(&self) -> &TimerStore {
        &self.timers
    }

    /// What other threads send, and what they send it by.
    pub(crate) fn mail(&self) -> &Mail {
        &self.mail
    }

    /// Tells the host of an embedded loop that tasks are ready.
    #[inline]
    pub(crate) fn ring_if_embedded(&self) {
        if self.mail.is_embedded() {
            self.mail.ring();
        }
    }
}

/// Runs `f` with this thread's kernel.
///
/// # Panics
///
/// When the thread is past the destruction of its thread-locals.
#[inline]
#[track_caller]
pub(crate) fn with<R>(f: impl FnOnce(&Kernel) -> R) -> R {
    match try_with(f) {
        Some(result) => result,
        None => too_late(),
    }
}

/// Panics with the cure: the thread is past the destruction of its thread-locals.
#[cold]
#[track_caller]
pub(crate) fn too_late() -> ! {
    panic!(
        "turnwise was asked to wait while the thread's locals are being destroyed; \
         finish asynchronous work before the thread ends"
    );
}

/// Runs `f` with this thread's kernel, unless the thread is past having one.
#[inline]
pub(crate) fn try_with<R>(f: impl FnOnce(&Kernel) -> R) -> Option<R> {
    KERNEL.try_with(f).ok()
}

/// Runs `f` with this thread's kernel, which must have a runtime.
///
/// A panic in here is at the caller's line; one inside a closure would be at ours.
#[track_caller]
pub(crate) fn with_runtime<R>(what: &str, f: impl FnOnce(&Kernel) -> R) -> R {
    match with(|kernel| kernel.runtime().is_some().then(|| f(kernel))) {
        Some(result) => result,
        None => no_runtime(what),
    }
}

/// Panics with the cure unless this thread has a runtime.
#[track_caller]
pub(crate) fn need_runtime(what: &str) {
    with_runtime(what, |_| ());
}

/// Whether this thread has a runtime, and it is not being torn down.
#[cfg(feature = "process")]
pub(crate) fn is_open() -> bool {
    try_with(|kernel| kernel.runtime().is_some() && !kernel.is_closing()) == Some(true)
}

/// Whether the runtime of this thread has a virtual clock.
pub(crate) fn has_virtual_clock() -> bool {
    try_with(|kernel| kernel.runtime().is_some() && kernel.clock().is_virtual()) == Some(true)
}

/// Panics with the cure: there is no runtime on this thread.
#[cold]
#[track_caller]
pub(crate) fn no_runtime(what: &str) -> ! {
    panic!(
        "no runtime on this thread: {what} needs one; call it inside block_on or #[turnwise::main], \
         or make a Runtime first"
    );
}

/// Marker that makes a type `!Send` and `!Sync`: it belongs to the thread of its kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThisThread(std::marker::PhantomData<Rc<()>>);

impl ThisThread {
    pub(crate) const fn new() -> Self {
        ThisThread(std::marker::PhantomData)
    }
}
