//! `wait`, `as_completed`, and handles that are awaited, kept and awaited again.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use turnwise::sync::Event;
use turnwise::time::Instant;
use turnwise::{
    JoinError, JoinHandle, Runtime, When, as_completed, block_on, race, sleep, spawn, task,
    timeout, wait, yield_now,
};

use crate::support::panic_of;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Tasks that return their number after so many seconds.
fn tasks<const N: usize>(times: [u64; N]) -> Vec<JoinHandle<u64>> {
    times
        .into_iter()
        .map(|time| {
            spawn(async move {
                sleep(seconds(time)).await;
                time
            })
        })
        .collect()
}

async fn values(handles: Vec<JoinHandle<u64>>) -> Vec<u64> {
    let mut values = Vec::new();
    for handle in handles {
        assert!(handle.is_finished(), "wait returns what has ended");
        values.push(handle.await.expect("it returns"));
    }
    values
}

#[turnwise::test]
async fn first_completed_returns_all_that_have_ended_and_keeps_the_rest() {
    let mut handles = tasks([3, 1, 2, 1]);
    let start = Instant::now();
    let done = wait(&mut handles).until(When::FirstCompleted).await;
    assert_eq!(
        (values(done).await, start.elapsed()),
        (vec![1, 1], seconds(1))
    );
    let done = wait(&mut handles).until(When::FirstCompleted).await;
    assert_eq!((values(done).await, start.elapsed()), (vec![2], seconds(2)));
    let done = wait(&mut handles).await;
    assert_eq!((values(done).await, start.elapsed()), (vec![3], seconds(3)));
    assert!(handles.is_empty());
}

#[turnwise::test]
async fn all_waits_for_the_last_in_any_order() {
    for times in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let mut handles = tasks(times);
        let start = Instant::now();
        let done = wait(&mut handles).await;
        assert_eq!(start.elapsed(), seconds(3));
        assert_eq!(values(done).await, times);
    }
}

#[turnwise::test]
async fn first_error_ends_at_a_panic_or_a_cancel_or_when_all_have_ended() {
    let start = Instant::now();
    let mut handles = tasks([1, 9]);
    handles.push(spawn(async {
        sleep(seconds(2)).await;
        panic!("boom")
    }));
    let done = wait(&mut handles).until(When::FirstError).await;
    assert_eq!(
        (done.len(), handles.len(), start.elapsed()),
        (2, 1, seconds(2))
    );
    handles[0].cancel();

    let mut handles = tasks([1, 2, 9]);
    handles[2].cancel();
    let done = wait(&mut handles).until(When::FirstError).await;
    assert_eq!(
        (done.len(), handles.len(), start.elapsed()),
        (1, 2, seconds(2))
    );
    for handle in done {
        assert!(handle.await.is_err_and(|error| error.is_cancelled()));
    }
    let done = wait(&mut handles).until(When::FirstError).await;
    assert_eq!(
        (values(done).await, start.elapsed()),
        (vec![1, 2], seconds(4))
    );
}

#[turnwise::test]
async fn first_error_is_noticed_wherever_it_is_among_many() {
    for fails in [0, 1, 50, 99] {
        let ends = |n: u64| async move {
            sleep(seconds(n + 1)).await;
            assert_ne!(n, fails, "this one fails");
        };
        let mut handles: Vec<_> = (0..100).map(|n| spawn(ends(n))).collect();
        // One of others that fails is no failure of these.
        let other = spawn(async {
            sleep(Duration::from_millis(500)).await;
            panic!("of another");
        });
        let start = Instant::now();
        let done = wait(&mut handles).until(When::FirstError).await;
        assert_eq!(
            (done.len() as u64, start.elapsed()),
            (fails + 1, seconds(fails + 1))
        );
        assert!(other.await.is_err());
        handles.iter().for_each(|handle| _ = handle.cancel());
    }
}

#[turnwise::test]
async fn first_error_wakes_the_waker_of_the_last_poll() {
    // Polled under one waker, then under another: the next failure has to wake the second.
    let mut handles = vec![spawn(pending::<()>()), spawn(pending())];
    let last = task::all().pop().expect("there are three");
    let mut waits = Box::pin(async move {
        let done = wait(&mut handles).until(When::FirstError).await;
        (done.len(), handles.len())
    });
    assert!(futures::poll!(&mut waits).is_pending());
    let mut all = FuturesUnordered::from_iter([waits]);
    let cancels = spawn(async move {
        sleep(seconds(1)).await;
        last.cancel()
    });
    assert_eq!(all.next().await, Some((1, 1)));
    assert!(cancels.await.expect("it returns"));
    // The wait dropped the handle of the other.
    task::all()[1].cancel();
}

