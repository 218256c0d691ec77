//! The plays of `cancel_everywhere.rs` on queues of every kind: whoever is cut off, no item is lost
//! or comes twice, and the count of unfinished work is exact.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use futures::StreamExt;
use turnwise::sync::{Channel, Closed, CountDownLatch, LifoQueue, PriorityQueue, Queue, Store};
use turnwise::yield_now;

use crate::support::{OnDrop, yields};
use crate::sync::cancel_everywhere::{Play, everywhere};

type Items = Rc<RefCell<Vec<u32>>>;

/// What went in and what came out.
#[derive(Clone, Default)]
struct Ledger {
    put: Items,
    got: Items,
}

impl Ledger {
    fn put(&self, item: u32) {
        self.put.borrow_mut().push(item);
    }

    fn got(&self, item: u32) {
        self.got.borrow_mut().push(item);
    }

    /// Asserts that everything came out that went in, once.
    #[track_caller]
    fn balance(&self) {
        let (mut put, mut got) = (self.put.take(), self.got.take());
        put.sort_unstable();
        got.sort_unstable();
        assert_eq!(put, got, "items put and items got");
    }
}

/// A producer, which gives up its count in `over` on every way out.
fn produce<Q, S>(
    queue: Rc<Q>,
    ledger: Ledger,
    over: Rc<CountDownLatch>,
    first: u32,
) -> impl Future<Output = ()>
where
    Q: Deref<Target = Channel<S>>,
    S: Store<Item = u32>,
{
    let over = OnDrop(move || over.count_down());
    async move {
        let _over = over;
        for item in first..first + 3 {
            match queue.put(item).await {
                Ok(()) => ledger.put(item),
                Err(Closed(refused)) => {
                    assert_eq!(refused, item);
                    break;
                }
            }
            if item % 2 == 0 {
                yield_now().await;
            }
        }
    }
}

async fn get<Q, S>(queue: Rc<Q>, ledger: Ledger)
where
    Q: Deref<Target = Channel<S>>,
    S: Store<Item = u32>,
{
    while let Ok(item) = queue.get().await {
        ledger.got(item);
        queue.task_done().unwrap();
        yield_now().await;
    }
}

async fn take<Q, S>(queue: Rc<Q>, ledger: Ledger)
where
    Q: Deref<Target = Channel<S>>,
    S: Store<Item = u32>,
{
    while let Ok(item) = queue.take().await {
        ledger.got(*item);
        // Cancelled here, its work is done all the same.
        yields(2).await;
    }
}

async fn stream<Q, S>(queue: Rc<Q>, ledger: Ledger)
where
    Q: Deref<Target = Channel<S>>,
    S: Store<Item = u32>,
{
    let mut items = queue.stream();
    while let Some(item) = items.next().await {
        ledger.got(item);
        queue.task_done().unwrap();
    }
}

/// Producers and consumers of all kinds; closed when the producers are over.
fn put_and_get<Q, S>(queue: Q) -> Play
where
    Q: Deref<Target = Channel<S>> + 'static,
    S: Store<Item = u32> + 'static,
{
    let (queue, ledger) = (Rc::new(queue), Ledger::default());
    let over = Rc::new(CountDownLatch::new(2));
    let produce = |first| produce(queue.clone(), ledger.clone(), over.clone(), first);
    let close = {
        let (queue, over) = (queue.clone(), over.clone());
        async move {
            over.wait().await;
            queue.close();
        }
    };
    let join = {
        let (queue, over) = (queue.clone(), over.clone());
        async move {
            over.wait().await;
            queue.join().await;
            assert_eq!(queue.unfinished(), 0);
        }
    };
    let play = Play::default()
        .task("get", get(queue.clone(), ledger.clone()))
        .task("produce 1", produce(1))
        .task("take", take(queue.clone(), ledger.clone()))
        .task("produce 11", produce(11))
        .task("stream", stream(queue.clone(), ledger.clone()));
    play.vital("close", close)
        .vital("join", join)
        .check(move |_| {
            ledger.balance();
            assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        })
}

/// The queue is closed while producers and consumers are in the middle of it.
fn closed_in_between<Q, S>(queue: Q, turns: usize, now: bool) -> Play
where
    Q: Deref<Target = Channel<S>> + 'static,
    S: Store<Item = u32> + 'static,
{
    let (queue, ledger) = (Rc::new(queue), Ledger::default());
    let over = Rc::new(CountDownLatch::new(2));
    let produce = |first| produce(queue.clone(), ledger.clone(), over.clone(), first);
    let close = {
        let (queue, ledger) = (queue.clone(), ledger.clone());
        async move {
            yields(turns).await;
            if now {
                let left = queue.close_now();
                left.into_iter().for_each(|item| ledger.got(item));
            } else {
                queue.close();
            }
        }
    };
    let join = {
        let queue = queue.clone();
        async move {
            yield_now().await;
            queue.join().await;
        }
    };
    let play = Play::default()
        .task("produce 1", produce(1))
        .task("get", get(queue.clone(), ledger.clone()))
        .task("produce 11", produce(11))
        .task("take", take(queue.clone(), ledger.clone()))
        .task("get too", get(queue.clone(), ledger.clone()));
    let play = play.vital("close", close).patient("join", join);
    play.check(move |play| {
        // What a getter was granted that was cancelled after the end is nobody's but is there.
        let left: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
        assert!(left.is_empty() || play.cancelled() > 0);
        for item in left {
            ledger.got(item);
            queue.task_done().unwrap();
        }
        ledger.balance();
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        let shown = format!("{:?}", **queue);
        assert!(shown.contains("getters: 0, putters: 0"), "{shown}");
    })
}

macro_rules! for_every_queue {
    ($($name:ident: $queue:ident;)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn items_are_put_and_got_until_the_end() {
                everywhere(|| put_and_get($queue::bounded(1)));
                everywhere(|| put_and_get($queue::bounded(2)));
                everywhere(|| put_and_get($queue::unbounded()));
            }

            #[test]
            fn closed_in_between() {
                everywhere(|| super::closed_in_between($queue::bounded(1), 1, false));
                everywhere(|| super::closed_in_between($queue::bounded(1), 3, false));
                everywhere(|| super::closed_in_between($queue::bounded(2), 5, false));
            }

            #[test]
            fn closed_now_in_between() {
                everywhere(|| super::closed_in_between($queue::bounded(1), 1, true));
                everywhere(|| super::closed_in_between($queue::bounded(1), 3, true));
                everywhere(|| super::closed_in_between($queue::bounded(3), 4, true));
            }
        }
    )+};
}

for_every_queue! {
    fifo: Queue;
    lifo: LifoQueue;
    priority: PriorityQueue;
}
