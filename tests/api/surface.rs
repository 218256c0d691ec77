//! Compares the public surface of turnwise with the list in `turnwise.txt`, so that every change to
//! it is seen before it is published.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lexopt::prelude::*;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/turnwise.txt");

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let mut write = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("write") => write = true,
            Short('h') | Long("help") => {
                println!(
                    "Compares the public surface of turnwise with turnwise.txt.\n\n\
                     usage: api [--write]\n\n  --write   keep what there is now, for a change that is meant"
                );
                return Ok(true);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let now = surface()?;
    if write {
        fs::write(KEPT, now)?;
        return Ok(true);
    }
    let before = fs::read_to_string(KEPT)?;
    let (before, now): (BTreeSet<_>, BTreeSet<_>) =
        (before.lines().collect(), now.lines().collect());
    for line in before.difference(&now) {
        println!("- {line}");
    }
    for line in now.difference(&before) {
        println!("+ {line}");
    }
    let same = before == now;
    if !same {
        eprintln!(
            "api: the public surface differs from tests/api/turnwise.txt; if the change is meant, \
             run `cargo run --manifest-path tests/api/Cargo.toml -- --write` and commit the list"
        );
    }
    Ok(same)
}

/// The public items, a line each, sorted.
fn surface() -> Result<String, Box<dyn Error>> {
    let api = public_api::Builder::from_rustdoc_json(document()?)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    let mut lines: Vec<String> = api.items().map(ToString::to_string).collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.join("\n") + "\n")
}

/// Has rustdoc describe the crate, with all its features, and returns where.
fn document() -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/surface");
    // The description is not stable, and the stable compiler writes it only when told so.
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root)
        .args([
            "rustdoc",
            "--quiet",
            "--lib",
            "--all-features",
            "--target-dir",
        ])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format", "json"])
        .status()?;
    if !status.success() {
        return Err(format!("rustdoc: {status}").into());
    }
    Ok(target.join("doc/turnwise.json"))
}
