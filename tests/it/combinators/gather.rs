//! `gather`, `try_gather` and `race`: outputs, order, what is dropped and when.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use turnwise::futures::{GatherSet, RaceEitherSet, RaceSet, TryGatherSet};
use turnwise::sync::{Event, Lock};
use turnwise::{
    Either, JoinError, JoinHandle, Runtime, block_on, gather, gather_spawned, race, race_either,
    sleep, spawn, task, timeout, try_gather, try_gather_spawned, yield_now,
};

use crate::support::{panic_of, text_of};
use crate::sync::trace::Trace;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A future that yields `polls` times and then gives `value`; says when it is polled.
fn counted<T>(
    trace: &Trace,
    name: &'static str,
    polls: u32,
    value: T,
) -> impl Future<Output = T> + use<T> {
    let trace = trace.clone();
    async move {
        for _ in 0..polls {
            trace.say(name);
            yield_now().await;
        }
        trace.say(name);
        value
    }
}

#[turnwise::test]
async fn tuples_of_every_size_keep_their_order() {
    // The later ones end first.
    let late = |turns: u32| async move {
        for _ in 0..turns {
            yield_now().await;
        }
        turns
    };
    assert_eq!(gather((late(8),)).await, (8,));
    assert_eq!(gather((late(8), late(7))).await, (8, 7));
    assert_eq!(gather((late(8), late(7), late(6))).await, (8, 7, 6));
    assert_eq!(
        gather((late(8), late(7), late(6), late(5))).await,
        (8, 7, 6, 5)
    );
    assert_eq!(
        gather((late(8), late(7), late(6), late(5), late(4))).await,
        (8, 7, 6, 5, 4)
    );
    let six = (late(8), late(7), late(6), late(5), late(4), late(3));
    assert_eq!(gather(six).await, (8, 7, 6, 5, 4, 3));
    let seven = (
        late(8),
        late(7),
        late(6),
        late(5),
        late(4),
        late(3),
        late(2),
    );
    assert_eq!(gather(seven).await, (8, 7, 6, 5, 4, 3, 2));
    let eight = (
        late(8),
        late(7),
        late(6),
        late(5),
        late(4),
        late(3),
        late(2),
        late(1),
    );
    assert_eq!(gather(eight).await, (8, 7, 6, 5, 4, 3, 2, 1));
    assert_eq!(gather([3, 1, 2].map(late)).await, [3, 1, 2]);
    assert_eq!(gather(vec![late(3), late(1)]).await, [3, 1]);
    assert_eq!(
        gather_spawned((0..100).rev().map(late)).await,
        (0..100).rev().collect::<Vec<_>>()
    );
}

#[turnwise::test]
async fn types_in_a_tuple_may_differ_and_borrow() {
    let (text, lock) = (String::from("borrowed"), Lock::new(1));
    let (length, held, handle) = gather((
        async { text.len() },
        async {
            let mut guard = lock.acquire().await;
            yield_now().await;
            *guard += 1;
            *guard
        },
        spawn(async { "task" }),
    ))
    .await;
    assert_eq!((length, held, handle.expect("it returns")), (8, 2, "task"));
    let lengths = gather([text.as_str(), "b"].map(|text| async move { text.len() })).await;
    assert_eq!(lengths, [8, 1]);
    let lengths = |texts: Vec<&'static str>| texts.into_iter().map(async |text| text.len());
    assert_eq!(
        gather(lengths(vec!["ab", "c"]).collect::<Vec<_>>()).await,
        [2, 1]
    );
    let borrowed: Vec<_> = [&text, &text].map(|text| async move { text.len() }).into();
    assert_eq!(gather(borrowed).await, [8, 8]);
    let checked: Vec<_> = [&text, &text]
        .map(|text| async move { text.parse::<u8>() })
        .into();
    assert!(try_gather(checked).await.is_err());
    let raced: Vec<_> = [&text, &text].map(|text| async move { text.len() }).into();
    assert_eq!(race(raced).await, 8);
}

