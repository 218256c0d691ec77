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
//!   thread-local is gone there is nobody left to tell.
//!
//! # Implementation
//!
//! Access is one thread-local read and a state byte; there is no `Option<Rc<…>>` on the way. What
//! lasts for one poll only lies beside the kernel (`polling.rs`).

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::vec::Drain;

use slab::Slab;

use super::blocking::Pool;
use super::builder::Options;
use super::clock::Clock;
use super::inlet::Inlets;
use super::outside::Pace;
use super::passes::Passes;
use super::poll_times::PollTimes;
use super::polling::{self, current_task, notes};
use super::problems::call_hook;
use super::quiescence;
use super::reactor::{Hit, Reactor};
use super::remote::{Inbox, Letter, Link};
use super::task::TaskId;
use super::tasks::Tasks;
use super::timers::Timers;
use super::verdict::Suspicion;
use super::wait_queue::WaitQueue;
use super::waiters::Waiters;
use super::waker::PollWaker;
use super::watchdog::Watchdog;

thread_local! {
    static KERNEL: Kernel = const { Kernel::new() };
}

/// Something to do now and then between two polls.
pub(crate) type Chore = Rc<dyn Fn(&Kernel)>;

/// Everything a thread needs to run tasks and to let them wait.
pub(crate) struct Kernel {
    /// Who waits in which queue; outlives every runtime of the thread.
    pub(crate) waiters: RefCell<Waiters>,
    /// The spawned futures, and which of them are ready.
    pub(crate) tasks: RefCell<Tasks>,
    /// The waker that serves every task that keeps no clone of it.
    pub(crate) spare: Cell<Option<Box<PollWaker>>>,
    /// The wakers of tasks of which somebody outside kept a clone: the list the verdict reads.
    pub(crate) cloned: RefCell<Slab<Option<PollWaker>>>,
    /// Some task has task-locals.
    pub(crate) locals_used: Cell<bool>,
    /// Armed deadlines.
    pub(crate) timers: RefCell<Timers>,
    /// Real or virtual time.
    pub(crate) clock: Clock,
    /// Made when something first needs the operating system.
    pub(crate) reactor: RefCell<Option<Reactor>>,
    /// Where other threads put what they have for us.
    pub(crate) inbox: RefCell<Option<Arc<Inbox>>>,
    /// The same, as handles for other threads see it; made with the first handle.
    pub(crate) link: RefCell<Option<Arc<Link>>>,
    /// Handlers of what other threads send.
    pub(crate) inlets: RefCell<Inlets>,
    /// Tasks that may wait for nothing.
    pub(crate) suspects: RefCell<Vec<TaskId>>,
    /// Knobs of the runtime on this thread.
    pub(crate) options: RefCell<Options>,
    /// Where the runtime of this thread was made.
    pub(crate) runtime: Cell<Option<&'static Location<'static>>>,
    /// Where the turn that is under way was started.
    pub(crate) turning: Cell<Option<&'static Location<'static>>>,
    /// The runtime is being torn down: nothing is scheduled or spawned any more.
    pub(crate) closing: Cell<bool>,
    /// Passes made so far.
    pub(crate) passes: Passes,
    /// The line at which a wait ended last.
    pub(crate) resumed: Cell<Option<&'static Location<'static>>>,
    /// What the verdict remembers from park to park.
    pub(crate) suspicion: Suspicion,
    /// Who waits for everybody else to be blocked.
    pub(crate) quiescence: WaitQueue,
    /// Sees, from a thread of its own, polls that block the loop.
    pub(crate) watchdog: RefCell<Option<Watchdog>>,
    /// How long polls take, if that is measured.
    pub(crate) poll_times: RefCell<Option<Rc<PollTimes>>>,
    /// There is one of the two.
    pub(crate) watched: Cell<bool>,
    /// What the loop does besides, whenever it looks at the outside world.
    pub(crate) chore: RefCell<Option<Chore>>,
    /// Groups of children made so far, each of which has its number.
    pub(crate) groups: Cell<u32>,
    /// The threads for blocking calls, made with the first such call.
    pub(crate) pool: RefCell<Option<Pool>>,
    /// Reused for the letters of a batch.
    pub(crate) letters: Cell<Vec<Letter>>,
    /// Reused for what the reactor finds.
    pub(crate) hits: Cell<Vec<Hit>>,
    /// How long the executor may run before it looks at reactor, clock and inbox.
    pub(crate) pace: Pace,
    /// Outside work that is certain to come back: blocking jobs, children, external guards.
    pub(crate) working: RefCell<Slab<Cow<'static, str>>>,
    /// The process that made the runtime; a fork must not use it.
    pub(crate) process: Cell<u32>,
    /// When that was checked last.
    pub(crate) checked: Cell<u64>,
    /// Reused by whoever must wake many after letting go of a borrow.
    pub(crate) scratch: Cell<Vec<Who>>,
    /// Set while a host drives the loop through a descriptor.
    pub(crate) embedded: Cell<bool>,
    /// The host's descriptor is readable already, or a turn is under way.
    pub(crate) rung: Cell<bool>,
}