#[turnwise::test]
async fn an_err_that_a_task_returns_is_a_value() {
    let mut handles = vec![
        spawn(async { Err::<(), _>("a value") }),
        spawn(async {
            sleep(seconds(3)).await;
            Ok(())
        }),
    ];
    let start = Instant::now();
    let done = wait(&mut handles).until(When::FirstError).await;
    assert_eq!((done.len(), start.elapsed()), (2, seconds(3)));
}

#[turnwise::test]
async fn a_time_limit_returns_what_has_ended_and_cancels_nothing() {
    for when in [When::All, When::FirstError] {
        let mut handles = tasks([1, 5]);
        let start = Instant::now();
        let done = wait(&mut handles).until(when).within(seconds(2)).await;
        assert_eq!((values(done).await, start.elapsed()), (vec![1], seconds(2)));
        let done = wait(&mut handles).until(when).within(seconds(9)).await;
        assert_eq!((values(done).await, start.elapsed()), (vec![5], seconds(5)));
    }
    let mut handles = tasks([5]);
    let start = Instant::now();
    assert!(
        wait(&mut handles)
            .until(When::FirstCompleted)
            .within(Duration::ZERO)
            .await
            .is_empty()
    );
    assert!(
        wait(&mut handles)
            .until(When::FirstCompleted)
            .within(seconds(1))
            .await
            .is_empty()
    );
    assert_eq!(start.elapsed(), seconds(1));
    // At the same instant the tasks, whose timers are older, come first.
    let done = wait(&mut handles).within(seconds(4)).await;
    assert_eq!(values(done).await, [5]);
}

#[turnwise::test]
async fn a_dropped_wait_leaves_every_handle_in_place_and_can_be_retried() {
    let mut handles = tasks([3, 1, 2]);
    for when in [When::All, When::FirstError, When::FirstCompleted] {
        drop(wait(&mut handles).until(when));
        let given_up = timeout(Duration::from_millis(300), wait(&mut handles).until(when)).await;
        assert!(given_up.is_err());
        assert_eq!(handles.len(), 3);
    }
    let done = wait(&mut handles).await;
    assert_eq!(values(done).await, [3, 1, 2]);
}

#[turnwise::test]
async fn tasks_that_had_ended_before_are_ready_at_once() {
    let mut handles = tasks([0, 0]);
    sleep(seconds(1)).await;
    let mut done = Box::pin(wait(&mut handles));
    let std::task::Poll::Ready(done) = futures::poll!(done.as_mut()) else {
        panic!("they have ended");
    };
    assert_eq!(values(done).await, [0, 0]);
}

#[test]
fn a_wait_for_nothing_panics_with_the_cure() {
    let text = panic_of(|| drop(wait(&mut Vec::<JoinHandle<()>>::new())));
    assert!(text.contains("needs at least one handle"), "{text}");
}

#[turnwise::test]
async fn wait_works_under_foreign_combinators() {
    let (mut a, mut b, mut c) = (tasks([1, 4]), tasks([2, 3]), tasks([5]));
    let mut waits: FuturesUnordered<_> = FuturesUnordered::new();
    waits.push(wait(&mut a));
    waits.push(wait(&mut b).until(When::FirstCompleted));
    waits.push(wait(&mut c).within(seconds(3)));
    let mut counts = Vec::new();
    while let Some(done) = waits.next().await {
        counts.push(done.len());
    }
    assert_eq!(counts, [1, 0, 2]);
    drop(waits);
    // What had registered with a combinator that is gone registers anew.
    let done = wait(&mut c).await;
    assert_eq!(values(done).await, [5]);
    assert_eq!(values(wait(&mut b).await).await, [3]);
}

