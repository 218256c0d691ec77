//! The structure of the crate, enforced on the source text: which module may import which, how long a file
//! may be, no `unsafe`, plain words, and what every public waiting operation must say.
//!
//! Each rule is a function from sources to complaints, and has a test that it can complain.

mod language;
mod rooms;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file of the crate.
pub(crate) struct Source {
    /// Relative to the manifest: `runtime/kernel/timers.rs`.
    pub(crate) path: String,
    text: String,
    /// Without comments, and with strings emptied.
    code: String,
    /// Compiled for unit tests only.
    pub(crate) is_test: bool,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = code_of(text);
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            is_test: false,
        }
    }

    /// The code that is not compiled for unit tests only. By convention those come last.
    pub(crate) fn shipped(&self) -> &str {
        match self.code.find("#[cfg(test)]\nmod tests") {
            _ if self.is_test => "",
            Some(end) => &self.code[..end],
            None => &self.code,
        }
    }

    pub(crate) fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

/// Blanks comments and the insides of strings and characters; keeps lines.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    let starts = |at: usize, what: &str| {
        what.chars()
            .enumerate()
            .all(|(n, c)| chars.get(at + n) == Some(&c))
    };
    let keep_lines = |range: &[char]| range.iter().filter(|c| **c == '\n').collect::<String>();
    while at < chars.len() {
        let from = at;
        if starts(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            let mut depth = 0;
            loop {
                if starts(at, "/*") {
                    (depth, at) = (depth + 1, at + 2);
                } else if starts(at, "*/") {
                    (depth, at) = (depth - 1, at + 2);
                } else {
                    at += 1;
                }
                if depth == 0 || at >= chars.len() {
                    break;
                }
            }
            code += &keep_lines(&chars[from..at.min(chars.len())]);
        } else if starts(at, "r\"")
            || starts(at, "r#") && !chars.get(at + 2).is_some_and(|c| c.is_alphabetic())
        {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            let end = format!("\"{}", "#".repeat(hashes));
            at += 2 + hashes;
            while at < chars.len() && !starts(at, &end) {
                at += 1;
            }
            at += end.len();
            code += "\"\"";
            code += &keep_lines(&chars[from..at.min(chars.len())]);
        } else if chars[at] == '"' {
            at += 1;
            while at < chars.len() && chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
            code += "\"\"";
            code += &keep_lines(&chars[from..at.min(chars.len())]);
        } else if chars[at] == '\'' && (starts(at + 1, "\\") || chars.get(at + 2) == Some(&'\'')) {
            at += 2;
            while at < chars.len() && chars[at] != '\'' {
                at += 1;
            }
            at += 1;
            code += "' '";
        } else {
            code.push(chars[at]);
            at += 1;
        }
    }
    code
}

/// Every `.rs` file below `folder`.
pub(crate) fn collect(folder: &Path, root: &Path, into: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, root, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let name = path.strip_prefix(root).expect("below the root");
            let text = fs::read_to_string(&path).expect("a source is UTF-8");
            into.push(Source::new(name.to_str().expect("a plain name"), &text));
        }
    }
}

/// The crate itself: what is shipped, with its unit tests.
pub(crate) fn the_crate() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = vec![Source::new("lib.rs", include_str!("../../../lib.rs"))];
    for floor in ["runtime", "sync", "io"] {
        collect(&root.join(floor), root, &mut sources);
    }
    mark_tests(&mut sources);
    sources
}

/// Marks the files that a `mod.rs` declares for unit tests only.
fn mark_tests(sources: &mut [Source]) {
    let mut tests = BTreeSet::new();
    for source in sources.iter() {
        let folder = source
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        for (at, _) in source.code.match_indices("#[cfg(test)]\nmod ") {
            let rest = &source.code[at + "#[cfg(test)]\nmod ".len()..];
            if let Some((name, _)) = rest.split_once(';')
                && is_ident(name)
            {
                tests.insert(format!("{folder}/{name}.rs"));
            }
        }
    }
    for source in sources {
        source.is_test = tests.contains(&source.path) || source.path.ends_with("_tests.rs");
    }
}

fn is_ident(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// All paths in `code` that begin with `root`, with groups taken apart:
/// `crate::runtime::{Left, time::{Sleep}}` gives `crate::runtime::Left` and `crate::runtime::time::Sleep`.
fn paths(code: &str, root: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        let glued = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        if !glued && code[at + root.len()..].starts_with("::") {
            expand(root, &code[at + root.len()..], &mut found);
        }
    }
    found
}

