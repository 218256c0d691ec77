//! Sees, from a thread of its own, polls that block the loop.
//!
//! ```text
//!   loop:      a poll begins ─▶ seen := pass and slot ─▶ … ─▶ the next one, or the loop rests
//!   watchdog:        every quarter of the threshold: the same as long ago as the threshold? say so
//! ```
//!
//! # Implementation
//!
//! Off, the pass is compiled without it. On, a poll costs two stores and a look at a flag. A task is
//! polled once in a pass, so pass and slot name the poll, and nothing has to be undone before the
//! next one. The clock is read on the thread alone, so what is reported is what the thread saw: at
//! most a quarter of the threshold less than the poll took. The name and spawn place of a task are put where the thread can read them once, at
//! the task's first poll.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::runtime::base::foreign::{call_foreign, print};
use crate::runtime::base::passes::{NO_PASS, Pass};
use crate::runtime::base::place::{of_program, shown};
use crate::runtime::base::poison::ignore_poison;
use crate::runtime::base::text::quoted;
use crate::runtime::kernel::polling;
use crate::runtime::kernel::sched::task::{Task, TaskId};

/// A poll that takes longer than this blocks the loop, unless the builder chooses another limit.
pub(crate) const THRESHOLD: Duration = Duration::from_millis(100);

/// A task that keeps the loop from everything else: what the hook of
/// [`RuntimeBuilder::on_stall`](crate::RuntimeBuilder::on_stall) gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The task.
    pub task: TaskId,
    /// Its name, if it had one when it was first polled.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// How long it has been running without reaching an await, at least: the watchdog looks four
    /// times per threshold, and counts from when it first saw the poll.
    pub lasted: Duration,
    /// It has reached one now. The hook is called twice: during the stall, on the watchdog's thread,
    /// and after it, on the loop's.
    pub over: bool,
    /// The line of the last wait that ended in this poll, once it is over: what blocks comes after.
    pub resumed_at: Option<&'static Location<'static>>,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if let Some(name) = &self.name {
            write!(f, " {}", quoted(name))?;
        }
        let (at, lasted) = (shown(self.spawned_at), self.lasted);
        if self.over {
            write!(
                f,
                ", spawned at {at}, blocked the loop for at least {lasted:.0?}"
            )?
        } else {
            write!(
                f,
                ", spawned at {at}, has blocked the loop for at least {lasted:.0?} and still does"
            )?
        }
        match self.resumed_at.and_then(of_program) {
            Some(line) => write!(f, ", after its wait at {line}"),
            None => Ok(()),
        }
    }
}

/// The hook for stalls.
pub(crate) type StallHook = Arc<dyn Fn(&Stall) + Send + Sync>;

/// The watchdog of a runtime; dropping it ends the thread.
pub(crate) struct Watchdog {
    sight: Arc<Sight>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What loop and thread share.
pub(crate) struct Sight {
    /// The poll under way: its pass, and the slot of its task. 0 is none.
    seen: AtomicU64,
    /// The thread has reported a stall, whose end is to be reported.
    reported: AtomicBool,
    threshold: Duration,
    hook: Option<StallHook>,
    state: Mutex<State>,
    stopped: Condvar,
}

struct State {
    /// The tasks by slot.
    known: Vec<Option<Known>>,
    /// The stall that was reported last: the poll, its task, and when it was first seen.
    stall: Option<(u64, Known, Instant)>,
    stop: bool,
}

/// What is polled: the task, its name, its spawn place.
type Known = (TaskId, Option<String>, &'static Location<'static>);

impl Watchdog {
    pub(super) fn start(threshold: Duration, hook: Option<StallHook>) -> Self {
        let sight = Arc::new(Sight {
            seen: AtomicU64::new(0),
            reported: AtomicBool::new(false),
            threshold,
            hook,
            state: Mutex::new(State {
                known: Vec::new(),
                stall: None,
                stop: false,
            }),
            stopped: Condvar::new(),
        });
        let watched = sight.clone();
        let thread = thread::Builder::new().name("turnwise-watchdog".into());
        let thread = thread.spawn(move || watched.watch());
        if let Err(error) = &thread {
            print(format_args!(
                "the watchdog's thread cannot be started: {error}"
            ));
        }
        let thread = thread.ok();
        Watchdog { sight, thread }
    }

