//! The figures of each primitive, to find the one that all tasks wait for.
//!
//! All are one question to its wait queues; what else a primitive has (length, permits, state), its own
//! methods return.

use super::{
    Barrier, BoundedSemaphore, Channel, Condition, CountDownLatch, Event, Lock, OnceCell, RwLock,
    Semaphore, Store,
};
use crate::runtime::WaitStats;

/// How many tasks wait for a queue: for items, for room, and for the end of all work.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ChannelStats {
    /// Waiters of `get`, `take` and `stream`.
    pub getters: WaitStats,
    /// Waiters of `put`.
    pub putters: WaitStats,
    /// Waiters of `join`.
    pub joiners: WaitStats,
}

impl<S: Store> Channel<S> {
    /// How many tasks wait, and how long by now. O(waiters of this thread).
    pub fn stats(&self) -> ChannelStats {
        ChannelStats {
            getters: self.raw.getters.stats(),
            putters: self.raw.putters.stats(),
            joiners: self.raw.joiners.stats(),
        }
    }
}

impl<T: ?Sized> Lock<T> {
    /// How many tasks wait, how long by now, and which holds the lock. O(waiters of this thread).
    ///
    /// # Examples
    ///
    /// ```
    /// use turnwise::sync::Lock;
    ///
    /// turnwise::block_on(async {
    ///     let lock = Lock::new(());
    ///     let _guard = lock.acquire().await;
    ///     let holding = lock.stats().held_by.unwrap();
    ///     assert_eq!(holding.task, turnwise::task::current().map(|task| task.id));
    ///     assert_eq!(holding.taken_at.file(), file!());
    /// });
    /// ```
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// How many tasks wait, how long by now, and which writes. O(waiters of this thread).
    pub fn stats(&self) -> WaitStats {
        let stats = self.raw.queue.stats().and(self.raw.writers.stats());
        stats.held(self.is_write_locked())
    }
}

impl<T> OnceCell<T> {
    /// How many tasks wait, how long by now, and which initialises. O(waiters of this thread).
    pub fn stats(&self) -> WaitStats {
        self.raw.queue.stats()
    }
}

macro_rules! stats {
    ($($primitive:ident . $($field:ident).+;)+) => {$(
        impl $primitive {
            /// How many tasks wait, and how long by now. O(waiters of this thread).
            pub fn stats(&self) -> WaitStats {
                self.$($field).+.stats()
            }
        }
    )+};
}

stats! {
    Event.raw.queue;
    Condition.raw.queue;
    Barrier.raw.queue;
    CountDownLatch.raw.queue;
    Semaphore.raw.queue;
    BoundedSemaphore.raw.queue;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::spy::{now, poll};
    use super::super::{Queue, RwLock, Semaphore};
    use super::*;

    #[test]
    fn those_granted_and_those_who_wait_are_told_apart() {
        let semaphore = Semaphore::new(1);
        let line = line!() - 1;
        let held = now(&mut semaphore.acquire());
        let mut waits = [
            semaphore.acquire(),
            semaphore.acquire(),
            semaphore.acquire(),
        ];
        for wait in &mut waits {
            assert!(poll(wait).is_pending());
        }
        drop(held);
        let stats = semaphore.stats();
        assert_eq!((stats.waiting, stats.granted), (2, 1));
        assert_eq!(stats.made_at.line(), line);
        assert!(stats.held_by.is_none());
        drop(waits);
        let stats = semaphore.stats();
        assert_eq!((stats.waiting, stats.granted, stats.longest), (0, 0, None));
    }

    #[test]
    fn from_its_release_on_a_lock_is_held_by_the_next_one() {
        let lock = Lock::new(());
        let line = |lock: &Lock<()>| lock.stats().held_by.map(|holding| holding.taken_at.line());
        assert_eq!(line(&lock), None);
        let (first, taken) = (lock.try_acquire(), line!());
        let (mut second, waits) = (lock.acquire(), line!());
        assert!(poll(&mut second).is_pending());
        assert_eq!(line(&lock), Some(taken));
        drop(first);
        assert_eq!((line(&lock), lock.is_locked()), (Some(waits), true));
        let guard = now(&mut second);
        assert_eq!(line(&lock), Some(waits));
        drop(guard);
        assert_eq!((line(&lock), lock.is_locked()), (None, false));
    }

    #[test]
    fn the_one_that_waits_longest_is_measured_by_the_clock() {
        let runtime = crate::Runtime::builder().virtual_clock().build();
        let queue = Queue::<()>::unbounded();
        runtime.block_on(async {
            let (mut early, mut late) = (queue.get(), queue.get());
            assert!(poll(&mut early).is_pending());
            crate::sleep(Duration::from_secs(2)).await;
            assert!(poll(&mut late).is_pending());
            crate::sleep(Duration::from_secs(1)).await;
            let stats = queue.stats();
            assert_eq!(stats.getters.longest, Some(Duration::from_secs(3)));
            assert_eq!((stats.getters.waiting, stats.putters.waiting), (2, 0));
            drop(early);
            assert_eq!(queue.stats().getters.longest, Some(Duration::from_secs(1)));
        });
    }

    #[test]
    fn only_who_holds_it_now_is_named() {
        let lock = Lock::new(());
        let guard = now(&mut lock.acquire());
        assert_eq!(lock.stats().held_by.map(|holding| holding.task), Some(None));
        drop(guard);
        assert!(lock.stats().held_by.is_none());
        let both = RwLock::prefer_writers(());
        let reader = now(&mut both.read());
        let (mut writer, mut second) = (both.write(), both.read());
        assert!(poll(&mut writer).is_pending() && poll(&mut second).is_pending());
        assert_eq!((both.stats().waiting, both.stats().granted), (2, 0));
        drop(reader);
        let writes = now(&mut writer);
        assert!(both.stats().held_by.is_some());
        drop(writes);
        assert_eq!((both.stats().waiting, both.stats().granted), (0, 1));
        assert!(both.stats().held_by.is_none());
    }
}
