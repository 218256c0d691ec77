//! The same random programs on `turnwise::sync` and on `tokio::sync`, polled by the same hand. Who is
//! ready when, with what, and who is woken in which order must be the same; where it is not, the
//! programs leave it out, and `DIFFERENT` names it and shows both sides. The channels are in
//! `differential_channels.rs`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Poll, Wake, Waker};

use proptest::prelude::*;
use turnwise::sync as ours;

use tokio::sync as theirs;

use crate::support::{Spy, panics, poll_once, poll_with};
use crate::sync::models::{Step, config, leak, pick, steps};

/// One of the two sides of a comparison.
pub(crate) trait Side {
    /// Guards or results.
    type Out;
    /// Whether a waiter may be dropped between its first poll and its end.
    const MAY_LEAVE: bool = true;
    /// Whether both promise the order in which they wake.
    const WAKES_IN_ORDER: bool = true;
    /// Whether a wait counts from its first poll on both.
    const COUNTS_FROM_POLL: bool = true;

    fn start(&mut self, ask: u8) -> Pin<Box<dyn Future<Output = Self::Out>>>;
    /// Keeps what a wait has got, and says what it was.
    fn keep(&mut self, out: Self::Out) -> String;
    /// Does something else, and says what came of it.
    fn act(&mut self, what: u8, which: u8) -> String;
    /// What can be seen, while so many futures are alive.
    fn state(&self, _alive: usize) -> String {
        String::new()
    }
}

/// Notes who was woken, in order.
struct Note(usize, Arc<StdMutex<Vec<usize>>>);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// Runs a program on one side and tells everything that can be told.
fn tell<S: Side>(mut side: S, steps: &[Step]) -> Vec<String> {
    let woken = Arc::default();
    let (mut line, mut story, mut next) = (Vec::new(), Vec::new(), 0);
    for &(what, which, how) in steps {
        let mut to_poll = None;
        let place = usize::from(which) % line.len().max(1);
        let event = match what {
            0..=6 => {
                let waker = Waker::from(Arc::new(Note(next, Arc::clone(&woken))));
                line.push((next, side.start(which), waker, Cell::new(false)));
                if what > 0 || !S::COUNTS_FROM_POLL {
                    to_poll = Some(line.len() - 1);
                }
                next += 1;
                format!("{} starts", next - 1)
            }
            7..=11 if !line.is_empty() => {
                to_poll = Some(place);
                "-".into()
            }
            12 | 13 if !line.is_empty() && (S::MAY_LEAVE || !line[place].3.get()) => {
                let (id, future, ..) = line.remove(place);
                drop(future);
                format!("{id} leaves")
            }
            14.. => side.act(which, how),
            _ => "-".into(),
        };
        story.push(event);
        if let Some(place) = to_poll {
            let (id, future, waker, was_polled) = &mut line[place];
            was_polled.set(true);
            let id = *id;
            let event = match poll_with(future, waker) {
                Poll::Pending => format!("{id} waits"),
                Poll::Ready(out) => {
                    drop(line.remove(place));
                    format!("{id} gets {}", side.keep(out))
                }
            };
            story.push(event);
        }
        let mut woken = std::mem::take(&mut *woken.lock().unwrap());
        // Theirs may still wake one that has left.
        woken.retain(|id| line.iter().any(|waiter| waiter.0 == *id));
        if !S::WAKES_IN_ORDER {
            woken.sort_unstable();
        }
        story.push(format!("woken {woken:?}, {}", side.state(line.len())));
    }
    story
}

pub(crate) fn same<A: Side, B: Side>(a: A, b: B, steps: &[Step]) {
    let (ours, theirs) = (tell(a, steps), tell(b, steps));
    if let Some(place) = (0..ours.len()).find(|&place| ours[place] != theirs[place]) {
        let from = place.saturating_sub(8);
        panic!(
            "ours {:#?}, theirs {:#?}",
            &ours[from..=place],
            &theirs[from..=place]
        );
    }
}