impl Kernel {
    const fn new() -> Self {
        Kernel {
            waiters: RefCell::new(Waiters::new()),
            tasks: RefCell::new(Tasks::new()),
            spare: Cell::new(None),
            cloned: RefCell::new(Slab::new()),
            locals_used: Cell::new(false),
            timers: RefCell::new(Timers::new()),
            clock: Clock::new(),
            reactor: RefCell::new(None),
            inbox: RefCell::new(None),
            link: RefCell::new(None),
            inlets: RefCell::new(Inlets::new()),
            suspects: RefCell::new(Vec::new()),
            options: RefCell::new(Options::new()),
            runtime: Cell::new(None),
            turning: Cell::new(None),
            closing: Cell::new(false),
            passes: Passes::new(),
            resumed: Cell::new(None),
            suspicion: Suspicion::new(),
            quiescence: quiescence::queue(),
            watchdog: RefCell::new(None),
            poll_times: RefCell::new(None),
            watched: Cell::new(false),
            chore: RefCell::new(None),
            groups: Cell::new(0),
            pool: RefCell::new(None),
            letters: Cell::new(Vec::new()),
            hits: Cell::new(Vec::new()),
            pace: Pace::new(),
            working: RefCell::new(Slab::new()),
            process: Cell::new(0),
            checked: Cell::new(0),
            scratch: Cell::new(Vec::new()),
            embedded: Cell::new(false),
            rung: Cell::new(false),
        }
    }

    /// Puts a task at the tail of the ready queue unless it is there already, or is over.
    pub(crate) fn schedule(&self, id: TaskId) {
        if self.tasks.borrow_mut().schedule(id) && self.embedded.get() {
            self.ring();
        }
    }

    /// Whether some task is ready.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.tasks.borrow().has_ready()
    }

    /// Whether a turn has something to do at once: tasks are ready, or some wait for there to be none.
    pub(crate) fn has_more(&self) -> bool {
        self.has_ready() || !self.quiescence.is_empty()
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

    /// Whether outside work is in flight that is certain to come back.
    pub(crate) fn is_working(&self) -> bool {
        !self.working.borrow().is_empty()
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
    try_with(f).expect(
        "turnwise was asked to wait while the thread's locals are being destroyed; \
         finish asynchronous work before the thread ends",
    )
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
    match with(|kernel| kernel.runtime.get().is_some().then(|| f(kernel))) {
        Some(result) => result,
        None => no_runtime(what),
    }
}

/// Panics with the cure unless this thread has a runtime.
#[track_caller]
pub(crate) fn require_runtime(kernel: &Kernel, what: &str) {
    if kernel.runtime.get().is_none() {
        no_runtime(what);
    }
}

#[cold]
#[track_caller]
fn no_runtime(what: &str) -> ! {
    panic!(
        "no runtime on this thread: {what} needs one; call it inside block_on or #[turnwise::main]"
    );
}

/// Whom to wake: the task that polled, by its id, or the foreign waker it polled with.
///
/// The task is recorded in both cases, so that a report can say who waits behind a combinator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who {
    pub(crate) task: Option<TaskId>,
    waker: Option<Waker>,
}

