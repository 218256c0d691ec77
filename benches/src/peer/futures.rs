//! The `futures` crate: `LocalPool`, `futures::lock`, `futures::channel`.

use std::future::Future;

use futures::channel::{mpsc, oneshot};
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::lock::{Mutex, MutexGuard};
use futures::task::LocalSpawnExt;
use futures::{SinkExt, StreamExt};

use super::{Executor, Lock, Oneshot, Outside, Queue, wake_self};

#[derive(Clone)]
pub struct Pool(LocalSpawner);

impl Executor for Pool {
    type Handle<T: 'static> = RemoteHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let mut pool = LocalPool::new();
        let executor = Pool(pool.spawner());
        let main = executor.spawn(main(executor.clone()));
        pool.run_until(main)
    }

    fn spawn<F>(&self, future: F) -> RemoteHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        self.0.spawn_local_with_handle(future).unwrap()
    }

    fn join<T: 'static>(handle: RemoteHandle<T>) -> impl Future<Output = T> {
        handle
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_self()
    }
}

impl Lock for Mutex<u64> {
    type Guard<'a> = MutexGuard<'a, u64>;

    fn new() -> Self {
        Mutex::new(0)
    }

    fn acquire(&self) -> impl Future<Output = MutexGuard<'_, u64>> {
        self.lock()
    }
}

pub struct Mpsc;

impl Queue for Mpsc {
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    /// Every sender has one slot of its own besides the buffer.
    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel(capacity - 1)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.next().await.unwrap()
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
        receiver.await.unwrap()
    }
}

impl Outside for Pool {
    type Sender = mpsc::UnboundedSender<u64>;
    type Receiver = mpsc::UnboundedReceiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        mpsc::unbounded()
    }

    fn send(sender: &mut Self::Sender, item: u64) {
        sender.unbounded_send(item).unwrap();
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.next().await.unwrap()
    }
}