/// A side that only holds a primitive and what it handed out.
struct Simple<P: 'static, G> {
    primitive: &'static P,
    held: Vec<G>,
}

impl<P, G> Simple<P, G> {
    fn new(primitive: P) -> Self {
        let primitive = leak(primitive);
        Simple {
            primitive,
            held: Vec::new(),
        }
    }

    fn give_back(&mut self, which: u8) -> String {
        format!("gives back {}", pick(&mut self.held, which).is_some())
    }
}

macro_rules! mutex_side {
    ($mutex:ty, $guard:ty, $this:ident: $lock:expr, $try_lock:expr) => {
        impl Side for Simple<$mutex, $guard> {
            type Out = $guard;

            fn start(&mut self, _: u8) -> Pin<Box<dyn Future<Output = $guard>>> {
                let $this = self.primitive;
                Box::pin($lock)
            }

            fn keep(&mut self, mut guard: $guard) -> String {
                *guard += 1;
                let value = *guard;
                self.held.push(guard);
                format!("the lock for the {value}th time")
            }

            fn act(&mut self, what: u8, which: u8) -> String {
                let $this = self.primitive;
                match what % 4 {
                    0 => {
                        let guard: Option<$guard> = $try_lock;
                        guard.map_or("no lock".into(), |guard| self.keep(guard))
                    }
                    _ => self.give_back(which),
                }
            }
        }
    };
}

mutex_side!(ours::Lock<u32>, ours::LockGuard<'static, u32>,
    this: this.acquire(), this.try_acquire());
mutex_side!(theirs::Mutex<u32>, theirs::MutexGuard<'static, u32>,
    this: this.lock(), this.try_lock().ok());

macro_rules! semaphore_side {
    ($semaphore:ty, $permit:ty, $this:ident, $ask:ident:
     $acquire:expr, $try_acquire:expr, $add:expr, $available:expr) => {
        impl Side for Simple<$semaphore, $permit> {
            type Out = $permit;

            fn start(&mut self, ask: u8) -> Pin<Box<dyn Future<Output = $permit>>> {
                let $this = self.primitive;
                let $ask = [1, 1, 2, 2, 3, 0][usize::from(ask) % 6];
                Box::pin($acquire)
            }

            fn keep(&mut self, permit: $permit) -> String {
                let permits = permit.num_permits();
                self.held.push(permit);
                format!("{permits} permits")
            }

            fn act(&mut self, what: u8, which: u8) -> String {
                let ($this, $ask) = (self.primitive, (which % 4).into());
                match what % 8 {
                    0 | 1 => {
                        let permit: Option<$permit> = $try_acquire;
                        permit.map_or("no permit".into(), |permit| self.keep(permit))
                    }
                    2 => {
                        let $ask = (which % 2).into();
                        $add;
                        "adds".into()
                    }
                    3 => {
                        if let Some(permit) = pick(&mut self.held, which) {
                            permit.forget();
                        }
                        "forgets".into()
                    }
                    4 => {
                        let split = self.held.last_mut().and_then(|permit| permit.split(1));
                        split.map_or("no part".into(), |part| self.keep(part))
                    }
                    _ => self.give_back(which),
                }
            }

            // Theirs are assigned in parts while somebody waits.
            fn state(&self, alive: usize) -> String {
                let $this = self.primitive;
                if alive > 0 {
                    return String::new();
                }
                format!("{} available", $available)
            }
        }
    };
}

semaphore_side!(ours::Semaphore, ours::Permit<'static>, this, ask:
    this.acquire_many(ask), this.try_acquire_many(ask),
    this.add_permits(ask).unwrap(), this.available());
semaphore_side!(theirs::Semaphore, theirs::SemaphorePermit<'static>, this, ask:
    async move { this.acquire_many(ask).await.unwrap() }, this.try_acquire_many(ask).ok(),
    this.add_permits(u32::try_into(ask).unwrap()), this.available_permits());

