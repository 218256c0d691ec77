//! asyncio's synchronization primitives, each a policy over one [`WaitQueue`].
//!
//! Strictly first come, first served; what is released belongs to the head waiter from that
//! instant; a waiter that is dropped after its grant passes it on. No primitive needs a runtime to
//! be made, and none needs *this* runtime to be awaited. None yields by itself: what is free is
//! taken without giving the others a turn.
//!
//! Code between two awaits is never interrupted. A value that is not held across an await needs a
//! `Cell` or a `RefCell`, and none of these.
//!
//! # Which primitive?
//!
//! | to … | use | asyncio |
//! | --- | --- | --- |
//! | let one task at a time use a value across awaits | [`Lock`] | `Lock` |
//! | let many read or one write | [`RwLock`] | – |
//! | let at most so many do something at a time | [`Semaphore`] | `Semaphore` |
//! | the same, and catch a release too many | [`BoundedSemaphore`] | `BoundedSemaphore` |
//! | say that something has happened, to all, now and later | [`Event`] | `Event` |
//! | say that a number of things have happened | [`CountDownLatch`] | – |
//! | wait until a locked value has some property | [`Condition`] | `Condition` |
//! | go on together once all have come, again and again | [`Barrier`] | `Barrier` |
//! | hand items to the next task that takes one | [`Queue`] | `Queue` |
//! | the same, newest first, or smallest first | [`LifoQueue`], [`PriorityQueue`] | the same |
//! | hand over one value, once | [`oneshot`] | `Future` |
//! | make a value once, when it is first needed | [`OnceCell`] | – |
//! | build something else | [`WaitQueue`] | – |

mod barrier;
mod bounded_semaphore;
mod channel;
mod channel_errors;
mod channel_futures;
#[cfg(test)]
mod channel_tests;
mod closed;
mod condition;
#[cfg(test)]
mod condition_tests;
mod condition_within;
mod event;
#[cfg(test)]
mod invariant_tests;
mod latch;
mod lifo_queue;
mod lock;
mod lock_owned;
mod once_cell;
#[cfg(test)]
mod once_cell_tests;
pub mod oneshot;
mod permit;
mod priority_queue;
mod queue;
mod queue_sender;
mod raw_channel;
mod raw_rwlock;
#[cfg(test)]
mod reentrant_tests;
mod rwlock;
mod rwlock_guards;
mod rwlock_owned;
#[cfg(test)]
mod rwlock_tests;
mod semaphore;
#[cfg(test)]
mod spy;
mod stats;
mod store;

pub use crate::runtime::{Holding, Left, Owner, Wait, WaitQueue, WaitStats};
pub use barrier::{Barrier, BrokenBarrier, Pass};
pub use bounded_semaphore::{BoundedSemaphore, OverRelease};
pub use channel::Channel;
pub use channel_errors::{OverDone, TryGetError, TryPutError};
pub use channel_futures::Taken;
pub use closed::Closed;
pub use condition::Condition;
pub use event::Event;
pub use latch::CountDownLatch;
pub use lifo_queue::{Lifo, LifoQueue};
pub use lock::{Lock, LockGuard};
pub use lock_owned::OwnedLockGuard;
pub use once_cell::OnceCell;
pub use permit::{OwnedPermit, Permit};
pub use priority_queue::{PriorityQueue, Smallest};
pub use queue::{Fifo, Queue};
pub use queue_sender::QueueSender;
pub use rwlock::RwLock;
pub use rwlock_guards::{RwLockReadGuard, RwLockWriteGuard};
pub use rwlock_owned::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
pub use semaphore::{Semaphore, TooManyPermits};
pub use stats::ChannelStats;
pub use store::Store;

/// The futures of the primitives, named after type and verb, for code that stores one.
pub mod futures {
    pub use super::barrier::BarrierWait;
    pub use super::channel_futures::{QueueGet, QueueItems, QueueJoin, QueuePut, QueueTake};
    pub use super::condition::{ConditionWait, ConditionWaitFor};
    pub use super::condition_within::{ConditionWaitForWithin, ConditionWaitWithin};
    pub use super::event::EventWait;
    pub use super::latch::LatchWait;
    pub use super::lock::LockAcquire;
    pub use super::lock_owned::LockAcquireOwned;
    pub use super::once_cell::{OnceGetOrInit, OnceGetOrTryInit};
    pub use super::oneshot::OneshotClosed;
    pub use super::permit::SemaphoreAcquire;
    pub use super::rwlock_guards::{RwLockRead, RwLockWrite};
    pub use super::rwlock_owned::{RwLockReadOwned, RwLockWriteOwned};
}
