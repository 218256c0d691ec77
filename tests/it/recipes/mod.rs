//! The types of examples/recipes, which people copy into their programs.

#[path = "../../../examples/recipes/broadcast.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod broadcast;
#[path = "../../../examples/recipes/cancellation_token.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod cancellation_token;
#[path = "../../../examples/recipes/join_set.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod join_set;
#[path = "../../../examples/recipes/notify.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod notify;
#[path = "../../../examples/recipes/watch.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a recipe has what programs ask for"
)]
mod watch;

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use broadcast::RecvError;
use cancellation_token::CancellationToken;
use futures::future::join_all;
use futures::poll;
use join_set::JoinSet;
use notify::Notify;
use turnwise::{sleep, spawn, timeout};

use crate::support::{Census, OnDrop, yields};

#[turnwise::test]
async fn a_watcher_sees_the_latest_value_and_the_end() {
    let (tx, mut rx) = watch::channel(0);
    let mut late = tx.subscribe();
    assert!(!rx.has_changed());
    let watching = spawn(async move {
        let mut seen = vec![*rx.borrow()];
        while rx.changed().await.is_ok() {
            seen.push(*rx.borrow_and_update());
        }
        seen
    });
    yields(1).await;
    assert_eq!(tx.send(1), 0);
    yields(2).await;
    tx.send(2);
    tx.modify(|value| *value += 1);
    let other = tx.clone();
    drop(tx);
    yields(2).await;
    other.send(4);
    // The last change is one, although no sender is left.
    drop(other);
    assert_eq!(watching.await.unwrap(), [0, 1, 3, 4]);
    assert!(late.changed().await.is_ok());
    assert_eq!(*late.borrow(), 4);
    assert_eq!(late.changed().await, Err(watch::Closed));
}

#[turnwise::test]
async fn a_change_that_a_dropped_watcher_was_woken_for_is_still_one() {
    let (tx, mut rx) = watch::channel("old");
    for polls in 0..3 {
        let mut changed = Box::pin(rx.changed());
        for _ in 0..polls.min(1) {
            assert!(poll!(&mut changed).is_pending());
        }
        tx.send("new");
        if polls == 2 {
            assert!(poll!(&mut changed).is_ready());
        }
        drop(changed);
        assert_eq!(rx.has_changed(), polls < 2);
        rx.borrow_and_update();
    }
    let watchers = (0..3).map(|_| {
        let mut rx = tx.subscribe();
        async move { rx.changed().await.map(|()| *rx.borrow()) }
    });
    let all = spawn(join_all(watchers));
    yields(1).await;
    tx.send("newest");
    assert_eq!(all.await.unwrap(), [Ok("newest"); 3]);
}

#[turnwise::test]
async fn a_broadcast_goes_to_all_and_drops_the_oldest() {
    let census = Census::default();
    let (tx, mut fast) = broadcast::channel(2);
    let mut slow = tx.subscribe();
    let mut sum = 0;
    for n in 0..5 {
        let value = Rc::new((n, census.token()));
        assert_eq!(tx.send(value).unwrap_or_default(), 2);
        sum += fast.recv().await.unwrap().0;
    }
    assert_eq!((sum, census.alive()), (10, 2), "no more are kept than two");
    assert_eq!(slow.recv().await.err(), Some(RecvError::Lagged(3)));
    assert_eq!(slow.try_recv().unwrap().unwrap().0, 3);
    let mut as_far = slow.clone();
    drop(tx);
    assert_eq!(slow.recv().await.unwrap().0, 4);
    assert_eq!(slow.recv().await.err(), Some(RecvError::Closed));
    assert_eq!(as_far.recv().await.unwrap().0, 4);
    assert_eq!(as_far.try_recv().unwrap().err(), Some(RecvError::Closed));
    drop((slow, as_far, fast));
    assert_eq!(census.alive(), 0);
}

