//! Five ways to hang, and what turnwise says of each: `deadlock abba`, for one.
//!
//! The program exits with 1 and the report on the standard error, also where that cannot be written.
//! docs/diagnostics.md explains what each report means.

mod support;

use std::pin::pin;
use std::process;
use std::rc::Rc;
use std::time::Duration;

use futures::future::select;
use lexopt::prelude::*;
use turnwise::report::Report;
use turnwise::sync::{Barrier, Lock};
use turnwise::task::wait_quiescent;
use turnwise::{Runtime, gather_spawned, sleep, spawn, yield_now};

const SECOND: Duration = Duration::from_secs(1);

const HELP: &str = "\
Five ways to hang, and what turnwise says of each.

Usage: deadlock [OPTIONS] PROGRAM

Programs:
  abba        two tasks take two locks, each in its own order
  futurelock  a future that waits for a lock is kept, but no longer polled
  guard       a guard is forgotten in a future that nobody polls
  barrier     a barrier for three, and two who come
  partial     two tasks are deadlocked while a third one lives on

Options:
      --json  print the report as JSON
      --dot   print the report as a graph for Graphviz
  -h, --help  print this";

/// How the report is printed.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
    Dot,
}

fn main() {
    let (mut form, mut program) = (Form::Text, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = support::or_exit(arguments.next()) {
        match argument {
            Long("json") => form = Form::Json,
            Long("dot") => form = Form::Dot,
            Short('h') | Long("help") => {
                support::print(format_args!("{HELP}"));
                return;
            }
            Value(name) if program.is_none() => program = Some(name),
            other => support::usage_error(other.unexpected()),
        }
    }
    let Some(program) = program else {
        support::usage_error("which program?");
    };
    // The virtual clock: what sleeps here need not take any time.
    // And no measured times: what is printed is the same every time.
    let runtime = Runtime::builder().virtual_clock().time_polls(false).build();
    let ended = match &*program.to_string_lossy() {
        "abba" => runtime.try_block_on(abba()),
        "futurelock" => runtime.try_block_on(futurelock()),
        "guard" => runtime.try_block_on(forgotten_guard()),
        "barrier" => runtime.try_block_on(short_barrier()),
        "partial" => {
            let report = &runtime.block_on(partial());
            fail(report, form)
        }
        other => support::usage_error(format_args!("there is no program '{other}'")),
    };
    match ended {
        Ok(()) => support::print(format_args!("it did not hang")),
        Err(deadlock) => fail(deadlock.report(), form),
    }
}

fn fail(report: &Report, form: Form) -> ! {
    let text = match form {
        Form::Text => format!("{report}\n"),
        Form::Json => report.to_json() + "\n",
        Form::Dot => report.to_dot(),
    };
    // A standard error that takes nothing does not change how this ends.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    process::exit(1)
}

/// Starts two tasks that take two locks, each in its own order.
fn take_in_both_orders() -> [turnwise::JoinHandle<()>; 2] {
    let flour = Rc::new(Lock::new("flour"));
    let sugar = Rc::new(Lock::new("sugar"));
    let cook = spawn({
        let (flour, sugar) = (flour.clone(), sugar.clone());
        async move {
            let _flour = flour.acquire().await;
            yield_now().await;
            let _sugar = sugar.acquire().await;
        }
    });
    let baker = spawn(async move {
        let _sugar = sugar.acquire().await;
        yield_now().await;
        let _flour = flour.acquire().await;
    });
    [cook.named("cook"), baker.named("baker")]
}

async fn abba() {
    for task in take_in_both_orders() {
        task.await.expect("nobody cancels it");
    }
}

/// `select` gives back the future that has lost. While it is kept, it keeps its place in line.
async fn futurelock() {
    let lock = Rc::new(Lock::new(()));
    let holder = spawn({
        let lock = lock.clone();
        async move {
            let _guard = lock.acquire().await;
            sleep(2 * SECOND).await;
        }
    });
    yield_now().await;
    let mut patient = pin!(lock.acquire());
    let _ = select(&mut patient, pin!(sleep(SECOND))).await;
    // The time is up; `patient` is still in line, is granted the lock, and is not polled.
    let _guard = lock.acquire().await;
    holder.await.expect("nobody cancels it");
}

/// A future that was polled until it held the guard, and then left alone.
async fn forgotten_guard() {
    let lock = Lock::new(());
    let mut work = pin!(async {
        let _guard = lock.acquire().await;
        sleep(2 * SECOND).await;
    });
    let _ = select(&mut work, pin!(sleep(SECOND))).await;
    let _guard = lock.acquire().await;
}

async fn short_barrier() {
    let barrier = Rc::new(Barrier::new(3));
    let runners = (1..=2).map(|_| {
        let barrier = barrier.clone();
        async move { barrier.wait().await.map(drop) }
    });
    gather_spawned(runners).await;
}

/// The program lives, and its dump tells of the two tasks that do not.
async fn partial() -> Report {
    let clock = spawn(async {
        loop {
            sleep(SECOND).await;
        }
    });
    let deadlocked = take_in_both_orders();
    wait_quiescent().await;
    let report = turnwise::report::dump();
    for task in deadlocked.iter().chain([&clock.named("clock")]) {
        task.cancel();
    }
    report
}