enum Access<R, W> {
    Read(R),
    Write(W),
}

macro_rules! rwlock_side {
    ($lock:ty, $read:ty, $write:ty, $this:ident: $try_read:expr, $try_write:expr) => {
        impl Side for Simple<$lock, Access<$read, $write>> {
            type Out = Access<$read, $write>;

            fn start(&mut self, ask: u8) -> Pin<Box<dyn Future<Output = Self::Out>>> {
                let $this = self.primitive;
                match ask % 3 {
                    0 => Box::pin(async { Access::Write($this.write().await) }),
                    _ => Box::pin(async { Access::Read($this.read().await) }),
                }
            }

            fn keep(&mut self, access: Self::Out) -> String {
                let text = match &access {
                    Access::Read(value) => format!("to read {}", **value),
                    Access::Write(value) => format!("to write {}", **value),
                };
                self.held.push(access);
                text
            }

            fn act(&mut self, what: u8, which: u8) -> String {
                let $this = self.primitive;
                match what % 8 {
                    0 => {
                        let guard: Option<$read> = $try_read;
                        let guard = guard.map(Access::Read);
                        guard.map_or("no read".into(), |guard| self.keep(guard))
                    }
                    1 => {
                        let guard: Option<$write> = $try_write;
                        let guard = guard.map(Access::Write);
                        guard.map_or("no write".into(), |guard| self.keep(guard))
                    }
                    2 | 3 => match self.held.pop() {
                        Some(Access::Write(mut guard)) => {
                            *guard += 1;
                            self.keep(Access::Read(guard.downgrade()))
                        }
                        other => {
                            self.held.extend(other);
                            "nothing to downgrade".into()
                        }
                    },
                    _ => self.give_back(which),
                }
            }
        }
    };
}

