//! Tasks that are left when the program or the test is over.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use turnwise::{spawn, task};

use crate::support::{OnDrop, yields};

#[turnwise::test(detached)]
async fn a_detached_test_may_leave_a_task() {
    drop(spawn(pending::<()>()));
}

#[turnwise::test(real_time, detached)]
async fn so_may_one_on_the_real_clock() {
    drop(spawn(pending::<()>()));
    yields(1).await;
}

#[turnwise::test]
#[should_panic(expected = "or write `#[turnwise::test(detached)]`")]
async fn another_test_may_not() {
    drop(spawn(pending::<()>()));
}

#[turnwise::test(detached)]
#[should_panic(expected = "nothing can ever wake this program again")]
async fn a_detached_test_fails_at_a_deadlock_all_the_same() {
    pending::<()>().await;
}

#[turnwise::test]
async fn all_others_are_cancelled_and_dropped_in_order() {
    let ended = Rc::new(Cell::new(0));
    for n in 0..3 {
        let ended = ended.clone();
        drop(spawn(async move {
            let _last = OnDrop(|| assert_eq!(ended.replace(n + 1), n));
            pending::<()>().await;
        }));
    }
    yields(1).await;
    assert_eq!(task::cancel_all(), 3);
    assert_eq!(ended.get(), 0, "each is dropped in its own turn");
    yields(1).await;
    assert_eq!(ended.get(), 3);
    assert_eq!(task::cancel_all(), 0);
    // What is spawned afterwards lives, and neither the caller nor main is cancelled.
    let later = spawn(async {
        assert_eq!(task::cancel_all(), 0);
        yields(1).await;
        7
    });
    assert_eq!(later.await.unwrap(), 7);
}

#[test]
fn without_a_runtime_there_are_none() {
    assert_eq!(task::cancel_all(), 0);
}
