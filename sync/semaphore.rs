//! A number of permits that tasks take and give back.
//!
//! Count, line and permits are those of `permit.rs`; this is the semaphore whose total may grow.

use std::fmt;
use std::rc::Rc;

use super::permit::{Counted, OwnedPermit, Permit, RawSemaphore, Reach, SemaphoreAcquire};

/// A number of permits: at most so many tasks are past [`acquire`](Semaphore::acquire) at a time.
///
/// asyncio counterpart: `asyncio.Semaphore`. Differences: releasing is dropping the permit; several
/// permits can be taken at once; [`add_permits`](Semaphore::add_permits) is what a `release()`
/// without an `acquire()` does there. It cannot be closed: a waiter borrows or shares the semaphore,
/// so none can be stranded.
///
/// # Fairness
///
/// Strictly first come, first served. An ask for many holds back the asks for few behind it until
/// it is served whole; no newcomer overtakes.
///
/// # Examples
///
/// ```
/// use turnwise::sync::Semaphore;
///
/// let two = Semaphore::new(2);
/// turnwise::block_on(async {
///     let (_a, b) = (two.acquire().await, two.acquire().await);
///     assert!(two.try_acquire().is_none());
///     drop(b);
///     assert_eq!(two.available(), 1);
/// });
/// ```
pub struct Semaphore {
    pub(super) raw: RawSemaphore,
}

impl Semaphore {
    /// Creates a semaphore with `permits` permits.
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        let raw = RawSemaphore::new("semaphore", permits);
        Semaphore { raw }
    }

    /// Waits for one permit.
    ///
    /// # Fairness
    ///
    /// Strictly first come, first served, counted from the first poll.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: a dropped acquire passes a granted permit on; a new one queues at the tail.
    #[track_caller]
    pub fn acquire(&self) -> SemaphoreAcquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `permits` permits, all at once; for none it is ready at once, whatever waits.
    ///
    /// It waits for [`add_permits`](Semaphore::add_permits) if there are not so many in all.
    ///
    /// # Fairness
    ///
    /// Strictly first come, first served; it holds back smaller asks behind it.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: when it is dropped, those behind it that fit are let in.
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> SemaphoreAcquire<'_> {
        SemaphoreAcquire::new(Reach::Borrowed(&self.raw), permits)
    }

    /// Waits for one permit that can move into a spawned task.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use turnwise::sync::Semaphore;
    ///
    /// let slots = Rc::new(Semaphore::new(1));
    /// turnwise::block_on(async {
    ///     for job in 0..3 {
    ///         let permit = slots.acquire_owned().await;
    ///         turnwise::spawn(async move {
    ///             turnwise::yield_now().await;
    ///             drop((job, permit));
    ///         });
    ///     }
    ///     let _last = slots.acquire().await;
    /// });
    /// ```
    #[track_caller]
    pub fn acquire_owned(self: &Rc<Self>) -> SemaphoreAcquire<'static> {
        self.acquire_many_owned(1)
    }

    /// Waits for `permits` permits, all at once, that can move into a spawned task.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as [`acquire_many`](Semaphore::acquire_many).
    #[track_caller]
    pub fn acquire_many_owned(self: &Rc<Self>, permits: usize) -> SemaphoreAcquire<'static> {
        SemaphoreAcquire::new(Reach::Shared(self.clone()), permits)
    }

    /// Takes one permit if one is free and no task waits.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` permits, all at once, if so many are free and no task waits; none can always be
    /// taken.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_acquire_many(&self, permits: usize) -> Option<Permit<'_>> {
        self.raw.try_acquire(permits)
    }

    /// As [`try_acquire`](Semaphore::try_acquire), for a permit that can move into a task.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_acquire_owned(self: &Rc<Self>) -> Option<OwnedPermit> {
        Reach::Shared(self.clone()).try_acquire_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), for permits that can move into a task.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_acquire_many_owned(self: &Rc<Self>, permits: usize) -> Option<OwnedPermit> {
        Reach::Shared(self.clone()).try_acquire_owned(permits)
    }

    /// Adds new permits and lets in the tasks that waited for them.
    ///
    /// # Errors
    ///
    /// [`TooManyPermits`] if free permits and those in hand would be more than `usize::MAX`;
    /// nothing changes then.
    pub fn add_permits(&self, permits: usize) -> Result<(), TooManyPermits> {
        match self.raw.add(permits) {
            true => Ok(()),
            false => Err(TooManyPermits(())),
        }
    }

    /// Number of permits that are free. While a task waits they are fewer than the head asks for.
    #[doc(alias = "available_permits")]
    pub fn available(&self) -> usize {
        self.raw.available()
    }
}

impl Counted for Semaphore {
    fn raw(&self) -> &RawSemaphore {
        &self.raw
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("waiters", &self.raw.waiters())
            .finish()
    }
}

/// A semaphore cannot count so many permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyPermits(());

impl fmt::Display for TooManyPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore cannot count so many permits; add fewer")
    }
}

impl std::error::Error for TooManyPermits {}

