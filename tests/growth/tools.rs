//! What the shapes share.

use std::future::{Future, pending};
use std::rc::Rc;

use turnwise::sync::Event;
use turnwise::{JoinHandle, Runtime, block_on, spawn, yield_now};

/// Runs on a virtual clock.
pub(crate) fn virtually(future: impl Future) {
    let runtime = Runtime::builder().virtual_clock().build();
    runtime.block_on(future);
}

/// Runs on the real clock.
pub(crate) fn really(future: impl Future) {
    block_on(future);
}

/// `0..n` in an order that is neither up nor down; the same one every time.
pub(crate) fn shuffled(n: usize) -> impl Iterator<Item = usize> {
    let common = |a: usize, b: usize| {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let near = n * 5 / 8 + 1;
    let step = (near..).find(|step| common(*step, n) == 1).unwrap_or(1);
    (0..n).map(move |at| at * step % n)
}

/// `n` tasks from a function of their numbers.
pub(crate) fn many<F>(n: usize, task: impl Fn(usize) -> F) -> Vec<JoinHandle<F::Output>>
where
    F: Future<Output: 'static> + 'static,
{
    (0..n).map(|at| spawn(task(at))).collect()
}

/// `n` tasks that never end, polled once.
pub(crate) async fn idle(n: usize) -> Vec<JoinHandle<()>> {
    let event = Rc::new(Event::new());
    let tasks = many(n, |_| {
        let event = event.clone();
        async move {
            event.wait().await;
            pending().await
        }
    });
    yield_now().await;
    tasks
}

/// Waits for all.
pub(crate) async fn join<T: 'static>(tasks: impl IntoIterator<Item = JoinHandle<T>>) {
    for task in tasks {
        let _ = task.await;
    }
}

/// Takes `items` in that order.
pub(crate) fn in_order<T>(
    items: Vec<T>,
    order: impl Iterator<Item = usize>,
) -> impl Iterator<Item = T> {
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.filter_map(move |at| items[at].take())
}
