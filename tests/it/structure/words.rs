//! Plain words in comments: the actor is named, the words are the field's, the files named are there.

use std::path::Path;

use crate::structure::{Source, assert_none, collect, the_crate};

/// Words that leave the actor open, or that a reader has to stop at. A comment says "a task that waits", "the
/// caller", "again", "more", "for example" instead.
const AVOIDED: [&str; 15] = [
    "somebody",
    "nobody",
    "anybody",
    "everybody",
    "everyone",
    "who",
    "whoever",
    "whom",
    "he",
    "his",
    "him",
    "anew",
    "besides",
    "meanwhile",
    "told",
];

/// The words of a line's comment, in lower case.
fn words(line: &str) -> impl Iterator<Item = String> + '_ {
    let comment = line.split_once("//").map_or("", |(_, comment)| comment);
    // The path of a page is one word.
    let words = comment.split(|c: char| !(c.is_alphanumeric() || "_-/".contains(c)));
    words.map(str::to_lowercase)
}

/// Comments with a word that is avoided.
fn avoided(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            for word in words(line).filter(|word| AVOIDED.contains(&word.as_str())) {
                complaints.push(format!("{}:{}: {word:?}", source.path, number + 1));
            }
        }
    }
    complaints
}

/// Files that comments name in backquotes and that are not there, by the end of their path.
fn gone(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources
        .iter()
        .filter(|source| !source.is_under("tests/it/structure/"))
    {
        for (number, line) in source.text.lines().enumerate() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            let named = comment.split('`').filter(|word| word.ends_with(".rs"));
            for name in named.filter(|name| !name.contains(char::is_whitespace)) {
                let end = format!("/{name}");
                let is_it = |path: &str| path == name || path.ends_with(&end);
                if !sources.iter().any(|source| is_it(&source.path)) {
                    complaints.push(format!("{}:{}: {name} is gone", source.path, number + 1));
                }
            }
        }
    }
    complaints
}

#[test]
fn comments_name_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = the_crate();
    for folder in ["tests", "examples", "benches", "macros"] {
        collect(&root.join(folder), root, &mut sources);
    }
    sources.retain(|source| !source.path.contains("/target/"));
    assert_none(gone(&sources));
    let moved = Source::new("x.rs", "// In `y.rs`, as in `x.rs`.");
    assert_eq!(gone(&[moved]), ["x.rs:1: y.rs is gone"]);
}

#[test]
fn comments_name_the_actor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = the_crate();
    collect(&root.join("macros"), root, &mut sources);
    assert_none(avoided(&sources));
}

#[test]
fn the_rule_of_words_complains() {
    let complaints = |text: &str| avoided(&[Source::new("x.rs", text)]);
    assert_eq!(
        complaints("let a = 1;\n/// Whoever waits is told."),
        ["x.rs:2: \"whoever\"", "x.rs:2: \"told\""]
    );
    for good in [
        "/// A task that waits learns of it.",
        "panic!(\"nobody\");",
        "// docs/decisions/0008-who-is-refused-a-thread.md",
        "let nobody = 1;",
    ] {
        assert_eq!(complaints(good), [""; 0], "{good}");
    }
}
