//! Random sequences of operations on a primitive, and the same on a model of it: a few vectors and
//! plain rules. After every step both must agree on what can be seen, and exactly those are woken
//! whom the model has granted something. Queues are in `model_queue.rs`, once cell, latch and oneshot
//! in `model_once.rs`, condition and rwlock in
//! `model_condition.rs`.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use proptest::prelude::*;
use turnwise::sync::{Barrier, Event, Lock, LockGuard, Pass, Permit, Semaphore};

use crate::support::{Spy, poll_with};

/// A primitive, its model, and what was handed out by it.
pub(crate) trait World {
    /// What a waiter asks for.
    type Ask: Copy;
    /// What a wait ends with.
    type Out;
    /// What the model says it ends with.
    type Expected;

    fn ask(&mut self, dice: u8) -> Self::Ask;
    fn start(&self, ask: Self::Ask) -> Pin<Box<dyn Future<Output = Self::Out>>>;

    /// Tells the model that a waiter was started, and polled or dropped before its first poll.
    fn started(&mut self, _id: usize, _ask: Self::Ask) {}
    fn dropped_unpolled(&mut self, _id: usize, _ask: Self::Ask) {}

    /// Tells the model that a waiter is being polled, and says what it must be ready with.
    fn polled(&mut self, id: usize, ask: Self::Ask, first: bool) -> Option<Self::Expected>;
    /// Takes over what a waiter got.
    fn got(&mut self, out: Self::Out, expected: Self::Expected);
    /// Tells the model that a waiter which has been polled was dropped.
    fn left(&mut self, id: usize);
    /// Whether this waiter has been told to come.
    fn is_granted(&self, id: usize) -> bool;

    /// Does something else, to both.
    fn act(&mut self, what: u8, which: u8);
    /// Compares what can be seen.
    fn check(&self);
    /// Gives everything back. There are no waiters any more.
    fn end(&mut self);
}

struct Waiter<W: World> {
    id: usize,
    ask: W::Ask,
    future: Pin<Box<dyn Future<Output = W::Out>>>,
    was_polled: bool,
    spy: Arc<Spy>,
    waker: Waker,
}

/// A step: what to do, to whom, and how.
pub(crate) type Step = (u8, u8, u8);

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..20_u8, any::<u8>(), any::<u8>()), 1..80)
}

pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Does all steps and compares after each.
pub(crate) fn drive<W: World>(mut world: W, steps: &[Step]) {
    let world = &mut world;
    let (mut line, mut next) = (Vec::<Waiter<W>>::new(), 0);
    for &(what, which, how) in steps {
        let place = usize::from(which) % line.len().max(1);
        match what {
            0..=6 => {
                let (ask, (spy, waker)) = (world.ask(which), Spy::new());
                let future = world.start(ask);
                world.started(next, ask);
                line.push(Waiter {
                    id: next,
                    ask,
                    future,
                    was_polled: false,
                    spy,
                    waker,
                });
                next += 1;
                if what > 0 {
                    poll(world, &mut line, next - 1, false);
                }
            }
            // Whether it was woken or not.
            7..=9 if !line.is_empty() => {
                let id = line[place].id;
                poll(world, &mut line, id, how % 3 == 0);
            }
            10 | 11 => {
                let granted = line.iter().find(|waiter| world.is_granted(waiter.id));
                if let Some(id) = granted.map(|waiter| waiter.id) {
                    poll(world, &mut line, id, how % 3 == 0);
                }
            }
            12 | 13 if !line.is_empty() => leave(world, line.remove(place)),
            _ => world.act(which, how),
        }
        for waiter in &line {
            let (woken, granted) = (waiter.spy.wakes() > 0, world.is_granted(waiter.id));
            assert_eq!(
                woken, granted,
                "is waiter {} woken, is it granted",
                waiter.id
            );
        }
        world.check();
    }
    while !line.is_empty() {
        leave(world, line.remove(line.len() / 2));
        world.check();
    }
    world.end();
    world.check();
}

