//! Task groups: order, panics, cancels, nesting, memory; `group_outcomes.rs` has the table of ends.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::sync::Event;
use turnwise::time::Instant;
use turnwise::{
    GroupError, JoinError, Runtime, TaskGroup, block_on, sleep, spawn, task, timeout,
    try_task_group, yield_now,
};

use crate::support::{panic_of, text_of};
use crate::sync::trace::Trace;

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) type Errors = GroupError<std::io::Error>;

pub(crate) fn error(text: &str) -> std::io::Error {
    std::io::Error::other(text.to_owned())
}

pub(crate) fn texts(failed: &Errors) -> Vec<String> {
    failed.errors().iter().map(ToString::to_string).collect()
}

/// Spawns into a group when it is dropped.
pub(crate) struct SpawnsOnDrop {
    pub(crate) group: TaskGroup<std::io::Error>,
    pub(crate) trace: Trace,
}

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        let dropped = self.trace.on_drop("late future");
        let late = async move {
            let _dropped = dropped;
            Ok(())
        };
        let late = self.group.try_spawn(late);
        self.trace.say(if late.is_finished() {
            "late child refused"
        } else {
            "late child taken"
        });
    }
}

#[turnwise::test]
async fn a_body_does_not_see_the_failure_of_a_child_that_ends_the_group() {
    let failed: Result<(), Errors> = try_task_group(async |group: TaskGroup<std::io::Error>| {
        let child = group.try_spawn(async {
            yield_now().await;
            Err::<i32, _>(error("child"))
        });
        child
            .await
            .expect("the group has ended the body before this is looked at");
        Ok(())
    })
    .await;
    assert_eq!(texts(&failed.expect_err("a child failed")), ["child"]);
}

#[turnwise::test]
async fn errors_of_one_pass_are_all_collected_in_order() {
    let failed: Result<(), GroupError<u32>> = try_task_group(async |group: TaskGroup<u32>| {
        for n in 0..5 {
            let child = group.try_spawn(async move {
                yield_now().await;
                if n == 2 { Ok(()) } else { Err(n) }
            });
            drop(child);
        }
        std::future::pending().await
    })
    .await;
    assert_eq!(failed.expect_err("children failed").errors(), [0, 1, 3, 4]);
}

#[turnwise::test]
async fn an_error_of_the_body_comes_after_that_of_a_child_that_failed_before() {
    let failed: Result<(), GroupError<&str>> = try_task_group(async |group: TaskGroup<&str>| {
        drop(group.try_spawn(async { Err::<(), _>("child") }));
        yield_now().await;
        Err("body")
    })
    .await;
    // The body is not even polled after the child has failed.
    assert_eq!(failed.expect_err("both failed").errors(), ["child"]);
}

#[turnwise::test]
async fn the_body_s_error_is_first_if_it_failed_first() {
    let failed: Result<(), GroupError<&str>> = try_task_group(async |group: TaskGroup<&str>| {
        let failing = Rc::new(Cell::new(None));
        failing.set(Some(group.try_spawn(async { Err::<(), _>("child") })));
        Err("body")
    })
    .await;
    // The child had not run when the body failed.
    assert_eq!(failed.expect_err("the body failed").errors(), ["body"]);
}

#[test]
fn the_panic_of_a_body_goes_on_when_the_children_are_gone() {
    let trace = Trace::default();
    let told = trace.clone();
    Runtime::builder().virtual_clock().build().block_on(async {
        let group = try_task_group(async |group: TaskGroup<std::io::Error>| {
            drop(group.spawn(trace.forever::<()>("child")));
            yield_now().await;
            panic!("body");
            #[allow(unreachable_code, reason = "it gives the body its type")]
            Ok(())
        });
        let mut group = pin!(group);
        // The group itself is still there when its poll has panicked.
        let payload = AssertUnwindSafe(group.as_mut()).catch_unwind().await;
        assert_eq!(text_of(&*payload.expect_err("the body panicked")), "body");
        assert_eq!(told.take(), ["child"]);
    });
}