#[turnwise::test]
async fn a_tuple_an_array_and_a_vector_are_polled_in_the_same_order() {
    let trace = Trace::default();
    let two = |trace: &Trace| [counted(trace, "a", 2, 1), counted(trace, "b", 1, 2)];
    let [a, b] = two(&trace);
    assert_eq!(gather((a, b)).await, (1, 2));
    let polled = trace.take();
    assert_eq!(polled, ["a", "b", "a", "b", "a"]);
    assert_eq!(gather(two(&trace)).await, [1, 2]);
    assert_eq!(trace.take(), polled);
    assert_eq!(gather(Vec::from(two(&trace))).await, [1, 2]);
    assert_eq!(trace.take(), polled);
    // Nothing happens before the first poll, and no task is made.
    drop((gather(two(&trace)), gather(Vec::from(two(&trace)))));
    assert_eq!(task::all().len(), 1);
    assert!(trace.take().is_empty());
}

#[turnwise::test]
async fn nothing_to_gather_gives_nothing() {
    assert_eq!(gather(Vec::<std::future::Ready<u8>>::new()).await, []);
    assert_eq!(gather_spawned((0..0).map(ready)).await, []);
    assert_eq!(gather([] as [std::future::Ready<u8>; 0]).await, []);
    assert_eq!(
        try_gather(Vec::<std::future::Ready<Result<u8, ()>>>::new()).await,
        Ok(vec![])
    );
    assert_eq!(
        try_gather([] as [std::future::Ready<Result<u8, ()>>; 0]).await,
        Ok([])
    );
}

#[turnwise::test]
async fn an_inline_gather_polls_in_order_and_never_what_is_over() {
    let trace = Trace::default();
    let all = (
        counted(&trace, "a", 2, 1),
        counted(&trace, "b", 0, 2),
        counted(&trace, "c", 1, 3),
    );
    assert_eq!(gather(all).await, (1, 2, 3));
    assert_eq!(trace.take(), ["a", "b", "c", "a", "c", "a"]);
}

#[turnwise::test]
async fn spawned_futures_run_in_order_and_a_woken_one_does_not_poll_the_rest() {
    let trace = Trace::default();
    let event = Rc::new(Event::new());
    let waits = |name: &'static str, event: Rc<Event>| {
        let trace = trace.clone();
        async move {
            let mut wait = pin!(event.wait());
            poll_fn(|cx| {
                trace.say(name);
                wait.as_mut().poll(cx)
            })
            .await
        }
    };
    let other = Rc::new(Event::new());
    let all = gather_spawned([
        waits("a", event.clone()),
        waits("b", other.clone()),
        waits("c", event.clone()),
    ]);
    let setter = spawn(async move {
        sleep(seconds(1)).await;
        event.set();
        sleep(seconds(1)).await;
        other.set();
    });
    all.await;
    setter.await.expect("it returns");
    assert_eq!(trace.take(), ["a", "b", "c", "a", "c", "b"]);
}

#[turnwise::test]
async fn gather_spawns_at_the_call_and_not_at_the_first_poll() {
    let trace = Trace::default();
    let all = gather_spawned([1, 2].map(|n| counted(&trace, "ran", 0, n)).into_iter());
    yield_now().await;
    assert_eq!(trace.take(), ["ran", "ran"]);
    assert_eq!(all.await, [1, 2]);
}

#[turnwise::test]
async fn a_dropped_gather_drops_its_futures_at_once_in_spawn_order() {
    let trace = Trace::default();
    let names = ["a", "b", "c"];
    // Before the first poll, after it, and inline.
    drop(gather_spawned(
        names.map(|name| trace.forever::<()>(name)).into_iter(),
    ));
    assert_eq!(trace.take(), names);
    let all = gather_spawned(names.map(|name| trace.forever::<()>(name)).into_iter());
    assert!(timeout(seconds(1), all).await.is_err());
    assert_eq!(trace.take(), names);
    let all = gather(names.map(|name| trace.forever::<()>(name)));
    assert!(timeout(seconds(1), all).await.is_err());
    assert_eq!(trace.take(), names);
    let (a, b) = (trace.forever::<()>("a"), trace.forever::<()>("b"));
    assert!(timeout(seconds(1), gather((a, b))).await.is_err());
    assert_eq!(trace.take(), ["a", "b"]);
    assert_eq!(task::all().len(), 1);
}

