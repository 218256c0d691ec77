//! `local-runtime`: an executor with timers, and no primitives.
//!
//! Main is the future of its `block_on` and no task: a task that spawns in its first poll panics.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use local_runtime::{TaskHandle, time};

use super::{Executor, Timers, wake_self};

#[derive(Clone)]
pub struct LocalRuntime(Rc<local_runtime::Executor<'static>>);

impl Executor for LocalRuntime {
    type Handle<T: 'static> = TaskHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let executor = Rc::new(local_runtime::Executor::new());
        let main = main(LocalRuntime(executor.clone()));
        executor.block_on(main)
    }

    fn spawn<F>(&self, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        self.0.spawn(future)
    }

    fn join<T: 'static>(handle: TaskHandle<T>) -> impl Future<Output = T> {
        handle
    }

    fn yield_now() -> impl Future<Output = ()> {
        wake_self()
    }
}

impl Timers for LocalRuntime {
    async fn sleep(duration: Duration) {
        time::sleep(duration).await;
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        time::timeout(future, duration).await.ok()
    }
}
