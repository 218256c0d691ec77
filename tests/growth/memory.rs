//! How much memory a report needs at its peak, counted by the allocator in this thread, and how much it prints.

use std::hint::black_box;
use std::rc::Rc;

use allocation_counter::measure;
use futures::future::join_all;
use turnwise::report::{Report, dump};
use turnwise::sync::Event;
use turnwise::{Runtime, spawn, yield_now};

use crate::tools::{idle, many, really};
use crate::{Check, check};

pub(crate) const CHECKS: &[Check] = &[
    check("memory of a dump of 1,000,000 tasks", || {
        of_dump(1_000_000, |report| report.to_string())
    }),
    check("memory of that dump as JSON", || {
        of_dump(1_000_000, |report| report.to_json())
    }),
    check("memory of that dump as DOT", || {
        of_dump(1_000_000, |report| report.to_dot())
    }),
    check("memory of a dump of 100,000 tasks", || {
        of_dump(100_000, |report| report.to_string())
    }),
    check("memory of that smaller dump as JSON", || {
        of_dump(100_000, |report| report.to_json())
    }),
    check("memory of that smaller dump as DOT", || {
        of_dump(100_000, |report| report.to_dot())
    }),
    check("length of a dump of 100,000 tasks", length_of_dump),
    check("memory of a dump of one task with 10,000 waits", || {
        of_crowd(false)
    }),
    check("length of a dump of one task with 10,000 waits", || {
        of_crowd(true)
    }),
];

/// A report of many tasks needs at most three tenths of what the program has.
fn of_dump(n: usize, text: fn(&Report) -> String) {
    within_three_tenths(
        async || {
            let tasks = many(n, |_| async {
                // What a task of a server has at least.
                let _buffer = [0_u8; 64];
                Event::new().wait().await;
            });
            yield_now().await;
            tasks
        },
        text,
    );
}

/// As for many tasks, or: prints a screen.
fn of_crowd(print: bool) {
    let crowd = async || {
        let event = Rc::new(Event::new());
        let waits: Vec<_> = (0..10_000).map(|_| event.clone()).collect();
        let task = spawn(async move {
            join_all(waits.iter().map(|event| event.wait())).await;
        });
        yield_now().await;
        vec![task]
    };
    match print {
        false => within_three_tenths(crowd, |report| report.to_string()),
        true => really(async move {
            let crowd = crowd().await;
            is_a_screen(&dump().to_string());
            drop(crowd);
        }),
    }
}

fn within_three_tenths<K>(program: impl AsyncFn() -> K, text: fn(&Report) -> String) {
    let runtime = Runtime::new();
    let mut things = None;
    let program = measure(|| things = Some(runtime.block_on(program()))).bytes_current;
    let report = measure(|| drop(black_box(text(&runtime.dump())))).bytes_max;
    println!(
        "{:>7} kB, and {} kB for the report",
        program / 1000,
        report / 1000
    );
    assert!(report * 10 <= program as u64 * 3, "more than three tenths");
    drop(things);
}

fn length_of_dump() {
    really(async {
        let idle = idle(100_000).await;
        is_a_screen(&dump().to_string());
        drop(idle);
    });
}

fn is_a_screen(text: &str) {
    println!("{:>7} lines, {} bytes", text.lines().count(), text.len());
    assert!(text.len() < 20_000, "that is no screen");
}
