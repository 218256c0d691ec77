//! Everything cancelled everywhere: a play is run again and again, and each time one task, or two,
//! are dropped after another number of polls. Whatever was cut off, the invariants hold and the
//! others come to their end. More plays are in `cancel_meetings.rs` and
//! `cancel_channels.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::executor::LocalPool;
use futures::stream::FuturesUnordered;
use futures::task::LocalSpawnExt;
use turnwise::sync::{BoundedSemaphore, CountDownLatch, Event, Lock, RwLock, Semaphore};
use turnwise::{sleep, timeout, yield_now};

use crate::support::{virtual_runtime, yields};

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Check = Box<dyn Fn(&Play)>;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Running,
    Ended,
    Cancelled,
}

struct Role {
    name: &'static str,
    may_be_cancelled: bool,
    must_end: bool,
    fate: Cell<Fate>,
    /// Out of its place while it is polled.
    task: RefCell<Option<Task>>,
}

/// Some tasks, and what must hold when all have ended or wait for ever.
#[derive(Default)]
pub(crate) struct Play {
    roles: Vec<Role>,
    check: Option<Check>,
    needs_time: bool,
    /// Polls made so far, and after how many whom to cancel.
    polls: Cell<usize>,
    cue: RefCell<Option<(usize, Vec<usize>)>>,
}

impl Play {
    fn add(
        mut self,
        name: &'static str,
        may_be_cancelled: bool,
        must_end: bool,
        task: impl Future<Output = ()> + 'static,
    ) -> Self {
        self.roles.push(Role {
            name,
            may_be_cancelled,
            must_end,
            fate: Cell::new(Fate::Running),
            task: RefCell::new(Some(Box::pin(task))),
        });
        self
    }

    /// A task that may be cancelled, and ends if it is not.
    pub(crate) fn task(self, name: &'static str, task: impl Future<Output = ()> + 'static) -> Self {
        self.add(name, true, true, task)
    }

    /// A task that is never cancelled.
    pub(crate) fn vital(
        self,
        name: &'static str,
        task: impl Future<Output = ()> + 'static,
    ) -> Self {
        self.add(name, false, true, task)
    }

    /// A task that may be cancelled, and may wait for ever.
    pub(crate) fn patient(
        self,
        name: &'static str,
        task: impl Future<Output = ()> + 'static,
    ) -> Self {
        self.add(name, true, false, task)
    }

    pub(crate) fn check(mut self, check: impl Fn(&Play) + 'static) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    pub(crate) fn needs_time(mut self) -> Self {
        self.needs_time = true;
        self
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.roles
            .iter()
            .filter(|role| role.fate.get() == fate)
            .count()
    }

    pub(crate) fn cancelled(&self) -> usize {
        self.count(Fate::Cancelled)
    }

    /// Cancels those whose moment has come.
    fn cut(&self) {
        let is_due = |cue: &mut (usize, Vec<usize>)| cue.0 == self.polls.get();
        let Some((_, victims)) = self.cue.borrow_mut().take_if(is_due) else {
            return;
        };
        for victim in victims {
            let role = &self.roles[victim];
            if role.fate.get() == Fate::Running {
                role.fate.set(Fate::Cancelled);
                let task = role.task.take();
                drop(task);
            }
        }
    }
}

/// Plays one role of a play.
struct Actor {
    play: Rc<Play>,
    role: usize,
}

impl Future for Actor {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let role = &self.play.roles[self.role];
        let Some(mut task) = role.task.take() else {
            return Poll::Ready(());
        };
        let polled = task.as_mut().poll(cx);
        match polled {
            Poll::Ready(()) => {
                role.fate.set(Fate::Ended);
                drop(task);
            }
            Poll::Pending => *role.task.borrow_mut() = Some(task),
        }
        self.play.polls.set(self.play.polls.get() + 1);
        self.play.cut();
        polled
    }
}

/// The ways to run a play until nothing moves any more.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Tasks of turnwise: every waiter is known by its id.
    Turnwise,
    /// One task of turnwise, and a combinator that gives each actor a waker of its own.
    Combinator,
    /// No runtime: first woken, first polled.
    Hand,
    /// The executor of the `futures` crate.
    Foreign,
}

