//! Counts the words of text files with producers, a bounded queue and consumers.
//!
//! ```text
//!   files ──▶ producers ──lines──▶ queue (bounded) ──lines──▶ consumers ──▶ one count
//!             wait for room                                   wait for a line
//! ```
//!
//! This is the main job of the crate on real input, and the pattern of the text's queue program
//! (block E16). Instead of one stop marker for each consumer, `close()` ends them all: they take
//! what is left and then learn that there will be no more.
//!
//! # Why the files are read without a thread pool
//!
//! A regular file is always "ready" as far as epoll is concerned, so there is nothing to wait for.
//! A read of 16 KiB that the system has in memory takes a few microseconds; handing it to a
//! thread and back costs two switches, which is more. So a producer reads a chunk by a plain
//! `std` read and then yields, and nobody waits longer than for one chunk. On a slow network disk,
//! or for a pipe or a terminal in place of a file, that trade is wrong: there a read belongs on
//! a thread of its own.
//!
//! # Why consumers yield after every line
//!
//! The primitives never yield by themselves (asyncio's rule): a `get` that finds an item does not
//! wait. Without its yield, the first consumer to run would empty the queue alone.

mod support;

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use support::{NAME, all, or_exit, usage_error};
use turnwise::sync::Queue;
use turnwise::{JoinHandle, Runtime, spawn, yield_now};

/// How much a producer reads before it lets others run.
const CHUNK: usize = 16 * 1024;

const HELP: &str = "\
Counts the words of text files with producers, a bounded queue and consumers.

Usage: producer_consumer [OPTIONS] [FILE]...

Without a FILE it reads the documentation of turnwise itself. A word is a run of letters and digits,
with apostrophes inside, in lower case. Bytes that are not UTF-8 are replaced, and a note says so.

Options:
      --producers N   tasks that read files [default: 2]
      --consumers N   tasks that count words [default: 3]
      --queue-size N  lines the queue holds at most [default: 64]
      --top N         how many of the most frequent words to print [default: 10]
      --virtual       use the virtual clock and print no times: the output is always the same
  -h, --help          print this

Exit code: 0 if every file was read, 1 if one was not, 2 if the arguments make no sense.";

fn main() -> ExitCode {
    let options = Options::parse();
    let builder = Runtime::builder();
    let runtime = match options.virtual_clock {
        true => builder.virtual_clock().build(),
        false => builder.build(),
    };
    let started = Instant::now();
    let outcome = runtime.block_on(run(&options));
    let mut summary = outcome.summary(&options);
    if !options.virtual_clock {
        let _ = write!(summary, "time   {:.1?}", started.elapsed());
    }
    support::print(format_args!("{}", summary.trim_end()));
    ExitCode::from(u8::from(outcome.unread > 0))
}

/// What all tasks share.
struct Job {
    files: Queue<PathBuf>,
    lines: Queue<String>,
    /// The most lines that were ever in the queue.
    high_water: Cell<usize>,
    /// The sum of what was in the queue whenever a line was put.
    filled: Cell<u64>,
    /// Lines put so far, for the progress line.
    put: Cell<u64>,
    progress: bool,
}

/// Starts everybody, waits for the producers, and closes the queue behind them.
async fn run(options: &Options) -> Outcome {
    let job = Rc::new(Job {
        files: Queue::unbounded(),
        lines: Queue::bounded(options.queue_size),
        high_water: Cell::new(0),
        filled: Cell::new(0),
        put: Cell::new(0),
        progress: !options.virtual_clock && io::stderr().is_terminal(),
    });
    for file in &options.files {
        let put = job.files.try_put(file.clone());
        put.expect("an open queue without a limit takes everything");
    }
    job.files.close();

    let producers = start(options.producers, "producer", || produce(job.clone()));
    let consumers = start(options.consumers, "consumer", || consume(job.clone()));
    let progress = job.progress.then(|| spawn(show_progress(job.clone())));

    let produced = all(producers).await;
    job.lines.close();
    let consumed = all(consumers).await;
    if let Some(progress) = progress {
        progress.cancel();
        clear_progress();
    }
    Outcome::new(produced, consumed, &job)
}

/// Spawns `count` tasks of one kind.
fn start<F>(count: usize, kind: &str, task: impl Fn() -> F) -> Vec<JoinHandle<F::Output>>
where
    F: Future + 'static,
{
    (1..=count)
        .map(|n| spawn(task()).named(format!("{kind} {n}")))
        .collect()
}

/// What one producer did.
#[derive(Default)]
struct Produced {
    files: u64,
    unread: u64,
    lines: u64,
    /// How often it had to wait for room in the queue.
    waits: u64,
}