rwlock_side!(ours::RwLock<u32>, ours::RwLockReadGuard<'static, u32>,
    ours::RwLockWriteGuard<'static, u32>, this: this.try_read(), this.try_write());
rwlock_side!(theirs::RwLock<u32>, theirs::RwLockReadGuard<'static, u32>,
    theirs::RwLockWriteGuard<'static, u32>, this: this.try_read().ok(), this.try_write().ok());

macro_rules! event_side {
    ($event:ty, $this:ident: $wait:expr, $release:expr) => {
        impl Side for Simple<$event, ()> {
            type Out = ();
            const COUNTS_FROM_POLL: bool = false;

            fn start(&mut self, _: u8) -> Pin<Box<dyn Future<Output = ()>>> {
                let $this = self.primitive;
                Box::pin($wait)
            }

            fn keep(&mut self, (): ()) -> String {
                "through".into()
            }

            fn act(&mut self, _: u8, _: u8) -> String {
                let $this = self.primitive;
                $release;
                "releases".into()
            }
        }
    };
}

event_side!(ours::Event, this: this.wait(), { this.set(); this.clear() });
event_side!(theirs::Notify, this: this.notified(), this.notify_waiters());

macro_rules! barrier_side {
    ($barrier:ty, $this:ident: $wait:expr) => {
        impl Side for Simple<$barrier, ()> {
            type Out = ();
            const MAY_LEAVE: bool = false;
            const WAKES_IN_ORDER: bool = false;

            fn start(&mut self, _: u8) -> Pin<Box<dyn Future<Output = ()>>> {
                let $this = self.primitive;
                Box::pin(async {
                    let _ = $wait;
                })
            }

            fn keep(&mut self, (): ()) -> String {
                "past the barrier".into()
            }

            fn act(&mut self, _: u8, _: u8) -> String {
                String::new()
            }
        }
    };
}

barrier_side!(ours::Barrier, this: this.wait().await.unwrap());
barrier_side!(theirs::Barrier, this: this.wait().await);

/// A cell whose initialisers end when a gate is open.
struct Cells<C: 'static> {
    cell: &'static C,
    gate: Rc<Cell<bool>>,
    next: u8,
}

macro_rules! cell_side {
    ($cell:ty) => {
        impl Side for Cells<$cell> {
            type Out = Option<u8>;

            fn start(&mut self, ask: u8) -> Pin<Box<dyn Future<Output = Option<u8>>>> {
                let (cell, gate, value) = (self.cell, self.gate.clone(), self.next);
                self.next = self.next.wrapping_add(1);
                let init = async move || {
                    poll_fn(|_| match gate.get() {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    })
                    .await;
                    gate.set(false);
                    (ask % 3 > 0).then_some(value).ok_or(())
                };
                Box::pin(async move { cell.get_or_try_init(init).await.ok().copied() })
            }

            fn keep(&mut self, value: Option<u8>) -> String {
                format!("{value:?}")
            }

            fn act(&mut self, what: u8, _: u8) -> String {
                match what % 4 {
                    0 => format!("set {}", self.cell.set(99).is_ok()),
                    _ => {
                        self.gate.set(true);
                        "opens".into()
                    }
                }
            }

            fn state(&self, _: usize) -> String {
                format!("{:?}", self.cell.get())
            }
        }
    };
}

cell_side!(ours::OnceCell<u8>);
cell_side!(theirs::OnceCell<u8>);

fn cells<C>(cell: C) -> Cells<C> {
    let (cell, gate) = (leak(cell), Rc::default());
    Cells {
        cell,
        gate,
        next: 0,
    }
}

/// The two ends of a channel for one value.
struct Ends<S, R> {
    sender: Option<S>,
    /// Somebody has been told to wait.
    awaited: Rc<Cell<bool>>,
    receiver: Rc<RefCell<Option<R>>>,
}

impl<S, R> Ends<S, R> {
    fn new((sender, receiver): (S, R)) -> Self {
        Ends {
            sender: Some(sender),
            awaited: Rc::default(),
            receiver: Rc::new(RefCell::new(Some(receiver))),
        }
    }
}

macro_rules! oneshot_side {
    ($module:ident) => {
        impl Side for Ends<$module::oneshot::Sender<u8>, $module::oneshot::Receiver<u8>> {
            type Out = Option<u8>;

            /// Several may wait for the value: only the last waker counts, on both sides.
            fn start(&mut self, _: u8) -> Pin<Box<dyn Future<Output = Option<u8>>>> {
                let (receiver, awaited) = (self.receiver.clone(), self.awaited.clone());
                Box::pin(poll_fn(move |cx| {
                    let mut receiver = receiver.borrow_mut();
                    let Some(end) = receiver.as_mut() else {
                        return Poll::Ready(None);
                    };
                    let polled = Pin::new(end).poll(cx);
                    awaited.set(true);
                    polled.map(|result| {
                        *receiver = None;
                        result.ok()
                    })
                }))
            }

            fn keep(&mut self, value: Option<u8>) -> String {
                format!("{value:?}")
            }

            fn act(&mut self, what: u8, which: u8) -> String {
                let mut receiver = self.receiver.borrow_mut();
                match (what % 16, receiver.as_mut()) {
                    (0 | 1, _) => {
                        let sent = self.sender.take().map(|sender| sender.send(which).is_ok());
                        format!("sends {sent:?}")
                    }
                    (2, _) => {
                        let had = self.sender.take().is_some();
                        format!("drops the sender {had}")
                    }
                    // Only ours wakes its own receiver.
                    (3, Some(end)) if !self.awaited.get() => {
                        end.close();
                        "closes".into()
                    }
                    (4, _) => {
                        let end = receiver.take();
                        drop(receiver);
                        format!("drops the receiver {}", end.is_some())
                    }
                    (_, Some(end)) => {
                        let tried = format!("tries {:?}", end.try_recv());
                        if tried != "tries Err(Empty)" {
                            *receiver = None;
                        }
                        tried
                    }
                    _ => String::new(),
                }
            }

            fn state(&self, _: usize) -> String {
                let closed = self.sender.as_ref().map(|sender| sender.is_closed());
                format!("closed {closed:?}")
            }
        }
    };
}

oneshot_side!(ours);
oneshot_side!(theirs);

proptest! {
    #![proptest_config(config())]

    #[test]
    fn lock_and_mutex(steps in steps()) {
        same(Simple::new(ours::Lock::new(0)), Simple::new(theirs::Mutex::new(0)), &steps);
    }

    #[test]
    fn semaphore(steps in steps(), permits in 0..5_usize) {
        let theirs = Simple::new(theirs::Semaphore::new(permits));
        same(Simple::new(ours::Semaphore::new(permits)), theirs, &steps);
    }

    #[test]
    fn rwlock(steps in steps()) {
        same(Simple::new(ours::RwLock::new(0)), Simple::new(theirs::RwLock::new(0)), &steps);
    }

    #[test]
    fn event_and_notify(steps in steps()) {
        same(Simple::new(ours::Event::new()), Simple::new(theirs::Notify::new()), &steps);
    }

    #[test]
    fn barrier(steps in steps(), parties in 1..5_usize) {
        let theirs = Simple::new(theirs::Barrier::new(parties));
        same(Simple::new(ours::Barrier::new(parties)), theirs, &steps);
    }

    #[test]
    fn once_cell(steps in steps()) {
        same(cells(ours::OnceCell::new()), cells(theirs::OnceCell::new()), &steps);
    }

    #[test]
    fn oneshot(steps in steps()) {
        same(Ends::new(ours::oneshot::channel()), Ends::new(theirs::oneshot::channel()), &steps);
    }
}

/// What is not the same, and a proof that it is not.
const DIFFERENT: &[(&str, fn())] = &[
    ("a semaphore does not assign permits in parts", || {
        let (ours, theirs) = (ours::Semaphore::new(1), theirs::Semaphore::new(1));
        let mut wait = Box::pin(ours.acquire_many(2));
        let mut theirs_waits = Box::pin(theirs.acquire_many(2));
        assert!(poll_once(&mut wait).is_pending() && poll_once(&mut theirs_waits).is_pending());
        assert_eq!((ours.available(), theirs.available_permits()), (1, 0));
    }),
    ("too many permits are an error and no panic", || {
        assert!(ours::Semaphore::new(1).add_permits(usize::MAX).is_err());
        assert!(panics(|| theirs::Semaphore::new(1).add_permits(usize::MAX)));
    }),
    ("a barrier counts only those who still wait", || {
        let (ours, theirs) = (ours::Barrier::new(2), theirs::Barrier::new(2));
        assert!(poll_once(&mut Box::pin(ours.wait())).is_pending());
        assert!(poll_once(&mut Box::pin(theirs.wait())).is_pending());
        assert!(poll_once(&mut Box::pin(ours.wait())).is_pending());
        assert!(poll_once(&mut Box::pin(theirs.wait())).is_ready());
    }),
    (
        "the leader at a barrier is the first to come and not the last",
        || {
            let (ours, theirs) = (ours::Barrier::new(2), theirs::Barrier::new(2));
            let (mut first, mut theirs_first) = (Box::pin(ours.wait()), Box::pin(theirs.wait()));
            assert!(
                poll_once(&mut first).is_pending() && poll_once(&mut theirs_first).is_pending()
            );
            let last = ready(Box::pin(ours.wait())).unwrap();
            let theirs_last = ready(Box::pin(theirs.wait()));
            assert_eq!((last.is_leader, theirs_last.is_leader()), (false, true));
            let (first, theirs_first) = (ready(first).unwrap(), ready(theirs_first));
            assert_eq!((first.is_leader, theirs_first.is_leader()), (true, false));
        },
    ),
    (
        "a wait for an event counts from its first poll and not from its making",
        || {
            let (event, notify) = (ours::Event::new(), theirs::Notify::new());
            let (mut wait, notified) = (event.wait(), Box::pin(notify.notified()));
            event.set();
            event.clear();
            notify.notify_waiters();
            assert!(poll_once(&mut wait).is_pending());
            ready(notified);
        },
    ),
    (
        "a notification of a condition is not kept for later",
        || {
            let (condition, notify) = (ours::Condition::new(), theirs::Notify::new());
            let lock = ours::Lock::new(());
            condition.notify_one();
            notify.notify_one();
            let mut wait = condition.wait(lock.try_acquire().unwrap());
            assert!(poll_once(&mut wait).is_pending());
            ready(Box::pin(notify.notified()));
        },
    ),
    ("a receiver that is closed by its own hand is woken", || {
        let (_sender, mut ours) = ours::oneshot::channel::<u8>();
        let (_their_sender, mut theirs) = theirs::oneshot::channel::<u8>();
        let ((spy, waker), (their_spy, their_waker)) = (Spy::new(), Spy::new());
        assert!(poll_with(&mut ours, &waker).is_pending());
        assert!(poll_with(&mut theirs, &their_waker).is_pending());
        ours.close();
        theirs.close();
        assert_eq!((spy.wakes(), their_spy.wakes()), (1, 0));
        let queue = ours::Queue::<u8>::bounded(1);
        let (_sender, mut receiver) = theirs::mpsc::channel::<u8>(1);
        let mut get = queue.get();
        assert!(poll_with(&mut get, &waker).is_pending());
        assert!(poll_with(&mut Box::pin(receiver.recv()), &their_waker).is_pending());
        queue.close();
        receiver.close();
        assert_eq!((spy.wakes(), their_spy.wakes()), (2, 0));
    }),
    (
        "a receiver that is asked again after its value says so and does not panic",
        || {
            let (sender, mut ours) = ours::oneshot::channel();
            let (their_sender, mut theirs) = theirs::oneshot::channel();
            assert!(sender.send(1).is_ok() && their_sender.send(1).is_ok());
            assert!(poll_once(&mut ours).is_ready() && poll_once(&mut theirs).is_ready());
            assert!(matches!(poll_once(&mut ours), Poll::Ready(Err(_))));
            assert!(panics(|| drop(poll_once(&mut theirs))));
        },
    ),
    ("a get that was dropped is not woken", || {
        let queue = ours::Queue::bounded(1);
        let (sender, mut receiver) = theirs::mpsc::channel(1);
        let ((spy, waker), (their_spy, their_waker)) = (Spy::new(), Spy::new());
        assert!(poll_with(&mut queue.get(), &waker).is_pending());
        assert!(poll_with(&mut Box::pin(receiver.recv()), &their_waker).is_pending());
        assert!(queue.try_put(1).is_ok() && sender.try_send(1).is_ok());
        assert_eq!((spy.wakes(), their_spy.wakes()), (0, 1));
    }),
    (
        "a closed queue ends for its getters though a putter was granted room",
        || {
            let queue = ours::Queue::bounded(1);
            let (sender, mut receiver) = theirs::mpsc::channel(1);
            queue.try_put(1).unwrap();
            sender.try_send(1).unwrap();
            let (mut put, mut send) = (queue.put(2), Box::pin(sender.send(2)));
            assert!(poll_once(&mut put).is_pending() && poll_once(&mut send).is_pending());
            assert_eq!((queue.try_get(), receiver.try_recv()), (Ok(1), Ok(1)));
            queue.close();
            receiver.close();
            assert!(ready(queue.get()).is_err());
            assert!(poll_once(&mut Box::pin(receiver.recv())).is_pending());
            // Neither lets the item in.
            assert_eq!(ready(put).unwrap_err().0, 2);
            assert!(ready(send).is_err());
        },
    ),
];

#[track_caller]
fn ready<F: Future + Unpin>(mut future: F) -> F::Output {
    match poll_once(&mut future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn every_difference_is_real() {
    for (what, proof) in DIFFERENT {
        assert!(!panics(proof), "no difference: {what}");
    }
}
