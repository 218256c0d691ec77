//! Runs this program again as a child, under a simulator that counts.

use std::process::Command;

/// The program that is taken off from each: a runtime that does nothing.
pub(crate) const NOTHING: &str = "nothing";

/// What a shape of `n` executes, or how it failed.
pub(crate) fn instructions(name: &str, n: usize) -> Result<u64, String> {
    let out = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--branch-sim=no"])
        .args(["--cachegrind-out-file=/dev/null", "--trace-children=no"])
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["run", name, &n.to_string()])
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&out.stderr);
    let counted = text.lines().find(|line| line.contains("I   refs:"));
    match (out.status.success(), counted) {
        (true, Some(line)) => {
            let digits: String = line.rsplit(':').next().unwrap_or("").to_owned();
            let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
            digits.parse().map_err(|_| format!("no number: {line}"))
        }
        _ => Err(panic_of(&out.stderr).unwrap_or(out.status.to_string())),
    }
}

/// Whether a check fails, and what it printed.
pub(crate) fn check(name: &str) -> (bool, String) {
    let out = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["run", name, "0"])
        // glibc keeps what is free at the end of the heaps of other threads.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("this program runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let mut text = text.trim_end().to_owned();
    if !out.status.success() {
        text = format!(
            "{text} {}",
            panic_of(&out.stderr).unwrap_or(out.status.to_string())
        );
    }
    (!out.status.success(), text)
}

/// The first line of a panic's text.
fn panic_of(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let mut lines = text
        .lines()
        .skip_while(|line| !line.contains("panicked at"));
    lines.nth(1).map(|line| format!("panic: {line}"))
}