#[turnwise::test]
async fn receivers_of_a_broadcast_are_woken_and_lose_nothing_when_dropped() {
    let (tx, mut rx) = broadcast::channel(8);
    assert_eq!(tx.send(1), Ok(1));
    drop(rx.recv());
    assert_eq!(rx.recv().await, Ok(1));
    let mut waits = Box::pin(rx.recv());
    assert!(poll!(&mut waits).is_pending());
    tx.send(2).unwrap();
    drop(waits);
    assert_eq!(rx.recv().await, Ok(2));
    let receiving = spawn(async move { (rx.recv().await, rx.recv().await) });
    yields(1).await;
    tx.send(3).unwrap();
    drop(tx);
    assert_eq!(receiving.await.unwrap(), (Ok(3), Err(RecvError::Closed)));
    let (tx, rx) = broadcast::channel(1);
    drop(rx);
    assert_eq!(tx.send("lost"), Err("lost"));
}

#[turnwise::test]
async fn a_token_cancels_what_is_below_it() {
    let root = CancellationToken::new();
    let (child, sibling) = (root.child_token(), root.child_token());
    let grandchild = child.child_token();
    let waits = spawn({
        let grandchild = grandchild.clone();
        async move { grandchild.cancelled().await }
    });
    yields(1).await;
    child.cancel();
    waits.await.unwrap();
    assert!(!root.is_cancelled() && !sibling.is_cancelled());
    assert!(child.child_token().is_cancelled());
    let guard = sibling.clone().drop_guard();
    assert_eq!(sibling.run_until_cancelled(async { 7 }).await, Some(7));
    drop(guard);
    assert_eq!(sibling.run_until_cancelled(pending::<()>()).await, None);
    assert!(!root.clone().drop_guard().disarm().is_cancelled());
    // A deep tree ends on a small stack, and children that are gone are forgotten.
    let mut leaf = root.child_token();
    for _ in 0..100_000 {
        drop(root.child_token());
        leaf = leaf.child_token();
    }
    root.cancel();
    assert!(leaf.is_cancelled());
}

#[turnwise::test]
async fn a_notification_is_remembered_once_and_passed_on() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    notify.notified().await;
    let mut first = Box::pin(notify.notified());
    let mut second = Box::pin(notify.notified());
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    notify.notify_one();
    drop(first);
    assert!(poll!(&mut second).is_ready(), "it goes to the next");
    let mut third = Box::pin(notify.notified());
    assert!(poll!(&mut third).is_pending());
    notify.notify_waiters();
    drop(third);
    let mut fourth = Box::pin(notify.notified());
    assert!(poll!(&mut fourth).is_pending(), "a grant to all is not");
}

#[turnwise::test]
async fn a_set_takes_panics_as_values_in_the_order_of_the_ends() {
    let mut set = JoinSet::new();
    for (delay, outcome) in [(3, Ok("slow")), (1, Err("boom")), (2, Ok("quick"))] {
        set.spawn(async move {
            sleep(Duration::from_secs(delay)).await;
            outcome.expect("no luck")
        });
    }
    assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
    // Dropped after every number of polls, and nothing is lost.
    let mut ends = Vec::new();
    while !set.is_empty() {
        if let Ok(end) = timeout(Duration::from_millis(300), set.join_next()).await {
            ends.push(end.unwrap().unwrap());
        }
    }
    assert_eq!(ends, ["quick", "slow"]);
    assert!(set.join_next().await.is_none());
}

#[turnwise::test]
async fn a_set_that_goes_takes_its_tasks_along() {
    let ended = Rc::new(Cell::new(0));
    let mut set = JoinSet::new();
    let fill = |set: &mut JoinSet<()>| {
        for _ in 0..3 {
            let ended = ended.clone();
            set.spawn(async move {
                let _last = OnDrop(|| ended.set(ended.get() + 1));
                pending::<()>().await;
            });
        }
    };
    fill(&mut set);
    set.abort_all();
    assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    fill(&mut set);
    yields(1).await;
    set.shutdown().await;
    assert!(set.is_empty());
    assert_eq!(ended.get(), 3, "the first were never polled");
    fill(&mut set);
    yields(1).await;
    drop(set);
    yields(1).await;
    assert_eq!(ended.get(), 6);
}
