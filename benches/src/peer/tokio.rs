//! tokio, with `LocalSet` or `LocalRuntime`, and `tokio::sync`.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync;
use tokio::task::{JoinHandle, LocalSet};

use super::{Event, Executor, Lock, Oneshot, Outside, Queue, Relay, Semaphore, Signal, Timers};

/// tokio on this thread: a `LocalRuntime`, or a `LocalSet` in a current-thread runtime.
#[derive(Clone)]
pub struct Tokio<const LOCAL_RUNTIME: bool>;

impl<const LOCAL_RUNTIME: bool> Executor for Tokio<LOCAL_RUNTIME> {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let mut builder = Builder::new_current_thread();
        builder.enable_all();
        // Main is a task of its own, as with every peer: tokio polls its `block_on` future apart.
        let main = async move { tokio::task::spawn_local(main(Tokio)).await.unwrap() };
        if LOCAL_RUNTIME {
            let runtime = builder.build_local(LocalOptions::default()).unwrap();
            runtime.block_on(main)
        } else {
            LocalSet::new().block_on(&builder.build().unwrap(), main)
        }
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        tokio::task::spawn_local(future)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.unwrap()
    }

    fn yield_now() -> impl Future<Output = ()> {
        tokio::task::yield_now()
    }
}

impl<const LOCAL_RUNTIME: bool> Timers for Tokio<LOCAL_RUNTIME> {
    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(duration, future).await.ok()
    }
}

impl Lock for sync::Mutex<u64> {
    type Guard<'a> = sync::MutexGuard<'a, u64>;

    fn new() -> Self {
        sync::Mutex::new(0)
    }

    fn acquire(&self) -> impl Future<Output = sync::MutexGuard<'_, u64>> {
        self.lock()
    }
}

impl Semaphore for sync::Semaphore {
    type Permit<'a> = sync::SemaphorePermit<'a>;

    fn new(permits: usize) -> Self {
        sync::Semaphore::new(permits)
    }

    async fn acquire(&self) -> sync::SemaphorePermit<'_> {
        self.acquire().await.unwrap()
    }
}

impl Event for sync::Notify {
    fn new() -> Self {
        sync::Notify::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.notified()
    }

    fn wake_all(&self) {
        self.notify_waiters();
    }
}

impl Signal for sync::Notify {
    fn new() -> Self {
        sync::Notify::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.notified()
    }

    fn wake_one(&self) {
        self.notify_one();
    }
}

pub struct MutexAndNotify {
    flag: sync::Mutex<bool>,
    flipped: [sync::Notify; 2],
}

impl Relay for MutexAndNotify {
    fn new() -> Self {
        MutexAndNotify {
            flag: sync::Mutex::new(false),
            flipped: [sync::Notify::new(), sync::Notify::new()],
        }
    }

    async fn pass(&self, mine: bool) {
        loop {
            let mut flag = self.flag.lock().await;
            if *flag == mine {
                *flag = !mine;
                self.flipped[usize::from(!mine)].notify_one();
                return;
            }
            drop(flag);
            self.flipped[usize::from(mine)].notified().await;
        }
    }
}

pub struct Mpsc;

impl Queue for Mpsc {
    type Sender = sync::mpsc::Sender<u64>;
    type Receiver = sync::mpsc::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        sync::mpsc::channel(capacity)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}

/// tokio has no queue for several receivers; they share one under a mutex.
pub struct SharedMpsc;

impl Queue for SharedMpsc {
    type Sender = sync::mpsc::Sender<u64>;
    type Receiver = Rc<sync::Mutex<sync::mpsc::Receiver<u64>>>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let (sender, receiver) = sync::mpsc::channel(capacity);
        (sender, Rc::new(sync::Mutex::new(receiver)))
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.lock().await.recv().await.unwrap()
    }
}

pub struct OneshotChannel;

impl Oneshot for OneshotChannel {
    type Sender<T: 'static> = sync::oneshot::Sender<T>;
    type Receiver<T: 'static> = sync::oneshot::Receiver<T>;

    fn new<T: 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        sync::oneshot::channel()
    }

    fn send<T: 'static>(sender: Self::Sender<T>, value: T) {
        sender.send(value).ok().unwrap();
    }

    async fn receive<T: 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.await.unwrap()
    }
}

impl<const LOCAL_RUNTIME: bool> Outside for Tokio<LOCAL_RUNTIME> {
    type Sender = sync::mpsc::UnboundedSender<u64>;
    type Receiver = sync::mpsc::UnboundedReceiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        sync::mpsc::unbounded_channel()
    }

    fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).unwrap();
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}