impl Who {
    /// The one that polls with `cx`. Clones the waker if it is a foreign one, so no borrow of the
    /// kernel may be held.
    pub(crate) fn of(cx: &Context<'_>) -> Who {
        let task = current_task();
        polling::note(notes::REGISTERED);
        if polling::is_own(cx.waker()) {
            Who { task, waker: None }
        } else {
            Who {
                task,
                waker: Some(cx.waker().clone()),
            }
        }
    }

    /// Becomes another one; its own waker has departed before.
    #[inline]
    pub(super) fn fill(&mut self, by: Who) {
        debug_assert!(self.waker.is_none());
        self.task = by.task;
        if by.waker.is_some() {
            self.waker = by.waker;
        }
    }

    /// Whether waking this one already wakes whoever polls with `cx`. Calls no foreign code.
    pub(crate) fn is(&self, cx: &Context<'_>) -> bool {
        polling::note(notes::REGISTERED);
        match &self.waker {
            None => self.task == current_task() && polling::is_own(cx.waker()),
            Some(waker) => self.task == current_task() && waker.will_wake(cx.waker()),
        }
    }

    /// The task that waking this one schedules; `None` if a foreign waker has to know.
    pub(crate) fn woken_task(&self) -> Option<TaskId> {
        self.task.filter(|_| self.waker.is_none())
    }

    /// Whether waking it does anything, as far as can be told: wakers that do nothing carry no data.
    pub(crate) fn wakes_something(&self) -> bool {
        let waker = self.waker.as_ref();
        waker.is_none_or(|waker| !waker.data().is_null())
    }

    /// Takes out what wakes, and leaves the task for reports.
    #[inline]
    pub(crate) fn depart(&mut self) -> Who {
        let (task, waker) = (self.task, self.waker.take());
        Who { task, waker }
    }

    /// Wakes; runs foreign code if the waker is foreign.
    #[inline]
    pub(crate) fn wake(self, kernel: &Kernel) {
        match (self.waker, self.task) {
            (Some(waker), _) => waker.wake(),
            (None, Some(task)) => kernel.schedule(task),
            (None, None) => {}
        }
    }
}

/// Wakes everyone that `collect` puts into a reused buffer, in order, after it has returned.
pub(crate) fn wake_collected(kernel: &Kernel, collect: impl FnOnce(&mut Vec<Who>)) {
    let mut batch = kernel.scratch.take();
    collect(&mut batch);
    wake_each(&mut batch, |who| who.wake(kernel));
    kernel.scratch.set(batch);
}

/// Takes each of a batch out and wakes it. A foreign waker that panics leaves nobody asleep: its panic
/// goes on when the others have been woken.
pub(crate) fn wake_each<T>(batch: &mut Vec<T>, wake: impl FnMut(T)) {
    let mut rest = Rest {
        batch: batch.drain(..),
        wake,
    };
    for next in &mut rest.batch {
        (rest.wake)(next);
    }
}

/// Those who are still to be woken.
struct Rest<'a, T, W: FnMut(T)> {
    batch: Drain<'a, T>,
    wake: W,
}

impl<T, W: FnMut(T)> Drop for Rest<'_, T, W> {
    /// Anybody is left only after a panic. Another one would abort the process.
    fn drop(&mut self) {
        for next in &mut self.batch {
            call_hook(|| (self.wake)(next));
        }
    }
}

/// Marker that makes a type `!Send` and `!Sync`: it belongs to the thread of its kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ThisThread(std::marker::PhantomData<Rc<()>>);

impl ThisThread {
    pub(crate) const fn new() -> Self {
        ThisThread(std::marker::PhantomData)
    }
}