#[test]
fn the_panic_of_a_child_wins_over_errors() {
    let text = panic_of(|| {
        Runtime::builder().virtual_clock().build().block_on(async {
            try_task_group(async |group: TaskGroup<&str>| {
                drop(group.try_spawn(async { Err::<(), _>("error") }));
                drop(group.spawn(async { panic!("first") }));
                drop(group.spawn(async { panic!("second") }));
                std::future::pending::<Result<(), &str>>().await
            })
            .await
        })
    });
    assert_eq!(text, "first");
}

#[turnwise::test]
async fn nested_groups_fail_together() {
    let trace = Trace::default();
    let failed: Result<(), GroupError<String>> =
        try_task_group(async |outer: TaskGroup<String>| {
            for n in 0..3 {
                let trace = trace.clone();
                let inner = async move {
                    let inner: Result<(), GroupError<String>> =
                        try_task_group(async |inner: TaskGroup<String>| {
                            drop(inner.spawn(trace.forever::<()>(&format!("bystander {n}"))));
                            drop(inner.try_spawn(async move {
                                sleep(seconds(1)).await;
                                Err::<(), _>(format!("inner {n}"))
                            }));
                            std::future::pending().await
                        })
                        .await;
                    inner.map_err(|failed| failed.errors().join("+"))
                };
                drop(outer.try_spawn(inner));
            }
            std::future::pending().await
        })
        .await;
    // All three failed in one pass, and all three hear of it before the outer group does.
    assert_eq!(
        failed.expect_err("they fail").errors(),
        ["inner 0", "inner 1", "inner 2"]
    );
    assert_eq!(trace.take(), ["bystander 0", "bystander 1", "bystander 2"]);
}

#[turnwise::test]
async fn an_outer_group_that_ends_takes_the_inner_ones_along() {
    let trace = Trace::default();
    let failed: Result<(), GroupError<&str>> = try_task_group(async |outer: TaskGroup<&str>| {
        for name in ["first", "second"] {
            let trace = trace.clone();
            let inner = async move {
                let inner: Result<(), GroupError<()>> =
                    try_task_group(async |inner: TaskGroup<()>| {
                        let _body = trace.on_drop(format!("{name} body"));
                        drop(inner.spawn(trace.forever::<()>(&format!("{name} child"))));
                        std::future::pending().await
                    })
                    .await;
                inner.map_err(|_| "inner")
            };
            drop(outer.try_spawn(inner));
        }
        sleep(seconds(1)).await;
        Err("outer")
    })
    .await;
    assert_eq!(failed.expect_err("it failed").errors(), ["outer"]);
    assert_eq!(
        trace.take(),
        ["first body", "first child", "second body", "second child"]
    );
}

#[turnwise::test]
async fn timeout_around_group_around_timeout() {
    let start = Instant::now();
    let trace = Trace::default();
    let group = |inner: u64| {
        let trace = trace.clone();
        try_task_group(async move |group: TaskGroup<std::io::Error>| {
            drop(group.spawn(trace.forever::<()>("child")));
            timeout(seconds(inner), std::future::pending::<()>()).await?;
            Ok(())
        })
    };
    let inner_first = timeout(seconds(5), group(2))
        .await
        .expect("the inner one comes first");
    assert_eq!(
        texts(&inner_first.expect_err("it timed out")),
        ["deadline has elapsed"]
    );
    assert_eq!(start.elapsed(), seconds(2));
    assert_eq!(trace.take(), ["child"]);
    timeout(seconds(5), group(9))
        .await
        .expect_err("the outer one comes first");
    assert_eq!(start.elapsed(), seconds(7));
    assert_eq!(trace.take(), ["child"]);
    // Of two equal ones the inner reports.
    let both = timeout(seconds(3), group(3))
        .await
        .expect("the inner one reports");
    assert_eq!(
        texts(&both.expect_err("it timed out")),
        ["deadline has elapsed"]
    );
    assert_eq!(trace.take(), ["child"]);
}