/// Follows a path from `::` on and returns what is left of the text after it.
fn expand<'a>(prefix: &str, mut rest: &'a str, found: &mut Vec<String>) -> &'a str {
    let mut path = prefix.to_owned();
    while let Some(next) = rest.strip_prefix("::") {
        if let Some(mut group) = next.strip_prefix('{') {
            loop {
                group = group.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
                if group.is_empty() {
                    return group;
                }
                if let Some(after) = group.strip_prefix('}') {
                    return after;
                }
                let end = group.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'));
                let (name, after) = group.split_at(end.unwrap_or(group.len()));
                if name.is_empty() {
                    // Not an import group after all, but a block.
                    return after;
                }
                group = match after.trim_start().strip_prefix("as ") {
                    Some(alias) => alias.trim_start_matches(|c: char| c != ',' && c != '}'),
                    None => after,
                };
                if group.starts_with("::") {
                    group = expand(&format!("{path}::{name}"), group, found);
                } else {
                    found.push(format!("{path}::{name}"));
                }
            }
        }
        let end = next.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'));
        let (name, after) = next.split_at(end.unwrap_or(next.len()));
        if name.is_empty() {
            break; // A turbofish.
        }
        path = format!("{path}::{name}");
        rest = after;
    }
    found.push(path);
    rest
}

/// The paths that a file's shipped code names, from `crate` or `super` on.
pub(crate) fn imports(source: &Source) -> Vec<String> {
    let code = source.shipped();
    let mut found = paths(code, "crate");
    found.extend(paths(code, "super"));
    found
}

/// The paths that a face hands on with `pub use` or `pub(crate) use`.
pub(crate) fn reexports(face: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for statement in face.code.split(';') {
        if let Some((_, tree)) = statement.split_once("pub use ") {
            expand("", &format!("::{}", tree.trim()), &mut found);
        } else if let Some((_, tree)) = statement.split_once("pub(crate) use ") {
            expand("", &format!("::{}", tree.trim()), &mut found);
        }
    }
    let plain = |path: &String| path.trim_start_matches("::").to_owned();
    found.iter().map(plain).collect()
}

/// The names that a file like `runtime/mod.rs` lists: re-exports and public modules.
pub(crate) fn exported(kernel: &Source) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in kernel.code.split(';') {
        let statement = statement.trim();
        let Some(public) = statement
            .find("pub ")
            .or_else(|| statement.find("pub(crate) "))
        else {
            continue;
        };
        let mut item = &statement[public..];
        // The first item of a module that is written where it is declared.
        if let Some((module, inner)) = item
            .split_once('{')
            .filter(|_| item.starts_with("pub mod "))
        {
            names.insert(module["pub mod ".len()..].trim().to_owned());
            item = inner.find("pub ").map_or("", |first| &inner[first..]);
        }
        let item = item
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ");
        if let Some(tree) = item.strip_prefix("use ") {
            let mut found = Vec::new();
            expand("", &format!("::{tree}"), &mut found);
            names.extend(
                found
                    .iter()
                    .filter_map(|path| path.rsplit("::").next())
                    .map(str::to_owned),
            );
        } else if let Some(module) = item.strip_prefix("mod ") {
            names.insert(module.to_owned());
        }
    }
    names
}

/// Floors: `sync` and `io` know only what the kernel lists, and not each other; the kernel knows
/// neither.
fn floors(sources: &[Source]) -> Vec<String> {
    let kernel = sources
        .iter()
        .find(|source| source.path == "runtime/mod.rs");
    let listed = kernel.map(exported).unwrap_or_default();
    let mut complaints = Vec::new();
    for source in sources {
        // Unit tests may use the crate as users do.
        for path in paths(source.shipped(), "crate") {
            let segments: Vec<_> = path.split("::").collect();
            let floor = segments.get(1).copied().unwrap_or_default();
            let name = segments.get(2).copied().unwrap_or_default();
            let forbidden = match source.path.split('/').next() {
                Some("runtime") => matches!(floor, "sync" | "io"),
                Some("sync") => floor != "sync" && (floor != "runtime" || !listed.contains(name)),
                Some("io") => floor != "io" && (floor != "runtime" || !listed.contains(name)),
                _ => false,
            };
            if forbidden {
                complaints.push(format!("{} may not use {path}", source.path));
            }
        }
    }
    complaints
}

