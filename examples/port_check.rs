//! Which of these hosts answer? The program that docs/tutorial.md builds, step by step.

use std::cell::Cell;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use turnwise::io::{TcpStream, ctrl_c};
use turnwise::sync::{Queue, Semaphore};
use turnwise::time::Instant;
use turnwise::{race, spawn_blocking, timeout, try_gather, try_task_group};

const HELP: &str = "\
Tells which TCP ports can be reached.

Usage: port_check FILE

FILE has a HOST:PORT per line; empty lines and lines that begin with # are skipped.
Twenty are tried at a time, for a second each. Ctrl-C ends it with what is known by then.

Exit code: 0 if all answer, 1 if one does not, 2 for a mistake, 130 after Ctrl-C.";

/// How many are tried at a time.
const AT_A_TIME: usize = 20;
/// How long each has.
const LIMIT: Duration = Duration::from_secs(1);

struct Answer {
    target: String,
    result: io::Result<Duration>,
}

/// How long it takes to connect.
async fn knock(target: &str) -> io::Result<Duration> {
    let start = Instant::now();
    match timeout(LIMIT, TcpStream::connect(target)).await {
        Ok(stream) => stream.map(|_| start.elapsed()),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Tries all targets and puts the answers as they come.
async fn check(targets: Vec<String>, answers: Rc<Queue<Answer>>) -> io::Result<()> {
    let gate = Rc::new(Semaphore::new(AT_A_TIME));
    let all = try_task_group(async |group| {
        for target in targets {
            // Waits here while twenty are under way: there are never more tasks than that.
            let permit = gate.acquire_owned().await;
            let answers = answers.clone();
            group.spawn(async move {
                let result = knock(&target).await;
                drop(permit);
                answers.put(Answer { target, result }).await
            });
        }
        Ok::<_, io::Error>(())
    });
    let done = all.await;
    answers.close();
    done.map_err(io::Error::other)
}

/// Prints the answers; returns when the queue is closed and empty.
async fn report(answers: &Queue<Answer>, silent: &Cell<usize>) -> io::Result<()> {
    while let Ok(Answer { target, result }) = answers.get().await {
        let mut out = io::stdout();
        match result {
            Ok(time) => writeln!(out, "open    {target} after {time:.1?}")?,
            Err(error) => {
                silent.set(silent.get() + 1);
                writeln!(out, "silent  {target}: {error}")?;
            }
        }
    }
    Ok(())
}

/// Reads the targets on another thread: files have no readiness to wait for.
async fn targets(file: String) -> io::Result<Vec<String>> {
    let read = spawn_blocking(move || std::fs::read_to_string(file)).await;
    let text = read.expect("reading does not panic")?;
    let lines = text.lines().map(str::trim);
    let targets = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(targets.map(str::to_owned).collect())
}

async fn run(file: String) -> io::Result<ExitCode> {
    let targets = targets(file).await?;
    let answers = Rc::new(Queue::bounded(AT_A_TIME));
    let silent = Cell::new(0);
    let work = async {
        try_gather((check(targets, answers.clone()), report(&answers, &silent))).await?;
        Ok(ExitCode::from(u8::from(silent.get() > 0)))
    };
    let stop = async {
        ctrl_c().await?;
        eprintln!("stopped");
        Ok(ExitCode::from(130))
    };
    race((work, stop)).await
}

#[turnwise::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [help] if help == "-h" || help == "--help" => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        [file] if !file.starts_with('-') => run(file.clone()).await.unwrap_or_else(|error| {
            eprintln!("port_check: {error}");
            ExitCode::from(2)
        }),
        _ => {
            eprintln!("port_check: one FILE is needed; see --help");
            ExitCode::from(2)
        }
    }
}