fn poll<W: World>(world: &mut W, line: &mut Vec<Waiter<W>>, id: usize, swap: bool) {
    let place = line.iter().position(|waiter| waiter.id == id).unwrap();
    let waiter = &mut line[place];
    let first = !std::mem::replace(&mut waiter.was_polled, true);
    let expected = world.polled(id, waiter.ask, first);
    if swap || waiter.spy.wakes() > 0 {
        // One spy sees one wake: that of the last poll.
        (waiter.spy, waiter.waker) = Spy::new();
    }
    match (poll_with(&mut waiter.future, &waiter.waker), expected) {
        (Poll::Ready(out), Some(expected)) => {
            drop(line.remove(place));
            world.got(out, expected);
        }
        (Poll::Pending, None) => {}
        (Poll::Ready(_), None) => panic!("waiter {id} is ready and should wait"),
        (Poll::Pending, Some(_)) => panic!("waiter {id} waits and should be ready"),
    }
}

fn leave<W: World>(world: &mut W, waiter: Waiter<W>) {
    let Waiter {
        id,
        ask,
        future,
        was_polled,
        ..
    } = waiter;
    drop(future);
    match was_polled {
        true => world.left(id),
        false => world.dropped_unpolled(id, ask),
    }
}

/// Makes a value that is never freed, and keeps it within reach of the leak sanitizer.
pub(crate) fn leak<T>(value: T) -> &'static T {
    static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let leaked = Box::leak(Box::new(value));
    LEAKED
        .lock()
        .unwrap()
        .push(std::ptr::from_ref(leaked).addr());
    leaked
}

/// Takes an element out of a vector, chosen by a number, unless it is empty.
pub(crate) fn pick<T>(from: &mut Vec<T>, which: u8) -> Option<T> {
    (!from.is_empty()).then(|| from.remove(usize::from(which) % from.len()))
}

/// Takes out the element for this waiter.
pub(crate) fn take<T>(from: &mut Vec<(usize, T)>, id: usize) -> Option<T> {
    let place = from.iter().position(|entry| entry.0 == id)?;
    Some(from.remove(place).1)
}

pub(crate) fn has<T>(list: &[(usize, T)], id: usize) -> bool {
    list.iter().any(|entry| entry.0 == id)
}

/// Asserts that the `Debug` of a primitive shows so many waiters.
#[track_caller]
pub(crate) fn assert_waiters(primitive: &impl Debug, waiters: usize) {
    let shown = format!("{primitive:?}");
    assert!(
        shown.contains(&format!("waiters: {waiters} ")),
        "{waiters}: {shown}"
    );
}

struct LockWorld {
    lock: &'static Lock<u32>,
    guard: Option<LockGuard<'static, u32>>,
    /// Held or granted.
    taken: bool,
    waiting: Vec<(usize, ())>,
    granted: Option<usize>,
    /// How often it was held.
    rounds: u32,
}

impl LockWorld {
    fn hand_on(&mut self) {
        self.granted = (!self.waiting.is_empty()).then(|| self.waiting.remove(0).0);
        self.taken = self.granted.is_some();
    }

    fn hold(&mut self, mut guard: LockGuard<'static, u32>) {
        assert!(self.guard.is_none(), "two are inside");
        assert_eq!(*guard, self.rounds, "what was written is lost");
        *guard += 1;
        self.rounds += 1;
        self.guard = Some(guard);
    }
}

impl World for LockWorld {
    type Ask = ();
    type Out = LockGuard<'static, u32>;
    type Expected = ();

    fn ask(&mut self, _: u8) {}

    fn start(&self, (): ()) -> Pin<Box<dyn Future<Output = Self::Out>>> {
        Box::pin(self.lock.acquire())
    }

    fn polled(&mut self, id: usize, (): (), first: bool) -> Option<()> {
        if first && !self.taken {
            self.taken = true;
            return Some(());
        }
        if first {
            self.waiting.push((id, ()));
            return None;
        }
        self.granted.take_if(|granted| *granted == id).map(drop)
    }

    fn got(&mut self, guard: Self::Out, (): ()) {
        self.hold(guard);
    }

    fn left(&mut self, id: usize) {
        if self.granted == Some(id) {
            self.hand_on();
        } else {
            take(&mut self.waiting, id).expect("it waits");
        }
    }

    fn is_granted(&self, id: usize) -> bool {
        self.granted == Some(id)
    }

    fn act(&mut self, what: u8, _: u8) {
        if what % 3 == 0 {
            let guard = self.lock.try_acquire();
            assert_eq!(guard.is_some(), !self.taken);
            if let Some(guard) = guard {
                self.taken = true;
                self.hold(guard);
            }
        } else if let Some(guard) = self.guard.take() {
            drop(guard);
            self.hand_on();
        }
    }

