//! `spawn_eager`: the first poll inside the call, without disturbing the poll around it.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use turnwise::sync::{Event, Lock};
use turnwise::task::{spawn_eager, spawn_eager_named};
use turnwise::{JoinError, Runtime, block_on, sleep, spawn, task, timeout, yield_now};

use crate::support::{panic_of, virtual_runtime};
use crate::sync::trace::Trace;

#[turnwise::test]
async fn a_name_that_is_given_before_is_there_in_the_first_poll() {
    let name = || async { task::current().expect("it is a task").name };
    let named = spawn_eager_named("early", name());
    assert!(named.is_finished());
    assert_eq!(named.await.expect("it returns").as_deref(), Some("early"));
    let late = spawn_eager(name()).named("late");
    assert_eq!(late.await.expect("it returns"), None);
}

#[turnwise::test]
async fn the_first_poll_is_inside_the_call_as_a_task_of_its_own() {
    let me = task::current().expect("main is a task").id;
    let trace = Trace::default();
    let inside = trace.clone();
    let child = spawn_eager(async move {
        let current = task::current().expect("it is a task");
        assert!(
            task::all().iter().any(|info| info.id == current.id),
            "it is registered"
        );
        inside.say("first");
        yield_now().await;
        assert_eq!(task::current().expect("it is a task").id, current.id);
        inside.say("second");
        current.id
    });
    assert_eq!(trace.take(), ["first"]);
    assert_eq!(task::current().expect("main is a task").id, me);
    assert!(!child.is_finished());
    let id = child.id();
    assert_eq!(child.await.expect("it returns"), id);
    assert_ne!(id, me);
    assert_eq!(trace.take(), ["second"]);
}

#[turnwise::test]
async fn a_task_that_does_not_wait_is_over_when_the_call_returns() {
    let child = spawn_eager(async { 7 });
    assert!(child.is_finished());
    assert_eq!(task::all().len(), 1);
    assert_eq!(child.await.expect("it returns"), 7);
    drop(spawn_eager(async { 8 }));
    assert_eq!(task::all().len(), 1);
}

#[turnwise::test]
async fn the_order_of_others_is_not_disturbed() {
    let trace = Trace::default();
    let say = |name: &'static str| {
        let trace = trace.clone();
        async move {
            trace.say(name);
            yield_now().await;
            trace.say(name);
        }
    };
    let tasks = [
        spawn(say("a")),
        spawn(say("b")),
        spawn_eager(say("eager")),
        spawn(say("c")),
    ];
    assert_eq!(trace.take(), ["eager"]);
    for task in tasks {
        task.await.expect("it returns");
    }
    assert_eq!(trace.take(), ["a", "b", "eager", "c", "a", "b", "c"]);
}

#[turnwise::test]
async fn one_that_waits_is_not_queued() {
    let event = Rc::new(Event::new());
    let polls = Rc::new(Cell::new(0));
    let child = spawn_eager({
        let (event, polls) = (event.clone(), polls.clone());
        async move {
            let mut wait = std::pin::pin!(event.wait());
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                wait.as_mut().poll(cx)
            })
            .await
        }
    });
    for _ in 0..5 {
        yield_now().await;
    }
    assert_eq!(polls.get(), 1);
    event.set();
    child.await.expect("it returns");
    assert_eq!(polls.get(), 2);
}

#[turnwise::test]
async fn the_poll_around_it_keeps_its_identity() {
    let lock = Rc::new(Lock::new(0));
    let guard = lock.acquire().await;
    let holder = spawn({
        let lock = lock.clone();
        async move {
            *lock.acquire().await += 1;
            sleep(Duration::from_secs(1)).await;
        }
    });
    yield_now().await;
    // The holder is first in line, the eager task second, and we, in this same poll, third.
    let eager = spawn_eager({
        let lock = lock.clone();
        async move { *lock.acquire().await *= 10 }
    });
    drop(guard);
    *lock.acquire().await += 5;
    assert_eq!(*lock.try_acquire().expect("nobody has it"), 15);
    holder.await.expect("it returns");
    eager.await.expect("it returns");
    // The same, and what was noted before: a yield after an eager task that waits for nothing.
    let lost = spawn_eager(async { sleep(Duration::from_secs(1)).await });
    yield_now().await;
    lost.await.expect("it returns");
}

#[turnwise::test]
async fn a_lock_held_by_the_caller_makes_it_wait_in_line() {
    let trace = Trace::default();
    let lock = Rc::new(Lock::new(()));
    let take = |name: &'static str| {
        let (trace, lock) = (trace.clone(), lock.clone());
        async move {
            let _guard = lock.acquire().await;
            trace.say(name);
        }
    };
    let guard = lock.acquire().await;
    let later = spawn(take("spawned"));
    let eager = spawn_eager(take("eager"));
    trace.say("caller");
    drop(guard);
    assert!(lock.is_locked(), "it is the eager task's already");
    eager.await.expect("it returns");
    later.await.expect("it returns");
    assert_eq!(trace.take(), ["caller", "eager", "spawned"]);
}

