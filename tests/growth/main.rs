//! Whether anything costs more where there is more of it.
//!
//! A *shape* is a small program that does `n` things among `n` others. It runs twice, with `n` and
//! with `2 n`, and the instructions of each are counted (`count.rs`). What one thing costs must not
//! grow by more than a tenth: so much a logarithm may add, but nothing that looks at all the others.
//! Instructions do not depend on what else the machine does, so there is no limit in seconds.
//!
//! A *check* runs once and says itself what is too much: bytes at the peak of a report, memory
//! that stays after a burst (`memory.rs`, `bursts.rs`).
//!
//! ```text
//! growth             the fast half: the shapes
//! growth slow        the slow half: the checks, and the shapes that need many things
//! growth NAME …      those whose names contain one of these words
//! growth run NAME n  one shape, as it is measured
//! ```

mod bursts;
mod count;
mod memory;
mod outside;
mod reports;
mod tasks;
mod time;
mod tools;
mod waits;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A program that does `n` things among `n` others.
struct Shape {
    name: &'static str,
    n: usize,
    run: fn(usize),
    slow: bool,
    /// Why it grows. One that has ceased to must lose this.
    grows: Option<&'static str>,
}

impl Shape {
    fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// Says that this one grows, and why.
    fn grows(mut self, why: &'static str) -> Self {
        self.grows = Some(why);
        self
    }
}

/// A shape, to be run with `n` and twice as many.
fn shape(name: &'static str, n: usize, run: fn(usize)) -> Shape {
    Shape {
        name,
        n,
        run,
        slow: false,
        grows: None,
    }
}

/// A program that runs once, and panics if something needs too much.
struct Check {
    name: &'static str,
    run: fn(),
}

const fn check(name: &'static str, run: fn()) -> Check {
    Check { name, run }
}

fn checks() -> impl Iterator<Item = &'static Check> {
    memory::CHECKS.iter().chain(bursts::CHECKS)
}

/// What one thing may cost among twice as many, in hundredths of what it cost before.
const MOST: u64 = 110;

fn all() -> Vec<Shape> {
    let mut all = tasks::shapes();
    all.extend(waits::shapes());
    all.extend(time::shapes());
    all.extend(outside::shapes());
    all.extend(reports::shapes());
    all
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let shapes = all();
    match &words[..] {
        ["run", name, n] => {
            let shape = shapes.iter().find(|shape| shape.name == *name);
            if let Some(shape) = shape {
                (shape.run)(n.parse().expect("a number of things"));
            } else if *name == count::NOTHING {
                turnwise::block_on(async {});
            } else {
                let check = checks().find(|check| check.name == *name);
                (check.expect("no shape and no check has that name").run)();
            }
            ExitCode::SUCCESS
        }
        [] => judge(&shapes, &|shape| !shape.slow, &|_| false),
        ["slow"] => judge(&shapes, &|shape| shape.slow, &|_| true),
        words => {
            let named = |name: &str| words.iter().any(|word| name.contains(word));
            judge(&shapes, &|shape| named(shape.name), &named)
        }
    }
}

/// Measures what was chosen, prints a table, and fails with the names.
fn judge(
    shapes: &[Shape],
    shape: &dyn Fn(&Shape) -> bool,
    check: &dyn Fn(&str) -> bool,
) -> ExitCode {
    let shapes: Vec<&Shape> = shapes.iter().filter(|one| shape(one)).collect();
    let mut failed = measure(&shapes);
    for Check { name, .. } in checks().filter(|one| check(one.name)) {
        let (fails, text) = count::check(name);
        failed.extend(verdict(name, fails, None, &text));
    }
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("\n{} grow or changed: {}", failed.len(), failed.join(", "));
            ExitCode::FAILURE
        }
    }
}

/// As many at a time as there are processors.
fn measure(shapes: &[&Shape]) -> Vec<String> {
    let nothing = match shapes.is_empty() {
        true => return Vec::new(),
        false => count::instructions(count::NOTHING, 0).expect("nothing can be measured"),
    };
    println!(
        "{:55} {:>7} {:>11} {:>11}",
        "instructions of one", "n", "among n", "among 2 n"
    );
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(shape) = shapes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (grows, text) = among_more(shape, nothing);
                    let verdict = verdict(shape.name, grows, shape.grows, &text);
                    failed.lock().expect("no test panics").extend(verdict);
                }
            });
        }
    });
    failed.into_inner().expect("no test panics")
}

/// Whether one thing costs more among twice as many, and a line that says so.
fn among_more(shape: &Shape, nothing: u64) -> (bool, String) {
    let each = |n: usize| {
        let all = count::instructions(shape.name, n)?;
        Ok::<u64, String>(all.saturating_sub(nothing) / n as u64)
    };
    let both = each(shape.n).and_then(|few| Ok((few, each(2 * shape.n)?)));
    match both {
        Ok((few, many)) => {
            let text = format!("{:7} {few:11} {many:11}", shape.n);
            (many * 100 > few * MOST, text)
        }
        Err(text) => (true, format!("{:7} {text}", shape.n)),
    }
}

/// Prints the line; gives the name where it is not as it is meant to be.
fn verdict(name: &str, grows: bool, known: Option<&str>, text: &str) -> Option<String> {
    let (remark, failed) = match (grows, known) {
        (false, None) => (String::new(), false),
        (true, None) => ("  GROWS".to_owned(), true),
        (true, Some(why)) => (format!("  known: {why}"), false),
        (false, Some(_)) => ("  grows no more: take its mark away".to_owned(), true),
    };
    println!("{name:55} {text}{remark}");
    failed.then(|| name.to_owned())
}
