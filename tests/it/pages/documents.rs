//! The documents: every link leads somewhere, every page is compiled and reachable, and the page for
//! those who come from asyncio has all of its names.
//!
//! What the code in them does is tested where it stands: `lib.rs` includes every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents, relative to the root.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![
        "README.md".into(),
        "CONTRIBUTING.md".into(),
        "CHANGELOG.md".into(),
        "benches/README.md".into(),
        "examples/README.md".into(),
        "macros/README.md".into(),
    ];
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("a readable entry").file_name());
        let pages = names.filter(|name| name.to_string_lossy().ends_with(".md"));
        found.extend(pages.map(|name| Path::new(folder).join(name)));
    }
    found.sort();
    found
}

fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// Where the links and pictures of a document lead.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for event in parse(text) {
        if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
            found.push(dest_url.into_string());
        }
    }
    found
}

/// The anchors that a forge makes of the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in parse(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let title = heading.take().unwrap_or_default().to_lowercase();
                let kept = title.chars().filter_map(|c| match c {
                    ' ' => Some('-'),
                    '-' | '_' => Some(c),
                    _ => c.is_alphanumeric().then_some(c),
                });
                found.insert(kept.collect());
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            _ => {}
        }
    }
    found
}

/// Complaints about a link of the document at `from`. Of foreign ones only the form is looked at.
fn broken(root: &Path, from: &Path, link: &str) -> Option<String> {
    let complaint = |what: &str| Some(format!("{}: {link}: {what}", from.display()));
    if let Some((scheme, rest)) = link.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        let fine = matches!(scheme, "https" | "http") && host.contains('.') && !rest.contains(' ');
        return if fine {
            None
        } else {
            complaint("is no address")
        };
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = from.parent().unwrap_or(Path::new(""));
    let target = match file {
        "" => root.join(from),
        file => root.join(folder).join(file),
    };
    if !target.exists() {
        return complaint("does not exist");
    }
    if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
        return complaint("has no such heading");
    }
    None
}

#[test]
fn every_link_leads_somewhere() {
    let mut complaints = Vec::new();
    let mut count = 0;
    for document in documents() {
        for link in links(&read(&root().join(&document))) {
            count += 1;
            complaints.extend(broken(root(), &document, &link));
        }
    }
    assert_eq!(complaints, [""; 0]);
    assert!(count > 10, "only {count} links were found");
}

#[test]
fn broken_links_are_found() {
    let from = Path::new("docs/asyncio.md");
    for bad in [
        "nothing.md",
        "../nothing.md",
        "asyncio.md#no-such-heading",
        "#no-such-heading",
        "https://",
        "ftp://example.org",
    ] {
        assert!(broken(root(), from, bad).is_some(), "{bad}");
    }
    for good in [
        "asyncio.md",
        "../README.md",
        "decisions",
        "asyncio.md#from-asyncio-to-turnwise",
        "https://example.org/a#b",
    ] {
        assert_eq!(broken(root(), from, good), None);
    }
    let text = "[a](b.md) and ![c](d.svg)\n\n```text\n[x](y)\n```\n# Two `wo_rds`, here!\n";
    assert_eq!(links(text), ["b.md", "d.svg"]);
    assert_eq!(Vec::from_iter(anchors(text)), ["two-wo_rds-here"]);
}

#[test]
fn every_page_is_linked_from_the_readme_and_compiled() {
    let readme = links(include_str!("../../../README.md"));
    let library = include_str!("../../../lib.rs");
    for document in documents() {
        let name = document.to_str().expect("a plain name");
        if !name.starts_with("docs/") || name.starts_with("docs/decisions/") {
            continue;
        }
        assert!(
            readme.iter().any(|link| link == name),
            "{name} is not in README.md"
        );
        let compiled = library.contains(&format!("include_str!(\"{name}\")"));
        assert!(
            compiled || !has_code(&read(&root().join(name))),
            "{name} is not in lib.rs"
        );
    }
}

#[test]
fn every_example_is_listed() {
    let listed = links(include_str!("../../../examples/README.md"));
    for entry in fs::read_dir(root().join("examples")).expect("the folder is there") {
        let name = entry.expect("a readable entry").file_name();
        let name = name.to_str().expect("a plain name");
        let fine = !name.ends_with(".rs") || listed.iter().any(|link| link == name);
        assert!(fine, "{name} is not in examples/README.md");
    }
}

/// Whether rustdoc would compile something of it.
fn has_code(text: &str) -> bool {
    parse(text).any(|event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) => {
            kind.is_empty() || kind.split(',').any(|word| word == "rust")
        }
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => true,
        _ => false,
    })
}