const STAGES: [Stage; 4] = [
    Stage::Turnwise,
    Stage::Combinator,
    Stage::Hand,
    Stage::Foreign,
];

/// Longer than any play, in virtual time.
const LONG: Duration = Duration::from_secs(3600);

fn perform(play: &Rc<Play>, stage: Stage) {
    play.cut();
    let actors = (0..play.roles.len()).map(|role| Actor {
        play: play.clone(),
        role,
    });
    match stage {
        Stage::Turnwise => {
            let runtime = virtual_runtime();
            actors.for_each(|actor| drop(runtime.spawn(actor)));
            runtime.block_on(sleep(LONG));
        }
        Stage::Combinator => {
            let all: FuturesUnordered<_> = actors.collect();
            let runtime = virtual_runtime();
            let all = timeout(LONG, all.collect::<Vec<()>>());
            let _ = runtime.block_on(all);
        }
        Stage::Hand => by_hand(actors.collect()),
        Stage::Foreign => {
            let mut pool = LocalPool::new();
            let spawner = pool.spawner();
            actors.for_each(|actor| spawner.spawn_local(actor).unwrap());
            pool.run_until_stalled();
        }
    }
}

/// Who was woken, in order.
type Line = Arc<Mutex<VecDeque<usize>>>;

struct Caller(usize, Line);

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        let mut line = self.1.lock().unwrap();
        if !line.contains(&self.0) {
            line.push_back(self.0);
        }
    }
}

fn by_hand(mut actors: Vec<Actor>) {
    let line: Line = Arc::new(Mutex::new((0..actors.len()).collect()));
    let next = || line.lock().unwrap().pop_front();
    while let Some(role) = next() {
        // A new waker for every poll: each poll swaps the one that the primitive keeps.
        let waker = Waker::from(Arc::new(Caller(role, line.clone())));
        let _ = Pin::new(&mut actors[role]).poll(&mut Context::from_waker(&waker));
    }
}

/// Runs the play once, cancels `victims` after `polls` polls, and checks what must hold.
fn run(make: fn() -> Play, stage: Stage, polls: usize, victims: &[usize]) -> usize {
    let play = Rc::new(make());
    *play.cue.borrow_mut() = Some((polls, victims.to_vec()));
    let names: Vec<_> = victims
        .iter()
        .map(|&victim| play.roles[victim].name)
        .collect();
    let told = OnPanic(format!(
        "{stage:?}, {names:?} cancelled after {polls} polls"
    ));
    perform(&play, stage);
    for role in &play.roles {
        let stuck = role.must_end && role.fate.get() == Fate::Running;
        assert!(!stuck, "{} waits for ever", role.name);
    }
    if let Some(check) = &play.check {
        check(&play);
    }
    drop(told);
    play.polls.get()
}

/// Says where a check failed.
struct OnPanic(String);

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// Runs the play on every stage, uncut, and cut at every place.
pub(crate) fn everywhere(make: fn() -> Play) {
    let play = make();
    let victims = |role: &usize| play.roles[*role].may_be_cancelled;
    let victims: Vec<_> = (0..play.roles.len()).filter(victims).collect();
    let timeless =
        |stage: &Stage| !play.needs_time || matches!(stage, Stage::Turnwise | Stage::Combinator);
    for stage in STAGES.into_iter().filter(timeless) {
        let last = run(make, stage, usize::MAX, &[]);
        assert!(last >= play.roles.len(), "not everybody has come on");
        for polls in 0..=last {
            for &first in &victims {
                run(make, stage, polls, &[first]);
                for &second in victims.iter().filter(|&&second| second != first) {
                    run(make, stage, polls, &[first, second]);
                }
            }
        }
    }
}

/// What is counted by tasks that may be cancelled.
#[derive(Clone, Default)]
pub(crate) struct Tally(Rc<Cell<usize>>);

impl Tally {
    pub(crate) fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.get()
    }
}

#[track_caller]
pub(crate) fn assert_no_waiters(primitive: &impl std::fmt::Debug) {
    let shown = format!("{primitive:?} ");
    for (_, rest) in shown
        .match_indices("waiters: ")
        .map(|(at, key)| shown.split_at(at + key.len()))
    {
        assert!(rest.starts_with("0 "), "somebody waits: {shown}");
    }
}