/// Files stay short enough to be read in one go.
fn lengths(sources: &[Source], most: usize) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > most {
            complaints.push(format!(
                "{} has {lines} lines, more than {most}",
                source.path
            ));
        }
    }
    complaints
}

/// The word itself, outside comments and strings; the names of lints are longer words.
fn mentions_unsafe(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for (n, line) in source.code.lines().enumerate() {
            let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if words.into_iter().any(|word| word == "unsafe") {
                complaints.push(format!("{}:{}: unsafe", source.path, n + 1));
            }
        }
    }
    complaints
}

/// A public function: its line, its name, its return type, and the lines of doc and attributes.
struct Function<'a> {
    line: usize,
    name: &'a str,
    returns: String,
    is_async: bool,
    above: String,
}

/// The public functions of a file.
fn functions(source: &Source) -> Vec<Function<'_>> {
    let shipped = source.shipped().lines().count();
    let code: Vec<_> = source.code.lines().take(shipped).collect();
    let text: Vec<_> = source.text.lines().collect();
    let mut functions = Vec::new();
    for (n, line) in code.iter().enumerate() {
        let Some(item) = line.trim_start().strip_prefix("pub ") else {
            continue;
        };
        let is_async = item
            .split_whitespace()
            .take_while(|word| *word != "fn")
            .any(|word| word == "async");
        let Some(start) = item.find("fn ") else {
            continue;
        };
        if !item[..start]
            .split_whitespace()
            .all(|word| matches!(word, "const" | "async" | "extern"))
        {
            continue;
        }
        let rest = &item[start + 3..];
        let name = &rest[..rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len())];
        let head: String = code[n..].join(" ");
        let head = &head[..head.find('{').unwrap_or(head.len())];
        // The last arrow that is not inside parentheses belongs to the function.
        let mut depth = 0;
        let mut returns = "";
        for (at, c) in head.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '-' if depth == 0 && head[at..].starts_with("->") && returns.is_empty() => {
                    returns = &head[at + 2..];
                }
                _ => {}
            }
        }
        let returns = returns.split(" where ").next().unwrap_or_default().trim();
        let mut above: Vec<_> = text[..n]
            .iter()
            .rev()
            .map(|line| line.trim_start())
            .take_while(|line| {
                let item_ends = line.ends_with(['{', '}', ';']);
                line.starts_with("//") || !line.is_empty() && !item_ends
            })
            .collect();
        above.reverse();
        functions.push(Function {
            line: n + 1,
            name: text[n]
                .find(name)
                .map_or("", |at| &text[n][at..at + name.len()]),
            returns: returns.to_owned(),
            is_async,
            above: above.join("\n"),
        });
    }
    functions
}

/// The types of the crate that are futures, and whether their own documentation grades them.
fn futures(sources: &[Source]) -> BTreeSet<(String, bool)> {
    let mut names = BTreeSet::new();
    for source in sources {
        for (at, found) in source.shipped().match_indices(" Future for ") {
            let rest = &source.shipped()[at + found.len()..];
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let name = &rest[..end];
            let text = &source.text;
            let own = text.find(&format!("pub struct {name}")).is_some_and(|at| {
                let above = text[..at].lines().rev();
                let mut doc = above
                    .skip_while(|line| line.is_empty())
                    .take_while(|line| !line.trim().is_empty());
                doc.any(|line| line.contains("# Cancel safety"))
            });
            names.insert((name.to_owned(), own));
        }
    }
    names
}

/// Every public waiting operation is a plain function that returns a named future, knows its
/// caller's line, and says what dropping it loses.
fn waiting_operations(sources: &[Source]) -> Vec<String> {
    /// Nobody is stuck in a yield, and in a race it is a branch that waits, at its own line.
    const PLACELESS: [&str; 2] = ["yield_now", "race"];
    let futures = futures(sources);
    let mut complaints = Vec::new();
    for source in sources {
        for function in functions(source) {
            let mut complain = |what: &str| {
                let (path, line, name) = (&source.path, function.line, function.name);
                complaints.push(format!("{path}:{line}: `{name}` {what}"));
            };
            if function.is_async {
                complain("is an async fn, which knows no caller's line: return a named future");
            }
            if function.returns.contains("impl Future") {
                complain("returns an unnamed future");
            }
            let head = function.returns.split('<').next().unwrap_or_default();
            let head = head.rsplit("::").next().unwrap_or_default().trim();
            let Some((_, own)) = futures.iter().find(|(name, _)| name == head) else {
                continue;
            };
            if !own && !function.above.contains("# Cancel safety") {
                complain("has no `# Cancel safety`");
            }
            if !function.above.contains("#[track_caller]") && !PLACELESS.contains(&function.name) {
                complain("is not `#[track_caller]`");
            }
        }
    }
    complaints
}

