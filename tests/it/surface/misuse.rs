//! Misuse and bad input: a clear error or panic that names the cure and the caller's line.

use std::future::pending;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use futures::{FutureExt, poll};
use turnwise::sync::{Left, Lock, Owner, Queue, WaitQueue};
use turnwise::time::{Instant, TimeLimit};
use turnwise::{
    JoinError, Runtime, block_on, interval, sleep, sleep_until, spawn, timeout, timeout_at,
    yield_now,
};

use crate::support::{here, panic_of, place_of_panic, poll_once, poll_with, virtual_runtime};

/// Where `$call` panics, which must be this line.
macro_rules! panics_here {
    ($call:expr) => {
        assert_eq!(
            place_of_panic(|| $call),
            (file!().to_owned(), here()),
            "{}",
            stringify!($call)
        )
    };
}

#[test]
fn a_queue_of_zero_capacity_names_the_cure() {
    let text = panic_of(|| Queue::<u8>::bounded(0));
    assert!(text.contains("unbounded()"), "{text}");
}

#[test]
fn what_needs_a_runtime_says_so_and_names_the_cure() {
    let text = panic_of(|| drop(spawn(async {})));
    assert!(text.contains("spawn needs one"), "{text}");
    assert!(text.contains("block_on"), "{text}");
}