/// Takes one file after the other until there are no more.
async fn produce(job: Rc<Job>) -> Produced {
    let mut done = Produced::default();
    while let Ok(path) = job.files.get().await {
        let before = done.lines;
        match read_lines(&job, &path, &mut done).await {
            Ok(0) => done.files += 1,
            Ok(replaced) => {
                done.files += 1;
                let why = format!("not all of it is UTF-8; lines with replaced bytes: {replaced}");
                note(&job, &path, "note on", why);
            }
            Err(error) => {
                done.unread += 1;
                note(&job, &path, "cannot read", &error);
                match done.lines - before {
                    0 => {}
                    lines => note(
                        &job,
                        &path,
                        "note on",
                        format!("its first {lines} lines count"),
                    ),
                }
            }
        }
    }
    done
}

/// Puts the lines of a file into the queue. Returns how many were not UTF-8.
async fn read_lines(job: &Job, path: &Path, done: &mut Produced) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(CHUNK, File::open(path)?);
    let mut line = Vec::new();
    let mut replaced = 0;
    loop {
        let chunk = reader.fill_buf()?;
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let over = chunk.is_empty();
        let taken = end.map_or(chunk.len(), |end| end + 1);
        line.extend_from_slice(&chunk[..taken]);
        reader.consume(taken);
        if end.is_some() || (over && !line.is_empty()) {
            let line = String::from_utf8(std::mem::take(&mut line)).unwrap_or_else(|error| {
                replaced += 1;
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            });
            put(job, line, done).await;
        }
        if over {
            return Ok(replaced);
        }
        if reader.buffer().is_empty() {
            // The next round reads again: let others run first.
            yield_now().await;
        }
    }
}

/// Puts one line into the queue, waiting for room if there is none.
async fn put(job: &Job, line: String, done: &mut Produced) {
    if job.lines.is_full() {
        done.waits += 1;
    }
    let put = job.lines.put(line).await;
    put.expect("the queue is closed only after all producers have ended");
    let queued = job.lines.len();
    job.high_water.set(job.high_water.get().max(queued));
    job.filled.set(job.filled.get() + queued as u64);
    job.put.set(job.put.get() + 1);
    done.lines += 1;
}

/// What one consumer did.
#[derive(Default)]
struct Consumed {
    lines: u64,
    words: u64,
    /// Its own count: no lock is needed, the counts are added up at the end.
    times: HashMap<String, u64>,
}

/// Counts the words of one line after the other until the queue is closed and empty.
async fn consume(job: Rc<Job>) -> Consumed {
    let mut done = Consumed::default();
    while let Ok(line) = job.lines.get().await {
        done.lines += 1;
        let line = line.to_lowercase();
        for word in words(&line) {
            done.words += 1;
            match done.times.get_mut(word) {
                Some(times) => *times += 1,
                None => drop(done.times.insert(word.to_owned(), 1)),
            }
        }
        yield_now().await;
    }
    done
}

/// Runs of letters and digits, with apostrophes inside.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
}

/// Keeps one line on the terminal up to date.
async fn show_progress(job: Rc<Job>) {
    let mut ticks = turnwise::interval(Duration::from_millis(100));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (put, queued, left) = (job.put.get(), job.lines.len(), job.files.len());
        let text = format!("{put} lines, {queued} in the queue, {left} files to begin");
        let _ = write!(io::stderr(), "\r{text:<70}");
    }
}

fn clear_progress() {
    let _ = write!(io::stderr(), "\r{:70}\r", "");
}

/// Says something about a file, on the standard error.
fn note(job: &Job, path: &Path, what: &str, why: impl fmt::Display) {
    if job.progress {
        clear_progress();
    }
    let _ = writeln!(io::stderr(), "{NAME}: {what} {}: {why}", path.display());
}

/// What came of it all.
struct Outcome {
    produced: Vec<Produced>,
    consumed: Vec<Consumed>,
    unread: u64,
    /// Most frequent first, then by the alphabet.
    ranking: Vec<(String, u64)>,
    high_water: usize,
    /// How full the queue was on average just after a line was put.
    average: f64,
}

impl Outcome {
    fn new(produced: Vec<Produced>, mut consumed: Vec<Consumed>, job: &Job) -> Self {
        let mut times: HashMap<String, u64> = HashMap::new();
        for one in &mut consumed {
            for (word, n) in one.times.drain() {
                *times.entry(word).or_default() += n;
            }
        }
        let mut ranking: Vec<_> = times.into_iter().collect();
        ranking.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        Outcome {
            unread: produced.iter().map(|one| one.unread).sum(),
            produced,
            consumed,
            ranking,
            high_water: job.high_water.get(),
            average: job.filled.get() as f64 / job.put.get().max(1) as f64,
        }
    }

    fn summary(&self, options: &Options) -> String {
        let mut text = String::new();
        let written = self.totals(&mut text);
        let written = written.and_then(|()| self.most_frequent(&mut text, options.top));
        let written = written.and_then(|()| self.who_did_what(&mut text));
        let written = written.and_then(|()| self.about_the_queue(&mut text, options.queue_size));
        written.expect("a string takes everything");
        text
    }

