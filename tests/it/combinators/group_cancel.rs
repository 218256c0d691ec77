//! A group that is cancelled: what it takes from then on, and what becomes of its value.

use std::future::pending;

use turnwise::{TaskGroup, sleep, try_task_group, yield_now};

use crate::combinators::groups::seconds;
use crate::sync::trace::Trace;

#[turnwise::test]
async fn a_value_that_the_body_has_given_outlives_the_cancel_of_its_group() {
    for by in ["body", "child"] {
        let trace = Trace::default();
        let told = trace.clone();
        let result = try_task_group(async |group: TaskGroup<std::io::Error>| {
            drop(group.spawn(told.forever::<()>("service")));
            let inside = group.clone();
            drop(group.spawn(async move {
                sleep(seconds(1)).await;
                inside.cancel();
            }));
            yield_now().await;
            if by == "body" {
                group.cancel();
                assert!(group.is_closed());
                let late = group.spawn(told.forever::<()>("late"));
                assert!(late.is_finished());
            }
            Ok(7)
        })
        .await;
        assert_eq!(result.expect("the body gave a value"), 7);
        let late = if by == "body" { vec!["late"] } else { vec![] };
        assert_eq!(trace.take(), [late, vec!["service"]].concat(), "{by}");
    }
}

#[turnwise::test]
async fn an_error_of_a_child_wins_over_the_value_of_a_cancelled_group() {
    let result = try_task_group(async |group: TaskGroup<&str>| {
        drop(group.try_spawn(async { Err::<(), _>("child") }));
        yield_now().await;
        group.cancel();
        Ok(7)
    });
    let failed = result.await.expect_err("a child failed");
    assert!(!failed.is_cancelled());
    assert_eq!(failed.into_errors(), ["child"]);
}

#[turnwise::test]
async fn a_cancelled_group_takes_no_children_from_that_instant() {
    let result = try_task_group(async |group: TaskGroup<std::io::Error>| {
        let inside = group.clone();
        drop(group.spawn(async move {
            inside.cancel();
            assert!(inside.is_closed());
            assert!(inside.spawn(async {}).is_finished());
        }));
        pending::<Result<(), _>>().await
    });
    assert!(result.await.is_err_and(|failed| failed.is_cancelled()));
}