#[turnwise::test]
async fn a_dropped_gather_of_handles_detaches_their_tasks() {
    for size in [0, 1, 2, 3] {
        let done = Rc::new(Cell::new(0));
        let task = || {
            let done = done.clone();
            spawn(async move {
                sleep(seconds(5)).await;
                done.set(done.get() + 1);
            })
        };
        let limit = seconds(1);
        let stopped = match size {
            0 => timeout(limit, gather((task(), task()))).await.is_err(),
            1 => timeout(limit, gather([task(), task()])).await.is_err(),
            2 => timeout(limit, gather(vec![task(), task()])).await.is_err(),
            _ => timeout(limit, gather_spawned([task(), task()]))
                .await
                .is_err(),
        };
        assert!(stopped);
        assert_eq!(done.get(), 0);
        sleep(seconds(5)).await;
        assert_eq!(done.get(), 2);
    }
}

#[turnwise::test]
async fn a_gather_of_handles_gives_every_result() {
    let cancelled = spawn(pending::<u8>());
    cancelled.cancel_because("not needed");
    let tasks = vec![
        spawn(async { 1 }),
        spawn(async { panic!("two") }),
        cancelled,
    ];
    let results = gather_spawned(tasks).await;
    assert_eq!(results[0].as_ref().ok(), Some(&1));
    let text = |n: usize| {
        results[n]
            .as_ref()
            .expect_err("it has no output")
            .to_string()
    };
    assert_eq!(text(1), "task panicked: two");
    assert_eq!(text(2), "task cancelled: not needed");
}

#[turnwise::test]
async fn a_panic_goes_on_after_the_other_spawned_futures_are_gone() {
    let trace = Trace::default();
    let mut all = pin!(gather_spawned((0..3).map(|n| {
        let forever = trace.forever::<()>(["a", "b", "c"][n]);
        async move {
            if n == 1 {
                drop(forever);
                panic!("boom");
            }
            forever.await;
        }
    })));
    let payload = AssertUnwindSafe(all.as_mut()).catch_unwind().await;
    assert_eq!(text_of(&*payload.expect_err("one panics")), "boom");
    assert_eq!(trace.take(), ["b", "a", "c"]);
}

#[test]
fn a_panic_inline_drops_the_others_while_it_unwinds() {
    let trace = Trace::default();
    let (a, c) = (trace.forever::<()>("a"), trace.forever::<()>("c"));
    let text = panic_of(|| block_on(gather((a, async { panic!("boom") }, c))));
    assert_eq!(text, "boom");
    assert_eq!(trace.take(), ["a", "c"]);
}

#[test]
fn a_gathered_task_that_somebody_cancels_is_a_clear_panic() {
    let trace = Trace::default();
    let text = panic_of(|| {
        Runtime::builder().virtual_clock().build().block_on(async {
            let all = gather_spawned([trace.forever::<()>("a"), trace.forever::<()>("b")]);
            yield_now().await;
            task::all().last().expect("there are some").cancel();
            all.await
        })
    });
    assert!(
        text.contains("the task of future 1 of a gather was cancelled"),
        "{text}"
    );
    assert_eq!(trace.take(), ["b", "a"]);
}