    fn totals(&self, out: &mut String) -> fmt::Result {
        let files: u64 = self.produced.iter().map(|one| one.files).sum();
        let lines: u64 = self.consumed.iter().map(|one| one.lines).sum();
        let words: u64 = self.consumed.iter().map(|one| one.words).sum();
        let [files, lines, words] = [files, lines, words].map(grouped);
        writeln!(out, "files  {files}")?;
        if self.unread > 0 {
            writeln!(
                out,
                "       {} more could not be read",
                grouped(self.unread)
            )?;
        }
        let different = grouped(self.ranking.len() as u64);
        writeln!(out, "lines  {lines}")?;
        writeln!(out, "words  {words}, {different} of them different")
    }

    fn most_frequent(&self, out: &mut String, top: usize) -> fmt::Result {
        let top = &self.ranking[..top.min(self.ranking.len())];
        let Some((_, most)) = top.first() else {
            return Ok(());
        };
        writeln!(out, "\nmost frequent")?;
        let width = top.iter().map(|(word, _)| shown(word).chars().count());
        let width = width.max().unwrap_or(0);
        for (word, times) in top {
            let bar = "█".repeat((times * 30).div_ceil(*most) as usize);
            let (word, times) = (shown(word), grouped(*times));
            writeln!(out, "  {word:width$} {times:>9} {bar}")?;
        }
        Ok(())
    }

    fn who_did_what(&self, out: &mut String) -> fmt::Result {
        let titles = ["who", "files", "lines", "words", "waited for room"];
        let mut table = vec![titles.map(str::to_owned)];
        for (n, one) in (1..).zip(&self.produced) {
            let [files, lines, waits] = [one.files, one.lines, one.waits].map(grouped);
            let name = format!("producer {n}");
            table.push([name, files, lines, String::new(), waits]);
        }
        for (n, one) in (1..).zip(&self.consumed) {
            let [lines, words] = [one.lines, one.words].map(grouped);
            let name = format!("consumer {n}");
            table.push([name, String::new(), lines, words, String::new()]);
        }
        writeln!(out)?;
        for [who, files, lines, words, waits] in table {
            let line = format!("{who:<14}{files:>9}{lines:>11}{words:>13}{waits:>18}");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn about_the_queue(&self, out: &mut String, size: usize) -> fmt::Result {
        let waits: u64 = self.produced.iter().map(|one| one.waits).sum();
        let [high, size, waits] = [self.high_water as u64, size as u64, waits].map(grouped);
        let average = self.average;
        writeln!(
            out,
            "\nqueue  {high} of {size} lines at most, {average:.1} on average"
        )?;
        writeln!(out, "       producers found it full {waits} times")
    }
}

/// A word as it is printed: no longer than fits.
fn shown(word: &str) -> String {
    match word.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What was asked for on the command line.
struct Options {
    producers: usize,
    consumers: usize,
    queue_size: usize,
    top: usize,
    virtual_clock: bool,
    files: Vec<PathBuf>,
}

impl Options {
    fn parse() -> Options {
        let mut options = Options {
            producers: 2,
            consumers: 3,
            queue_size: 64,
            top: 10,
            virtual_clock: false,
            files: Vec::new(),
        };
        let mut args = lexopt::Parser::from_env();
        let number =
            |args: &mut _, option, least, most| support::number(args, option, least, most) as usize;
        while let Some(argument) = or_exit(args.next()) {
            match argument {
                Long("producers") => {
                    options.producers = number(&mut args, "--producers", 1, 10_000)
                }
                Long("consumers") => {
                    options.consumers = number(&mut args, "--consumers", 1, 10_000)
                }
                Long("queue-size") => {
                    options.queue_size = number(&mut args, "--queue-size", 1, 1_000_000)
                }
                Long("top") => options.top = number(&mut args, "--top", 0, 10_000),
                Long("virtual") => options.virtual_clock = true,
                Short('h') | Long("help") => {
                    support::print(format_args!("{HELP}"));
                    process::exit(0)
                }
                Value(file) => options.files.push(named_file(file)),
                other => usage_error(other.unexpected()),
            }
        }
        if options.files.is_empty() {
            options.files = own_documentation();
        }
        options
    }
}

/// An argument as a path; the empty one, which a script passes for an unset variable, is refused.
fn named_file(file: OsString) -> PathBuf {
    if file.is_empty() {
        usage_error("a file name is empty; leave the argument out, or name a file");
    }
    PathBuf::from(file)
}

/// The documentation of this repository.
fn own_documentation() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
        .map(|name| root.join(name))
        .into_iter()
        .filter(|file| file.is_file())
        .collect();
    markdown_below(&root.join("docs"), &mut files);
    if files.is_empty() {
        usage_error(format_args!(
            "no documentation is left in {}; name the files to read",
            root.display()
        ));
    }
    files
}

/// Adds the Markdown files of a folder and its folders, in the order of their names.
fn markdown_below(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => markdown_below(&path, files),
            Ok(_) if path.extension().is_some_and(|end| end == "md") => files.push(path),
            _ => {}
        }
    }
}