#[turnwise::test]
async fn under_a_combinator_the_foreign_waker_is_still_foreign() {
    let event = Rc::new(Event::new());
    let mut all: FuturesUnordered<_> = (0..5)
        .map(|n| {
            let event = event.clone();
            async move {
                let eager = spawn_eager({
                    let event = event.clone();
                    async move { event.wait().await }
                });
                event.wait().await;
                eager.await.expect("it returns");
                n
            }
        })
        .collect();
    let setter = spawn(async move { event.set() });
    let mut ended = Vec::new();
    while let Some(n) = all.next().await {
        ended.push(n);
    }
    ended.sort_unstable();
    assert_eq!(ended, [0, 1, 2, 3, 4]);
    setter.await.expect("it returns");
}

#[turnwise::test]
async fn eager_tasks_nest() {
    let trace = Trace::default();
    fn nest(depth: u32, trace: Trace) -> futures::future::LocalBoxFuture<'static, u32> {
        Box::pin(async move {
            trace.say(format!("in {depth}"));
            let inner = (depth > 0).then(|| spawn_eager(nest(depth - 1, trace.clone())));
            trace.say(format!("out {depth}"));
            yield_now().await;
            let below = match inner {
                Some(inner) => inner.await.expect("it returns"),
                None => 0,
            };
            below + 1
        })
    }
    let outer = spawn_eager(nest(2, trace.clone()));
    assert_eq!(
        trace.take(),
        ["in 2", "in 1", "in 0", "out 0", "out 1", "out 2"]
    );
    assert_eq!(outer.await.expect("it returns"), 3);
}

#[turnwise::test]
async fn a_panic_is_the_task_s_and_the_caller_goes_on() {
    let child = spawn_eager(async { panic!("at once") });
    assert!(child.is_finished());
    let later = spawn_eager(async {
        yield_now().await;
        panic!("later")
    });
    for (child, text) in [(child, "at once"), (later, "later")] {
        let ended: Result<(), JoinError> = child.await;
        assert_eq!(ended.expect_err("it panicked").panic_message(), Some(text));
    }
    yield_now().await;
}

#[turnwise::test]
async fn one_that_cancels_itself_ends_at_its_first_wait() {
    let trace = Trace::default();
    let told = trace.clone();
    let child = spawn_eager(async move {
        let _dropped = told.on_drop("dropped");
        let me = task::current().expect("it is a task");
        me.cancel();
        told.say("runs on");
        yield_now().await;
        told.say("never");
    });
    assert_eq!(trace.take(), ["runs on", "dropped"]);
    assert!(child.is_finished());
    assert!(child.await.is_err_and(|error| error.is_cancelled()));
}

#[turnwise::test]
async fn one_that_cancels_its_caller_lets_it_reach_its_next_wait() {
    let trace = Trace::default();
    let told = trace.clone();
    let caller = spawn(async move {
        let me = task::current().expect("it is a task");
        let child = spawn_eager(async move { me.cancel() });
        told.say("goes on");
        drop(child);
        yield_now().await;
        told.say("never");
    });
    assert!(caller.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(trace.take(), ["goes on"]);
}

#[test]
fn in_a_teardown_it_is_dropped_unpolled() {
    struct Spawns(Trace);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let (polled, dropped) = (self.0.clone(), self.0.on_drop("dropped"));
            let child = spawn_eager(async move {
                let _dropped = dropped;
                polled.say("polled");
            });
            self.0.say(format!("finished: {}", child.is_finished()));
        }
    }
    let trace = Trace::default();
    let runtime = Runtime::new();
    let spawns = Spawns(trace.clone());
    drop(runtime.spawn(async move {
        let _spawns = spawns;
        pending::<()>().await
    }));
    runtime.run_until_stalled();
    // Ready, never to be polled again: it must not be taken for the eager one.
    let ready = trace.clone();
    drop(runtime.spawn(async move { ready.say("the wrong task was polled") }));
    drop(runtime);
    assert_eq!(trace.take(), ["dropped", "finished: true"]);
}

#[turnwise::test]
async fn in_a_destructor_it_starts_like_everywhere() {
    struct Spawns(Rc<Cell<u32>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let count = self.0.clone();
            drop(spawn_eager(async move {
                count.set(count.get() + 1);
                yield_now().await;
                count.set(count.get() + 10);
            }));
            self.0.set(self.0.get() + 100);
        }
    }
    let count = Rc::new(Cell::new(0));
    let spawns = Spawns(count.clone());
    let child = spawn(async move {
        let _spawns = spawns;
        pending::<()>().await
    });
    yield_now().await;
    child.cancel();
    let _ = child.await;
    yield_now().await;
    assert_eq!(count.get(), 111);
}