#[turnwise::test]
async fn try_gather_stops_at_the_first_error() {
    let trace = Trace::default();
    let fails = |after: u64| async move {
        sleep(seconds(after)).await;
        Err::<u8, _>(after)
    };
    // Inline and spawned; what ran beside it is dropped before the result is there.
    let result = try_gather((
        trace.forever::<Result<u8, u64>>("a"),
        fails(2),
        fails(1),
        fails(3),
    ))
    .await;
    assert_eq!(result, Err(1));
    assert_eq!(trace.take(), ["a"]);
    let all: [futures::future::LocalBoxFuture<'static, Result<u8, u64>>; 3] = [
        Box::pin(trace.forever("a")),
        Box::pin(fails(1)),
        Box::pin(trace.forever("c")),
    ];
    assert_eq!(try_gather(all).await, Err(1));
    assert_eq!(trace.take(), ["a", "c"]);
    let all: Vec<futures::future::LocalBoxFuture<'static, Result<u8, u64>>> = vec![
        Box::pin(trace.forever("a")),
        Box::pin(fails(1)),
        Box::pin(trace.forever("c")),
    ];
    let mut all = pin!(try_gather(all));
    assert_eq!(all.as_mut().await, Err(1));
    assert_eq!(trace.take(), ["a", "c"]);
    let all: [futures::future::LocalBoxFuture<'static, Result<u8, u64>>; 3] = [
        Box::pin(trace.forever("a")),
        Box::pin(fails(1)),
        Box::pin(trace.forever("c")),
    ];
    let mut all = pin!(try_gather_spawned(all));
    assert_eq!(all.as_mut().await, Err(1));
    assert_eq!(trace.take(), ["a", "c"]);

    assert_eq!(
        try_gather((async { Ok::<_, ()>(1) }, async { Ok('x') })).await,
        Ok((1, 'x'))
    );
    assert_eq!(
        try_gather([1, 2].map(|n| async move { Ok::<_, ()>(n) })).await,
        Ok([1, 2])
    );
    assert_eq!(
        try_gather_spawned((0..3).map(|n| async move { Ok::<_, ()>(n) })).await,
        Ok(vec![0, 1, 2])
    );
}

#[turnwise::test]
async fn of_two_errors_in_one_poll_the_first_in_order_is_it_and_the_rest_is_not_polled() {
    let trace = Trace::default();
    let all = (
        counted(&trace, "a", 0, Ok::<(), _>(())),
        counted(&trace, "b", 0, Err::<(), _>("b")),
        counted(&trace, "c", 0, Err::<(), _>("c")),
    );
    assert_eq!(try_gather(all).await, Err("b"));
    assert_eq!(trace.take(), ["a", "b"]);
}

#[turnwise::test]
async fn a_failed_try_gather_of_handles_lets_the_tasks_run_on() {
    let done = Rc::new(Cell::new(false));
    let slow = spawn({
        let done = done.clone();
        async move {
            sleep(seconds(2)).await;
            done.set(true);
        }
    });
    let bad: JoinHandle<()> = spawn(async { panic!("boom") });
    let error = try_gather(vec![slow, bad]).await.expect_err("one panicked");
    assert!(matches!(&error, JoinError::Panicked(_)), "{error:?}");
    assert!(!done.get());
    sleep(seconds(3)).await;
    assert!(done.get());
}

#[turnwise::test]
async fn a_race_is_won_by_the_first_ready_in_order() {
    let trace = Trace::default();
    let all = (
        counted(&trace, "a", 1, 1),
        counted(&trace, "b", 0, 2),
        counted(&trace, "c", 0, 3),
    );
    assert_eq!(race(all).await, 2);
    assert_eq!(trace.take(), ["a", "b"]);
    assert_eq!(
        race([counted(&trace, "a", 2, 1), counted(&trace, "b", 1, 2)]).await,
        2
    );
    assert_eq!(trace.take(), ["a", "b", "a", "b"]);
    assert_eq!(race(vec![counted(&trace, "a", 0, 1)]).await, 1);
    let eight = (
        pending(),
        pending(),
        pending(),
        pending(),
        pending(),
        pending(),
        pending(),
        ready(8),
    );
    assert_eq!(race(eight).await, 8);
}

