//! How a task ends where nobody takes what it leaves: as which task its destructors run, who hears of their
//! panics, and what a cancel says.

use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use turnwise::sync::Event;
use turnwise::{Runtime, TaskGroup, spawn, task, try_task_group, yield_now};

use crate::support::{Census, Log, OnDrop};

#[turnwise::test]
async fn a_task_that_was_cancelled_at_the_end_of_a_test_was_dealt_with() {
    let census = Census::default();
    let token = census.token();
    let host = spawn(try_task_group(async |group: TaskGroup<()>| {
        let child = async move {
            let _token = token;
            pending::<()>().await
        };
        drop(group.spawn(child));
        pending::<Result<(), ()>>().await
    }));
    let victim = spawn(pending::<()>());
    let canceller = spawn(async move {
        // It is dropped in its turn, and asks for another's end.
        let _cancels = OnDrop(move || drop(victim.cancel()));
        pending::<()>().await
    });
    yield_now().await;
    assert!(host.cancel() && canceller.cancel());
}

#[turnwise::test]
async fn a_cancel_says_whether_the_task_had_still_to_end() {
    let task = spawn(pending::<()>());
    assert!(task.cancel() && task.cancel() && task.cancel_because("more"));
    yield_now().await;
    assert!(task.is_finished() && !task.cancel());
    let task = spawn(async {});
    yield_now().await;
    assert!(!task.cancel());
    let main = task::current().expect("main is a task");
    assert!(!main.cancel());
}

#[test]
fn a_task_that_is_over_is_not_counted_as_ready() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async { Event::new().set() });
    runtime.turn(Some(Duration::ZERO));
    assert!(task.is_finished());
    let forever = runtime.spawn(pending::<()>());
    let gone = runtime.spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Ready(())
    }));
    runtime.turn(Some(Duration::ZERO));
    assert!(gone.is_finished());
    assert_eq!(runtime.stats().ready, 0);
    drop((task, forever, gone));
}

/// Says on drop as which task it runs, and whether a panic unwinds, and then panics if it is to.
struct Witness {
    log: Log,
    panics: bool,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let task = task::current().and_then(|info| info.name);
        let unwinding = std::thread::panicking();
        self.log.add(format!(
            "{}{}",
            task.unwrap_or("none".into()),
            if unwinding { "!" } else { "" }
        ));
        assert!(!self.panics, "in the output's drop");
    }
}

#[test]
fn an_output_that_nobody_takes_is_dropped_as_its_task_and_its_panic_is_reported() {
    for late in [false, true] {
        let (log, told) = (Log::new(), Log::new());
        let hook = told.clone();
        let runtime = Runtime::builder()
            .on_unobserved(move |told| hook.add(told.problem.clone()))
            .build();
        runtime.block_on(async {
            let witness = Witness {
                log: log.clone(),
                panics: true,
            };
            let handle = spawn(async move { witness }).named("cook");
            if late {
                yield_now().await;
                assert!(handle.is_finished());
            }
            drop(handle);
            yield_now().await;
            assert_eq!(task::all().len(), 1);
        });
        assert_eq!(log.text(), "cook", "late: {late}");
        assert_eq!(
            told.text(),
            "panicked and nobody awaits it: in the output's drop"
        );
    }
}

/// A future that was written by hand, and panics at its first poll.
struct Panicking(#[allow(dead_code)] Witness);

impl Future for Panicking {
    type Output = Result<(), ()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        panic!("in the poll")
    }
}

#[turnwise::test]
async fn a_future_whose_poll_panicked_is_dropped_while_that_unwinds() {
    let log = Log::new();
    let bad = |panics| {
        let log = log.clone();
        Panicking(Witness { log, panics })
    };
    for panics in [false, true] {
        assert!(spawn(bad(panics)).named("task").await.is_err());
        let group = try_task_group(async |group: TaskGroup<()>| {
            drop(group.try_spawn(bad(panics)).named("child"));
            Ok(())
        });
        assert!(AssertUnwindSafe(group).catch_unwind().await.is_err());
        let group = try_task_group(|_: TaskGroup<()>| bad(panics));
        assert!(spawn(group).named("body").await.is_err());
    }
    assert_eq!(log.text(), "task! child! body! task! child! body!");
}
