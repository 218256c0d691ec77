//! `local-sync`: monoio's companion.

use local_sync::{mpsc, oneshot, semaphore};

use super::{Oneshot, Queue, Semaphore};

impl Semaphore for semaphore::Semaphore {
    type Permit<'a> = semaphore::SemaphorePermit<'a>;

    fn new(permits: usize) -> Self {
        semaphore::Semaphore::new(permits)
    }

    async fn acquire(&self) -> semaphore::SemaphorePermit<'_> {
        self.acquire().await.unwrap()
    }
}

pub struct Mpsc;

impl Queue for Mpsc {
    type Sender = mpsc::bounded::Tx<u64>;
    type Receiver = mpsc::bounded::Rx<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::bounded::channel(capacity)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.ok().unwrap();
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
        oneshot::channel()
    }

    fn send<T: 'static>(sender: Self::Sender<T>, value: T) {
        sender.send(value).ok().unwrap();
    }

    async fn receive<T: 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.await.ok().unwrap()
    }
}
