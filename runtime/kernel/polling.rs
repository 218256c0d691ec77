//! The poll under way: what the executor and the futures inside it tell each other.
//!
//! It lies beside the kernel, in a thread-local that has no destructor and so no state to ask for:
//! a task that takes a free lock learns by one load which task it is.

use std::cell::Cell;
use std::panic::Location;
use std::task::{Context, RawWakerVTable, Waker};

use crate::runtime::kernel::sched::task::TaskId;

thread_local! {
    static POLL: Polling = const { Polling::new() };
    /// The line at which a wait ended last.
    static RESUMED: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// What the task that is being polled did that the executor must know after the poll.
pub(crate) mod notes {
    /// It asked to go to the tail of the ready queue.
    pub(crate) const YIELDED: u8 = 1;
    /// A leaf future registered, or confirmed, something that will wake it.
    pub(crate) const REGISTERED: u8 = 2;
    /// A wait for the outside was over.
    pub(crate) const WAIT_OVER: u8 = 4;
}

/// Ready I/O results in one poll before the task has to yield, where it is alone.
const IO_PER_POLL: u8 = 128;
/// Those that it may have in any case. A request and its answer fit.
const IO_AT_LEAST: u8 = 4;
/// About how many all ready tasks together may have, before each of them was polled.
const IO_PER_PASS: usize = 1024;

/// A poll under way, or none.
#[derive(Clone)]
pub(crate) struct Polling {
    task: Cell<Option<TaskId>>,
    /// Identity of the waker it is polled with.
    waker: Cell<(*const (), *const RawWakerVTable)>,
    /// What it did; see [`notes`].
    notes: Cell<u8>,
    /// Ready I/O results it has had.
    io_spent: Cell<u8>,
}

impl Polling {
    const fn new() -> Self {
        Polling {
            task: Cell::new(None),
            waker: Cell::new((std::ptr::null(), std::ptr::null())),
            notes: Cell::new(0),
            io_spent: Cell::new(0),
        }
    }

    fn replace(&self, by: &Polling) {
        self.task.set(by.task.get());
        self.waker.set(by.waker.get());
        self.notes.set(by.notes.get());
        self.io_spent.set(by.io_spent.get());
    }

    #[inline]
    fn is_own(&self, waker: &Waker) -> bool {
        let (data, vtable) = self.waker.get();
        self.task.get().is_some() && waker.data() == data && std::ptr::eq(waker.vtable(), vtable)
    }

    #[inline]
    fn note(&self, note: u8) {
        self.notes.set(self.notes.get() | note);
    }
}

/// Polls a task with `waker` and returns its result and what the poll noted. After a panic the poll is still
/// under way: the code that catches the panic ends it.
#[inline]
pub(crate) fn poll<R>(
    task: TaskId,
    waker: &Waker,
    poll: impl FnOnce(&mut Context<'_>) -> R,
) -> (R, u8) {
    POLL.with(|polling| {
        polling.task.set(Some(task));
        polling.waker.set((waker.data(), waker.vtable()));
        polling.notes.set(0);
        polling.io_spent.set(0);
        let result = poll(&mut Context::from_waker(waker));
        polling.task.set(None);
        (result, polling.notes.get())
    })
}

/// The task that is being polled on this thread.
#[inline]
pub(crate) fn current_task() -> Option<TaskId> {
    POLL.with(|polling| polling.task.get())
}

/// Names the task on whose behalf code runs from now on, and returns which it was.
pub(crate) fn set_current_task(task: Option<TaskId>) -> Option<TaskId> {
    POLL.with(|polling| polling.task.replace(task))
}

/// Sets the poll under way aside, for another one inside it.
pub(crate) fn suspend() -> Polling {
    POLL.with(|polling| {
        let outer = polling.clone();
        polling.task.set(None);
        outer
    })
}

/// Takes up the poll that was set aside.
pub(crate) fn resume(outer: &Polling) {
    POLL.with(|polling| polling.replace(outer));
}

/// Whether `waker` is the very one the executor is polling the current task with.
///
/// If so, waking means scheduling the task, and no waker has to be cloned. A combinator that polls
/// its children with a waker of its own must be woken through that one.
#[inline]
pub(crate) fn is_own(waker: &Waker) -> bool {
    POLL.with(|polling| polling.is_own(waker))
}

/// Leaves a note for the executor.
#[inline]
pub(crate) fn note(note: u8) {
    POLL.with(|polling| polling.note(note));
}

/// Notes that something will wake the task that is being polled, and returns which it is.
#[inline]
pub(crate) fn registers() -> Option<TaskId> {
    POLL.with(|polling| {
        polling.note(notes::REGISTERED);
        polling.task.get()
    })
}

/// Asks the executor for another poll at the tail of the ready queue, if it polls with `waker`.
#[inline]
pub(crate) fn yields(waker: &Waker) -> bool {
    POLL.with(|polling| {
        let own = polling.is_own(waker);
        if own {
            polling.note(notes::YIELDED);
        }
        own
    })
}

/// Notes that a wait for the outside is over in this poll.
pub(crate) fn note_wait_over() {
    note(notes::WAIT_OVER);
}

/// Whether a wait for the outside was over in the poll under way.
pub(crate) fn was_wait_over() -> bool {
    POLL.with(|polling| polling.task.get().is_some() && polling.notes.get() & notes::WAIT_OVER != 0)
}

/// Counts a ready result of I/O in the poll under way, unless it would be one too many: it has had
/// [`IO_PER_POLL`], or `are_ready(n)` says that n tasks are, with which it shares [`IO_PER_PASS`].
///
/// `are_ready` is called each time that the number of results has doubled.
pub(super) fn count_io(are_ready: impl FnOnce(usize) -> bool) -> bool {
    POLL.with(|polling| {
        let spent = polling.io_spent.get();
        let asks = spent >= IO_AT_LEAST && spent.is_power_of_two();
        // Another executor has its own rules.
        if asks && polling.task.get().is_some() {
            let most = IO_PER_PASS / usize::from(spent);
            if spent == IO_PER_POLL || are_ready(most) {
                return false;
            }
        }
        polling.io_spent.set(spent.saturating_add(1));
        true
    })
}

/// Notes the line at which a wait ended.
#[inline]
pub(crate) fn note_resumed(at: &'static Location<'static>) {
    RESUMED.set(Some(at));
}

/// The line at which a wait ended last in this poll.
pub(crate) fn resumed() -> Option<&'static Location<'static>> {
    RESUMED.get()
}

/// A poll begins, in which no wait has ended yet.
#[inline]
pub(crate) fn forget_resumed() {
    RESUMED.set(None);
}