#[test]
fn time_that_is_polled_without_a_runtime_names_its_line_and_the_cure() {
    let now = Instant::now();
    let limit = TimeLimit::after(Duration::ZERO);
    let second = Duration::from_secs(1);
    let mut ticks = interval(second);
    let line = here() + 3;
    #[rustfmt::skip]
    let waits: [(&str, Pin<Box<dyn Future<Output = ()> + '_>>); 7] = [
        ("sleep", Box::pin(sleep(second))),
        ("sleep", Box::pin(sleep(Duration::ZERO))),
        ("sleep", Box::pin(sleep_until(now))),
        ("timeout", Box::pin(timeout(Duration::ZERO, pending::<()>()).map(drop))),
        ("timeout", Box::pin(timeout_at(now, pending::<()>()).map(drop))),
        ("timeout", Box::pin(limit.timeout(pending::<()>()).map(drop))),
        ("interval", Box::pin(ticks.tick().map(drop))),
    ];
    for (nth, (name, mut wait)) in (0..).zip(waits) {
        let text = panic_of(|| poll_once(&mut wait));
        assert!(
            text.contains(&format!("{name}, made at {}", file!())),
            "{text}"
        );
        // A limit that is shared has the line where it was made.
        let made = match nth {
            5 => line - 6,
            _ => line + nth,
        };
        assert!(text.contains(&format!(":{made}:")), "{text}");
        assert!(text.contains("block_on"), "{text}");
    }
}

#[test]
fn a_shared_time_limit_bounds_one_future_at_a_time() {
    virtual_runtime().block_on(async {
        let limit = TimeLimit::after(Duration::from_secs(1));
        drop(limit.timeout(pending::<()>()));
        let first = limit.timeout(pending::<()>());
        let text = panic_of(|| drop(limit.timeout(pending::<()>())));
        assert!(text.contains("make one for each"), "{text}");
        assert!(first.await.is_err());
        assert!(limit.expired());
        assert!(limit.reschedule(Instant::now()).is_err());
        panics_here!(drop(limit.timeout(pending::<()>())));
    });
}

#[test]
fn a_period_of_zero_names_the_cure() {
    let text = virtual_runtime().block_on(async { panic_of(|| interval(Duration::ZERO)) });
    assert!(text.contains("yield_now"), "{text}");
}

#[test]
fn a_panic_over_misuse_is_at_the_callers_line() {
    panics_here!(Queue::<u8>::bounded(0));
    panics_here!(drop(spawn(async {})));
    let runtime = Runtime::new();
    panics_here!(Runtime::new());
    panics_here!(block_on(async {}));
    panics_here!(interval(Duration::ZERO));
    runtime.block_on(async {
        panics_here!(block_on(async {}));
        panics_here!(runtime.block_on(async {}));
        panics_here!(runtime.turn(None));
        panics_here!(runtime.run_until_stalled());
    });
    panics_here!(runtime.block_on(pending::<()>()));
}

#[test]
fn a_primitive_dropped_with_forgotten_waiters_leaves_no_entry() {
    let runtime = Runtime::new();
    let lock = Lock::new(());
    let guard = lock.try_acquire().unwrap();
    let mut waits: Vec<_> = (0..3).map(|_| lock.acquire()).collect();
    for wait in &mut waits {
        assert!(poll_with(wait, Waker::noop()).is_pending());
    }
    assert_eq!(runtime.stats().waiters, 3);
    // The one in the middle leaves properly, the others never do.
    drop(waits.remove(1));
    waits.into_iter().for_each(std::mem::forget);
    drop(guard);
    // Its head is a waiter that will never run: the lock is lost, and nothing else is.
    assert!(lock.is_locked());
    drop(lock);
    let queue = Queue::<u8>::bounded(1);
    let mut get = queue.get();
    assert!(poll_once(&mut get).is_pending());
    std::mem::forget(get);
    drop(queue);
    runtime.block_on(yield_now());
    // What was granted and then forgotten is off the list; it alone stays.
    assert!(runtime.stats().waiters <= 1, "{}", runtime.stats().waiters);
}

#[test]
fn a_handle_polled_again_after_its_output_names_the_cure() {
    block_on(async {
        let mut handle = spawn(async { 1 });
        assert_eq!((&mut handle).await.unwrap(), 1);
        let text = panic_of(|| poll_once(&mut handle));
        assert!(text.contains("await the handle once"), "{text}");
        assert!(text.contains(&handle.id().to_string()), "{text}");
    });
}

#[test]
fn a_wait_polled_again_after_its_grant_names_the_cure() {
    let lock = Lock::new(());
    let mut acquire = lock.acquire();
    let guard = poll_once(&mut acquire);
    assert!(guard.is_ready());
    let text = panic_of(|| poll_once(&mut acquire).is_ready());
    assert!(text.contains("make a new one"), "{text}");
}

#[test]
fn the_texts_of_join_errors_say_what_happened() {
    virtual_runtime().block_on(async {
        let cancelled = |reason: Option<&'static str>| async move {
            let task = spawn(pending::<()>());
            match reason {
                Some(reason) => task.cancel_because(reason),
                None => task.cancel(),
            };
            task.await.unwrap_err()
        };
        assert_eq!(cancelled(None).await.to_string(), "task cancelled");
        let with_reason = cancelled(Some("too slow")).await;
        assert_eq!(with_reason.to_string(), "task cancelled: too slow");
        assert!(with_reason.is_cancelled() && !with_reason.is_panic());
        assert!(with_reason.panic_message().is_none());
        assert_eq!(
            panic_of(|| with_reason.resume()),
            "task cancelled: too slow"
        );

        let static_text = spawn(async { panic!("boom") }).await.unwrap_err();
        assert_eq!(static_text.to_string(), "task panicked: boom");
        assert!(static_text.is_panic() && !static_text.is_cancelled());
        assert_eq!(panic_of(|| static_text.resume()), "boom");
        let number = 7;
        let formatted = spawn(async move { panic!("boom {number}") })
            .await
            .unwrap_err();
        assert_eq!(formatted.panic_message(), Some("boom 7"));
        let other = spawn(async { std::panic::panic_any(7u8) })
            .await
            .unwrap_err();
        assert_eq!(other.to_string(), "task panicked: (no text)");
        assert_eq!(format!("{other:?}"), "JoinError(task panicked: (no text))");
        let JoinError::Panicked(panic) = other else {
            panic!("it panicked")
        };
        assert_eq!(format!("{panic:?}"), "Panic(None)");
        assert_eq!(*panic.into_payload().downcast::<u8>().unwrap(), 7);
    });
}

#[test]
fn an_ab_ba_deadlock_is_explained_with_spawns_waits_and_holders() {
    let (a, b) = (Rc::new(Lock::new(())), Rc::new(Lock::new(())));
    let made = here() - 1;
    let runtime = virtual_runtime();
    let cross = |first: Rc<Lock<()>>, second: Rc<Lock<()>>| async move {
        let _first = first.acquire().await; // held
        yield_now().await;
        let _second = second.acquire().await; // waits
    };
    let (held, waits) = (here() - 4, here() - 2);
    let one = runtime.spawn(cross(a.clone(), b.clone())).named("one");
    let spawned = here() - 1;
    let two = runtime.spawn(cross(b, a)).named("two");
    let also = here() - 1;
    let (one_id, two_id) = (one.id(), two.id());
    let deadlock = runtime
        .try_block_on(async { futures::join!(one, two) }) // main waits
        .expect_err("each waits for the other");
    let main = here() - 2;
    let text = deadlock.to_string();
    let place = |line: u32| format!("{}:{line}:", file!());
    for (what, needle) in [
        (
            "the verdict",
            "nothing can ever wake this program again".to_owned(),
        ),
        (
            "one",
            format!(
                "task {one_id} \"one\" [waiting], spawned at {}",
                place(spawned)
            ),
        ),
        (
            "two",
            format!(
                "task {two_id} \"two\" [waiting], spawned at {}",
                place(also)
            ),
        ),
        (
            "the lock",
            format!("waits for lock made at {}", place(made)),
        ),
        ("the waiting line", format!("at {}", place(waits))),
        (
            "one holds",
            format!("taken by task {one_id} \"one\" at {}", place(held)),
        ),
        (
            "two holds",
            format!("taken by task {two_id} \"two\" at {}", place(held)),
        ),
        ("main", format!("[waiting], spawned at {}", place(main))),
        ("main's wait", format!("waits for the end of task {one_id}")),
    ] {
        assert!(
            text.contains(&needle),
            "{what}: {needle:?} is not in\n{text}"
        );
    }
    assert_eq!(deadlock.report().task_count(), 3);
    // The same text is what block_on panics with, and the tasks are still there.
    assert_eq!(runtime.stats().alive, 2);
    let text = panic_of(|| runtime.block_on(pending::<()>()));
    assert!(
        text.contains("\"one\"") && text.contains("\"two\""),
        "{text}"
    );
}

