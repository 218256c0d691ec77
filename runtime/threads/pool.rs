//! The threads for calls that block.
//!
//! Threads start on demand, up to a limit, and end when they have been idle for a while; further
//! calls stand in line, first in, first out. There is a pool for each [`Lane`], with a limit of its
//! own: what the runtime itself needs stands neither behind the calls of users nor behind a resolver
//! that does not answer.
//!
//! A call that is given up before its start leaves the line, and its closure is dropped by the
//! caller that gives it up ([`Place`]): a line behind threads that are stuck holds only what is still to be done.
//!
//! # Implementation
//!
//! The line is a tree by number of arrival, so that a call leaves it from anywhere in O(log n).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::runtime::base::foreign::{drop_quietly, print};
use crate::runtime::base::place::shown;
use crate::runtime::base::poison::ignore_poison;

/// A thread that has had nothing to do for this long ends.
const IDLE: Duration = Duration::from_secs(10);
/// How long the end of a runtime waits for running jobs.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most names that are looked up at a time. They hardly use a processor, and a resolver that is
/// dead keeps each for seconds.
const LOOKUPS: usize = 32;

/// Whose call it is; calls of one lane do not wait for those of another.
#[derive(Clone, Copy)]
pub(crate) enum Lane {
    /// What users call.
    Calls,
    /// Looking up a name.
    Lookups,
    /// What the runtime itself does. It is never many at a time, and each gets a thread at once.
    Own,
}

impl Lane {
    /// How many calls run at a time.
    fn limit(self, calls: Option<usize>) -> usize {
        match self {
            Lane::Calls => calls.unwrap_or_else(|| {
                thread::available_parallelism()
                    .map_or(8, |processors| processors.get() + 4)
                    .min(32)
            }),
            Lane::Lookups => LOOKUPS,
            Lane::Own => usize::MAX,
        }
    }

    fn thread(self) -> &'static str {
        match self {
            Lane::Calls => "turnwise-blocking",
            Lane::Lookups => "turnwise-lookup",
            Lane::Own => "turnwise-own",
        }
    }
}

thread_local! {
    static POOLS: RefCell<Pools> = const { RefCell::new(Pools::new()) };
}

/// The pools of a runtime, by lane, each made at its first call.
struct Pools {
    lanes: [Option<Pool>; 3],
    /// How many calls of users run at a time, if the builder said so.
    threads: Option<usize>,
    /// How many calls of users may wait before one is refused.
    queue: Option<usize>,
}

impl Pools {
    const fn new() -> Self {
        Pools {
            lanes: [const { None }; 3],
            threads: None,
            queue: None,
        }
    }
}

/// The pools of the next runtime get these limits.
pub(crate) fn configure(threads: Option<usize>, queue: Option<usize>) {
    POOLS.with_borrow_mut(|pools| (pools.threads, pools.queue) = (threads, queue));
}

/// How many calls of users may wait before one is refused.
pub(super) fn queue_limit() -> Option<usize> {
    POOLS.with_borrow(|pools| pools.queue)
}

/// The pool of a lane.
pub(super) fn of(lane: Lane) -> Pool {
    POOLS.with_borrow_mut(|pools| {
        // Once: the system reads three files for the number of processors.
        let new = || Pool::new(lane, lane.limit(pools.threads));
        pools.lanes[lane as usize].get_or_insert_with(new).clone()
    })
}

/// Takes no more jobs, drops those that wait, waits a little for those that run, and prints which it
/// leaves behind.
pub(crate) fn close() {
    let Ok(pools) = POOLS.try_with(|pools| pools.replace(Pools::new())) else {
        return;
    };
    let deadline = Instant::now() + PATIENCE;
    let pools: Vec<Pool> = pools.lanes.into_iter().flatten().collect();
    let waiting: Vec<_> = pools.iter().map(Pool::shut).collect();
    let left = pools.iter().flat_map(|pool| pool.outwait(deadline));
    let left: Vec<_> = left.collect();
    // One at a time: the destructor of one may panic, and the others go all the same.
    waiting
        .into_iter()
        .flat_map(BTreeMap::into_values)
        .for_each(drop_quietly);
    for at in left {
        print(format_args!(
            "the blocking call at {} still runs; the runtime ends without it",
            shown(at)
        ));
    }
}

/// A call, and the line that made it.
pub(super) struct Job {
    pub(super) run: Box<dyn FnOnce() + Send>,
    pub(super) at: &'static Location<'static>,
}