#[turnwise::test]
async fn a_race_over_different_outputs_says_which_of_them_won() {
    let trace = Trace::default();
    let text = String::from("borrowed");
    let won = |first: u64, second: u64| {
        let (trace, text) = (&trace, &text);
        async move {
            let first = async move { (sleep(seconds(first)).await, text.len()).1 };
            let second = async move {
                let _dropped = trace.on_drop("second");
                sleep(seconds(second)).await;
                "late"
            };
            match race_either((first, second)).await {
                Either::A(length) => length.to_string(),
                Either::B(text) => text.to_owned(),
            }
        }
    };
    assert_eq!(won(1, 2).await, "8");
    assert_eq!(trace.take(), ["second"]);
    assert_eq!(won(2, 1).await, "late");
    // Of two that are ready the first in order wins.
    assert_eq!(won(1, 1).await, "8");
    let eight = (
        pending::<u8>(),
        pending::<u16>(),
        pending::<u32>(),
        pending::<u64>(),
        pending::<i8>(),
        pending::<i16>(),
        pending::<i32>(),
        ready("eighth"),
    );
    assert_eq!(race_either(eight).await, Either::H("eighth"));
}

#[turnwise::test]
async fn functions_of_others_can_take_what_gather_and_race_take() {
    async fn within<S: GatherSet>(limit: u64, futures: S) -> Option<S::Outputs> {
        timeout(seconds(limit), gather(futures)).await.ok()
    }
    async fn fastest<S: RaceSet>(futures: S) -> S::Output {
        race(futures).await
    }
    async fn which<S: RaceEitherSet>(futures: S) -> S::Output {
        race_either(futures).await
    }
    async fn all_good<S: TryGatherSet<Error = u8>>(futures: S) -> Result<S::Values, u8> {
        try_gather(futures).await
    }
    assert_eq!(within(1, (ready(1), ready('x'))).await, Some((1, 'x')));
    assert_eq!(within(1, vec![pending::<()>()]).await, None);
    assert_eq!(fastest([ready(1), ready(2)]).await, 1);
    assert_eq!(which((pending::<u8>(), ready('x'))).await, Either::B('x'));
    assert_eq!(all_good((ready(Ok(1)), ready(Ok('x')))).await, Ok((1, 'x')));
}

#[turnwise::test]
async fn a_type_that_one_future_leaves_open_is_that_of_the_others() {
    assert_eq!(race((pending(), ready(8))).await, 8);
    assert_eq!(race((async { Ok(1) }, async { Err("no") })).await, Ok(1));
    let both = try_gather((async { Ok(1) }, async { Err::<(), _>("no") }));
    assert_eq!(both.await, Err("no"));
}

#[turnwise::test]
async fn losers_are_dropped_before_a_race_returns() {
    let trace = Trace::default();
    let lock = Lock::new(());
    let loser = || {
        let (lock, dropped) = (&lock, trace.on_drop("loser"));
        async move {
            let _dropped = dropped;
            let _guard = lock.acquire().await;
            pending::<()>().await
        }
    };
    // The loser holds the lock, and waits for it: a kept branch would hang the next acquire.
    let mut won = pin!(race((loser(), async {
        sleep(seconds(1)).await;
    })));
    won.as_mut().await;
    assert_eq!(trace.take(), ["loser"]);
    assert!(!lock.is_locked());
    drop(lock.acquire().await);
    let guard = lock.acquire().await;
    race([
        futures::future::Either::Left(loser()),
        futures::future::Either::Right(sleep(seconds(1))),
    ])
    .await;
    assert_eq!(trace.take(), ["loser"]);
    drop(guard);
    // Granted, but not polled since: its grant goes on to the next.
    let guard = lock.acquire().await;
    let next = async {
        yield_now().await;
        let mut guard = Some(guard);
        race((loser(), async {
            drop(guard.take());
        }))
        .await;
        drop(lock.acquire().await);
    };
    timeout(seconds(1), next).await.expect("no futurelock");
    assert_eq!(trace.take(), ["loser"]);
}

#[test]
fn an_empty_race_panics_at_the_call_with_the_cure() {
    let text = panic_of(|| race(Vec::<std::future::Ready<()>>::new()));
    assert!(text.contains("give it a future"), "{text}");
    let text = panic_of(|| race([] as [std::future::Ready<()>; 0]));
    assert!(text.contains("give it a future"), "{text}");
}