    /// Makes a task known that is polled out of order.
    pub(crate) fn meet(&self, task: &Task) {
        self.sight.meet(task);
    }

    /// What the loop tells it by.
    pub(crate) fn sight(&self) -> Arc<Sight> {
        self.sight.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.sight.lock().stop = true;
        self.sight.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches the panics of its hook.
            let _ = thread.join();
        }
    }
}

impl Sight {
    /// The last poll has ended; runs foreign code if that had blocked the loop.
    #[inline]
    pub(crate) fn ended(&self) {
        if self.reported.load(Ordering::Relaxed) {
            self.tell_end();
        }
    }

    /// A poll begins, in the middle of a borrow.
    #[inline]
    pub(crate) fn begin(&self, pass: Pass, task: &Task) {
        polling::forget_resumed();
        if task.polled() == NO_PASS {
            self.meet(task);
        }
        let seen = u64::from(pass) << 32 | task.id().slot() as u64;
        self.seen.store(seen, Ordering::Release);
    }

    /// No poll is under way.
    pub(crate) fn rest(&self) {
        self.ended();
        self.seen.store(0, Ordering::Relaxed);
    }

    /// Makes a task known that is polled for the first time.
    #[cold]
    fn meet(&self, task: &Task) {
        let known = (task.id(), task.name().map(str::to_owned), task.spawned_at());
        let (mut state, slot) = (self.lock(), task.id().slot());
        if state.known.len() <= slot {
            state.known.resize(slot + 1, None);
        }
        state.known[slot] = Some(known);
    }

    #[cold]
    fn tell_end(&self) {
        self.reported.store(false, Ordering::Relaxed);
        let Some((poll, known, began)) = self.lock().stall.take() else {
            return;
        };
        // It may have been reported a moment too late, when another poll had begun.
        let last = self.seen.load(Ordering::Relaxed) == poll;
        let resumed_at = polling::resumed().filter(|_| last);
        self.tell(known, began.elapsed(), true, resumed_at);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        ignore_poison(self.state.lock())
    }

    /// The life of the thread.
    fn watch(&self) {
        let tick = (self.threshold / 4).max(Duration::from_millis(1));
        let (mut last, mut began, mut reported) = (0, Instant::now(), false);
        loop {
            let state = self.lock();
            let running = |state: &mut State| !state.stop;
            let waited = self.stopped.wait_timeout_while(state, tick, running);
            let mut state = ignore_poison(waited).0;
            if state.stop {
                return;
            }
            let seen = self.seen.load(Ordering::Acquire);
            if seen != last || seen == 0 {
                (last, began, reported) = (seen, Instant::now(), false);
                continue;
            }
            let lasted = began.elapsed();
            if lasted < self.threshold || reported {
                continue;
            }
            reported = true;
            let known = state.known.get(seen as u32 as usize).cloned().flatten();
            let Some(known) = known else { continue };
            state.stall = Some((seen, known.clone(), began));
            drop(state);
            self.reported.store(true, Ordering::Relaxed);
            self.tell(known, lasted, false, None);
        }
    }

    /// Hands a stall to the hook, or prints it. Runs foreign code.
    fn tell(
        &self,
        (task, name, spawned_at): Known,
        lasted: Duration,
        over: bool,
        resumed_at: Option<&'static Location<'static>>,
    ) {
        let stall = Stall {
            task,
            name,
            spawned_at,
            lasted,
            over,
            resumed_at,
        };
        match &self.hook {
            Some(hook) => call_foreign(|| hook(&stall)),
            None => print(&stall),
        }
    }
}
