//! Tasks nested a hundred thousand deep: what ends one of them must not need a stack as deep.

use std::future::pending;

use futures::future::LocalBoxFuture;
use turnwise::task::spawn_eager;
use turnwise::{JoinHandle, Runtime, gather_spawned, try_task_group};

use crate::support::Census;

const LEVELS: usize = 100_000;

/// One level of a shape: a future that holds the next one as a task.
type Level = fn(usize, Census) -> LocalBoxFuture<'static, ()>;

fn group(depth: usize, alive: Census) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let _token = alive.token();
        let levels = try_task_group(async |group| {
            if depth > 0 {
                drop(group.spawn(self::group(depth - 1, alive.clone())));
            }
            pending::<Result<(), ()>>().await
        });
        drop(levels.await);
    })
}

fn gathered(depth: usize, alive: Census) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let _token = alive.token();
        if depth == 0 {
            pending::<()>().await;
        }
        gather_spawned(vec![gathered(depth - 1, alive.clone())]).await;
    })
}

fn eager(depth: usize, alive: Census) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let _token = alive.token();
        if depth > 0 {
            drop(spawn_eager(eager(depth - 1, alive.clone())));
        }
        pending::<()>().await;
    })
}

/// Runs every level up to its wait, on a thread with the usual stack, and ends the outermost.
fn nested(level: Level, end: fn(Runtime, JoinHandle<()>)) {
    let run = move || {
        let alive = Census::default();
        // What only waits to be ended has nothing that can wake it.
        let runtime = Runtime::builder().on_unobserved(|_| {}).build();
        let outermost = runtime.spawn(level(LEVELS, alive.clone()));
        runtime.run_until_stalled();
        assert_eq!(alive.alive(), LEVELS + 1);
        end(runtime, outermost);
        assert_eq!(alive.alive(), 0);
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
    thread
        .expect("it starts")
        .join()
        .expect("every level is gone");
}

fn cancel(runtime: Runtime, outermost: JoinHandle<()>) {
    outermost.cancel();
    assert!(runtime.block_on(outermost).is_err());
}

fn tear_down(runtime: Runtime, outermost: JoinHandle<()>) {
    drop((runtime, outermost));
}

#[test]
fn groups_nested_deep_are_cancelled_on_a_small_stack() {
    nested(group, cancel);
}

#[test]
fn groups_nested_deep_are_torn_down_on_a_small_stack() {
    nested(group, tear_down);
}

#[test]
fn gathers_nested_deep_are_cancelled_on_a_small_stack() {
    nested(gathered, cancel);
}

#[test]
fn gathers_nested_deep_are_torn_down_on_a_small_stack() {
    nested(gathered, tear_down);
}

#[test]
fn eager_tasks_nested_deep_start_and_end_on_a_small_stack() {
    nested(eager, tear_down);
}
