//! asyncio's synchronization primitives, each a policy over one [`WaitQueue`].
//!
//! Strictly first come, first served; what is released belongs to the head waiter from that
//! instant; a waiter that is dropped after its grant passes it on. No primitive needs a runtime to
//! be made, and none needs *this* runtime to be awaited.

mod channel;
mod event;
mod lock;
mod queue;

pub use crate::runtime::{Left, Owner, Wait, WaitQueue};
pub use channel::{
    Channel, Closed, Get, Items, Join, OverDone, Put, Store, Take, Taken, TryGetError, TryPutError,
};
pub use event::{Event, EventWait};
pub use lock::{Acquire, Lock, LockGuard};
pub use queue::{Fifo, Queue};
