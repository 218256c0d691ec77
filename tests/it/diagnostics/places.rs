//! Which lines a report names: those of the program, none inside the standard library or this crate. There a
//! primitive is told apart by a number.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use futures::future::{LocalBoxFuture, join_all};
use turnwise::report::Report;
use turnwise::sync::{Condition, Event, Lock, OnceCell, RwLock};
use turnwise::{JoinHandle, Runtime, spawn, yield_now};

use crate::support::virtual_runtime;

/// No line that is not the program's.
#[track_caller]
fn assert_own_lines(report: &Report) {
    let texts = [
        report.to_string(),
        format!("{report:#}"),
        report.to_json(),
        report.to_dot(),
    ];
    for text in texts {
        for foreign in ["/rustc/", "/rustlib/", "sync/", "runtime/"] {
            for line in text.lines().filter(|line| line.contains(foreign)) {
                let own = line.matches(foreign).count()
                    == line.matches(&format!("tests/it/{foreign}")).count();
                assert!(own, "{line}");
            }
        }
    }
}

/// What a report says while `wait` waits.
fn report_of(wait: impl Future<Output = ()> + 'static) -> Report {
    let runtime = virtual_runtime();
    drop(runtime.spawn(wait));
    runtime.run_until_stalled();
    runtime.dump()
}

type Made = fn() -> LocalBoxFuture<'static, ()>;

#[derive(Default)]
struct Inside<T> {
    _field: T,
}

/// Waits for something that was made by `Default` in the standard library, or in another primitive.
macro_rules! waits {
    ($($name:literal: $thing:ty, $wait:expr;)+) => {
        [$(
            ($name, || {
                let thing = Rc::<$thing>::default();
                Box::pin(async move { $wait(&thing).await })
            }),
        )+]
    };
}

const WAITS: [(&str, Made); 7] = waits! {
    "lock": Lock<u8>, async |lock: &Lock<u8>| {
        std::mem::forget(lock.acquire().await);
        drop(lock.acquire().await);
    };
    "lock": Lock<Lock<u8>>, async |lock: &Lock<Lock<u8>>| {
        let outer = lock.acquire().await;
        std::mem::forget(outer.acquire().await);
        drop(outer.acquire().await);
    };
    "lock": Inside<Lock<u8>>, async |inside: &Inside<Lock<u8>>| {
        std::mem::forget(inside._field.acquire().await);
        drop(inside._field.acquire().await);
    };
    "rwlock": RwLock<u8>, async |lock: &RwLock<u8>| {
        std::mem::forget(lock.write().await);
        drop(lock.read().await);
    };
    "event": Event, async |event: &Event| event.wait().await;
    "condition": Condition, async |condition: &Condition| {
        let lock = Lock::new(());
        drop(condition.wait(lock.acquire().await).await);
    };
    "once": OnceCell<u8>, async |cell: &OnceCell<u8>| {
        let never = cell.get_or_init(async || std::future::pending().await);
        let again = async { _ = cell.get_or_init(async || 7).await };
        futures::join!(async { _ = never.await }, again);
    };
};

#[test]
fn what_a_default_has_made_is_told_apart_by_a_number() {
    for (name, wait) in WAITS {
        let report = report_of(wait());
        assert_own_lines(&report);
        let text = report.to_string();
        assert!(
            text.contains(name) && (text.contains(" number ") || text.contains("made at tests")),
            "{text}"
        );
    }
}

#[test]
fn a_derive_is_a_line_of_the_program() {
    let inside = Rc::new(Inside::<Event>::default());
    let report = report_of(async move { inside._field.wait().await });
    assert_own_lines(&report);
    assert!(
        report
            .to_string()
            .contains("made at tests/it/diagnostics/places.rs"),
        "{report}"
    );
}

#[test]
fn one_lock_has_one_number() {
    let runtime = Runtime::builder().virtual_clock().build();
    let locks = [Rc::<Lock<u8>>::default(), Rc::default()];
    for at in 0..2 {
        let (one, other) = (locks[at].clone(), locks[1 - at].clone());
        drop(runtime.spawn(async move {
            let _held = one.acquire().await;
            yield_now().await;
            drop(other.acquire().await);
        }));
    }
    let dead = runtime
        .try_block_on(std::future::pending::<()>())
        .unwrap_err();
    let text = dead.to_string();
    let numbers: Vec<_> = text
        .lines()
        .filter_map(|line| line.split("lock number ").nth(1))
        .collect();
    assert!(numbers.len() >= 4, "{text}");
    let cycle = &numbers[..4];
    assert!(
        cycle[0] == cycle[3] && cycle[1] == cycle[2] && cycle[0] != cycle[1],
        "{text}"
    );
    assert_own_lines(dead.report());
}

#[test]
fn a_function_that_is_passed_on_has_no_line() {
    let runtime = virtual_runtime();
    let futures = (0..2).map(|_| std::future::pending::<()>());
    let handles: Vec<JoinHandle<()>> = runtime.block_on(async { futures.map(spawn).collect() });
    let boxed: Vec<Pin<Box<dyn Future<Output = _>>>> = handles
        .into_iter()
        .map(|handle| Box::pin(handle) as _)
        .collect();
    drop(runtime.spawn(async move { drop(join_all(boxed).await) }));
    runtime.run_until_stalled();
    let report = runtime.dump();
    assert_own_lines(&report);
    assert!(
        report.to_string().contains("spawned at an unknown line"),
        "{report}"
    );
}

#[test]
fn a_lost_task_without_a_line() {
    let told = Rc::new(RefCell::new(String::new()));
    let runtime = {
        let told = told.clone();
        Runtime::builder()
            .virtual_clock()
            .on_unobserved(move |what| *told.borrow_mut() += &what.to_string())
            .build()
    };
    runtime.block_on(async {
        let lost: Vec<_> = [std::future::pending::<()>()]
            .into_iter()
            .map(spawn)
            .collect();
        yield_now().await;
        turnwise::sleep(std::time::Duration::from_secs(1)).await;
        drop(lost);
    });
    assert!(
        told.borrow().contains("spawned at an unknown line"),
        "{}",
        told.borrow()
    );
}
