//! `unsend`: its executor, event and locks. Its channel is unbounded only.

use std::future::Future;
use std::rc::Rc;

use async_executor::Task; // unsend returns the same task type and does not re-export it.
use unsend::lock::{Mutex, MutexGuard, Semaphore as Permits, SemaphoreGuard};

use super::{Event, Executor, Lock, Semaphore, Signal, wake_self};

#[derive(Clone)]
pub struct Unsend(Rc<unsend::executor::Executor<'static>>);

impl Executor for Unsend {
    type Handle<T: 'static> = Task<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let executor = Rc::new(unsend::executor::Executor::new());
        let main = executor.spawn(main(Unsend(executor.clone())));
        futures_lite::future::block_on(executor.run(main))
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

impl Semaphore for Permits {
    type Permit<'a> = SemaphoreGuard<'a>;

    fn new(permits: usize) -> Self {
        Permits::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = SemaphoreGuard<'_>> {
        self.acquire()
    }
}

impl Event for unsend::Event<()> {
    fn new() -> Self {
        unsend::Event::new()
    }

    async fn wait(&self) {
        std::pin::pin!(unsend::EventListener::new(self)).await
    }

    fn wake_all(&self) {
        self.notify(usize::MAX);
    }
}

impl Signal for unsend::Event<()> {
    fn new() -> Self {
        unsend::Event::new()
    }

    async fn wait(&self) {
        std::pin::pin!(unsend::EventListener::new(self)).await
    }

    fn wake_one(&self) {
        self.notify(1);
    }
}