#[test]
fn outside_a_turn_it_runs_too() {
    let runtime = virtual_runtime();
    let trace = Trace::default();
    let told = trace.clone();
    let child = spawn_eager(async move {
        told.say("first");
        sleep(Duration::from_secs(1)).await;
        told.say("second");
    });
    assert_eq!(trace.take(), ["first"]);
    runtime.block_on(child).expect("it returns");
    assert_eq!(trace.take(), ["second"]);
    assert_eq!(task::current(), None);
}

#[test]
fn a_loop_inside_it_is_refused_wherever_it_was_started() {
    let runtime = Rc::new(Runtime::new());
    let again = runtime.clone();
    let child = spawn_eager(async move { panic_of(|| again.block_on(async {})) });
    let text = block_on_in(&runtime, child);
    assert!(text.contains("inside the loop started at"), "{text}");
    let again = runtime.clone();
    let child = spawn_eager(async move { panic_of(|| again.turn(None)) });
    let text = block_on_in(&runtime, child);
    assert!(text.contains("inside the loop started at"), "{text}");
    let again = runtime.clone();
    let text = runtime.block_on(async {
        spawn_eager(async move { panic_of(|| again.run_until_stalled()) })
            .await
            .expect("it returns")
    });
    assert!(text.contains("inside the loop started at"), "{text}");
}

fn block_on_in(runtime: &Runtime, child: turnwise::JoinHandle<String>) -> String {
    runtime.block_on(child).expect("it returns")
}

#[turnwise::test]
async fn its_timers_and_timeouts_are_its_own() {
    let start = turnwise::time::Instant::now();
    let child = spawn_eager(async { timeout(Duration::from_secs(2), pending::<()>()).await });
    assert!(
        timeout(Duration::from_secs(1), pending::<()>())
            .await
            .is_err()
    );
    assert!(child.await.expect("it returns").is_err());
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[test]
fn a_waker_kept_by_its_first_poll_wakes_it() {
    block_on(async {
        let kept = Rc::new(RefCell::new(None));
        let keep = kept.clone();
        let child = spawn_eager(poll_fn(move |cx| {
            if keep.borrow().is_some() {
                return Poll::Ready(7);
            }
            *keep.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        }));
        yield_now().await;
        assert!(!child.is_finished());
        let waker = kept.borrow().clone().expect("it was polled");
        waker.wake();
        assert_eq!(child.await.expect("it returns"), 7);
    });
}

#[test]
fn many_of_them_leave_nothing_behind() {
    let runtime = virtual_runtime();
    let round = async || {
        for _ in 0..10_000 {
            drop(spawn_eager(async { yield_now().await }));
            spawn_eager(async {}).await.expect("it returns");
            yield_now().await;
        }
    };
    runtime.block_on(round());
    let used = allocation_counter::measure(|| runtime.block_on(round()));
    assert_eq!(used.bytes_current, 0, "{used:?}");
    assert_eq!(runtime.stats().alive, 0);
}

#[turnwise::test]
async fn a_dump_inside_it_shows_both_running() {
    let dump = Rc::new(RefCell::new(String::new()));
    let inside = dump.clone();
    let outer = spawn(async move {
        spawn_eager(async move { *inside.borrow_mut() = turnwise::report::dump().to_string() })
            .await
            .expect("it returns");
    });
    outer.await.expect("it returns");
    let dump = dump.borrow();
    assert_eq!(dump.matches("[running]").count(), 2, "{dump}");
    assert!(!dump.contains("stuck"), "{dump}");
}

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

fn end_the_runtime() {
    drop(RUNTIME.take());
}

#[test]
fn an_eager_task_that_ends_the_runtime_leaves_the_thread_usable() {
    RUNTIME.set(Some(Runtime::new()));
    let kept = Rc::new(Cell::new(None));
    let keeps = kept.clone();
    let task = spawn_eager(async move {
        poll_fn(|cx| {
            keeps.set(Some(cx.waker().clone()));
            Poll::Ready(())
        })
        .await;
        end_the_runtime();
        pending::<()>().await;
    });
    assert!(task.is_finished());
    kept.take().expect("it was polled").wake();
    assert_eq!(block_on(async { spawn(async { 6 }).await.unwrap() }), 6);
}

#[test]
fn a_slot_forgets_that_another_task_was_polled_inside() {
    RUNTIME.set(Some(Runtime::new()));
    drop(spawn_eager(async {
        drop(spawn_eager(async { end_the_runtime() }));
        pending::<()>().await;
    }));
    let runtime = Runtime::new();
    let tasks = [(); 2].map(|()| runtime.spawn(pending::<()>()));
    runtime.run_until_stalled();
    let text = runtime.dump().to_string();
    assert!(text.starts_with("2 tasks, 2 waiting"), "{text}");
    drop(tasks);
}
