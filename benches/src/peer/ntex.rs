//! ntex: its runtime on its own choice of driver, and the channels of `ntex-util`. Its queue is
//! unbounded only, its time has whole milliseconds.

use std::future::Future;
use std::time::Duration;

use ntex_net::DefaultRuntime;
use ntex_rt::{JoinHandle, System};
use ntex_util::channel::{condition::Condition, oneshot};
use ntex_util::{task, time};

use super::{Event, Executor, Oneshot, Timers};

#[derive(Clone)]
pub struct Ntex;

impl Executor for Ntex {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        System::build().build(DefaultRuntime).block_on(main(Ntex))
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        ntex_rt::spawn(future)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.unwrap()
    }

    fn yield_now() -> impl Future<Output = ()> {
        task::yield_to()
    }
}

impl Timers for Ntex {
    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        time::sleep(duration)
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        time::timeout(duration, future).await.ok()
    }
}

impl Event for Condition {
    fn new() -> Self {
        Condition::new()
    }

    async fn wait(&self) {
        self.wait().ready().await;
    }

    fn wake_all(&self) {
        self.notify();
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
