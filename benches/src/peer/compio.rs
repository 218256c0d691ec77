//! compio on its own choice of driver. It has no primitives of its own.

use std::future::Future;
use std::time::Duration;

use compio::runtime::{JoinHandle, Runtime};
use compio::time;

use super::{Executor, Timers, wake_self};

#[derive(Clone)]
pub struct Compio;

impl Executor for Compio {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async { compio::runtime::spawn(main(Compio)).await.ok().unwrap() })
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        compio::runtime::spawn(future)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.ok().unwrap()
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_self()
    }
}

impl Timers for Compio {
    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        time::sleep(duration)
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        time::timeout(duration, future).await.ok()
    }
}
