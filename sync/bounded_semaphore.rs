//! A semaphore that can never hold more permits than it began with.
//!
//! Count, line and permits are those of `permit.rs`; this is the semaphore whose total is capped.

use std::fmt;
use std::rc::Rc;

use super::permit::{Counted, OwnedPermit, Permit, RawSemaphore, Reach, SemaphoreAcquire};

/// A semaphore whose permits, free and in hand, are never more than at its beginning.
///
/// asyncio counterpart: `asyncio.BoundedSemaphore`. Differences: dropping the permit gives it back,
/// so a release too many can only happen through [`release`](BoundedSemaphore::release), which
/// returns an error where asyncio raises `ValueError`.
///
/// # Fairness
///
/// Strictly first come, first served, as [`Semaphore`](super::Semaphore).
///
/// # Examples
///
/// ```
/// use turnwise::sync::BoundedSemaphore;
///
/// let connections = BoundedSemaphore::new(1);
/// turnwise::block_on(async {
///     let permit = connections.acquire().await;
///     assert!(connections.release().is_err());
///     permit.forget();
///     assert!(connections.release().is_ok());
///     assert_eq!(connections.available(), 1);
/// });
/// ```
pub struct BoundedSemaphore {
    pub(super) raw: RawSemaphore,
    size: usize,
}

impl BoundedSemaphore {
    /// Creates a semaphore with `permits` permits, the most it will ever have.
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        BoundedSemaphore {
            raw: RawSemaphore::new("bounded semaphore", permits),
            size: permits,
        }
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
    ///
    /// # Panics
    ///
    /// If the semaphore was made with no permit: it could never get one.
    #[track_caller]
    pub fn acquire(&self) -> SemaphoreAcquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `permits` permits, all at once; for none it is ready at once, whatever waits.
    ///
    /// # Fairness
    ///
    /// Strictly first come, first served; it holds back smaller asks behind it.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*: when it is dropped, those behind it that fit are let in.
    ///
    /// # Panics
    ///
    /// At the call, if it asks for more permits than there can ever be.
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> SemaphoreAcquire<'_> {
        self.check(permits);
        SemaphoreAcquire::new(Reach::Borrowed(&self.raw), permits)
    }

    /// Waits for one permit that can move into a spawned task.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as [`acquire`](BoundedSemaphore::acquire).
    ///
    /// # Panics
    ///
    /// If the semaphore was made with no permit: it could never get one.
    #[track_caller]
    pub fn acquire_owned(self: &Rc<Self>) -> SemaphoreAcquire<'static> {
        self.acquire_many_owned(1)
    }

    /// Waits for `permits` permits, all at once, that can move into a spawned task.
    ///
    /// # Cancel safety
    ///
    /// *Loses place*, as [`acquire_many`](BoundedSemaphore::acquire_many).
    ///
    /// # Panics
    ///
    /// At the call, if it asks for more permits than there can ever be.
    #[track_caller]
    pub fn acquire_many_owned(self: &Rc<Self>, permits: usize) -> SemaphoreAcquire<'static> {
        self.check(permits);
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

    /// As [`try_acquire`](BoundedSemaphore::try_acquire), for a permit that can move into a task.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_acquire_owned(self: &Rc<Self>) -> Option<OwnedPermit> {
        Reach::Shared(self.clone()).try_acquire_owned(1)
    }

    /// As [`try_acquire_many`](BoundedSemaphore::try_acquire_many), for permits that can move into a task.
    #[must_use = "what it takes is released at once unless you bind it"]
    #[track_caller]
    pub fn try_acquire_many_owned(self: &Rc<Self>, permits: usize) -> Option<OwnedPermit> {
        Reach::Shared(self.clone()).try_acquire_owned(permits)
    }

    /// Returns one permit that was [forgotten](Permit::forget).
    ///
    /// # Errors
    ///
    /// [`OverRelease`] if none is missing: all are free, granted or in hand.
    pub fn release(&self) -> Result<(), OverRelease> {
        if self.raw.total() < self.size && self.raw.add(1) {
            return Ok(());
        }
        Err(OverRelease(()))
    }

    /// Number of permits that are free. While a task waits they are fewer than the head asks for.
    #[doc(alias = "available_permits")]
    pub fn available(&self) -> usize {
        self.raw.available()
    }

    /// Number of permits it was made with.
    pub fn size(&self) -> usize {
        self.size
    }

    #[track_caller]
    fn check(&self, permits: usize) {
        assert!(
            permits <= self.size,
            "a bounded semaphore of {} can never give {permits} permits at once; \
             ask for fewer or make it larger",
            self.size
        );
    }
}

impl Counted for BoundedSemaphore {
    fn raw(&self) -> &RawSemaphore {
        &self.raw
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available", &self.available())
            .field("size", &self.size)
            .field("waiters", &self.raw.waiters())
            .finish()
    }
}

/// A bounded semaphore was released more often than acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverRelease(());

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bounded semaphore has no permit missing; drop permits instead of releasing")
    }
}

impl std::error::Error for OverRelease {}

#[cfg(test)]
mod tests {
    use super::super::spy::{now, poll};
    use super::*;

    #[test]
    fn a_release_too_many_changes_nothing() {
        let semaphore = BoundedSemaphore::new(2);
        assert_eq!(semaphore.release(), Err(OverRelease(())));
        let held = semaphore.try_acquire_many(2).unwrap();
        assert_eq!(semaphore.release(), Err(OverRelease(())));
        drop(held);
        assert_eq!(semaphore.available(), 2);
    }

    #[test]
    fn a_granted_permit_counts_as_outstanding() {
        let semaphore = BoundedSemaphore::new(1);
        let held = semaphore.try_acquire().unwrap();
        let mut waits = semaphore.acquire();
        assert!(poll(&mut waits).is_pending());
        drop(held);
        assert_eq!(semaphore.release(), Err(OverRelease(())));
        drop(now(&mut waits));
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn a_returned_permit_goes_to_the_head() {
        let semaphore = BoundedSemaphore::new(1);
        semaphore.try_acquire().unwrap().forget();
        let mut waits = semaphore.acquire();
        assert!(poll(&mut waits).is_pending());
        assert_eq!(semaphore.release(), Ok(()));
        assert!(semaphore.try_acquire().is_none());
        assert_eq!(now(&mut waits).num_permits(), 1);
    }

    #[test]
    fn dropped_after_grant_passes_it_on() {
        let semaphore = Rc::new(BoundedSemaphore::new(2));
        let held = semaphore.try_acquire_many(2);
        let (mut first, mut second) = (semaphore.acquire_many(2), semaphore.acquire_owned());
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        drop(held);
        drop(first);
        assert_eq!(now(&mut second).num_permits(), 1);
        assert_eq!(semaphore.available(), 2);
    }

    #[test]
    #[should_panic(expected = "a bounded semaphore of 2 can never give 3 permits")]
    fn an_ask_that_could_never_be_served_panics_at_the_call() {
        drop(BoundedSemaphore::new(2).acquire_many(3));
    }

    #[test]
    fn debug_prints_state_and_waiters() {
        let semaphore = BoundedSemaphore::new(3);
        let text = "BoundedSemaphore { available: 3, size: 3, waiters: 0 }";
        assert_eq!(format!("{semaphore:?}"), text);
    }
}