#[turnwise::test]
async fn a_race_of_handles_detaches_the_losers() {
    let done = Rc::new(Cell::new(false));
    let slow = spawn({
        let done = done.clone();
        async move {
            sleep(seconds(2)).await;
            done.set(true);
            "slow"
        }
    });
    let fast = spawn(async { "fast" });
    assert_eq!(race((slow, fast)).await.expect("it returns"), "fast");
    sleep(seconds(3)).await;
    assert!(done.get());
}

#[turnwise::test]
async fn all_of_it_works_under_foreign_combinators() {
    let event = Rc::new(Event::new());
    let one = |n: u64| {
        let event = event.clone();
        async move {
            event.wait().await;
            sleep(seconds(n)).await;
            n
        }
    };
    let mut mixed: FuturesUnordered<futures::future::LocalBoxFuture<'_, u64>> =
        FuturesUnordered::new();
    mixed.push(Box::pin(async { gather((one(1), one(5))).await.1 }));
    mixed.push(Box::pin(async { gather_spawned((0..5).map(one)).await[4] }));
    mixed.push(Box::pin(async { gather([one(3), one(2)]).await[0] }));
    mixed.push(Box::pin(async { race((one(9), one(2))).await }));
    mixed.push(Box::pin(async {
        try_gather(vec![async { Err::<(), _>(1) }])
            .await
            .expect_err("it fails")
    }));
    let mut ended = Vec::new();
    futures::join!(async { event.set() }, async {
        while let Some(n) = mixed.next().await {
            ended.push(n);
        }
    });
    assert_eq!(ended, [1, 2, 3, 4, 5]);
}

#[test]
fn inline_gather_and_race_need_no_runtime() {
    let event = Event::new();
    let both = async {
        gather((event.wait(), async { event.set() })).await;
        race((pending(), ready(7))).await
    };
    assert_eq!(futures::executor::block_on(both), 7);
}

#[test]
fn a_spawned_gather_without_a_runtime_panics_with_the_cure() {
    let text = panic_of(|| gather_spawned([async {}]));
    assert!(text.contains("no runtime on this thread: gather"), "{text}");
}

#[test]
fn an_iterator_that_panics_takes_what_it_spawned_along() {
    let trace = Trace::default();
    let runtime = Runtime::builder().virtual_clock().build();
    runtime.block_on(async {
        let text = panic_of(|| {
            gather_spawned((0..3).map(|n| match n {
                2 => panic!("no third"),
                _ => trace.forever::<()>("spawned"),
            }))
        });
        assert_eq!(text, "no third");
        assert_eq!(trace.take(), ["spawned", "spawned"]);
    });
    assert_eq!(runtime.stats().alive, 0);
}

#[turnwise::test]
async fn a_future_may_end_its_own_gather() {
    type Slot = Rc<RefCell<Option<futures::future::LocalBoxFuture<'static, Vec<()>>>>>;
    let slot: Slot = Rc::default();
    let trace = Trace::default();
    let inside = slot.clone();
    let told = trace.clone();
    let forever = trace.forever::<()>("other");
    let ends: futures::future::LocalBoxFuture<'static, ()> = Box::pin(async move {
        let _gone = told.on_drop("ends it");
        drop(inside.take());
        told.say("runs on");
        yield_now().await;
        told.say("never");
    });
    *slot.borrow_mut() = Some(Box::pin(gather_spawned([ends, Box::pin(forever)])));
    yield_now().await;
    yield_now().await;
    assert_eq!(trace.take(), ["other", "runs on", "ends it"]);
}

#[turnwise::test]
async fn spawned_futures_may_be_polled_out_of_a_poll_fn_after_ready_elsewhere() {
    // A gather that is polled again while its children are on their way registers no second time.
    let mut all = pin!(gather_spawned([sleep(seconds(2)), sleep(seconds(1))]));
    let mut polls = 0;
    let outputs = poll_fn(|cx| {
        polls += 1;
        for _ in 0..3 {
            if let Poll::Ready(outputs) = all.as_mut().poll(cx) {
                return Poll::Ready(outputs);
            }
        }
        Poll::Pending
    })
    .await;
    assert_eq!((outputs.len(), polls), (2, 3));
}
