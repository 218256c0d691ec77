//! The examples that own their loop or their threads: what they do on pipes, at the end of the
//! input, at a signal, and under load of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::pages::examples::{binary, run};
use crate::support::program;

/// Starts an example with pipes, if it is built.
fn start(name: &str) -> Option<(Child, ChildStdin, BufReader<ChildStdout>)> {
    let mut command = program(binary(name)?);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("an example can be started");
    let stdin = child.stdin.take().expect("it is piped");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    Some((child, stdin, stdout))
}

fn line(from: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("it prints text");
    line.trim_end().to_owned()
}

/// Runs `embed_in_cli` on an input that ends, and returns all lines but the first.
fn remind(input: &str) -> Option<(Option<i32>, Vec<String>)> {
    let (mut child, mut stdin, mut stdout) = start("embed_in_cli")?;
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(line(&mut stdout).starts_with("ready"));
    let mut text = String::new();
    stdout.read_to_string(&mut text).expect("it prints text");
    let status = child.wait().expect("it is ours");
    Some((status.code(), text.lines().map(str::to_owned).collect()))
}

const NOTHING_LEFT: &str = "end of input, nothing left to remind of";

#[test]
fn the_cli_reminds_in_time_and_ends_after_the_last() {
    let Some((code, lines)) = remind("in 0.2 tea\nin 0.1 coffee\nlist\n") else {
        return;
    };
    let expected = [
        "1: in 200ms",
        "2: in 100ms",
        "1: tea",
        "2: coffee",
        "2: coffee!",
        "1: tea!",
        NOTHING_LEFT,
    ];
    assert_eq!(
        (code, &lines[..]),
        (Some(0), &expected.map(str::to_owned)[..])
    );
}

#[test]
fn the_cli_ends_at_once_on_an_empty_input() {
    let Some(end) = remind("") else {
        return;
    };
    assert_eq!(end, (Some(0), vec![NOTHING_LEFT.to_owned()]));
}

#[test]
fn the_cli_obeys_a_last_line_that_has_no_end_and_says_what_it_does_not_understand() {
    let input = "what\nin x y\nin -1 y\nin 1e300 y\nin 5\n\ndrop 1\nin 60 late\ndrop 1\nlist\nquit now\nquit";
    let Some((code, lines)) = remind(input) else {
        return;
    };
    assert_eq!(code, Some(0));
    let starts = [
        "'what' makes no sense",
        "'x' is no number of seconds",
        "'-1' is no number of seconds",
        "'1e300' is no number of seconds",
        "'in 5' makes no sense",
        "there is no reminder '1'",
        "1: in 60s",
        "dropped: late",
        "nothing to come",
        "'quit now' makes no sense",
        "bye; reminders dropped: 0",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(
            line.starts_with(start),
            "{line:?} does not start with {start:?}"
        );
    }
}

#[test]
fn the_cli_hears_ctrl_c_while_it_waits_for_the_keyboard() {
    let Some((mut child, mut stdin, mut stdout)) = start("embed_in_cli") else {
        return;
    };
    let begun = Instant::now();
    assert!(line(&mut stdout).starts_with("ready"));
    writeln!(stdin, "in 3600 late").expect("it reads");
    assert_eq!(line(&mut stdout), "1: in 3600s");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    assert_eq!(line(&mut stdout), "interrupted; reminders dropped: 1");
    assert_eq!(child.wait().expect("it is ours").code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn the_cli_sleeps_while_nothing_happens() {
    let Some((mut child, mut stdin, mut stdout)) = start("embed_in_cli") else {
        return;
    };
    assert!(line(&mut stdout).starts_with("ready"));
    writeln!(stdin, "in 0.5 tea").expect("it reads");
    drop(stdin);
    assert_eq!(line(&mut stdout), "1: in 500ms");
    let ticks = cpu_ticks(&child);
    assert_eq!(line(&mut stdout), "1: tea!");
    let used = cpu_ticks(&child)
        .zip(ticks)
        .map(|(after, before)| after - before);
    assert_eq!(line(&mut stdout), NOTHING_LEFT);
    child.wait().expect("it is ours");
    // Half a second of a busy loop would be 50 ticks of 10 ms.
    assert!(used.is_none_or(|used| used < 20), "{used:?} ticks");
}

/// The processor time of a living process, where the system tells.
fn cpu_ticks(child: &Child) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn threads_with_a_runtime_each_share_a_port_and_lose_nothing() {
    let arguments = ["--threads", "3", "--clients", "24", "--requests", "50"];
    let Some(output) = run("thread_per_core", &arguments) else {
        return;
    };
    let text = text(&output);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let threads: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("thread "))
        .collect();
    assert_eq!(threads.len(), 3, "{text}");
    let bytes: u64 = threads
        .iter()
        .filter_map(|line| line.split_whitespace().nth(4)?.parse::<u64>().ok())
        .sum();
    assert_eq!(bytes, 24 * 50 * 8, "{text}");
    assert!(
        text.contains("together: 24 connections, 1200 requests"),
        "{text}"
    );
}

#[test]
fn bad_arguments_are_refused_with_a_reason() {
    let bad = [
        (
            "thread_per_core",
            vec!["--threads", "0"],
            "from 1 to 1024, not '0'",
        ),
        ("thread_per_core", vec!["--virtual"], "--virtual"),
        ("embed_in_cli", vec!["tea"], "tea"),
    ];
    for (name, arguments, problem) in bad {
        let Some(output) = run(name, &arguments) else {
            return;
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.contains(problem) && errors.contains("--help"),
            "{errors}"
        );
        let help = run(name, &["--help"]).expect("it is built");
        assert!(help.status.success() && text(&help).contains(name));
    }
}
