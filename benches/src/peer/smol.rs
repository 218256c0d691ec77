//! smol: `async-executor`'s `LocalExecutor`, `async-io`, `async-lock`, `async-channel`, `event-listener`.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use async_executor::{LocalExecutor, Task};
use event_listener::Event as Listeners;
use futures_lite::{FutureExt, future};

use super::{Event, Executor, Lock, Outside, Queue, Relay, Semaphore, Signal, Timers};

#[derive(Clone)]
pub struct Smol(Rc<LocalExecutor<'static>>);

impl Executor for Smol {
    type Handle<T: 'static> = Task<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let executor = Rc::new(LocalExecutor::new());
        let main = executor.spawn(main(Smol(executor.clone())));
        async_io::block_on(executor.run(main))
    }

    fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        self.0.spawn(future)
    }

    fn join<T: 'static>(handle: Task<T>) -> impl Future<Output = T> {
        handle
    }

    fn yield_now() -> impl Future<Output = ()> {
        future::yield_now()
    }
}

impl Timers for Smol {
    async fn sleep(duration: Duration) {
        async_io::Timer::after(duration).await;
    }

    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> {
        let elapsed = async move {
            async_io::Timer::after(duration).await;
            None
        };
        async { Some(future.await) }.or(elapsed)
    }
}

impl Lock for async_lock::Mutex<u64> {
    type Guard<'a> = async_lock::MutexGuard<'a, u64>;

    fn new() -> Self {
        async_lock::Mutex::new(0)
    }

    fn acquire(&self) -> impl Future<Output = async_lock::MutexGuard<'_, u64>> {
        self.lock()
    }
}

impl Semaphore for async_lock::Semaphore {
    type Permit<'a> = async_lock::SemaphoreGuard<'a>;

    fn new(permits: usize) -> Self {
        async_lock::Semaphore::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = async_lock::SemaphoreGuard<'_>> {
        self.acquire()
    }
}

impl Event for Listeners {
    fn new() -> Self {
        Listeners::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.listen()
    }

    fn wake_all(&self) {
        self.notify(usize::MAX);
    }
}

impl Signal for Listeners {
    fn new() -> Self {
        Listeners::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.listen()
    }

    fn wake_one(&self) {
        self.notify(1);
    }
}

pub struct MutexAndEvents {
    flag: async_lock::Mutex<bool>,
    flipped: [Listeners; 2],
}

impl Relay for MutexAndEvents {
    fn new() -> Self {
        MutexAndEvents {
            flag: async_lock::Mutex::new(false),
            flipped: [Listeners::new(), Listeners::new()],
        }
    }

    async fn pass(&self, mine: bool) {
        loop {
            let mut flag = self.flag.lock().await;
            if *flag == mine {
                *flag = !mine;
                self.flipped[usize::from(!mine)].notify(1);
                return;
            }
            let flipped = self.flipped[usize::from(mine)].listen();
            drop(flag);
            flipped.await;
        }
    }
}

pub struct Channel;

impl Queue for Channel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}

impl Outside for Smol {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        async_channel::unbounded()
    }

    fn send(sender: &mut Self::Sender, item: u64) {
        sender.try_send(item).unwrap();
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.unwrap()
    }
}