#[turnwise::test]
async fn a_child_on_the_stack_goes_when_its_poll_returns() {
    type Slot = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    let trace = Trace::default();
    let slot: Slot = Rc::default();
    let (inside, told) = (slot.clone(), trace.clone());
    let group = try_task_group(async move |group: TaskGroup<()>| {
        drop(group.spawn(told.forever::<()>("elder")));
        let dropped = told.on_drop("killer");
        let trace = told.clone();
        drop(group.spawn(async move {
            let _dropped = dropped;
            yield_now().await;
            // Drops the group that it is a child of, while it is being polled.
            drop(inside.take());
            trace.say("survived the end of its group");
            yield_now().await;
            trace.say("ran on after the end of its group");
        }));
        drop(group.spawn(told.forever::<()>("younger")));
        std::future::pending::<Result<(), ()>>().await
    });
    *slot.borrow_mut() = Some(Box::pin(async move { drop(group.await) }));
    // Polled once, so that the children exist.
    {
        let mut future = slot.take().expect("it was just put there");
        assert!(futures::poll!(future.as_mut()).is_pending());
        *slot.borrow_mut() = Some(future);
    }
    yield_now().await;
    yield_now().await;
    assert_eq!(
        trace.take(),
        [
            "elder",
            "younger",
            "survived the end of its group",
            "killer"
        ]
    );
    yield_now().await;
    assert!(trace.take().is_empty());
}

#[turnwise::test]
async fn a_group_is_cancelled_from_body_child_and_outside() {
    let trace = Trace::default();
    for by in ["body", "child", "outside"] {
        let handle = Rc::new(RefCell::new(None));
        let (keep, told) = (handle.clone(), trace.clone());
        let group = spawn(try_task_group(
            async move |group: TaskGroup<std::io::Error>| {
                *keep.borrow_mut() = Some(group.clone());
                let _body = told.on_drop("body");
                drop(group.spawn(told.forever::<()>("elder")));
                let inside = group.clone();
                let trace = told.clone();
                drop(group.spawn(async move {
                    sleep(seconds(1)).await;
                    if by == "child" {
                        inside.cancel();
                        trace.say("child runs on");
                        yield_now().await;
                        trace.say("child was not ended");
                    }
                }));
                sleep(seconds(1)).await;
                if by == "body" {
                    group.cancel();
                    told.say("body runs on");
                    yield_now().await;
                    told.say("body was not ended");
                }
                sleep(seconds(1)).await;
                Ok(())
            },
        ));
        sleep(seconds(1)).await;
        if by == "outside" {
            handle.borrow().as_ref().expect("the body ran").cancel();
        }
        let failed = group
            .await
            .expect("the group's task returns")
            .expect_err("it was cancelled");
        assert!(failed.is_cancelled());
        assert_eq!(failed.to_string(), "task group cancelled");
        let mut order = trace.take();
        if by != "outside" {
            assert_eq!(order.remove(0), format!("{by} runs on"));
        }
        assert_eq!(order, ["body", "elder"], "{by}");
        handle.take().expect("the body ran").cancel(); // Late: nothing happens.
    }
}

#[turnwise::test]
async fn a_group_without_children_hears_its_cancel() {
    let handle = Rc::new(RefCell::new(None));
    let keep = handle.clone();
    let group = spawn(try_task_group(async move |group: TaskGroup<()>| {
        *keep.borrow_mut() = Some(group.clone());
        std::future::pending::<Result<(), ()>>().await
    }));
    yield_now().await;
    handle.take().expect("the body ran").cancel();
    assert!(
        group
            .await
            .expect("it returns")
            .is_err_and(|failed| failed.is_cancelled())
    );
}

#[turnwise::test]
async fn a_group_that_was_cancelled_before_its_first_poll_does_not_start_its_body() {
    let ran = Rc::new(Cell::new(false));
    let group = try_task_group(|group: TaskGroup<()>| {
        group.cancel();
        let ran = ran.clone();
        async move {
            ran.set(true);
            Ok(())
        }
    });
    assert!(group.await.is_err_and(|failed| failed.is_cancelled()));
    assert!(!ran.get());
}

#[turnwise::test]
async fn cancelling_a_child_is_not_an_error_of_the_group() {
    let result: Result<_, Errors> = try_task_group(async |group: TaskGroup<std::io::Error>| {
        let child = group.try_spawn(std::future::pending::<Result<(), _>>());
        yield_now().await;
        child.cancel();
        Ok(child.await)
    })
    .await;
    let ended = result.expect("the group went well");
    assert!(
        matches!(ended, Err(JoinError::Cancelled { reason: None, .. })),
        "{ended:?}"
    );
}

