//! What a row needs of a peer. A peer implements what it has.

use std::future::{Future, poll_fn};
use std::ops::DerefMut;
use std::task::{Poll, Waker};
use std::time::Duration;

pub mod async_unsync;
pub mod compio;
pub mod futures;
pub mod limit;
pub mod local_runtime;
pub mod local_sync;
pub mod monoio;
pub mod ntex;
pub mod runite;
pub mod smol;
pub mod tokio;
pub mod turnwise;
pub mod unsend;

/// A single-threaded executor; the value is whatever its tasks need to spawn others.
pub trait Executor: Clone + 'static {
    type Handle<T: 'static>: 'static;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static;

    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future<Output: 'static> + 'static;

    fn join<T: 'static>(handle: Self::Handle<T>) -> impl Future<Output = T>;

    /// Lets the others run: the peer's own way, or [`wake_self`] where it has none.
    /// Nobody is polled again before all who were ready.
    fn yield_now() -> impl Future<Output = ()>;
}

/// An executor that has time.
pub trait Timers: Executor {
    fn sleep(duration: Duration) -> impl Future<Output = ()>;

    /// `None` if the time was up first.
    fn timeout<F: Future>(duration: Duration, future: F)
    -> impl Future<Output = Option<F::Output>>;
}

/// An asynchronous mutex.
pub trait Lock: 'static {
    type Guard<'a>: DerefMut<Target = u64>;

    fn new() -> Self;
    fn acquire(&self) -> impl Future<Output = Self::Guard<'_>>;
}

/// A counting semaphore; dropping the permit gives it back.
pub trait Semaphore: 'static {
    type Permit<'a>;

    fn new(permits: usize) -> Self;
    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>>;
}

/// Something that wakes all who wait at that moment.
pub trait Event: 'static {
    fn new() -> Self;
    fn wait(&self) -> impl Future<Output = ()>;
    fn wake_all(&self);
}

/// Something that wakes one who waits at that moment.
pub trait Signal: 'static {
    fn new() -> Self;
    fn wait(&self) -> impl Future<Output = ()>;
    fn wake_one(&self);
}

/// A flag under a lock, and two who flip it in turns: a condition variable at work.
pub trait Relay: 'static {
    fn new() -> Self;
    /// Waits until the flag is `mine`, flips it, and tells the other.
    fn pass(&self, mine: bool) -> impl Future<Output = ()>;
}

/// A bounded queue with one receiver.
pub trait Queue: 'static {
    type Sender: Clone + 'static;
    type Receiver: 'static;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver);
    fn put(sender: &mut Self::Sender, item: u64) -> impl Future<Output = ()>;
    fn get(receiver: &mut Self::Receiver) -> impl Future<Output = u64>;
}

/// A channel for one value.
pub trait Oneshot: 'static {
    type Sender<T: 'static>: 'static;
    type Receiver<T: 'static>: 'static;

    fn new<T: 'static>() -> (Self::Sender<T>, Self::Receiver<T>);
    fn send<T: 'static>(sender: Self::Sender<T>, value: T);
    fn receive<T: 'static>(receiver: Self::Receiver<T>) -> impl Future<Output = T>;
}

/// A way for a value from another thread into a task.
pub trait Outside: Executor {
    type Sender: Send + 'static;
    type Receiver: 'static;

    fn channel() -> (Self::Sender, Self::Receiver);
    fn send(sender: &mut Self::Sender, item: u64);
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = u64>;
}

/// The yield of executors that offer none: wakes itself and is pending once.
pub fn wake_self() -> impl Future<Output = ()> {
    pending_once(|waker| waker.wake_by_ref())
}

/// Gives its waker away, and is pending once.
pub fn pending_once(register: impl FnOnce(&Waker)) -> impl Future<Output = ()> {
    let mut register = Some(register);
    poll_fn(move |cx| match register.take() {
        Some(register) => {
            register(cx.waker());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
}