#[turnwise::test]
async fn as_completed_gives_results_in_the_order_of_their_ends() {
    let mut handles = tasks([3, 1, 2, 1]);
    handles.push(spawn(async {
        sleep(seconds(4)).await;
        panic!("boom")
    }));
    handles.push(spawn(pending()));
    handles[5].cancel_because("not needed");
    let mut order = Vec::new();
    let mut results = as_completed(handles);
    while let Some((place, result)) = results.next().await {
        order.push((place, result.map_err(|error| error.to_string())));
    }
    let errors = ["task cancelled: not needed", "task panicked: boom"].map(str::to_owned);
    let [cancelled, panicked] = errors;
    let expected = [
        (5, Err(cancelled)),
        (1, Ok(1)),
        (3, Ok(1)),
        (2, Ok(2)),
        (0, Ok(3)),
        (4, Err(panicked)),
    ];
    assert_eq!(order, expected);
    assert!(results.next().await.is_none(), "it stays at its end");
}

#[turnwise::test]
async fn as_completed_of_nothing_is_over_at_once() {
    assert!(
        as_completed(Vec::<JoinHandle<()>>::new())
            .next()
            .await
            .is_none()
    );
}

#[turnwise::test]
async fn a_dropped_as_completed_detaches_the_tasks_and_a_dropped_next_loses_nothing() {
    let done = Rc::new(Cell::new(0));
    let handles: Vec<_> = (1..=3)
        .map(|n| {
            let done = done.clone();
            spawn(async move {
                sleep(seconds(n)).await;
                done.set(done.get() + 1);
                n
            })
        })
        .collect();
    let mut results = as_completed(handles);
    assert!(
        timeout(Duration::from_millis(500), results.next())
            .await
            .is_err()
    );
    let (place, result) = results.next().await.expect("there are three");
    assert_eq!((place, result.expect("it returns")), (0, 1));
    drop(results);
    sleep(seconds(3)).await;
    assert_eq!(done.get(), 3);
}

#[test]
fn a_handle_that_gave_its_output_is_refused_at_the_call() {
    let text = panic_of(|| {
        block_on(async {
            let mut tasks = vec![spawn(async {}), spawn(async {})];
            (&mut tasks[0]).await.expect("it returns");
            wait(&mut tasks).await
        })
    });
    assert!(
        text.contains("was passed to wait after it gave its output"),
        "{text}"
    );
}

#[turnwise::test]
async fn as_completed_says_so_when_its_wait_is_cancelled() {
    let mut results = as_completed(tasks([1]));
    yield_now().await;
    for info in task::all() {
        info.cancel();
    }
    let (place, result) = results.next().await.expect("the task ended in some way");
    assert_eq!(place, 0);
    assert!(result.is_err_and(|error| error.is_cancelled()));
    assert!(results.next().await.is_none());
}

#[turnwise::test]
async fn a_handle_that_is_kept_shields_its_task() {
    let mut handle = spawn(async {
        sleep(seconds(5)).await;
        "finished"
    });
    assert!(timeout(seconds(1), &mut handle).await.is_err());
    race((
        async {
            let _ = (&mut handle).await;
        },
        sleep(seconds(1)),
    ))
    .await;
    assert!(!handle.is_finished());
    assert_eq!(handle.await.expect("nobody cancelled it"), "finished");
}

#[test]
fn a_handle_awaited_again_panics_with_the_cure() {
    let text = panic_of(|| {
        Runtime::builder().virtual_clock().build().block_on(async {
            let mut handle = spawn(async { 1 });
            assert_eq!((&mut handle).await.expect("it returns"), 1);
            assert!(handle.is_finished());
            handle.await
        })
    });
    assert!(
        text.contains("awaited again after it gave its output"),
        "{text}"
    );
}

#[turnwise::test]
async fn a_cancel_carries_its_reason_once() {
    let task = spawn(pending::<()>());
    task.cancel_because("first");
    task.cancel_because("second");
    let error = task.await.expect_err("it was cancelled");
    assert!(
        matches!(&error, JoinError::Cancelled { reason: Some(reason), .. } if reason == "first"),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "task cancelled: first");

    let task = spawn(async { 7 });
    yield_now().await;
    task.cancel_because("too late");
    assert_eq!(task.await.expect("it had finished"), 7);

    let reusing = spawn(pending::<()>());
    reusing.cancel();
    let error = reusing.await.expect_err("it was cancelled");
    assert_eq!(
        error.to_string(),
        "task cancelled",
        "the reason is not another task's"
    );
}