/// The code blocks of a document, of one kind.
fn blocks(text: &str, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = false;
    for event in parse(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if &*kind == wanted => {
                open = true;
                found.push(String::new());
            }
            Event::Text(part) if open => found.last_mut().expect("pushed").push_str(&part),
            Event::End(TagEnd::CodeBlock) => open = false,
            _ => {}
        }
    }
    found
}

/// The lines that rustdoc hides and a forge does not: there, they stand in the way of who copies.
fn hidden_lines(text: &str) -> Vec<String> {
    let fences = |kind: &str| kind.is_empty() || kind.split(',').any(|word| word == "rust");
    let mut found = Vec::new();
    let mut open = false;
    for event in parse(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) => open = fences(&kind),
            Event::Text(part) if open => {
                let lines = part.lines().map(str::trim);
                let hidden = lines.filter(|line| *line == "#" || line.starts_with("# "));
                found.extend(hidden.map(str::to_owned));
            }
            Event::End(TagEnd::CodeBlock) => open = false,
            _ => {}
        }
    }
    found
}

#[test]
fn code_can_be_copied_from_a_page_as_it_stands() {
    for document in documents() {
        let hidden = hidden_lines(&read(&root().join(&document)));
        assert_eq!(hidden, [""; 0], "{}", document.display());
    }
    let text = "# A\n\n```rust\n# use b;\n  # c\n#[d]\n#\n```\n\n```sh\n# e\n```\n";
    assert_eq!(hidden_lines(text), ["# use b;", "# c", "#"]);
}

#[test]
fn the_tutorial_ends_with_the_example() {
    let blocks = blocks(include_str!("../../../docs/tutorial.md"), "rust,no_run");
    let program = include_str!("../../../examples/port_check.rs");
    assert!(blocks.iter().any(|block| block == program), "they differ");
}

/// A test compares docs/diagnostics.md with what the example prints.
#[test]
fn the_report_in_the_readme_is_that_of_the_page_of_diagnostics() {
    let page = include_str!("../../../docs/diagnostics.md");
    let reports = blocks(include_str!("../../../README.md"), "text");
    assert_eq!(reports.len(), 1);
    assert!(page.contains(&reports[0]), "they differ");
}