#[turnwise::test]
async fn children_may_be_spawned_before_the_group_is_polled_and_go_with_it() {
    let trace = Trace::default();
    let group = try_task_group(|group: TaskGroup<()>| {
        drop(group.spawn(trace.forever::<()>("child")));
        let body = trace.on_drop("body");
        async move {
            let _body = body;
            Ok(())
        }
    });
    yield_now().await;
    assert!(trace.take().is_empty());
    drop(group);
    assert_eq!(trace.take(), ["body", "child"]);
}

#[turnwise::test]
async fn a_destructor_that_panics_does_not_keep_siblings_alive() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let trace = Trace::default();
    for end in ["error", "drop"] {
        let group = try_task_group(async |group: TaskGroup<&str>| {
            drop(group.spawn(trace.forever::<()>("elder")));
            drop(group.spawn(async {
                let _panics = Panics;
                std::future::pending::<()>().await
            }));
            drop(group.spawn(trace.forever::<()>("younger")));
            sleep(seconds(1)).await;
            if end == "error" {
                return Err("body");
            }
            std::future::pending::<Result<(), &str>>().await
        });
        match timeout(seconds(2), group).await {
            Ok(result) => assert_eq!(result.expect_err("it failed").errors(), ["body"]),
            Err(_) => assert_eq!(end, "drop"),
        }
        assert_eq!(trace.take(), ["elder", "younger"], "{end}");
    }
}

