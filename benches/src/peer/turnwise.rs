//! Ourselves.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use turnwise::JoinHandle;
use turnwise::sync;
use turnwise::thread::Sender;

use super::{Event, Executor, Lock, Oneshot, Outside, Queue, Relay, Semaphore, Signal, Timers};

/// With so many milliseconds of timer slack.
#[derive(Clone)]
pub struct Turnwise<const SLACK: u64 = 0>;

impl<const SLACK: u64> Executor for Turnwise<SLACK> {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let slack = Duration::from_millis(SLACK);
        let runtime = turnwise::Runtime::builder().timer_slack(slack).build();
        runtime.block_on(main(Turnwise))
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        turnwise::spawn(future)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.unwrap()
    }

    fn yield_now() -> impl Future<Output = ()> {
        turnwise::yield_now()
    }
}

impl<const SLACK: u64> Timers for Turnwise<SLACK> {
    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        turnwise::sleep(duration)
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        turnwise::timeout(duration, future).await.ok()
    }
}

impl Lock for sync::Lock<u64> {
    type Guard<'a> = sync::LockGuard<'a, u64>;

    fn new() -> Self {
        sync::Lock::new(0)
    }

    fn acquire(&self) -> impl Future<Output = sync::LockGuard<'_, u64>> {
        self.acquire()
    }
}

impl Semaphore for sync::Semaphore {
    type Permit<'a> = sync::Permit<'a>;

    fn new(permits: usize) -> Self {
        sync::Semaphore::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = sync::Permit<'_>> {
        self.acquire()
    }
}

impl Event for sync::Event {
    fn new() -> Self {
        sync::Event::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.wait()
    }

    fn wake_all(&self) {
        self.set();
        self.clear();
    }
}

impl Signal for sync::Event {
    fn new() -> Self {
        sync::Event::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.wait()
    }

    fn wake_one(&self) {
        self.set();
        self.clear();
    }
}

pub struct LockAndConditions {
    flag: sync::Lock<bool>,
    /// One for those who wait for `false`, one for `true`.
    flipped: [sync::Condition; 2],
}

impl Relay for LockAndConditions {
    fn new() -> Self {
        LockAndConditions {
            flag: sync::Lock::new(false),
            flipped: [sync::Condition::new(), sync::Condition::new()],
        }
    }

    async fn pass(&self, mine: bool) {
        let flag = self.flag.acquire().await;
        let mut flag = self.flipped[usize::from(mine)]
            .wait_for(flag, |flag| *flag == mine)
            .await;
        *flag = !mine;
        self.flipped[usize::from(!mine)].notify_one();
    }
}

impl Queue for sync::Queue<u64> {
    type Sender = Rc<sync::Queue<u64>>;
    type Receiver = Rc<sync::Queue<u64>>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let queue = Rc::new(sync::Queue::bounded(capacity));
        (queue.clone(), queue)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.put(item).await.unwrap();
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.get().await.unwrap()
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

impl Outside for Turnwise<0> {
    type Sender = Sender<u64>;
    type Receiver = Rc<sync::Queue<u64>>;

    fn channel() -> (Sender<u64>, Rc<sync::Queue<u64>>) {
        let queue = Rc::new(sync::Queue::unbounded());
        let arrived = queue.clone();
        let inlet = turnwise::thread::sender(move |item| arrived.try_put(item).unwrap());
        (inlet, queue)
    }

    fn send(sender: &mut Sender<u64>, item: u64) {
        sender.send(item).unwrap();
    }

    async fn receive(receiver: &mut Rc<sync::Queue<u64>>) -> u64 {
        receiver.get().await.unwrap()
    }
}