#[turnwise::test]
async fn current_and_all_know_the_tasks() {
    let me = task::current().expect("main is a task");
    let child = spawn(async { task::current().expect("it is a task").id }).named("child");
    let all = task::all();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], me);
    assert_eq!(
        (all[1].id, all[1].name.as_deref()),
        (child.id(), Some("child"))
    );
    assert!(all[1].spawned_at.file().ends_with("wait.rs"));
    let id = child.id();
    assert_eq!(child.await.expect("it returns"), id);
    assert_eq!(task::all(), [me.clone()]);
    me.cancel(); // Main cannot be cancelled.
    yield_now().await;
    assert_eq!(task::current(), Some(me));
}

#[test]
fn outside_there_is_no_current_task() {
    assert_eq!(task::current(), None);
    assert!(task::all().is_empty());
}

#[turnwise::test]
async fn a_timeout_is_moved_and_says_whether_it_expired() {
    let start = Instant::now();
    let mut limit = Box::pin(timeout(seconds(5), pending::<()>()));
    assert_eq!(limit.when(), start + seconds(5));
    assert!(timeout(seconds(1), limit.as_mut()).await.is_err());
    limit
        .as_mut()
        .reschedule(start + seconds(20))
        .expect("it has not expired");
    assert_eq!(limit.when(), start + seconds(20));
    assert!(timeout(seconds(9), limit.as_mut()).await.is_err());
    assert!(!limit.expired());
    limit
        .as_mut()
        .reschedule(start + seconds(12))
        .expect("it has not expired");
    assert!(limit.as_mut().await.is_err());
    assert_eq!(start.elapsed(), seconds(12));
    assert!(limit.expired());
    assert!(limit.as_mut().reschedule(start + seconds(99)).is_err());
    assert!(limit.expired());
}

#[turnwise::test]
async fn a_timeout_moved_into_the_past_polls_its_future_once_more() {
    let start = Instant::now();
    let mut limit = Box::pin(timeout(seconds(5), async {
        yield_now().await;
        7
    }));
    assert!(futures::poll!(limit.as_mut()).is_pending());
    limit
        .as_mut()
        .reschedule(start)
        .expect("it has not expired");
    assert_eq!(limit.await, Ok(7), "a value that is ready wins");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[turnwise::test]
async fn a_timeout_that_ended_well_can_be_moved_without_harm() {
    let mut limit = Box::pin(timeout(seconds(1), async { 7 }));
    assert_eq!(limit.as_mut().await, Ok(7));
    assert!(!limit.expired());
    limit
        .as_mut()
        .reschedule(Instant::now() + seconds(1))
        .expect("it has not expired");
    sleep(seconds(2)).await;
    assert!(!limit.expired());
}

#[turnwise::test]
async fn a_wait_that_was_dropped_or_is_over_leaves_no_joiner_behind() {
    let gate = Rc::new(Event::new());
    let polls = Rc::new(Cell::new(0));
    let (inside, counted) = (gate.clone(), polls.clone());
    let waiter = spawn(async move {
        let tasks = (0..3).map(|_| {
            let gate = inside.clone();
            spawn(async move { gate.wait().await })
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.push(spawn(yield_now()));
        for when in [When::All, When::FirstError, When::FirstCompleted] {
            assert!(
                timeout(Duration::ZERO, wait(&mut tasks).until(when))
                    .await
                    .is_err()
            );
        }
        // One that has ended takes its handle out, and lets go of the others.
        let done = wait(&mut tasks).until(When::FirstCompleted).await;
        assert_eq!((done.len(), tasks.len()), (1, 3));
        let limit = Duration::from_secs(1);
        assert!(
            wait(&mut tasks)
                .until(When::FirstCompleted)
                .within(limit)
                .await
                .is_empty()
        );
        let mut nothing = std::future::pending::<()>();
        std::future::poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            // Kept, so that this is no task that waits for nothing.
            let _waker = Box::leak(Box::new(cx.waker().clone()));
            std::pin::Pin::new(&mut nothing).poll(cx)
        })
        .await;
        drop(tasks);
    })
    .named("waiter");
    turnwise::sleep(Duration::from_secs(2)).await;
    assert_eq!(polls.get(), 1);
    let report = turnwise::report::dump().to_string();
    assert!(
        report.contains("waiter") && !report.contains("waits for the end of"),
        "{report}"
    );
    gate.set();
    turnwise::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        polls.get(),
        1,
        "the end of a task that nobody awaits woke somebody"
    );
    waiter.cancel();
    assert!(waiter.await.is_err());
}
