//! The programs in `examples/`: what they print, what they refuse, and that the main job counts right.
//!
//! Each runs on the virtual clock and prints the same every time, line for line what is in
//! `tests/it/expected/NAME.txt`. After a change that is meant, `TURNWISE_BLESS=1 cargo test examples`
//! writes these files anew; read the difference before you commit it. What an example claims about
//! the hazards of the text it asserts itself, so it fails here when it is wrong.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::program;

/// Examples that run under `--virtual` with a pinned output.
macro_rules! programs {
    ($($name:ident)+) => {
        const PROGRAMS: &[&str] = &[$(stringify!($name)),+];

        $(
            #[test]
            fn $name() {
                check_program(stringify!($name));
            }
        )+
    };
}

programs! {
    barrier
    blocking_calls
    bounded_semaphore
    cancellation
    circuit_breaker
    condition
    counter_race
    event
    isolated_server
    latch
    lock
    priority_queue
    queue
    resource_pool
    rwlock
    semaphore
    task_limiter
    thread_wakes_loop
    transfer
    worker_pool
}

/// Examples that are tested in another way, here or in another file.
const OTHERS: &[&str] = &[
    "deadlock",
    "echo_server",
    "embed_in_cli",
    "port_check",
    "producer_consumer",
    "thread_per_core",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo builds the examples beside the tests, unless it was asked for this test alone.
pub(crate) fn binary(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent);
    let binary = profile
        .expect("tests are in target/PROFILE/deps")
        .join("examples")
        .join(name);
    let binary = binary.with_extension(std::env::consts::EXE_EXTENSION);
    if !binary.is_file() {
        eprintln!("{name} is not built, so it is not tested; run `cargo build --examples` first");
        return None;
    }
    Some(binary)
}

