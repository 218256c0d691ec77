//! turnwise inside a synchronous program that owns its loop: a plain `poll(2)` over the keyboard and
//! over one descriptor of the runtime.
//!
//! ```text
//!   host:  poll(stdin, runtime) ──stdin──▶ read lines, obey them
//!            ▲                  └─runtime─▶ turn: timers, signals, tasks
//!            └────────────────────────────────┘
//! ```
//!
//! `Runtime::embed` is readable whenever a turn is due: a timer, a wake from another thread, a task
//! that the host made ready. So the host needs no time limit and polls nothing else. Between two
//! turns it may use every primitive that does not wait: here it spawns tasks and cancels them.
//!
//! A virtual clock has no descriptor to poll; therefore there is no `--virtual`.

mod support;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::time::Duration;

use lexopt::prelude::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use support::{NAME, or_exit, print, usage_error};
use turnwise::io::ctrl_c;
use turnwise::{JoinHandle, Runtime, sleep};

const HELP: &str = "\
Reminds you of things, and listens to the keyboard meanwhile: turnwise inside a poll(2) loop.

Usage: embed_in_cli [OPTIONS]

Reads commands from the standard input, one a line:
  in SECONDS TEXT   print TEXT then
  list              say what is to come
  drop NUMBER       forget a reminder
  quit              end now

At the end of the input it waits for the reminders that are left; Ctrl-C ends it at once.

Options:
  -h, --help        print this

Exit code: 0, or 130 after Ctrl-C.";

fn main() -> ExitCode {
    let mut arguments = lexopt::Parser::from_env();
    if let Some(argument) = or_exit(arguments.next()) {
        match argument {
            Short('h') | Long("help") => {
                print(format_args!("{HELP}"));
                process::exit(0)
            }
            other => usage_error(other.unexpected()),
        }
    }
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The host: an ordinary synchronous loop.
fn run() -> io::Result<ExitCode> {
    let runtime = Runtime::new();
    let interrupted = Rc::new(Cell::new(false));
    let told = interrupted.clone();
    drop(runtime.spawn(async move { told.set(ctrl_c().await.is_ok()) }));
    // It listens before anybody is told that we are ready.
    runtime.run_until_stalled();
    let mut reminders = Reminders::default();
    let mut keyboard = Some(Keyboard::default());
    print(format_args!(
        "ready; say `in 5 tea is ready`, `list`, `drop 1` or `quit`"
    ));
    loop {
        let typed = wait_for_something(&runtime, keyboard.is_some())?;
        runtime.run_until_stalled();
        if interrupted.get() {
            print(format_args!(
                "interrupted; reminders dropped: {}",
                reminders.left()
            ));
            return Ok(ExitCode::from(130));
        }
        if let Some(lines) = keyboard.as_mut().filter(|_| typed) {
            let over = lines.read()?;
            while let Some(line) = lines.next() {
                if reminders.obey(&runtime, line.trim()) == Answer::Quit {
                    print(format_args!("bye; reminders dropped: {}", reminders.left()));
                    return Ok(ExitCode::SUCCESS);
                }
            }
            if over {
                keyboard = None;
            }
        }
        if keyboard.is_none() && reminders.left() == 0 {
            print(format_args!("end of input, nothing left to remind of"));
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Blocks until a turn is due or something was typed; says whether it was.
fn wait_for_something(runtime: &Runtime, listen: bool) -> io::Result<bool> {
    let (stdin, fd) = (io::stdin(), runtime.embed()?);
    let mut fds = vec![PollFd::new(&fd, PollFlags::IN)];
    if listen {
        fds.push(PollFd::new(&stdin, PollFlags::IN));
    }
    match poll(&mut fds, None) {
        // The handler of a signal has run; the runtime hears of it by its own descriptor.
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(fds.get(1).is_some_and(|fd| !fd.revents().is_empty()))
}

/// What was typed and is not yet a whole line.
#[derive(Default)]
struct Keyboard {
    typed: Vec<u8>,
    over: bool,
}

impl Keyboard {
    /// Reads what is there, which `poll` has promised not to block. `true` at the end of the input.
    fn read(&mut self) -> io::Result<bool> {
        let mut stdin = io::stdin().lock();
        // The whole buffer is taken, so that nothing stays in it of which `poll` knows nothing.
        let count = match stdin.fill_buf() {
            Ok(bytes) => {
                self.typed.extend_from_slice(bytes);
                bytes.len()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        stdin.consume(count);
        self.over = count == 0;
        Ok(self.over)
    }

    /// The next whole line, or at the end of the input what is left.
    fn next(&mut self) -> Option<String> {
        let end = self.typed.iter().position(|&byte| byte == b'\n');
        let rest = (self.over && !self.typed.is_empty()).then_some(self.typed.len());
        let end = end.map(|end| end + 1).or(rest)?;
        let line: Vec<u8> = self.typed.drain(..end).collect();
        Some(String::from_utf8_lossy(&line).into_owned())
    }
}

#[derive(PartialEq, Eq)]
enum Answer {
    GoOn,
    Quit,
}

/// What is to come: a task for each.
#[derive(Default)]
struct Reminders {
    tasks: BTreeMap<u32, (JoinHandle<()>, String)>,
    last: u32,
}

impl Reminders {
    fn left(&self) -> usize {
        self.waiting().count()
    }

    fn waiting(&self) -> impl Iterator<Item = (&u32, &String)> {
        let all = self
            .tasks
            .iter()
            .filter(|(_, (task, _))| !task.is_finished());
        all.map(|(number, (_, text))| (number, text))
    }

    fn obey(&mut self, runtime: &Runtime, line: &str) -> Answer {
        let mut words = line.splitn(3, ' ');
        match (words.next().unwrap_or(""), words.next(), words.next()) {
            ("", None, None) => {}
            ("quit", None, None) => return Answer::Quit,
            ("list", None, None) => self.list(),
            ("in", Some(seconds), Some(text)) => {
                match seconds.parse().map(Duration::try_from_secs_f64) {
                    Ok(Ok(delay)) => self.add(runtime, delay, text.to_owned()),
                    _ => print(format_args!("'{seconds}' is no number of seconds")),
                }
            }
            ("drop", Some(number), None) => {
                match number.parse().ok().and_then(|n| self.tasks.remove(&n)) {
                    Some((task, text)) if !task.is_finished() => {
                        task.cancel();
                        print(format_args!("dropped: {text}"));
                    }
                    _ => print(format_args!("there is no reminder '{number}'; say `list`")),
                }
            }
            _ => print(format_args!(
                "'{line}' makes no sense; say `in SECONDS TEXT`, `list`, `drop NUMBER` or `quit`"
            )),
        }
        Answer::GoOn
    }

    fn add(&mut self, runtime: &Runtime, delay: Duration, text: String) {
        self.tasks.retain(|_, (task, _)| !task.is_finished());
        self.last += 1;
        let (number, reminder) = (self.last, text.clone());
        let task = runtime.spawn(async move {
            sleep(delay).await;
            print(format_args!("{number}: {reminder}!"));
        });
        print(format_args!("{number}: in {delay:?}"));
        self.tasks.insert(number, (task, text));
    }

    fn list(&self) {
        if self.left() == 0 {
            print(format_args!("nothing to come"));
        }
        for (number, text) in self.waiting() {
            print(format_args!("{number}: {text}"));
        }
    }
}
