//! Compiles every file in `tests/cases/` and compares what the compiler says with what the file
//! expects, so that a misuse of an attribute is reported once, with its cure, at the right token.
//!
//! A case starts with `//@ crate-type: bin`, `lib` or `test` (a library with `--test`). A line that
//! must be reported ends in `//~ tokens | message`, perhaps several times: the report begins where
//! `tokens` do and contains `message`. Everything else must stay silent, warnings included; a case
//! without such a line must compile.
//!
//! There is no `trybuild` here: it would cost more to compile than all that it tests.
#![cfg(not(miri))]

use std::env::{self, consts};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;
use std::time::SystemTime;

/// What the compiler said about one place in a case.
struct Report {
    line: usize,
    column: usize,
    message: String,
}

/// What a case wants to hear.
struct Expectation {
    line: usize,
    /// The text at which the report begins.
    tokens: String,
    message: String,
}

#[test]
fn cases_report_what_they_expect_and_nothing_else() {
    let macros = built_macros();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = fs::read_dir(&directory).expect("the cases are in the package");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", directory.display());

    let queue = Mutex::new(cases.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().next() else {
                        break;
                    };
                    failures.lock().unwrap().extend(check(case, &macros));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Compiles one case; returns a line for each difference.
fn check(case: &Path, macros: &Path) -> Vec<String> {
    let source = fs::read_to_string(case).unwrap();
    let output = compile(case, &source, macros);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let name = case.file_name().unwrap().to_string_lossy();

    let mut failures = Vec::new();
    if stderr.is_empty() && !output.status.success() {
        failures.push(format!(
            "{name}: the compiler fails in silence: {}",
            output.status
        ));
    }
    let mut reports = Vec::new();
    for line in stderr.lines().filter(|line| !is_summary(line)) {
        match report(case, line) {
            Some(report) => reports.push(report),
            None => failures.push(format!("{name}: the compiler says: {line}")),
        }
    }
    for expected in expectations(&source) {
        let met = |report: &Report| {
            let text = source.lines().nth(report.line - 1).unwrap_or_default();
            let rest: String = text.chars().skip(report.column - 1).collect();
            report.line == expected.line
                && rest.starts_with(&expected.tokens)
                && report.message.contains(&expected.message)
        };
        let Expectation {
            line,
            tokens,
            message,
        } = &expected;
        match reports.iter().position(met) {
            Some(index) => drop(reports.remove(index)),
            None => failures.push(format!(
                "{name}:{line}: not reported at `{tokens}`: {message}"
            )),
        }
    }
    failures.extend(reports.iter().map(
        |Report {
             line,
             column,
             message,
         }| { format!("{name}:{line}:{column}: not expected: {message}") },
    ));
    failures
}

fn compile(case: &Path, source: &str, macros: &Path) -> Output {
    let header = source.lines().next().unwrap_or_default();
    let kind: &[&str] = match header.strip_prefix("//@ crate-type: ") {
        Some("bin") => &["--crate-type=bin"],
        Some("lib") => &["--crate-type=lib"],
        Some("test") => &["--test"],
        _ => panic!(
            "{}: the first line is not a `//@ crate-type`",
            case.display()
        ),
    };
    let mut library = OsString::from("--extern=turnwise_macros=");
    library.push(macros);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(case.file_stem().unwrap());
    fs::create_dir_all(&out).unwrap();
    // Cargo names the compiler by the toolchain that it sets for the `rustc` of rustup.
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--emit=metadata", "--error-format=short"])
        .args(kind)
        .arg(library)
        .arg("--out-dir")
        .arg(out)
        .arg(case)
        .output()
        .expect("there is a `rustc` in the path, or `RUSTC` names one")
}

/// Whether a line only counts what the others say.
fn is_summary(line: &str) -> bool {
    line.starts_with("error: aborting due to")
        || line.starts_with("warning: ") && line.ends_with(" emitted")
}

/// Reads `path:line:column: message`.
fn report(case: &Path, text: &str) -> Option<Report> {
    let rest = text.strip_prefix(case.to_str()?)?.strip_prefix(':')?;
    let (line, rest) = rest.split_once(':')?;
    let (column, message) = rest.split_once(": ")?;
    let (line, column) = (line.parse().ok()?, column.parse().ok()?);
    Some(Report {
        line,
        column,
        message: message.to_owned(),
    })
}

fn expectations(source: &str) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for (index, text) in source.lines().enumerate() {
        for expected in text.split("//~ ").skip(1) {
            let (tokens, message) = expected.split_once(" | ").expect("`//~ tokens | message`");
            expectations.push(Expectation {
                line: index + 1,
                tokens: tokens.to_owned(),
                message: message.trim_end().to_owned(),
            });
        }
    }
    expectations
}

/// The library of the macros that belongs to this test.
///
/// Cargo keeps its path to itself. Among those of several builds, the newest that this compiler can
/// load is the one that cargo has just made sure of.
fn built_macros() -> PathBuf {
    let places = build_directories();
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in places
        .iter()
        .filter_map(|place| fs::read_dir(place).ok())
        .flatten()
    {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with(&format!("{}turnwise_macros-", consts::DLL_PREFIX));
        if is_ours && name.ends_with(consts::DLL_SUFFIX) {
            found.push((entry.metadata().unwrap().modified().unwrap(), entry.path()));
        }
    }
    found.sort();
    let probe = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probe.rs");
    fs::write(&probe, "extern crate turnwise_macros;").unwrap();
    let loads = |library: &PathBuf| {
        compile(&probe, "//@ crate-type: lib", library)
            .status
            .success()
    };
    let newest = found
        .into_iter()
        .map(|(_, library)| library)
        .rev()
        .find(loads);
    newest.unwrap_or_else(|| {
        let cure = "set RUSTC to the compiler that cargo uses";
        panic!("no turnwise_macros that `rustc` can load in {places:?}; {cure}")
    })
}

/// Where cargo may have put the library.
///
/// It lies beside this program in `target/<profile>/deps`, or, in cargo's coming layout, each has an
/// `out` of its own in `target/<profile>/build/turnwise-macros/<hash>`. With `--target` this program
/// is in `target/<triple>/<profile>` instead, but the library, which is for the host, is not.
fn build_directories() -> Vec<PathBuf> {
    let program = env::current_exe().unwrap();
    let beside = program.parent().expect("a program lies in a directory");
    let one_each = beside.ends_with("out");
    let mut places = vec![beside.to_owned()];
    let mut above = beside.ancestors().skip(if one_each { 5 } else { 2 });
    if let (Some(triple), Some(target)) = (above.next(), above.next()) {
        places.extend(beside.strip_prefix(triple).map(|rest| target.join(rest)));
    }
    if one_each {
        let siblings = places
            .iter()
            .filter_map(|place| fs::read_dir(place.ancestors().nth(2)?).ok());
        places = siblings
            .flatten()
            .map(|entry| entry.unwrap().path().join("out"))
            .collect();
    }
    places
}
