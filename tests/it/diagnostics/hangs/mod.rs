//! Programs that hang, and what is said of them: a table of what is certain and what is only
//! suspected, with the lines that the report must name.

mod devious;
mod foreign;
mod futurelocks;
mod late;
mod locks;
mod mixed;
mod others;
mod polled;

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::panic::Location;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use turnwise::report::{Report, Verdict};
use turnwise::{Runtime, spawn};

/// One program.
struct Hang {
    name: &'static str,
    verdict: Verdict,
    /// What the report must contain; `{x}` is the place after `next("x")`.
    says: &'static [&'static str],
    program: fn() -> LocalBoxFuture<'static, ()>,
}

/// Nothing outside is left.
const fn certain(
    name: &'static str,
    says: &'static [&'static str],
    program: fn() -> LocalBoxFuture<'static, ()>,
) -> Hang {
    let verdict = Verdict::Certain;
    Hang {
        name,
        verdict,
        says,
        program,
    }
}

/// Somebody foreign keeps a waker: another thread might hold it as well.
const fn suspected(
    name: &'static str,
    says: &'static [&'static str],
    program: fn() -> LocalBoxFuture<'static, ()>,
) -> Hang {
    let verdict = Verdict::Suspected;
    Hang {
        name,
        verdict,
        says,
        program,
    }
}

thread_local! {
    static MARKS: RefCell<HashMap<&'static str, String>> = RefCell::default();
}

/// Names the line after the call.
#[track_caller]
fn next(name: &'static str) {
    let here = Location::caller();
    let place = format!("{}:{}:", here.file(), here.line() + 1);
    MARKS.with_borrow_mut(|marks| marks.insert(name, place));
}

fn with_places(text: &str) -> String {
    MARKS.with_borrow(|marks| {
        marks.iter().fold(text.to_owned(), |text, (name, place)| {
            text.replace(&format!("{{{name}}}"), place)
        })
    })
}

/// Leaves the columns out of all places: `file:line:`.
fn without_columns(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (line, rest) = part.split_once(':').unwrap_or((part, ""));
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        result += &format!(".rs:{line}:{rest}");
    }
    result
}

/// Runs a program until it is given up.
fn report_of(name: &str, program: LocalBoxFuture<'static, ()>) -> Report {
    let builder = Runtime::builder()
        .fail_on_suspected()
        .suspect_after(Duration::from_millis(20));
    let runtime = builder.virtual_clock().on_unobserved(|_| {}).build();
    let deadlock = runtime.try_block_on(program);
    deadlock.expect_err(name).report().clone()
}

/// On threads of their own, so that ids start afresh.
fn check(table: &'static [Hang]) {
    let alone = check_alone as fn(&Hang);
    let checks = [
        alone,
        #[cfg(feature = "signal")]
        check_beside_ctrl_c,
    ];
    for (hang, check) in table
        .iter()
        .flat_map(|hang| checks.map(|check| (hang, check)))
    {
        let checked = std::thread::spawn(move || check(hang)).join();
        checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

fn check_alone(hang: &Hang) {
    let report = report_of(hang.name, (hang.program)());
    assert_eq!(report.verdict(), hang.verdict, "{}\n{report}", hang.name);
    check_text(hang, &report.to_string());
    let (json, dot) = (report.to_json(), report.to_dot());
    assert_eq!(
        json.matches('{').count(),
        json.matches('}').count(),
        "{json}"
    );
    assert!(dot.ends_with("}\n"), "{dot}");
}

/// A tool listens for Ctrl-C, and its hang is the same.
#[cfg(feature = "signal")]
fn check_beside_ctrl_c(hang: &Hang) {
    let (mut program, mut listens) = ((hang.program)(), false);
    // The listener begins last, and the program is not polled for it.
    let beside = poll_fn(move |cx| {
        let ended = program.poll_unpin(cx);
        if !mem::replace(&mut listens, true) {
            drop(spawn(async { turnwise::io::ctrl_c().await.unwrap() }));
        }
        ended
    });
    let report = report_of(hang.name, beside.boxed_local());
    let (name, text) = (hang.name, report.to_string());
    assert_eq!(report.verdict(), Verdict::Suspected, "{name}\n{text}");
    assert!(text.contains("a signal to end can wake"), "{name}\n{text}");
    check_text(hang, &without_signal(&text));
}

/// A report without what it says of the listener.
#[cfg(feature = "signal")]
fn without_signal(text: &str) -> String {
    text.replace(" or a signal to end can", " can")
        .replace(
            "outside: 1 awaited signal to end the program",
            "outside: nothing",
        )
        .replace(", 1 awaited signal to end the program", "")
}

fn check_text(hang: &Hang, text: &str) {
    let text = without_columns(text);
    assert!(!hang.says.is_empty(), "{}", hang.name);
    for line in hang.says {
        let line = with_places(line);
        let name = hang.name;
        assert!(text.contains(&line), "{name}: {line:?} is not in\n{text}");
    }
}

#[test]
fn hangs_over_locks_name_every_line() {
    check(locks::TABLE);
}

#[test]
fn hangs_over_futures_that_are_not_polled_name_every_line() {
    check(futurelocks::TABLE);
}

#[test]
fn hangs_over_everything_else_name_every_line() {
    check(others::TABLE);
}

#[test]
fn hangs_with_foreign_wakers_left_are_only_suspected() {
    check(foreign::TABLE);
}

#[test]
fn hangs_behind_descriptors_that_were_given_up_are_not_taken_for_idle() {
    check(polled::TABLE);
}

#[test]
fn hangs_over_mixtures_name_every_line() {
    check(mixed::TABLE);
}

#[test]
fn hangs_of_devious_programs_name_every_line() {
    check(devious::TABLE);
}

#[test]
fn there_are_at_least_forty_of_them() {
    let tables = [
        locks::TABLE,
        futurelocks::TABLE,
        others::TABLE,
        foreign::TABLE,
        mixed::TABLE,
    ];
    assert!(tables.iter().map(|table| table.len()).sum::<usize>() >= 40);
}