#[turnwise::test]
async fn a_destructor_may_cancel_its_group_and_drop_another() {
    struct Cancels(TaskGroup<&'static str>);
    impl Drop for Cancels {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let trace = Trace::default();
    let failed = try_task_group(async |group: TaskGroup<&'static str>| {
        let cancels = Cancels(group.clone());
        let nested = {
            let trace = trace.clone();
            Box::pin(try_task_group(async move |inner: TaskGroup<()>| {
                drop(inner.spawn(trace.forever::<()>("inner child")));
                std::future::pending::<Result<(), ()>>().await
            }))
        };
        drop(group.spawn(async move {
            let _cancels = cancels;
            let _ = nested.await;
        }));
        drop(group.spawn(trace.forever::<()>("younger")));
        sleep(seconds(1)).await;
        Err::<(), _>("body")
    })
    .await;
    assert_eq!(failed.expect_err("it failed").errors(), ["body"]);
    assert_eq!(trace.take(), ["inner child", "younger"]);
}

#[test]
fn a_hundred_thousand_children_leave_nothing_behind() {
    let runtime = Runtime::builder().virtual_clock().build();
    let waiters = runtime.stats().waiters;
    runtime.block_on(async {
        let count = Rc::new(Cell::new(0));
        let result: Result<(), Errors> =
            try_task_group(async |group: TaskGroup<std::io::Error>| {
                for n in 0..100_000 {
                    let count = count.clone();
                    drop(group.spawn(async move { count.set(count.get() + 1) }));
                    if n % 100 == 99 {
                        yield_now().await;
                        assert!(
                            group.len() <= 100,
                            "{} are on the list of the living",
                            group.len()
                        );
                    }
                }
                yield_now().await;
                assert!(group.is_empty());
                Ok(())
            })
            .await;
        result.expect("nothing fails");
        assert_eq!(count.get(), 100_000);
    });
    let stats = runtime.stats();
    assert_eq!(
        (stats.alive, stats.waiters, stats.timers, stats.ready),
        (0, waiters, 0, 0)
    );
}

#[test]
fn a_hundred_thousand_children_end_with_their_group() {
    let runtime = Runtime::builder().virtual_clock().build();
    runtime.block_on(async {
        let (dropped, event) = (Rc::new(Cell::new(0)), Rc::new(Event::new()));
        struct Counts(Rc<Cell<u32>>);
        impl Drop for Counts {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let group = try_task_group(async |group: TaskGroup<()>| {
            for _ in 0..100_000 {
                let (counts, event) = (Counts(dropped.clone()), event.clone());
                drop(group.spawn(async move {
                    let _counts = counts;
                    event.wait().await;
                }));
            }
            yield_now().await;
            Err::<(), ()>(())
        });
        assert!(group.await.is_err());
        assert_eq!(dropped.get(), 100_000);
    });
    assert_eq!(runtime.stats().alive, 0);
}

#[test]
fn memory_stays_where_it_was_over_many_children() {
    let runtime = Runtime::builder().virtual_clock().build();
    let event = Rc::new(Event::new());
    let round = async |children: u32, cancel: bool| {
        let result: Result<(), GroupError<()>> = try_task_group(async |group: TaskGroup<()>| {
            for n in 0..children {
                let event = event.clone();
                let child = group.spawn(async move {
                    if cancel {
                        event.wait().await;
                    }
                    n
                });
                if n % 64 == 0 {
                    yield_now().await;
                }
                if cancel {
                    child.cancel();
                    assert!(child.await.is_err());
                } else {
                    drop(child);
                }
            }
            Ok(())
        })
        .await;
        result.expect("nothing fails");
    };
    runtime.block_on(round(1000, false));
    runtime.block_on(round(1000, true));
    for cancel in [false, true] {
        let used = allocation_counter::measure(|| runtime.block_on(round(100_000, cancel)));
        assert_eq!(used.bytes_current, 0, "cancel: {cancel}: {used:?}");
        assert!(used.bytes_max < 200_000, "cancel: {cancel}: {used:?}");
    }
}

#[turnwise::test]
async fn groups_work_under_foreign_combinators() {
    let event = Rc::new(Event::new());
    let group = |n: u64| {
        let event = event.clone();
        try_task_group(async move |group: TaskGroup<std::io::Error>| {
            let inside = event.clone();
            let child = group.try_spawn(async move {
                inside.wait().await;
                sleep(seconds(10 - n)).await;
                Ok(n)
            });
            Ok(child.await.expect("it returns"))
        })
    };
    let mut groups: FuturesUnordered<_> = (0..5).map(group).collect();
    let (mut ended, setter) = (Vec::new(), async { event.set() });
    futures::join!(setter, async {
        while let Some(result) = groups.next().await {
            ended.push(result.expect("nothing fails"));
        }
    });
    assert_eq!(ended, [4, 3, 2, 1, 0]);

    let (a, b) = futures::join!(group(1), group(2));
    assert_eq!(
        (a.expect("nothing fails"), b.expect("nothing fails")),
        (1, 2)
    );
    let failing = try_task_group(async |group: TaskGroup<&str>| {
        drop(group.try_spawn(async { Err::<(), _>("child") }));
        std::future::pending::<Result<(), _>>().await
    });
    let (failed, fine) = futures::join!(failing, group(3));
    assert_eq!(failed.expect_err("it failed").errors(), ["child"]);
    assert_eq!(fine.expect("nothing fails"), 3);
}

#[turnwise::test]
async fn a_group_handle_kept_after_the_end_is_refused_and_the_future_dropped() {
    let trace = Trace::default();
    let result: Result<_, GroupError<()>> =
        try_task_group(async |group: TaskGroup<()>| Ok(group)).await;
    let group = result.expect("nothing fails");
    let refused = group.try_spawn(trace.forever::<Result<(), ()>>("future"));
    assert_eq!(trace.take(), ["future"]);
    assert!(refused.is_finished());
    let refused = refused.await.expect_err("the group has ended");
    assert!(refused.is_cancelled());
    assert!(
        refused
            .to_string()
            .contains("its group is closed; spawn before"),
        "{refused}"
    );
    assert_eq!(
        format!("{group:?}"),
        "TaskGroup { children: 0, closed: true }"
    );
}

#[test]
fn a_group_outside_a_runtime_panics_at_the_first_spawn() {
    let group = try_task_group(async |group: TaskGroup<()>| {
        drop(group.spawn(async {}));
        Ok::<_, ()>(())
    });
    let text = panic_of(|| futures::executor::block_on(group));
    assert!(text.contains("no runtime on this thread"), "{text}");
    // Without children it needs no runtime.
    let empty = try_task_group(async |_: TaskGroup<()>| Ok::<_, ()>(5));
    assert_eq!(futures::executor::block_on(empty), Ok(5));
}

#[test]
fn a_runtime_that_ends_takes_the_groups_along() {
    let trace = Trace::default();
    let runtime = Runtime::new();
    let told = trace.clone();
    let handle = runtime.spawn(try_task_group(
        async move |group: TaskGroup<std::io::Error>| {
            let _body = told.on_drop("body");
            drop(group.spawn(told.forever::<()>("first")));
            let spawns = SpawnsOnDrop {
                group: group.clone(),
                trace: told.clone(),
            };
            drop(group.spawn(async move {
                let _spawns = spawns;
                std::future::pending::<()>().await
            }));
            std::future::pending::<Result<(), _>>().await
        },
    ));
    runtime.run_until_stalled();
    drop(runtime);
    assert_eq!(
        trace.take(),
        ["body", "first", "late future", "late child refused"]
    );
    let ended = block_on(handle);
    assert!(
        matches!(ended, Err(JoinError::Cancelled { .. })),
        "{ended:?}"
    );
}

#[turnwise::test]
async fn cancelling_every_task_ends_groups_and_children_once() {
    let trace = Trace::default();
    let told = trace.clone();
    let group = spawn(try_task_group(async move |group: TaskGroup<()>| {
        let _body = told.on_drop("body");
        drop(group.spawn(told.forever::<()>("first")));
        drop(group.spawn(told.forever::<()>("second")));
        std::future::pending::<Result<(), ()>>().await
    }));
    yield_now().await;
    yield_now().await;
    for info in task::all() {
        info.cancel();
    }
    assert!(group.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(trace.take(), ["body", "first", "second"]);
}

#[turnwise::test]
async fn a_child_that_fails_says_so_through_its_handle_too() {
    let handle = Rc::new(RefCell::new(None));
    let result: Result<(), _> = try_task_group(async |group: TaskGroup<&str>| {
        let child = group.try_spawn(async { Err::<(), _>("child") });
        *handle.borrow_mut() = Some(child);
        std::future::pending().await
    })
    .await;
    assert_eq!(result.expect_err("it failed").errors(), ["child"]);
    let child = handle.take().expect("it was put there");
    assert!(child.is_finished());
    let ended = child.await.expect_err("it has no value");
    assert_eq!(ended.to_string(), "task failed; its group has the error");
}

#[turnwise::test]
async fn a_child_has_an_id_and_is_told_why_it_is_cancelled() {
    let result: Result<_, Errors> = try_task_group(async |group: TaskGroup<std::io::Error>| {
        let child = group.try_spawn(std::future::pending::<Result<(), _>>());
        let known = task::all().iter().any(|info| info.id == child.id());
        child.cancel_because("it took too long");
        Ok((known, child.await))
    })
    .await;
    let (known, ended) = result.expect("the group went well");
    assert!(known);
    let ended = ended.expect_err("it was cancelled");
    assert_eq!(ended.to_string(), "task cancelled: it took too long");
}

#[turnwise::test]
async fn the_question_mark_takes_the_ends_of_tasks_and_groups_into_an_io_error() {
    async fn cancelled() -> std::io::Result<()> {
        let handle = spawn(std::future::pending());
        handle.cancel_because("enough");
        Ok(handle.await?)
    }
    async fn failed() -> std::io::Result<()> {
        let group = try_task_group(async |group: TaskGroup<std::io::Error>| {
            group.try_spawn(async { Err::<(), _>(error("child")) });
            Ok(())
        });
        Ok(group.await?)
    }
    let ended = cancelled().await.expect_err("it was cancelled");
    assert_eq!(ended.to_string(), "task cancelled: enough");
    assert!(
        ended
            .downcast::<JoinError>()
            .is_ok_and(|inner| inner.is_cancelled())
    );
    let ended = failed().await.expect_err("a child failed");
    assert_eq!(ended.to_string(), "task group failed: child");
    let inner = ended.downcast::<Errors>().expect("the group's own error");
    assert_eq!(texts(&inner), ["child"]);
}