/// The words of the code spans of a document.
fn code_words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for event in parse(text) {
        if let Event::Code(span) = event {
            let parts = span.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.extend(parts.map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_primitive_has_its_place_in_the_documents() {
    let asyncio = code_words(include_str!("../../../docs/asyncio.md"));
    let tokio = code_words(include_str!("../../../docs/tokio.md"));
    let crate_page = include_str!("../../../sync/mod.rs");
    for name in [
        "Barrier",
        "BoundedSemaphore",
        "Condition",
        "CountDownLatch",
        "Event",
        "LifoQueue",
        "Lock",
        "OnceCell",
        "PriorityQueue",
        "Queue",
        "RwLock",
        "Semaphore",
        "WaitQueue",
        "oneshot",
    ] {
        assert!(
            crate_page.contains(&format!("[`{name}`]")),
            "{name} is not in the table of sync"
        );
        assert!(asyncio.contains(name), "{name} is not in docs/asyncio.md");
        assert!(tokio.contains(name), "{name} is not in docs/tokio.md");
    }
}

/// What a program on one thread can say to tokio 1.54: what its public modules list, macros included, but for
/// what is only a parameter or a future of these, and for Windows, which we do not have.
const TOKIO: &str = "
main test join try_join select pin task_local
spawn spawn_blocking spawn_local block_in_place yield_now consume_budget unconstrained coop
JoinHandle AbortHandle JoinError JoinSet LocalSet LocalKey Id id try_id
Runtime LocalRuntime LocalOptions Builder Handle RuntimeFlavor UnhandledPanic RngSeed RuntimeMetrics
TryCurrentError LocalEnterGuard
Barrier BarrierWaitResult broadcast mpsc oneshot watch Notify OnceCell SetOnce SetOnceError SetError
unbounded_channel UnboundedSender UnboundedReceiver WeakSender WeakUnboundedSender
SendError TrySendError SendTimeoutError RecvError TryRecvError
Mutex MutexGuard OwnedMutexGuard MappedMutexGuard OwnedMappedMutexGuard TryLockError
RwLock RwLockReadGuard RwLockWriteGuard RwLockMappedWriteGuard OwnedRwLockReadGuard
OwnedRwLockWriteGuard OwnedRwLockMappedWriteGuard
Semaphore SemaphorePermit OwnedSemaphorePermit AcquireError TryAcquireError
sleep sleep_until timeout timeout_at interval interval_at Instant MissedTickBehavior pause resume advance
Sleep Timeout Interval Elapsed
TcpListener TcpStream TcpSocket UdpSocket UnixListener UnixStream UnixDatagram UnixSocket UCred pipe
lookup_host ToSocketAddrs OwnedReadHalf OwnedWriteHalf ReuniteError OpenOptions
AsyncRead AsyncBufRead AsyncWrite AsyncSeek ReadBuf BufReader BufWriter BufStream ReadHalf WriteHalf
AsyncFd AsyncFdReadyGuard TryIoError Interest Ready DuplexStream SimplexStream
copy copy_buf copy_bidirectional duplex simplex empty sink repeat split stdin stdout stderr
fs File Command Child ChildStdin ChildStdout ChildStderr ctrl_c signal SignalKind
";

#[test]
fn every_name_of_tokio_is_in_its_page() {
    let page = code_words(include_str!("../../../docs/tokio.md"));
    let names = TOKIO.split_whitespace();
    let missing: Vec<_> = names.filter(|name| !page.contains(*name)).collect();
    assert_eq!(missing, [""; 0], "without a row in docs/tokio.md");
}

/// Prints what a program can say to asyncio, a word a line.
const NAMES: &str = "
import asyncio, asyncio.subprocess, asyncio.base_events as base
names = set(asyncio.__all__)
for kind in (asyncio.AbstractEventLoop, asyncio.Runner, asyncio.Task, asyncio.Future,
             asyncio.TaskGroup, asyncio.Timeout, asyncio.Lock, asyncio.Event, asyncio.Condition,
             asyncio.Semaphore, asyncio.BoundedSemaphore, asyncio.Barrier, asyncio.Queue,
             asyncio.StreamReader, asyncio.StreamWriter, asyncio.subprocess.Process, base.Server):
    names.update(name for name in dir(kind) if not name.startswith('_'))
names.update(('pid', 'stdin', 'stdout', 'stderr'))
print('\\n'.join(sorted(names)))
";

#[test]
fn every_name_of_asyncio_is_in_its_page() {
    let python = Command::new("python3").args(["-c", NAMES]).output();
    let Some(python) = python.ok().filter(|output| output.status.success()) else {
        return eprintln!(
            "no python3 with asyncio's task groups here, so its names are not compared"
        );
    };
    let names = String::from_utf8(python.stdout).expect("names are plain");
    let page = code_words(include_str!("../../../docs/asyncio.md"));
    let missing: Vec<_> = names.lines().filter(|name| !page.contains(*name)).collect();
    assert_eq!(missing, [""; 0], "without a row in docs/asyncio.md");
    assert!(
        names.lines().count() > 150,
        "asyncio has more names than that"
    );
}

/// The files and folders of the crate that a document names in code, like `sync/lock.rs`.
fn named_paths(text: &str) -> BTreeSet<String> {
    let codes = parse(text).filter_map(|event| match event {
        Event::Code(code) => Some(code.into_string()),
        _ => None,
    });
    let roots = ["runtime/", "sync/", "io/", "macros/", "tests/", "docs/"];
    codes
        .filter(|code| roots.iter().any(|root| code.starts_with(root)) && !code.contains(' '))
        .collect()
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let text = read(&root().join("docs/architecture.md"));
    let named = named_paths(&text);
    assert!(named.len() > 20, "{named:?}");
    let gone = named.iter().filter(|path| !root().join(path).exists());
    let mut gone: Vec<String> = gone.cloned().collect();
    // The table names, for each module, the files to begin with.
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `") && line.ends_with(".rs` |"));
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let module = cells[1].trim_matches('`');
        let files = cells[cells.len() - 2].split(", ");
        let files = files.map(|file| format!("runtime/{module}/{}", file.trim_matches('`')));
        gone.extend(files.filter(|path| !root().join(path).exists()));
    }
    assert_eq!(gone, [""; 0]);
    assert_eq!(
        named_paths("`io/x.rs` and `x` of `io`"),
        BTreeSet::from(["io/x.rs".to_owned()])
    );
}

#[test]
fn the_glossary_is_short() {
    let text = read(&root().join("docs/architecture.md"));
    let (_, glossary) = text.split_once("## Glossary").expect("there is a glossary");
    let rows = glossary.lines().filter(|line| line.starts_with("| "));
    // The head and the line below it are no words.
    let words = rows.count() - 2;
    assert!((1..=25).contains(&words), "{words} words");
}
