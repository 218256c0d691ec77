//! A queue that closes itself when its last sender goes.

use std::future::pending;

use turnwise::spawn;
use turnwise::sync::Queue;

use crate::support::yields;

#[turnwise::test]
async fn the_last_sender_closes_and_what_is_left_is_taken() {
    let (sender, queue) = Queue::unbounded().with_sender();
    let other = sender.clone();
    sender.try_put(1).unwrap();
    drop(sender);
    other.put(2).await.unwrap();
    assert_eq!(queue.get().await, Ok(1));
    drop(other);
    assert_eq!(queue.get().await, Ok(2));
    assert!(queue.get().await.is_err());
}

#[turnwise::test]
async fn however_a_putter_ends_the_getters_learn_of_it() {
    let (sender, queue) = Queue::bounded(1).with_sender();
    let panics = spawn({
        let sender = sender.clone();
        async move {
            sender.put(1).await.unwrap();
            panic!("that was all");
        }
    });
    let waits = spawn(async move {
        sender.put(2).await.unwrap();
        pending::<()>().await;
    });
    let getting = spawn(async move {
        let mut got = Vec::new();
        while let Ok(item) = queue.get().await {
            got.push(item);
        }
        got
    });
    yields(3).await;
    assert!(!getting.is_finished(), "one may still put");
    waits.cancel();
    assert_eq!(getting.await.unwrap(), [1, 2]);
    assert!(panics.await.unwrap_err().is_panic());
}

#[turnwise::test]
async fn the_close_wakes_a_getter_that_waits() {
    let (sender, queue) = Queue::<u8>::bounded(1).with_sender();
    let getting = spawn(async move { queue.get().await });
    yields(1).await;
    assert!(format!("{sender:?}").contains("senders: 1"));
    drop(sender);
    assert!(getting.await.unwrap().is_err());
}