/// Runs an example, if it is built, in the folder of the texts.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = program(binary(name)?);
    command
        .args(arguments)
        .current_dir(root().join("tests/it/texts"));
    Some(command.output().expect("an example can be started"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("examples print UTF-8")
}

fn check_program(name: &str) {
    let Some(output) = run(name, &["--virtual"]) else {
        return;
    };
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{name} failed:\n{errors}");
    assert_eq!(errors, "", "{name} complained");
    compare_with_pinned(name, &without_places(&text(&output.stdout)));
    check_arguments(name);
}

/// Takes the numbers of lines and columns out of reports, which change with every edit.
fn without_places(output: &str) -> String {
    let mut rest = output;
    let mut result = String::new();
    while let Some(end) = rest.find(".rs:") {
        let (before, after) = rest.split_at(end + ".rs:".len());
        result.push_str(before);
        result.push('_');
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    }
    result + rest
}

fn compare_with_pinned(name: &str, printed: &str) {
    let pinned = root().join(format!("tests/it/expected/{name}.txt"));
    if std::env::var_os("TURNWISE_BLESS").is_some() {
        return fs::write(pinned, printed).expect("the pinned output can be written");
    }
    let expected = fs::read_to_string(&pinned).unwrap_or_default();
    let first = (1..)
        .zip(printed.lines().zip(expected.lines()))
        .find(|(_, (printed, expected))| printed != expected);
    assert!(
        printed == expected,
        "{name} prints something else than {}, first in line {first:?}\n\
         (if it was not built anew: cargo build --examples; if it is meant: TURNWISE_BLESS=1)\n\
         {printed}",
        pinned.display()
    );
}

fn check_arguments(name: &str) {
    for option in ["--help", "-h"] {
        let Some(output) = run(name, &[option]) else {
            return;
        };
        assert_eq!(output.status.code(), Some(0), "{name} {option}");
        let help = text(&output.stdout);
        assert!(help.contains(name), "{option} names the program:\n{help}");
        assert!(
            help.contains("--virtual"),
            "{option} lists the options:\n{help}"
        );
    }
    check_refused(name, &["--bogus"], "--bogus");
    check_refused(name, &["--virtual=yes"], "--virtual");
}

/// The arguments are refused with a message that says what is wrong, and nothing is printed.
fn check_refused(name: &str, arguments: &[&str], names: &str) {
    let Some(output) = run(name, arguments) else {
        return;
    };
    let errors = text(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{name} {arguments:?}\n{errors}"
    );
    assert!(errors.contains(names), "{arguments:?}:\n{errors}");
    assert!(errors.contains(&format!("Try '{name} --help'")), "{errors}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
}

#[test]
fn every_example_is_tested() {
    let files = fs::read_dir(root().join("examples")).expect("the examples are there");
    for file in files {
        let path = file.expect("a folder can be read").path();
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.expect("examples have plain names");
        assert!(
            PROGRAMS.contains(&name) || OTHERS.contains(&name),
            "examples/{name}.rs has no test; add it to `programs!` or, with a test, to `OTHERS`"
        );
    }
}

#[test]
fn another_seed_gives_another_run() {
    for name in [
        "circuit_breaker",
        "queue",
        "resource_pool",
        "rwlock",
        "task_limiter",
    ] {
        let Some(one) = run(name, &["--virtual", "--seed", "1"]) else {
            return;
        };
        let usual = run(name, &["--virtual"]).expect("it is built");
        let two = run(name, &["--virtual", "--seed", "2"]).expect("it is built");
        assert!(two.status.success(), "{}", text(&two.stderr));
        assert_eq!(
            one.stdout, usual.stdout,
            "{name}: the seed is 1 unless another one is given"
        );
        assert_ne!(one.stdout, two.stdout, "{name}: the seed has no effect");
        check_refused(name, &["--seed", "x"], "'x'");
    }
    check_refused("lock", &["--seed", "1"], "--seed");
}

/// A reader that goes away early, as `head` does, is no error.
#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::Stdio;
    for name in ["lock", "producer_consumer"] {
        let Some(binary) = binary(name) else { return };
        let mut command = program(binary);
        command
            .args(["--virtual"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("an example can be started");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(text(&output.stderr), "", "{name}");
        assert!(output.status.success(), "{name}");
    }
}

const ALL_TEXTS: [&str; 3] = ["times.txt", "marks.txt", "empty.txt"];

#[test]
fn producer_consumer_prints_what_is_pinned() {
    let arguments = [&["--virtual", "--queue-size", "3"][..], &ALL_TEXTS].concat();
    let Some(output) = run("producer_consumer", &arguments) else {
        return;
    };
    assert_eq!(
        text(&output.stderr),
        "",
        "there is no progress line in a file or pipe"
    );
    assert!(output.status.success());
    compare_with_pinned("producer_consumer", &text(&output.stdout));
}

#[test]
fn producer_consumer_says_what_arguments_are_wrong() {
    let name = "producer_consumer";
    check_arguments(name);
    for option in ["--producers", "--consumers", "--queue-size"] {
        for value in ["0", "-1", "many", "1.5", "99999999999999999999", ""] {
            let argument = format!("{option}={value}");
            check_refused(name, &[&argument], option);
        }
        check_refused(name, &[option], option);
    }
    check_refused(name, &["--top", "all"], "from 0 to 10000, not 'all'");
    check_refused(name, &[""], "file name is empty");
}

/// What a run of the main job says.
struct Summary {
    text: String,
}

impl Summary {
    fn of(arguments: &[&str]) -> Option<Summary> {
        let output = run("producer_consumer", arguments)?;
        assert!(output.status.success(), "{}", text(&output.stderr));
        let text = text(&output.stdout);
        Some(Summary { text })
    }

    /// The number behind the `place`-th word of the line that begins with `label`.
    fn number(&self, label: &str, place: usize) -> usize {
        let line = self.text.lines().find(|line| line.starts_with(label));
        let word = line.and_then(|line| line.split_whitespace().nth(place));
        let digits = word.map(|word| word.replace(',', ""));
        let number = digits.and_then(|digits| digits.parse().ok());
        number.unwrap_or_else(|| panic!("no {label} in\n{}", self.text))
    }

    /// Files, lines, words, different words.
    fn totals(&self) -> [usize; 4] {
        let total = |label| self.number(label, 1);
        [
            total("files"),
            total("lines"),
            total("words"),
            self.number("words", 2),
        ]
    }

    fn high_water(&self) -> usize {
        self.number("queue", 1)
    }

    /// The table of the most frequent words.
    fn frequent(&self) -> Vec<(String, usize)> {
        let lines = self.text.lines().filter(|line| line.contains('█'));
        lines
            .map(|line| {
                let mut words = line.split_whitespace();
                let word = words.next().expect("a word").to_owned();
                let times = words.next().expect("a count").replace(',', "");
                (word, times.parse().expect("a count is a number"))
            })
            .collect()
    }
}

/// Counts by another method than the example: one character after the other.
fn counted(files: &[PathBuf]) -> ([usize; 4], Vec<(String, usize)>) {
    let (mut lines, mut total) = (0, 0);
    let mut times: HashMap<String, usize> = HashMap::new();
    for file in files {
        let text = fs::read_to_string(file).expect("the text can be read");
        lines += text.lines().count();
        let mut word = String::new();
        for c in text.chars().chain([' ']) {
            if c.is_alphanumeric() || ((c == '\'' || c == '’') && !word.is_empty()) {
                word.push(c);
                continue;
            }
            while word.ends_with(['\'', '’']) {
                word.pop();
            }
            if !word.is_empty() {
                total += 1;
                *times.entry(word.to_lowercase()).or_default() += 1;
                word.clear();
            }
        }
    }
    let mut ranking: Vec<_> = times.into_iter().collect();
    ranking.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
    ([files.len(), lines, total, ranking.len()], ranking)
}

#[test]
fn producer_consumer_counts_right() {
    let files = ALL_TEXTS.map(|name| root().join("tests/it/texts").join(name));
    let (totals, ranking) = counted(&files);
    let Some(summary) = Summary::of(&[&["--top", "1000"][..], &ALL_TEXTS].concat()) else {
        return;
    };
    assert_eq!(summary.totals(), totals, "{}", summary.text);
    assert_eq!(summary.frequent(), ranking, "{}", summary.text);
}

#[test]
fn producer_consumer_reads_the_documentation_by_itself() {
    let documents = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"];
    let mut files: Vec<_> = documents.map(|name| root().join(name)).into();
    files.retain(|file| file.is_file());
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("a folder can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "md") => files.push(path),
                false => {}
            }
        }
    }
    let (totals, ranking) = counted(&files);
    let Some(summary) = Summary::of(&[]) else {
        return;
    };
    assert_eq!(summary.totals(), totals, "{}", summary.text);
    assert_eq!(summary.frequent(), ranking[..10], "{}", summary.text);
}

#[test]
fn producer_consumer_gives_the_same_totals_however_it_is_divided() {
    let Some(usual) = Summary::of(&["--top", "100"]) else {
        return;
    };
    for producers in ["1", "2", "8"] {
        for consumers in ["1", "3", "8"] {
            for size in ["1", "2", "64", "100000"] {
                let divided = Summary::of(&[
                    "--producers",
                    producers,
                    "--consumers",
                    consumers,
                    "--queue-size",
                    size,
                    "--top",
                    "100",
                    "--virtual",
                ]);
                let divided = divided.expect("it is built");
                assert_eq!(divided.totals(), usual.totals(), "{}", divided.text);
                assert_eq!(divided.frequent(), usual.frequent(), "{}", divided.text);
                let size: usize = size.parse().expect("it is a number");
                assert!(divided.high_water() <= size, "too full:\n{}", divided.text);
                // The documentation has more lines than this, so these queues were full.
                assert!(
                    divided.high_water() == size || size > 64,
                    "{}",
                    divided.text
                );
            }
        }
    }
}

#[test]
fn producer_consumer_goes_on_after_an_unreadable_file() {
    let arguments = ["--virtual", "missing.txt", "times.txt", ".", "marks.txt"];
    let Some(output) = run("producer_consumer", &arguments) else {
        return;
    };
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    let problems: Vec<_> = errors.lines().collect();
    assert_eq!(problems.len(), 2, "{errors}");
    assert!(
        errors.contains("cannot read missing.txt: No such file"),
        "{errors}"
    );
    assert!(errors.contains("cannot read .: Is a directory"), "{errors}");

    let summary = Summary {
        text: text(&output.stdout),
    };
    let files = ["times.txt", "marks.txt"].map(|name| root().join("tests/it/texts").join(name));
    assert_eq!(summary.totals(), counted(&files).0, "the rest is counted");
    assert!(
        summary.text.contains("2 more could not be read"),
        "{}",
        summary.text
    );
}

#[test]
fn producer_consumer_replaces_what_is_not_utf_8() {
    let Some(output) = run("producer_consumer", &["--virtual", "latin1.txt"]) else {
        return;
    };
    assert!(output.status.success(), "the file was read");
    let errors = text(&output.stderr);
    assert!(errors.contains("note on latin1.txt"), "{errors}");
    assert!(errors.contains("lines with replaced bytes: 2"), "{errors}");
    let summary = Summary {
        text: text(&output.stdout),
    };
    assert_eq!(summary.totals(), [1, 2, 5, 5], "{}", summary.text);
}

#[test]
fn port_check_tells_who_answers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let [open, silent] =
        [&listener, &closed].map(|socket| socket.local_addr().expect("it is bound").to_string());
    drop(closed);
    let list = std::env::temp_dir().join(format!("turnwise-{}-ports", std::process::id()));
    fs::write(&list, format!("# ours\n{open}\n\n  {silent}\nno-port\n")).expect("a list");
    let output = run("port_check", &[list.to_str().expect("a plain path")]);
    fs::remove_file(&list).expect("it was written");
    let Some(output) = output else {
        return;
    };
    let printed = text(&output.stdout);
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    let expected = [
        format!("open    {open} after "),
        format!("silent  {silent}: Connection refused"),
        "silent  no-port: invalid socket address".to_owned(),
    ];
    assert_eq!(lines.len(), 3, "{printed}");
    for expected in expected {
        assert!(
            lines.iter().any(|line| line.starts_with(&expected)),
            "{expected}\n{printed}"
        );
    }
    assert_eq!(output.status.code(), Some(1));
    for mistake in [
        &["/nowhere/to/be/found"][..],
        &[],
        &["--bogus"],
        &["a", "b"],
    ] {
        let refused = run("port_check", mistake).expect("it is built");
        assert_eq!(refused.status.code(), Some(2), "{mistake:?}");
        assert!(
            text(&refused.stderr).starts_with("port_check: "),
            "{mistake:?}"
        );
    }
    let help = run("port_check", &["--help"]).expect("it is built");
    assert!(help.status.success() && text(&help.stdout).contains("Usage: port_check FILE"));
}
