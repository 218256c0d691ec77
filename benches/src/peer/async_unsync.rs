//! `async-unsync`: primitives without an executor.

use async_unsync::{bounded, oneshot, semaphore};

use super::{Oneshot, Queue, Semaphore};

impl Semaphore for semaphore::Semaphore {
    type Permit<'a> = semaphore::Permit<'a>;

    fn new(permits: usize) -> Self {
        semaphore::Semaphore::new(permits)
    }

    async fn acquire(&self) -> semaphore::Permit<'_> {
        self.acquire().await.unwrap()
    }
}

pub struct Bounded;

impl Queue for Bounded {
    type Sender = bounded::Sender<u64>;
    type Receiver = bounded::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        bounded::channel(capacity).into_split()
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}

pub struct OneshotChannel;

impl Oneshot for OneshotChannel {
    type Sender<T: 'static> = oneshot::Sender<T>;
    type Receiver<T: 'static> = oneshot::Receiver<T>;

    fn new<T: 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        oneshot::channel().into_split()
    }

    fn send<T: 'static>(sender: Self::Sender<T>, value: T) {
        sender.send(value).ok().unwrap();
    }

    async fn receive<T: 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.await.ok().unwrap()
    }
}
