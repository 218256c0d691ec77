//! What the oldest promised Rust can parse, and whether the dependencies promise as much. The library
//! interface is clippy's `incompatible_msrv`.

use std::path::Path;
use std::process::Command;

use crate::structure::{Source, assert_none, collect, the_crate};

/// Conditions that bind in a chain, `if let … && …`, or in the guard of an arm: the oldest Rust that is
/// promised has neither.
fn let_chains(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        let code = source.shipped();
        let starts = ["if ", "while "].map(|word| code.match_indices(word).collect::<Vec<_>>());
        for (at, word) in starts.concat() {
            let glued = code[..at]
                .chars()
                .next_back()
                .is_some_and(char::is_alphanumeric);
            let condition = top_of_condition(&code[at + word.len()..]);
            let parts: Vec<_> = condition.split("&&").map(str::trim_start).collect();
            let binds = parts.iter().any(|part| part.starts_with("let "));
            let is_guard = condition.ends_with("=>");
            if !glued && binds && (parts.len() > 1 || is_guard) {
                let line = code[..at].lines().count().max(1);
                complaints.push(format!("{}:{line} chains let", source.path));
            }
        }
    }
    complaints
}

/// The text up to the block, without what stands in brackets of any kind.
fn top_of_condition(code: &str) -> String {
    let mut depth = 0;
    let mut top = String::new();
    for c in code.chars() {
        match c {
            '{' | ';' if depth == 0 => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if depth == 0 => top.push(c),
            _ => {}
        }
        // The arm of a match: its guard is over.
        if depth < 0 || top.ends_with("=>") {
            break;
        }
    }
    top
}

#[test]
fn the_oldest_rust_can_parse_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = the_crate();
    for folder in ["examples", "macros"] {
        collect(&root.join(folder), root, &mut sources);
    }
    sources.retain(|source| !source.is_under("macros/tests/"));
    assert_none(let_chains(&sources));
}

#[test]
fn the_rule_of_let_chains_complains() {
    let complaints = |code: &str| let_chains(&[Source::new("x.rs", code)]);
    for bad in [
        "if let Some(x) = y && x {}",
        "if a\n    && let Some(x) = f(|| { b })\n{\n}",
        "while let [step] = cycle\n    && self.any(|held| !held)\n{}",
        "match x { y if let Some(z) = y && z => 1 }",
        "match x { y if let Some(z) = y => { 1 } }",
    ] {
        assert_eq!(complaints(bad).len(), 1, "{bad}");
    }
    for good in [
        "if let Some(x) = y { a && b }",
        "if let Some(x) = (y && z).then(f) {}",
        "if a && b { let c = 1; }",
        "let Some(x) = y else { return a && b };",
        "match x { y if a && b => { let c = 1; } }",
        "match x { y => if let Some(z) = y { 1 }, _ => 2 }",
        "// if let Some(x) = y && x {}",
    ] {
        assert_eq!(complaints(good), [""; 0], "{good}");
    }
}

/// The packages of `cargo metadata` that ask for a newer Rust than `oldest`. Who says nothing asks for
/// nothing.
fn too_new(metadata: &str, oldest: (u32, u32)) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, key) in metadata.match_indices("\"rust_version\":\"") {
        let asks = quoted(&metadata[at + key.len()..]);
        let mut numbers = asks.split('.').map(|part| part.parse().expect("a number"));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        // Of a package's fields, this one comes last but for few.
        let manifest = "\"manifest_path\":\"";
        let from = metadata[..at].rfind(manifest).expect("each has one");
        if version > oldest {
            let path = quoted(&metadata[from + manifest.len()..]);
            complaints.push(format!("{path} asks for Rust {asks}"));
        }
    }
    complaints
}

fn quoted(text: &str) -> &str {
    text.split('"').next().unwrap_or_default()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("cargo writes text")
}

#[test]
fn the_oldest_rust_is_enough_for_what_is_locked() {
    let about = cargo(&["--version", "--verbose"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    // Of other platforms' packages, whoever builds for this one has not a file.
    let metadata = cargo(&[
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--all-features",
        "--filter-platform",
        host.expect("cargo names its host"),
    ]);
    let ours = "\"rust_version\":\"1.85\"";
    assert!(
        metadata.matches(ours).count() >= 2,
        "the crate and its macros"
    );
    assert_none(too_new(&metadata, (1, 85)));
    // It can complain.
    assert!(too_new(&metadata, (1, 84)).len() >= 2);
    assert!(too_new(&metadata, (1, 0)).len() > 20);
}