#[test]
fn lock() {
    everywhere(|| {
        let lock = Rc::new(Lock::new(0));
        let task = |turns| {
            let lock = lock.clone();
            async move {
                for _ in 0..2 {
                    let mut value = lock.acquire().await;
                    *value += 1;
                    yields(turns).await;
                }
            }
        };
        let play = Play::default().task("a", task(0)).task("b", task(1));
        let play = play.task("c", task(2)).task("d", task(1));
        play.check(move |_| {
            assert!(lock.try_acquire().is_some());
            assert_no_waiters(&lock);
        })
    });
}

#[test]
fn semaphore_of_many() {
    everywhere(|| {
        let semaphore = Rc::new(Semaphore::new(3));
        let task = |asks: [usize; 2]| {
            let semaphore = semaphore.clone();
            async move {
                for ask in asks {
                    let mut permit = semaphore.acquire_many(ask).await;
                    yield_now().await;
                    drop(permit.split(1));
                    yield_now().await;
                }
            }
        };
        let play = Play::default()
            .task("a", task([1, 2]))
            .task("b", task([3, 1]));
        let play = play.task("c", task([2, 3])).task("d", task([1, 1]));
        play.check(move |_| {
            assert_eq!(semaphore.available(), 3);
            assert_no_waiters(&semaphore);
        })
    });
}

#[test]
fn owned_permits_that_are_forgotten_and_made_good() {
    everywhere(|| {
        let semaphore = Rc::new(BoundedSemaphore::new(2));
        let task = |ask| {
            let semaphore = semaphore.clone();
            async move {
                let permit = semaphore.acquire_many_owned(ask).await;
                yield_now().await;
                permit.forget();
                for _ in 0..ask {
                    semaphore.release().unwrap();
                }
                drop(semaphore.acquire_owned().await);
            }
        };
        let play = Play::default().task("a", task(1)).task("b", task(2));
        let play = play.task("c", task(1)).task("d", task(2));
        play.check(move |_| {
            assert_eq!(semaphore.available(), 2);
            assert!(semaphore.release().is_err());
            assert_no_waiters(&semaphore);
        })
    });
}

fn readers_and_writers(lock: RwLock<u32>) -> Play {
    let lock = Rc::new(lock);
    let read = |rounds| {
        let lock = lock.clone();
        async move {
            for _ in 0..rounds {
                let value = lock.read().await;
                let before = *value;
                yield_now().await;
                assert_eq!(*value, before, "it was written while it was read");
            }
        }
    };
    let write = || {
        let lock = lock.clone();
        async move {
            let mut value = lock.write().await;
            *value += 1;
            yield_now().await;
            *value += 1;
            let (after, value) = (*value, value.downgrade());
            yield_now().await;
            assert_eq!(*value, after, "it was written after the downgrade");
        }
    };
    let play = Play::default().task("a", read(2)).task("b", write());
    let play = play
        .task("c", read(1))
        .task("d", write())
        .task("e", read(2));
    play.check(move |_| {
        assert!(!lock.is_locked() && lock.try_write().is_some());
        assert_no_waiters(&lock);
    })
}

#[test]
fn rwlock_first_come_first_served() {
    everywhere(|| readers_and_writers(RwLock::new(0)));
}

#[test]
fn rwlock_that_prefers_writers() {
    everywhere(|| readers_and_writers(RwLock::prefer_writers(0)));
}

#[test]
fn event_and_latch() {
    everywhere(|| {
        let (event, latch) = (Rc::new(Event::new()), Rc::new(CountDownLatch::new(2)));
        let wait = || {
            let (event, latch) = (event.clone(), latch.clone());
            async move {
                event.wait().await;
                latch.wait().await;
                event.wait().await;
            }
        };
        let set = {
            let (event, latch) = (event.clone(), latch.clone());
            async move {
                yield_now().await;
                event.set();
                event.clear();
                latch.count_down();
                yield_now().await;
                latch.count_down();
                yields(2).await;
                event.set();
            }
        };
        let play = Play::default().task("a", wait()).task("b", wait());
        let play = play.vital("set", set).task("c", wait());
        play.check(move |_| {
            assert_no_waiters(&event);
            assert_no_waiters(&latch);
        })
    });
}
