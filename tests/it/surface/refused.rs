//! Programs that the compiler refuses: one error each, which says what to write instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is refused, and a part of each error.
const REFUSED: &[(&str, &str)] = &[
    (
        "*sync::Lock::new(1).lock().await += 1;",
        "a `Lock` has no `lock` and no `try_lock`: write `acquire().await`",
    ),
    (
        "let lock = std::rc::Rc::new(sync::Lock::new(1)); drop(lock.try_lock());",
        "a `Lock` has no `lock` and no `try_lock`: write `acquire().await`",
    ),
    (
        "race((ready(1), ready('x'))).await;",
        "the futures of a race have different outputs: `{integer}` and `char`: use `race_either`",
    ),
    (
        "race(ready(1)).await;",
        "cannot race: not a tuple, array or vector of futures",
    ),
    (
        "race_either([ready(1)]).await;",
        "cannot race: not a tuple of futures",
    ),
    (
        "gather((0..3).map(ready)).await;",
        "cannot be gathered: not a tuple, array or vector of futures",
    ),
    (
        "gather(ready(1)).await;",
        "cannot be gathered: not a tuple, array or vector of futures",
    ),
    (
        "try_gather((ready(Ok::<(), u8>(())), ready(Err::<(), char>('x')))).await;",
        "the futures of `try_gather` have different errors: `u8` and `char`: give them one type",
    ),
];

/// The library that this test was built with: the newest beside it that the compiler can load.
fn library(place: &Path) -> PathBuf {
    let files = fs::read_dir(place).expect("this test lies somewhere");
    let mut found: Vec<_> = files
        .map(|file| file.expect("a file"))
        .filter(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            name.starts_with("libturnwise-") && name.ends_with(".rlib")
        })
        .map(|file| {
            let built = file.metadata().and_then(|about| about.modified());
            (built.expect("a time"), file.path())
        })
        .collect();
    found.sort();
    let loads = |library: &PathBuf| errors("", library, place).is_empty();
    let newest = found.into_iter().map(|(_, path)| path).rev().find(loads);
    newest.expect("a library that `rustc` can load; set RUSTC to the compiler that cargo uses")
}

/// The lines that the compiler says of a program with this body.
fn errors(body: &str, library: &Path, place: &Path) -> Vec<String> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refused.rs");
    let text = format!(
        "#![allow(unused)] use std::future::ready; use turnwise::*; pub async fn f() {{ {body} }}"
    );
    fs::write(&program, text).expect("it can be written");
    let mut library_is = std::ffi::OsString::from("--extern=turnwise=");
    library_is.push(library);
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .args(["--error-format=short", "-L"])
        .arg(place)
        .arg(library_is)
        .arg("--out-dir")
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .arg(&program)
        .output()
        .expect("there is a `rustc` in the path, or `RUSTC` names one");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counts = |line: &&str| !line.starts_with("error: aborting due to");
    said.lines().filter(counts).map(str::to_owned).collect()
}

#[test]
#[cfg_attr(miri, ignore = "it runs the compiler")]
fn a_wrong_use_is_one_error_that_names_the_cure() {
    let program = std::env::current_exe().expect("this is a program");
    let place = program.parent().expect("it lies in a directory");
    let library = library(place);
    for (body, expected) in REFUSED {
        let errors = errors(body, &library, place);
        let [error] = &errors[..] else {
            panic!("{body}: {} errors\n{}", errors.len(), errors.join("\n"));
        };
        assert!(error.contains(expected), "{body}\n{error}");
    }
}