#[track_caller]
pub(crate) fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_crate_is_found() {
    let sources = the_crate();
    for path in [
        "lib.rs",
        "runtime/driver/executor.rs",
        "sync/lock.rs",
        "io/source.rs",
    ] {
        assert!(sources.iter().any(|source| source.path == path), "{path}");
    }
    let operations: Vec<_> = sources
        .iter()
        .flat_map(functions)
        .map(|function| function.name.to_owned())
        .collect();
    for name in [
        "acquire",
        "wait",
        "put",
        "get",
        "sleep",
        "timeout",
        "read_with",
    ] {
        assert!(operations.iter().any(|found| found == name), "{name}");
    }
    let futures = futures(&sources);
    for name in [
        "LockAcquire",
        "QueuePut",
        "Sleep",
        "Timeout",
        "JoinHandle",
        "Op",
    ] {
        assert!(futures.iter().any(|(found, _)| found == name), "{name}");
    }
}

#[test]
fn floors_are_kept() {
    assert_none(floors(&the_crate()));
}

#[test]
fn files_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = the_crate();
    collect(&root.join("macros"), root, &mut sources);
    assert_none(lengths(&sources, 400));
    let mut tests = Vec::new();
    collect(&root.join("tests"), root, &mut tests);
    tests.retain(|source| !source.path.contains("/target/"));
    assert!(!tests.is_empty());
    assert_none(lengths(&tests, 800));
}

#[test]
fn every_file_of_tests_is_compiled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("tests/it"), root, &mut files);
    for file in files.iter().filter(|file| !file.path.ends_with("/main.rs")) {
        let module = file
            .path
            .trim_end_matches("/mod.rs")
            .trim_end_matches(".rs");
        let (folder, name) = module.rsplit_once('/').expect("it is below tests/it");
        let line = format!("mod {name};");
        let faces = ["main.rs", "mod.rs"].map(|face| format!("{folder}/{face}"));
        let face = files.iter().find(|file| faces.contains(&file.path));
        let lines = face.iter().flat_map(|face| face.text.lines());
        let mut known = lines.map(|known| known.trim_start_matches("pub(crate) "));
        assert!(known.any(|known| known == line), "{folder} lacks `{line}`");
    }
}

#[test]
fn there_is_no_unsafe() {
    assert_none(mentions_unsafe(&the_crate()));
}

#[test]
fn every_public_waiting_operation_is_named_placed_and_graded() {
    assert_none(waiting_operations(&the_crate()));
}

#[test]
fn the_rule_of_floors_complains() {
    let kernel = "pub use join::{JoinError, JoinHandle};\n// For `sync`:\npub(crate) use wait_queue::Holder as Keeper;\npub mod time;\nmod executor;";
    let complaints = |path: &str, code: &str| {
        let sources = [
            Source::new("runtime/mod.rs", kernel),
            Source::new(path, code),
        ];
        floors(&sources)
    };
    assert_eq!(
        complaints(
            "sync/x.rs",
            "use crate::runtime::{JoinError, Holder, time::{Sleep, sleep}};"
        ),
        [""; 0]
    );
    for (path, bad) in [
        ("sync/x.rs", "use crate::io::streams::Source;"),
        ("sync/x.rs", "use crate::runtime::executor::register;"),
        ("sync/x.rs", "use crate::runtime::{JoinError, executor};"),
        ("sync/x.rs", "use crate::{io, runtime::JoinError};"),
        (
            "sync/x.rs",
            "fn f() { crate::runtime::executor::f::<u8>() }",
        ),
        ("sync/x.rs", "fn f() { crate::spawn(async {}); }"),
        ("io/x.rs", "use crate::sync::Lock;"),
        ("io/x.rs", "use crate::{\n    sync::{Event, Lock},\n};"),
        ("runtime/x.rs", "use crate::sync::Lock;"),
        ("runtime/x.rs", "fn f() -> crate::io::streams::Source {}"),
    ] {
        assert!(!complaints(path, bad).is_empty(), "{path}: {bad}");
    }
    for (path, good) in [
        (
            "sync/x.rs",
            "// use crate::io::streams::Source;\n/// [`crate::io`]\nlet a = \"crate::io::streams::A\";",
        ),
        (
            "sync/x.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::io::streams::Source;\n}",
        ),
        (
            "io/x.rs",
            "use crate::io::streams::flow::f; use crate::runtime::JoinHandle;",
        ),
        (
            "runtime/x.rs",
            "use super::executor; use crate::runtime::time;",
        ),
        ("lib.rs", "pub use crate::io::streams::Source;"),
    ] {
        assert_eq!(complaints(path, good), [""; 0], "{path}: {good}");
    }
}

