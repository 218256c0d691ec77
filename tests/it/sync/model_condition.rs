//! The models of `models.rs` for conditions on a lock, and for the rwlock under both policies.

use std::pin::Pin;

use proptest::prelude::*;
use turnwise::sync::{Condition, Lock, LockGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::sync::models::{World, assert_waiters, config, drive, has, leak, pick, steps, take};

type Guard = LockGuard<'static, Vec<usize>>;

#[derive(Clone, Copy, PartialEq)]
enum Ask {
    Acquire,
    /// Wait on one of two conditions, with the guard that is in hand.
    Wait(usize),
}

/// How a waiter was told to come.
#[derive(Clone, Copy, PartialEq)]
enum Notice {
    One,
    All,
}

struct ConditionWorld {
    lock: &'static Lock<Vec<usize>>,
    conditions: [&'static Condition; 2],
    guard: Option<Guard>,
    /// Held by `guard` or by a wait before its first poll, or granted.
    taken: bool,
    /// Where the guard is that the next wait starts with.
    lent: std::cell::RefCell<Option<Guard>>,
    waiting: [Vec<(usize, ())>; 2],
    /// Notified, not polled since; with the condition it was for.
    notified: Vec<(usize, (usize, Notice))>,
    /// In the line of the lock; with what it must pass on if it goes.
    locking: Vec<(usize, Option<(usize, Notice)>)>,
    owner: Option<(usize, Option<(usize, Notice)>)>,
}

impl ConditionWorld {
    fn release(&mut self) {
        self.owner = (!self.locking.is_empty()).then(|| self.locking.remove(0));
        self.taken = self.owner.is_some();
    }

    fn notify(&mut self, condition: usize, notice: Notice) {
        if !self.waiting[condition].is_empty() {
            let (id, ()) = self.waiting[condition].remove(0);
            self.notified.push((id, (condition, notice)));
        }
    }

    fn pass_on(&mut self, notice: Option<(usize, Notice)>) {
        if let Some((condition, Notice::One)) = notice {
            self.notify(condition, Notice::One);
        }
    }

    fn lock(&mut self, id: usize, notice: Option<(usize, Notice)>) -> Option<()> {
        if self.taken {
            self.locking.push((id, notice));
            return None;
        }
        self.taken = true;
        Some(())
    }
}

impl World for ConditionWorld {
    type Ask = Ask;
    type Out = Guard;
    type Expected = ();

    fn ask(&mut self, dice: u8) -> Ask {
        match self.guard.take() {
            Some(guard) if dice % 4 > 0 => {
                *self.lent.borrow_mut() = Some(guard);
                Ask::Wait(usize::from(dice % 2))
            }
            guard => {
                self.guard = guard;
                Ask::Acquire
            }
        }
    }

    fn start(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Guard>>> {
        match ask {
            Ask::Acquire => Box::pin(self.lock.acquire()),
            Ask::Wait(condition) => {
                let guard = self.lent.take().expect("it was lent");
                Box::pin(self.conditions[condition].wait(guard))
            }
        }
    }

    fn dropped_unpolled(&mut self, _: usize, ask: Ask) {
        // It had the guard.
        if ask != Ask::Acquire {
            self.release();
        }
    }

    fn polled(&mut self, id: usize, ask: Ask, first: bool) -> Option<()> {
        match ask {
            Ask::Acquire if first => return self.lock(id, None),
            Ask::Wait(condition) if first => {
                self.waiting[condition].push((id, ()));
                self.release();
                return None;
            }
            _ => {}
        }
        if let Some(notice) = take(&mut self.notified, id) {
            return self.lock(id, Some(notice));
        }
        self.owner.take_if(|owner| owner.0 == id).map(drop)
    }

    fn got(&mut self, guard: Guard, (): ()) {
        assert!(self.guard.is_none(), "two are inside");
        self.guard = Some(guard);
    }

    fn left(&mut self, id: usize) {
        if let Some((_, notice)) = self.owner.take_if(|owner| owner.0 == id) {
            // First the lock, then the notification.
            self.release();
            return self.pass_on(notice);
        }
        if let Some(notice) = take(&mut self.locking, id) {
            return self.pass_on(notice);
        }
        if let Some(notice) = take(&mut self.notified, id) {
            return self.pass_on(Some(notice));
        }
        let left = self.waiting.iter_mut().find_map(|line| take(line, id));
        left.expect("it waits");
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.notified, id) || self.owner.is_some_and(|owner| owner.0 == id)
    }

    fn act(&mut self, what: u8, which: u8) {
        let condition = usize::from(which % 2);
        match what % 8 {
            0..=2 => {
                if let Some(guard) = self.guard.take() {
                    drop(guard);
                    self.release();
                }
            }
            3 | 4 => {
                self.conditions[condition].notify_one();
                self.notify(condition, Notice::One);
            }
            5 => {
                let count = usize::from(which / 2 % 4);
                self.conditions[condition].notify(count);
                (0..count).for_each(|_| self.notify(condition, Notice::One));
            }
            6 => {
                self.conditions[condition].notify_all();
                while !self.waiting[condition].is_empty() {
                    self.notify(condition, Notice::All);
                }
            }
            _ => {
                let guard = self.lock.try_acquire();
                assert_eq!(guard.is_some(), !self.taken);
                if guard.is_some() {
                    (self.guard, self.taken) = (guard, true);
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.lock.is_locked(), self.taken);
        assert!(self.taken || self.locking.is_empty());
        assert_waiters(self.lock, self.locking.len());
        for (condition, waiting) in self.conditions.iter().zip(&self.waiting) {
            assert_waiters(condition, waiting.len());
        }
    }

    fn end(&mut self) {
        if self.guard.take().is_some() {
            self.release();
        }
        assert!(!self.taken);
    }
}

enum Access {
    Read(RwLockReadGuard<'static, u32>),
    Write(RwLockWriteGuard<'static, u32>),
}

struct RwLockWorld {
    lock: &'static RwLock<u32>,
    prefer_writers: bool,
    reads: Vec<RwLockReadGuard<'static, u32>>,
    write: Option<RwLockWriteGuard<'static, u32>>,
    readers: usize,
    writing: bool,
    /// Everybody in the order they came; whether to write.
    waiting: Vec<(usize, bool)>,
    granted: Vec<(usize, bool)>,
}

impl RwLockWorld {
    fn fits(&self, write: bool) -> bool {
        !self.writing && (!write || self.readers == 0)
    }

    fn count(&mut self, write: bool) {
        match write {
            true => self.writing = true,
            false => self.readers += 1,
        }
    }

    fn settle(&mut self) {
        loop {
            let writer = self.waiting.iter().position(|entry| entry.1);
            let next = writer.filter(|_| self.prefer_writers).unwrap_or(0);
            match self.waiting.get(next) {
                Some(&(_, write)) if self.fits(write) => {
                    let (id, write) = self.waiting.remove(next);
                    self.count(write);
                    self.granted.push((id, write));
                }
                _ => return,
            }
        }
    }

    fn end_of(&mut self, write: bool) {
        match write {
            true => self.writing = false,
            false => self.readers -= 1,
        }
        self.settle();
    }

    fn hold(&mut self, access: Access) {
        assert!(self.write.is_none(), "somebody writes");
        match access {
            Access::Read(guard) => self.reads.push(guard),
            Access::Write(mut guard) => {
                assert!(self.reads.is_empty(), "somebody reads");
                *guard += 1;
                self.write = Some(guard);
            }
        }
    }

    fn try_both(&mut self, write: bool) {
        let access = match write {
            true => self.lock.try_write().map(Access::Write),
            false => self.lock.try_read().map(Access::Read),
        };
        assert_eq!(
            access.is_some(),
            self.waiting.is_empty() && self.fits(write)
        );
        if let Some(access) = access {
            self.count(write);
            self.hold(access);
        }
    }
}

impl World for RwLockWorld {
    type Ask = bool;
    type Out = Access;
    type Expected = ();

    fn ask(&mut self, dice: u8) -> bool {
        dice % 3 == 0
    }

    fn start(&self, write: bool) -> Pin<Box<dyn Future<Output = Access>>> {
        let lock = self.lock;
        match write {
            true => Box::pin(async { Access::Write(lock.write().await) }),
            false => Box::pin(async { Access::Read(lock.read().await) }),
        }
    }

    fn polled(&mut self, id: usize, write: bool, first: bool) -> Option<()> {
        if !first {
            return take(&mut self.granted, id).map(drop);
        }
        if self.waiting.is_empty() && self.fits(write) {
            self.count(write);
            return Some(());
        }
        self.waiting.push((id, write));
        None
    }

    fn got(&mut self, access: Access, (): ()) {
        self.hold(access);
    }

    fn left(&mut self, id: usize) {
        match take(&mut self.granted, id) {
            Some(write) => self.end_of(write),
            None => {
                take(&mut self.waiting, id).expect("it waits");
                self.settle();
            }
        }
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.granted, id)
    }

    fn act(&mut self, what: u8, which: u8) {
        match what % 8 {
            0..=2 => {
                if pick(&mut self.reads, which).is_some() {
                    self.end_of(false);
                }
            }
            3 | 4 => {
                if self.write.take().is_some() {
                    self.end_of(true);
                }
            }
            5 => {
                if let Some(guard) = self.write.take() {
                    self.reads.push(guard.downgrade());
                    (self.writing, self.readers) = (false, 1);
                    self.settle();
                }
            }
            6 => self.try_both(true),
            _ => self.try_both(false),
        }
    }

    fn check(&self) {
        assert_eq!(self.lock.readers(), self.readers);
        assert_eq!(self.lock.is_write_locked(), self.writing);
        assert_waiters(self.lock, self.waiting.len());
    }

    fn end(&mut self) {
        (self.readers, self.writing) = (0, false);
        (self.reads, self.write) = (Vec::new(), None);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_conditions_on_one_lock(steps in steps()) {
        let world = ConditionWorld {
            lock: leak(Lock::new(Vec::new())),
            conditions: [leak(Condition::new()), leak(Condition::new())],
            guard: None,
            taken: false,
            lent: None.into(),
            waiting: [Vec::new(), Vec::new()],
            notified: Vec::new(),
            locking: Vec::new(),
            owner: None,
        };
        drive(world, &steps);
    }

    #[test]
    fn rwlock(steps in steps(), prefer_writers: bool) {
        let world = RwLockWorld {
            lock: match prefer_writers {
                true => leak(RwLock::prefer_writers(0)),
                false => leak(RwLock::new(0)),
            },
            prefer_writers,
            reads: Vec::new(),
            write: None,
            readers: 0,
            writing: false,
            waiting: Vec::new(),
            granted: Vec::new(),
        };
        drive(world, &steps);
    }
}
