//! monoio on epoll (its legacy driver). Its primitives are `local-sync`'s.

use std::cell::RefCell;
use std::future::Future;
use std::task::Waker;
use std::time::Duration;

use monoio::task::JoinHandle;
use monoio::{LegacyDriver, RuntimeBuilder};

use super::{Executor, Outside, Timers, pending_once};

/// A monoio task that wakes itself goes to the *head* of the queue, so nobody else runs. `FAIR` is what
/// one has to build for a real turn: a task that wakes those who wait for one. Without it, a yield is
/// only another poll of the same task.
#[derive(Clone)]
pub struct Monoio<const FAIR: bool>;

thread_local! {
    static TURNS: RefCell<Turns> = const {
        RefCell::new(Turns {
            yielded: Vec::new(),
            giver: None,
        })
    };
}

struct Turns {
    yielded: Vec<Waker>,
    giver: Option<Waker>,
}

/// Gives the next turn to all who yielded, in order.
async fn give_turns() {
    let mut batch = Vec::new();
    loop {
        pending_once(|waker| {
            TURNS.with_borrow_mut(|turns| {
                turns.giver = Some(waker.clone());
            });
        })
        .await;
        TURNS.with_borrow_mut(|turns| std::mem::swap(&mut batch, &mut turns.yielded));
        batch.drain(..).for_each(Waker::wake);
    }
}

impl<const FAIR: bool> Executor for Monoio<FAIR> {
    type Handle<T: 'static> = JoinHandle<T>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let mut runtime = RuntimeBuilder::<LegacyDriver>::new()
            .enable_timer()
            .build()
            .unwrap();
        let output = runtime.block_on(async {
            monoio::spawn(give_turns());
            monoio::spawn(main(Monoio)).await
        });
        TURNS.with_borrow_mut(|turns| turns.giver = None);
        output
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        monoio::spawn(future)
    }

    fn join<T: 'static>(handle: JoinHandle<T>) -> impl Future<Output = T> {
        handle
    }

    fn yield_now() -> impl Future<Output = ()> {
        pending_once(|waker| {
            if !FAIR {
                return waker.wake_by_ref();
            }
            let giver = TURNS.with_borrow_mut(|turns| {
                turns.yielded.push(waker.clone());
                turns.giver.take()
            });
            if let Some(giver) = giver {
                giver.wake();
            }
        })
    }
}

impl Timers for Monoio<true> {
    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        monoio::time::sleep(duration)
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        monoio::time::timeout(duration, future).await.ok()
    }
}

/// monoio has no channel between threads of its own; its examples take one of the general ones.
impl Outside for Monoio<true> {
    type Sender = futures::channel::mpsc::UnboundedSender<u64>;
    type Receiver = futures::channel::mpsc::UnboundedReceiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        futures::channel::mpsc::unbounded()
    }

    fn send(sender: &mut Self::Sender, item: u64) {
        sender.unbounded_send(item).unwrap();
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        futures::StreamExt::next(receiver).await.unwrap()
    }
}