    fn check(&self) {
        assert_eq!(self.lock.is_locked(), self.taken);
        assert!(self.taken || self.waiting.is_empty());
        assert_waiters(self.lock, self.waiting.len());
    }

    fn end(&mut self) {
        if self.guard.take().is_some() {
            self.hand_on();
        }
        assert!(!self.taken);
    }
}

struct SemaphoreWorld {
    semaphore: &'static Semaphore,
    held: Vec<Permit<'static>>,
    available: usize,
    total: usize,
    waiting: Vec<(usize, usize)>,
    granted: Vec<(usize, usize)>,
}

impl SemaphoreWorld {
    fn give(&mut self, permits: usize) {
        self.available += permits;
        while let Some(&(id, ask)) = self.waiting.first() {
            if ask > self.available {
                break;
            }
            self.available -= ask;
            self.waiting.remove(0);
            self.granted.push((id, ask));
        }
    }
}

impl World for SemaphoreWorld {
    type Ask = usize;
    type Out = Permit<'static>;
    type Expected = usize;

    fn ask(&mut self, dice: u8) -> usize {
        [1, 1, 1, 2, 2, 3, 4, 0][usize::from(dice) % 8]
    }

    fn start(&self, ask: usize) -> Pin<Box<dyn Future<Output = Self::Out>>> {
        Box::pin(self.semaphore.acquire_many(ask))
    }

    fn polled(&mut self, id: usize, ask: usize, first: bool) -> Option<usize> {
        if !first {
            return take(&mut self.granted, id);
        }
        if ask == 0 || (self.waiting.is_empty() && ask <= self.available) {
            self.available -= ask;
            return Some(ask);
        }
        self.waiting.push((id, ask));
        None
    }

    fn got(&mut self, permit: Permit<'static>, permits: usize) {
        assert_eq!(permit.num_permits(), permits);
        self.held.push(permit);
    }

    fn left(&mut self, id: usize) {
        let back = take(&mut self.granted, id);
        if back.is_none() {
            take(&mut self.waiting, id).expect("it waits");
        }
        self.give(back.unwrap_or(0));
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.granted, id)
    }

    fn act(&mut self, what: u8, which: u8) {
        match what % 8 {
            0..=3 => {
                if let Some(permit) = pick(&mut self.held, which) {
                    let permits = permit.num_permits();
                    drop(permit);
                    self.give(permits);
                }
            }
            4 => {
                let permits = usize::from(which % 3);
                self.semaphore.add_permits(permits).unwrap();
                self.total += permits;
                self.give(permits);
                let too_many = (usize::MAX - self.total).saturating_add(1);
                assert!(self.total == 0 || self.semaphore.add_permits(too_many).is_err());
            }
            5 => {
                if let Some(permit) = pick(&mut self.held, which) {
                    self.total -= permit.num_permits();
                    permit.forget();
                }
            }
            6 => {
                if let Some(mut permit) = pick(&mut self.held, which) {
                    let all = permit.num_permits();
                    assert!(permit.split(all + 1).is_none());
                    let mut half = permit.split(all / 2).unwrap();
                    if which % 2 == 0 {
                        half.merge(permit);
                        assert_eq!(half.num_permits(), all);
                    } else {
                        self.held.push(permit);
                    }
                    self.held.push(half);
                }
            }
            _ => {
                let ask = usize::from(which % 4);
                let permit = self.semaphore.try_acquire_many(ask);
                let fits = ask == 0 || (self.waiting.is_empty() && ask <= self.available);
                assert_eq!(permit.is_some(), fits);
                if let Some(permit) = permit {
                    self.available -= ask;
                    self.held.push(permit);
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.semaphore.available(), self.available);
        let held: usize = self.held.iter().map(Permit::num_permits).sum();
        let granted: usize = self.granted.iter().map(|entry| entry.1).sum();
        assert_eq!(self.available + held + granted, self.total, "over-granted");
        assert_waiters(self.semaphore, self.waiting.len());
    }

    fn end(&mut self) {
        self.held.clear();
        self.available = self.total;
    }
}

struct EventWorld {
    event: &'static Event,
    set: bool,
    waiting: Vec<(usize, ())>,
    granted: Vec<(usize, ())>,
}

impl World for EventWorld {
    type Ask = ();
    type Out = ();
    type Expected = ();

    fn ask(&mut self, _: u8) {}

    fn start(&self, (): ()) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(self.event.wait())
    }

    fn polled(&mut self, id: usize, (): (), first: bool) -> Option<()> {
        if first && !self.set {
            self.waiting.push((id, ()));
            return None;
        }
        if first {
            Some(())
        } else {
            take(&mut self.granted, id)
        }
    }

    fn got(&mut self, (): (), (): ()) {}

    fn left(&mut self, id: usize) {
        let left = take(&mut self.granted, id).or_else(|| take(&mut self.waiting, id));
        left.expect("it waits");
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.granted, id)
    }

    fn act(&mut self, what: u8, _: u8) {
        match what % 2 {
            0 => {
                self.event.set();
                self.set = true;
                self.granted.append(&mut self.waiting);
            }
            _ => {
                self.event.clear();
                self.set = false;
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.event.is_set(), self.set);
        assert_waiters(self.event, self.waiting.len());
    }

    fn end(&mut self) {}
}