/// Owns a queue, and takes nothing back.
struct Nobody;

impl Owner for Nobody {
    fn left(&self, _: Left) {}
}

#[test]
fn a_deadlock_over_a_queue_of_ones_own_names_its_kind() {
    let queue = WaitQueue::new("turnstile");
    let verdict = virtual_runtime().try_block_on(queue.wait(&Nobody, 0));
    let text = verdict.unwrap_err().to_string();
    assert!(text.contains("waits for turnstile"), "{text}");
}

#[test]
fn a_queue_of_ones_own_has_no_holder_whatever_it_grants() {
    let queue = WaitQueue::new("turnstile");
    let runtime = virtual_runtime();
    let text = runtime.try_block_on(async {
        let first = async {
            for granted in [0, 1, usize::MAX] {
                let mut waits = pin!(queue.wait(&Nobody, 0));
                assert!(poll!(&mut waits).is_pending());
                assert!(queue.grant_head_with(granted));
                assert_eq!(waits.await, granted);
                assert_eq!(queue.stats().held_by, None);
            }
            pending::<()>().await;
        };
        futures::join!(first, queue.wait(&Nobody, 0));
    });
    let text = text.unwrap_err().to_string();
    assert!(
        text.contains("turnstile") && !text.contains("taken by"),
        "{text}"
    );
}

#[test]
fn a_task_that_can_be_woken_by_nothing_is_reported_once_with_its_spawn_place() {
    let told = Rc::new(std::cell::RefCell::new(Vec::new()));
    let hook = told.clone();
    let runtime = turnwise::Runtime::builder()
        .virtual_clock()
        .on_unobserved(move |problem| hook.borrow_mut().push(problem.clone()))
        .build();
    let lost = runtime.spawn(pending::<()>());
    let spawned = here() - 1;
    runtime.block_on(async {
        for _ in 0..10 {
            sleep(Duration::from_secs(1)).await;
        }
        lost.cancel();
        lost.await.unwrap_err();
    });
    let told = told.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].spawned_at.line(), spawned);
    assert!(told[0].problem.contains("nothing that can wake it"));
}

#[test]
fn many_tasks_that_wait_for_nothing_are_each_told_once_and_quickly() {
    const TASKS: usize = 50_000;
    let told = Rc::new(std::cell::RefCell::new(Vec::new()));
    let heard = told.clone();
    let runtime = turnwise::Runtime::builder()
        .virtual_clock()
        .on_unobserved(move |problem| heard.borrow_mut().push(problem.id))
        .build();
    let start = std::time::Instant::now();
    let mut ids: Vec<_> = (0..TASKS)
        .map(|_| {
            let task = runtime.spawn(pending::<()>());
            let id = task.id();
            drop(task);
            id
        })
        .collect();
    runtime.block_on(async {
        // One that sleeps is not lost, nor one that waits in a line or for a task.
        let queue = Rc::new(Queue::<u8>::unbounded());
        let gets = queue.clone();
        let get = spawn(async move { gets.get().await });
        let joins = spawn(spawn(sleep(Duration::from_secs(5))));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(told.borrow().len(), TASKS, "told before the loop sleeps");
        drop((get, joins));
    });
    runtime.run_until_stalled();
    let mut told = told.take();
    told.sort_by_key(|id| id.to_string());
    ids.sort_by_key(|id| id.to_string());
    assert_eq!(told, ids);
    // Looking at all tasks for each of them would take minutes.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}
