//! runite on io_uring. Its channels ask for `Send`, so that it has no row *oneshot*, where a sender
//! is what is sent.

use std::future::Future;
use std::time::Duration;

use runite::JoinHandle;
use runite::channel::mpsc;
use runite::sync::{Mutex, MutexGuard, Notify, Semaphore as Permits, SemaphorePermit};

use super::{Event, Executor, Lock, Outside, Queue, Relay, Semaphore, Signal, Timers};

#[derive(Clone)]
pub struct Runite;

impl Executor for Runite {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let main = main(Runite);
        runite::block_on(async { runite::spawn(main).await.unwrap() })
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        runite::spawn(future)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.unwrap()
    }

    fn yield_now() -> impl Future<Output = ()> {
        runite::yield_now()
    }
}

impl Timers for Runite {
    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        runite::time::sleep(duration)
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        runite::time::timeout(duration, future).await.ok()
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

impl Semaphore for Permits {
    type Permit<'a> = SemaphorePermit<'a>;

    fn new(permits: usize) -> Self {
        Permits::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = SemaphorePermit<'_>> {
        self.acquire()
    }
}

impl Event for Notify {
    fn new() -> Self {
        Notify::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.notified()
    }

    fn wake_all(&self) {
        self.notify_waiters();
    }
}

impl Signal for Notify {
    fn new() -> Self {
        Notify::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.notified()
    }

    fn wake_one(&self) {
        self.notify_one();
    }
}

pub struct MutexAndNotify {
    flag: Mutex<bool>,
    flipped: [Notify; 2],
}

impl Relay for MutexAndNotify {
    fn new() -> Self {
        MutexAndNotify {
            flag: Mutex::new(false),
            flipped: [Notify::new(), Notify::new()],
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
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel(capacity)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}

impl Outside for Runite {
    type Sender = mpsc::UnboundedSender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        mpsc::unbounded_channel()
    }

    fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).unwrap();
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}