struct BarrierWorld {
    barrier: &'static Barrier,
    broken: bool,
    waiting: Vec<(usize, ())>,
    /// With its index, unless the barrier broke.
    granted: Vec<(usize, Option<usize>)>,
}

impl World for BarrierWorld {
    type Ask = ();
    type Out = Option<Pass>;
    type Expected = Option<usize>;

    fn ask(&mut self, _: u8) {}

    fn start(&self, (): ()) -> Pin<Box<dyn Future<Output = Option<Pass>>>> {
        let wait = self.barrier.wait();
        Box::pin(async { wait.await.ok() })
    }

    fn polled(&mut self, id: usize, (): (), first: bool) -> Option<Option<usize>> {
        if !first {
            return take(&mut self.granted, id);
        }
        if self.broken {
            return Some(None);
        }
        if self.waiting.len() + 1 < self.barrier.parties() {
            self.waiting.push((id, ()));
            return None;
        }
        let passed = self.waiting.drain(..).enumerate();
        self.granted
            .extend(passed.map(|(index, (id, ()))| (id, Some(index))));
        Some(Some(self.barrier.parties() - 1))
    }

    fn got(&mut self, pass: Option<Pass>, index: Option<usize>) {
        assert_eq!(pass.map(|pass| pass.index), index);
        assert!(pass.is_none_or(|pass| pass.is_leader == (pass.index == 0)));
    }

    fn left(&mut self, id: usize) {
        if take(&mut self.granted, id).is_none() {
            take(&mut self.waiting, id).expect("it waits");
        }
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.granted, id)
    }

    fn act(&mut self, what: u8, _: u8) {
        match what % 8 {
            0 => self.barrier.abort(),
            1..=3 => self.barrier.reset(),
            _ => return,
        }
        self.broken = what % 8 == 0;
        let failed = self.waiting.drain(..);
        self.granted.extend(failed.map(|(id, ())| (id, None)));
    }

    fn check(&self) {
        assert_eq!(self.barrier.is_broken(), self.broken);
        assert_eq!(self.barrier.waiting(), self.waiting.len());
    }

    fn end(&mut self) {}
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn lock(steps in steps()) {
        let world = LockWorld {
            lock: leak(Lock::new(0)),
            guard: None,
            taken: false,
            waiting: Vec::new(),
            granted: None,
            rounds: 0,
        };
        drive(world, &steps);
    }

    #[test]
    fn semaphore(steps in steps(), permits in 0..5_usize) {
        let world = SemaphoreWorld {
            semaphore: leak(Semaphore::new(permits)),
            held: Vec::new(),
            available: permits,
            total: permits,
            waiting: Vec::new(),
            granted: Vec::new(),
        };
        drive(world, &steps);
    }

    #[test]
    fn event(steps in steps()) {
        let world = EventWorld {
            event: leak(Event::new()),
            set: false,
            waiting: Vec::new(),
            granted: Vec::new(),
        };
        drive(world, &steps);
    }

    #[test]
    fn barrier(steps in steps(), parties in 1..5_usize) {
        let world = BarrierWorld {
            barrier: leak(Barrier::new(parties)),
            broken: false,
            waiting: Vec::new(),
            granted: Vec::new(),
        };
        drive(world, &steps);
    }
}
