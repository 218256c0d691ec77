//! Sees, from a thread of its own, polls that block the loop.
//!
//! ```text
//!   loop:      poll n begins ─▶ epoch := n ─────────────────▶ poll n ends ─▶ epoch := 0
//!   watchdog:        every quarter of the threshold: the same n as long ago as the threshold? say so
//! ```
//!
//! # Implementation
//!
//! Off, it costs one test per poll. On, a poll costs three plain stores and a load; the name and
//! spawn place of a task are put where the thread can read them once, at the task's first poll.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::context::Kernel;
use super::problems::{call_hook, print};
use super::task::{Task, TaskId};

/// A poll that takes longer than this blocks the loop, unless the builder says otherwise.
pub(crate) const THRESHOLD: Duration = Duration::from_millis(100);

/// A task that keeps the loop from everything else: what the hook of
/// [`Builder::on_stall`](crate::Builder::on_stall) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The task.
    pub task: TaskId,
    /// Its name, if it had one when it was first polled.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// How long it has been running without reaching an await, roughly.
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
            write!(f, " \"{name}\"")?;
        }
        let (at, lasted) = (self.spawned_at, self.lasted);
        match self.over {
            false => write!(
                f,
                ", spawned at {at}, has blocked the loop for {lasted:.0?} and still does"
            )?,
            true => write!(f, ", spawned at {at}, blocked the loop for {lasted:.0?}")?,
        }
        match self.resumed_at {
            Some(line) => write!(f, ", after its wait at {line}"),
            None => Ok(()),
        }
    }
}

/// The hook for stalls.
pub(crate) type StallHook = Arc<dyn Fn(&Stall) + Send + Sync>;

/// The loop's end of the watchdog; dropping it ends the thread.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    /// Polls so far.
    polls: Cell<u64>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    /// The number of the poll under way; 0 is none.
    epoch: AtomicU64,
    /// The task that is polled, as bits.
    task: AtomicU64,
    /// The number of the poll that was reported last.
    reported: AtomicU64,
    threshold: Duration,
    hook: Option<StallHook>,
    state: Mutex<State>,
    stopped: Condvar,
}

struct State {
    /// Names and spawn places by slot.
    known: Vec<Option<(Option<String>, &'static Location<'static>)>>,
    /// When the poll that was reported last was first seen.
    began: Option<Instant>,
    stop: bool,
}

impl Watchdog {
    pub(crate) fn start(threshold: Duration, hook: Option<StallHook>) -> Self {
        let shared = Arc::new(Shared {
            epoch: AtomicU64::new(0),
            task: AtomicU64::new(0),
            reported: AtomicU64::new(0),
            threshold,
            hook,
            state: Mutex::new(State {
                known: Vec::new(),
                began: None,
                stop: false,
            }),
            stopped: Condvar::new(),
        });
        let watched = shared.clone();
        let thread = thread::Builder::new().name("turnwise-watchdog".into());
        let thread = thread.spawn(move || watched.watch());
        if let Err(error) = &thread {
            print(format_args!(
                "the watchdog's thread cannot be started: {error}"
            ));
        }
        Watchdog {
            shared,
            polls: Cell::new(0),
            thread: thread.ok(),
        }
    }

    /// A poll begins.
    #[inline]
    pub(crate) fn begin(&self, kernel: &Kernel, task: &mut Task) {
        let poll = self.polls.get() + 1;
        self.polls.set(poll);
        kernel.resumed.set(None);
        if !std::mem::replace(&mut task.watched, true) {
            self.meet(task);
        }
        self.shared.task.store(task.id.to_bits(), Ordering::Relaxed);
        self.shared.epoch.store(poll, Ordering::Release);
    }

    /// The poll has ended.
    #[inline]
    pub(crate) fn end(&self, kernel: &Kernel, id: TaskId) {
        self.shared.epoch.store(0, Ordering::Relaxed);
        if self.shared.reported.load(Ordering::Relaxed) == self.polls.get() {
            self.tell_end(kernel, id);
        }
    }

    /// Makes a task known that is polled for the first time.
    #[cold]
    fn meet(&self, task: &Task) {
        let id = task.id;
        let known = (task.name().map(str::to_owned), task.spawned_at);
        let mut state = self.shared.lock();
        if state.known.len() <= id.slot() {
            state.known.resize(id.slot() + 1, None);
        }
        state.known[id.slot()] = Some(known);
    }

    #[cold]
    fn tell_end(&self, kernel: &Kernel, id: TaskId) {
        let began = self.shared.lock().began;
        let lasted = began.map_or(self.shared.threshold, |began| began.elapsed());
        self.shared.tell(id, lasted, true, kernel.resumed.get());
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches the panics of its hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of the thread.
    fn watch(&self) {
        let tick = (self.threshold / 4).max(Duration::from_millis(1));
        let (mut seen, mut began) = (0, Instant::now());
        loop {
            let state = self.lock();
            let running = |state: &mut State| !state.stop;
            let waited = self.stopped.wait_timeout_while(state, tick, running);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.stop {
                return;
            }
            let poll = self.epoch.load(Ordering::Acquire);
            if poll != seen || poll == 0 {
                (seen, began) = (poll, Instant::now());
                continue;
            }
            let lasted = began.elapsed();
            if lasted < self.threshold || self.reported.load(Ordering::Relaxed) == poll {
                continue;
            }
            state.began = Some(began);
            drop(state);
            self.reported.store(poll, Ordering::Relaxed);
            if let Some(id) = TaskId::from_bits(self.task.load(Ordering::Relaxed)) {
                self.tell(id, lasted, false, None);
            }
        }
    }

    /// Hands a stall to the hook, or prints it. Runs foreign code.
    fn tell(
        &self,
        task: TaskId,
        lasted: Duration,
        over: bool,
        resumed_at: Option<&'static Location<'static>>,
    ) {
        let known = self.lock().known.get(task.slot()).cloned().flatten();
        let Some((name, spawned_at)) = known else {
            return;
        };
        let stall = Stall {
            task,
            name,
            spawned_at,
            lasted,
            over,
            resumed_at,
        };
        match &self.hook {
            Some(hook) => call_hook(|| hook(&stall)),
            None => print(&stall),
        }
    }
}
