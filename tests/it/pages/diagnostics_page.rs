//! docs/diagnostics.md shows what `examples/deadlock.rs` prints; `TURNWISE_BLESS=1` writes it anew.

use std::fs;
use std::path::Path;

use super::examples::run;

const PROGRAMS: [&str; 5] = ["abba", "futurelock", "guard", "barrier", "partial"];

/// The page with the reports of today, unless the example is not built.
fn renewed(page: &str) -> Option<String> {
    let mut page = page.to_owned();
    for program in PROGRAMS {
        let output = run("deadlock", &[program])?;
        assert_eq!(output.status.code(), Some(1), "{program}");
        assert!(output.stdout.is_empty(), "{program}");
        let report = String::from_utf8(output.stderr).expect("reports are UTF-8");
        let command = format!("```text\n$ deadlock {program}\n");
        let (before, rest) = page
            .split_once(&command)
            .expect("the page shows every program");
        let (_, after) = rest.split_once("```\n").expect("the block ends");
        page = format!("{before}{command}{report}```\n{after}");
    }
    Some(page)
}

#[test]
fn it_shows_what_the_example_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let Some(renewed) = renewed(&page) else {
        return;
    };
    if std::env::var_os("TURNWISE_BLESS").is_some() {
        return fs::write(path, renewed).expect("the page can be written");
    }
    let first = page
        .lines()
        .zip(renewed.lines())
        .find(|(page, now)| page != now);
    assert!(
        page == renewed,
        "TURNWISE_BLESS=1 writes it anew; first difference: {first:?}"
    );
}

#[test]
fn the_example_explains_itself_and_refuses_nonsense() {
    let Some(help) = run("deadlock", &["--help"]) else {
        return;
    };
    let text = String::from_utf8(help.stdout).expect("help is UTF-8");
    assert!(help.status.success());
    assert!(
        PROGRAMS.iter().all(|program| text.contains(program)),
        "{text}"
    );
    for nonsense in [&[][..], &["nothing"], &["abba", "guard"], &["--bogus"]] {
        let output = run("deadlock", nonsense).expect("it is built");
        assert_eq!(output.status.code(), Some(2), "{nonsense:?}");
    }
    let json = run("deadlock", &["--json", "abba"]).expect("it is built");
    assert!(json.stderr.starts_with(b"{\"verdict\":\"certain\""));
    let dot = run("deadlock", &["--dot", "abba"]).expect("it is built");
    assert!(dot.stderr.starts_with(b"digraph turnwise {"));
}