/// The pool of a lane.
#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A job was queued, or the pool was closed.
    work: Condvar,
    /// A job has ended after the pool was closed.
    ended: Condvar,
    lane: Lane,
    limit: usize,
}

type Line = BTreeMap<u64, Job>;

struct State {
    /// By number of arrival.
    line: Line,
    /// Jobs that ever stood in it.
    arrived: u64,
    /// The threads, each with the place of the job it runs.
    threads: Slab<Option<&'static Location<'static>>>,
    idle: usize,
    /// Jobs that were admitted and are not queued yet: a thread that could do one stays.
    coming: usize,
    closed: bool,
}

impl Pool {
    fn new(lane: Lane, limit: usize) -> Self {
        let state = State {
            line: Line::new(),
            arrived: 0,
            threads: Slab::new(),
            idle: 0,
            coming: 0,
            closed: false,
        };
        Pool {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                work: Condvar::new(),
                ended: Condvar::new(),
                lane,
                limit,
            }),
        }
    }

    /// Whether one more job would wait behind at most `most` others. If so there is a thread that
    /// will come to it, started now if none is free.
    pub(super) fn admit(&self, most: Option<usize>) -> io::Result<bool> {
        let mut state = self.shared.lock();
        let waiting = state.line.len();
        if let Some(most) = most {
            let running = state.threads.iter().filter(|(_, job)| job.is_some());
            let free = self.shared.limit.saturating_sub(running.count());
            if waiting >= most.saturating_add(free) {
                return Ok(false);
            }
        }
        state.coming += 1;
        if state.idle > waiting || state.threads.len() >= self.shared.limit {
            return Ok(true);
        }
        let number = state.threads.insert(None);
        drop(state);
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name(shared.lane.thread().into());
        let Err(error) = thread.spawn(move || shared.serve(number)) else {
            return Ok(true);
        };
        let mut state = self.shared.lock();
        state.threads.try_remove(number);
        if !state.threads.is_empty() {
            // Another thread will come to the job.
            return Ok(true);
        }
        state.coming -= 1;
        Err(error)
    }

    /// Queues a job that was admitted.
    pub(super) fn queue(&self, job: Job) -> Place {
        let mut state = self.shared.lock();
        state.coming -= 1;
        state.arrived += 1;
        let number = state.arrived;
        state.line.insert(number, job);
        // A busy thread looks at the line before it sleeps, and to notify no thread is a system call, too.
        let any_idle = state.idle > 0;
        drop(state);
        if any_idle {
            self.shared.work.notify_one();
        }
        let pool = Some(self.clone());
        Place { pool, number }
    }

    /// Takes no more jobs; returns those that wait.
    fn shut(&self) -> Line {
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.work.notify_all();
        std::mem::take(&mut state.line)
    }

    /// Waits until `deadline` for the jobs that run; returns the places of those that still do.
    fn outwait(&self, deadline: Instant) -> Vec<&'static Location<'static>> {
        let mut state = self.shared.lock();
        while state.threads.iter().any(|(_, job)| job.is_some()) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            let waited = self.shared.ended.wait_timeout(state, left);
            state = ignore_poison(waited).0;
        }
        state.threads.iter().filter_map(|(_, job)| *job).collect()
    }
}

/// A job's place in the line. Dropped, it takes a job that has not begun out of the line and drops
/// it, with nothing borrowed or locked.
pub(super) struct Place {
    pool: Option<Pool>,
    number: u64,
}

impl Place {
    /// The job has ended, and there is nothing to look for.
    pub(super) fn leave(mut self) {
        self.pool = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(pool) = &self.pool else { return };
        let job = pool.shared.lock().line.remove(&self.number);
        // As on the pool's threads, a destructor that panics reaches the panic hook alone.
        drop_quietly(job);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        ignore_poison(self.state.lock())
    }

    /// The life of a thread: one job after the other, until there has been none for a while.
    fn serve(&self, number: usize) {
        let mut state = self.lock();
        loop {
            if let Some((_, job)) = state.line.pop_first() {
                state.threads[number] = Some(job.at);
                drop(state);
                // The job catches its own panic; what is left is that of a destructor.
                let _ = panic::catch_unwind(AssertUnwindSafe(job.run));
                state = self.lock();
                state.threads[number] = None;
                if state.closed {
                    self.ended.notify_all();
                }
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (back, timeout) = ignore_poison(self.work.wait_timeout(state, IDLE));
            state = back;
            state.idle -= 1;
            if timeout.timed_out() && state.line.is_empty() && state.coming == 0 {
                break;
            }
        }
        state.threads.try_remove(number);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