#[test]
fn the_rule_of_lengths_complains() {
    let file = |lines: usize| [Source::new("sync/x.rs", &"\n".repeat(lines))];
    assert_eq!(lengths(&file(10), 10), [""; 0]);
    assert_eq!(
        lengths(&file(11), 10),
        ["sync/x.rs has 11 lines, more than 10"]
    );
}

#[test]
fn the_rule_of_unsafe_complains() {
    let complaints = |code: &str| mentions_unsafe(&[Source::new("x.rs", code)]);
    for bad in [
        "unsafe fn f() {}",
        "let c = '\"'; unsafe { f() }",
        "/* a */ unsafe impl Send for X {}",
        "let a = \"\\\"\";\nunsafe {}",
    ] {
        assert_eq!(complaints(bad).len(), 1, "{bad}");
    }
    for good in [
        "#![forbid(unsafe_code)]",
        "// unsafe\n/// unsafe\n/* unsafe /* unsafe */ unsafe */ fn f() {}",
        "let a = \"unsafe\"; let b = r#\"unsafe \" unsafe\"#; let c: &'static str = \"unsafe\";",
    ] {
        assert_eq!(complaints(good), [""; 0], "{good}");
    }
}

#[test]
fn the_rule_of_waiting_operations_complains() {
    let complaints = |function: &str| {
        let source = format!(
            "/// The future of x.\npub struct Acquire<'a>(&'a ());\n\nimpl Future for Acquire<'_> {{\n}}\n\n\
             /// Owns.\n///\n/// # Cancel safety\n///\n/// Strict.\npub struct Handle;\n\nimpl Future for Handle {{\n}}\n\nimpl X {{\n{function}\n}}\n"
        );
        waiting_operations(&[Source::new("sync/x.rs", &source)])
    };
    let graded = "    /// Waits.\n    ///\n    /// # Cancel safety\n    ///\n    /// *Strict*.\n";
    let signature = "pub fn acquire(&self) -> Acquire<'_> {\n    }";
    let with_closure = "pub fn acquire<F>(\n        &self,\n        f: F,\n    ) -> Acquire<'_>\n    where\n        F: Fn(u8) -> bool,\n    {\n    }";
    for good in [
        format!("{graded}    #[track_caller]\n    {signature}"),
        format!("{graded}    #[track_caller]\n    {with_closure}"),
        format!("    {}", signature.replace("pub fn", "pub(crate) fn")),
        "    #[track_caller]\n    pub fn spawn(&self) -> Handle {}".to_owned(),
        "    pub fn is_locked(&self) -> bool {}".to_owned(),
    ] {
        assert_eq!(complaints(&good), [""; 0], "{good}");
    }
    for (bad, what) in [
        (
            format!("    /// Waits.\n    #[track_caller]\n    {signature}"),
            "# Cancel safety",
        ),
        (
            format!("    /// Waits.\n    #[track_caller]\n    {with_closure}"),
            "# Cancel safety",
        ),
        (format!("{graded}    {signature}"), "track_caller"),
        (
            format!("{graded}    pub async fn f(&self) {{}}"),
            "async fn",
        ),
        (
            format!(
                "{graded}    #[track_caller]\n    pub fn f(&self) -> impl Future<Output = ()> {{}}"
            ),
            "unnamed",
        ),
        (
            format!(
                "{graded}    {signature}\n\n    /// Waits too.\n    #[track_caller]\n    {signature}"
            ),
            "# Cancel safety",
        ),
    ] {
        let complaints = complaints(&bad).join("\n");
        assert!(complaints.contains(what), "{bad}\n{complaints}");
    }
}