#[cfg(test)]
mod tests {
    use super::super::spy::{Spy, now, poll};
    use super::*;

    #[test]
    fn a_big_ask_at_the_head_holds_back_a_small_one() {
        let semaphore = Semaphore::new(3);
        let held = semaphore.try_acquire_many(2);
        let (mut big, mut small) = (semaphore.acquire_many(2), semaphore.acquire());
        assert!(poll(&mut big).is_pending() && poll(&mut small).is_pending());
        assert_eq!(semaphore.available(), 1);
        assert!(semaphore.try_acquire().is_none(), "a newcomer overtakes");
        drop(held);
        assert_eq!(semaphore.available(), 0);
        assert_eq!(
            now(&mut big).num_permits() + now(&mut small).num_permits(),
            3
        );
        assert_eq!(semaphore.available(), 3);
    }

    #[test]
    fn nothing_is_assigned_in_parts() {
        let semaphore = Semaphore::new(2);
        let (one, two) = (semaphore.try_acquire(), semaphore.try_acquire());
        let spy = Spy::new();
        let mut both = semaphore.acquire_many(2);
        assert!(spy.poll(&mut both).is_pending());
        drop(one);
        assert_eq!((spy.wakes(), semaphore.available()), (0, 1));
        drop(two);
        assert_eq!((spy.wakes(), semaphore.available()), (1, 0));
        drop(both);
        assert_eq!(semaphore.available(), 2);
    }

    #[test]
    fn a_waiting_head_that_leaves_lets_in_those_that_fit() {
        let semaphore = Semaphore::new(2);
        let mut big = semaphore.acquire_many(3);
        let mut small = [
            semaphore.acquire(),
            semaphore.acquire(),
            semaphore.acquire(),
        ];
        assert!(poll(&mut big).is_pending());
        for small in &mut small {
            assert!(poll(small).is_pending());
        }
        drop(big);
        let [a, b, c] = &mut small;
        let held = (now(a), now(b));
        assert!(poll(c).is_pending());
        drop(held);
        assert_eq!(now(c).num_permits(), 1);
    }

    #[test]
    fn dropped_after_grant_passes_it_on() {
        let semaphore = Semaphore::new(1);
        let held = semaphore.try_acquire();
        let (mut first, mut second) = (semaphore.acquire(), semaphore.acquire());
        let spy = Spy::new();
        assert!(poll(&mut first).is_pending() && spy.poll(&mut second).is_pending());
        drop(held);
        drop(first);
        assert_eq!(spy.wakes(), 1);
        drop(now(&mut second));
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn dropped_before_the_release_is_skipped() {
        let semaphore = Semaphore::new(1);
        let held = semaphore.try_acquire();
        let (mut first, mut second) = (semaphore.acquire(), semaphore.acquire());
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        drop(first);
        drop(held);
        drop(now(&mut second));
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn an_ask_for_none_is_ready_past_a_line() {
        let semaphore = Semaphore::new(0);
        let mut waits = semaphore.acquire();
        assert!(poll(&mut waits).is_pending());
        assert_eq!(now(&mut semaphore.acquire_many(0)).num_permits(), 0);
        assert!(semaphore.try_acquire_many(0).is_some());
        assert!(poll(&mut waits).is_pending());
    }

    #[test]
    fn an_overflow_counts_the_permits_in_hand_and_changes_nothing() {
        let semaphore = Semaphore::new(usize::MAX);
        let held = semaphore.try_acquire_many(10).unwrap();
        assert_eq!(semaphore.add_permits(1), Err(TooManyPermits(())));
        assert_eq!(semaphore.available(), usize::MAX - 10);
        held.forget();
        assert_eq!(semaphore.add_permits(10), Ok(()));
        assert_eq!(semaphore.available(), usize::MAX);
    }

    #[test]
    fn an_owned_wait_keeps_the_semaphore_and_passes_its_grant_on() {
        let semaphore = Rc::new(Semaphore::new(1));
        let mut held = semaphore.try_acquire_owned();
        let (mut first, mut second) = (semaphore.acquire_owned(), semaphore.acquire_owned());
        drop(semaphore);
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        held.take();
        drop(first);
        assert_eq!(now(&mut second).num_permits(), 1);
    }

    #[test]
    fn split_and_merged_permits_are_given_back_once() {
        let semaphore = Semaphore::new(4);
        let mut held = semaphore.try_acquire_many(4).unwrap();
        assert!(held.split(5).is_none());
        let part = held.split(3).unwrap();
        held.merge(part);
        drop(held.split(1));
        assert_eq!(semaphore.available(), 1);
        drop(held);
        assert_eq!(semaphore.available(), 4);
    }

    #[test]
    fn debug_prints_state_and_waiters() {
        let semaphore = Semaphore::new(0);
        let mut waits = semaphore.acquire();
        assert!(poll(&mut waits).is_pending());
        assert_eq!(
            format!("{semaphore:?}"),
            "Semaphore { available: 0, waiters: 1 }"
        );
    }
}
