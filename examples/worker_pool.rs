//! A pool of workers that ends when it is told to, by the program or by SIGINT and SIGTERM (block E07
//! of the text).
//!
//! The text's workers ask their queue with a time limit of half a second, so as to look at the
//! shutdown event in between: they wake twice a second for nothing, and an end takes as long. Here a
//! worker waits for "shutdown or a task", whichever comes first, and wakes for nothing else. A task
//! that comes too late the text's worker puts back, which counts it twice and hangs a later `join()`.
//! Here it was never taken: a `take` that loses a race leaves the queue as it was. What is left
//! over is handed to whoever ends the pool.
//!
//! A signal ends the pool in the same way, and the exit code says which one it was, as a shell
//! expects it: 130 for SIGINT, 143 for SIGTERM. A second Ctrl-C kills a shutdown that hangs.

mod support;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use lexopt::prelude::*;
use support::{NAME, all, number, or_exit, part, print, say, usage_error};
use turnwise::io::{Signal, SignalKind, signal};
use turnwise::sync::{Event, Fifo, Queue, Taken};
use turnwise::{JoinHandle, Runtime, race, sleep, spawn};

struct Arguments {
    virtual_clock: bool,
    /// How long the pool may run.
    seconds: u64,
    tasks: u64,
}

impl Arguments {
    fn parse() -> Arguments {
        let mut parsed = Arguments {
            virtual_clock: false,
            seconds: 2,
            tasks: 10,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("virtual") => parsed.virtual_clock = true,
                Long("seconds") => parsed.seconds = number(&mut arguments, "--seconds", 0, 86_400),
                Long("tasks") => parsed.tasks = number(&mut arguments, "--tasks", 0, 100_000),
                Short('h') | Long("help") => help(),
                other => usage_error(other.unexpected()),
            }
        }
        parsed
    }
}

fn help() -> ! {
    print(format_args!(
        "Three workers, ten tasks, and an orderly end, also by SIGINT and SIGTERM.\n\n\
         Usage: {NAME} [OPTIONS]\n\n\
         Options:\n      \
             --seconds N  end the pool after this time [default: 2]\n      \
             --tasks N    give it so many tasks of half a second [default: 10]\n      \
             --virtual    use the virtual clock: nothing waits, the output is the same every time\n  \
         -h, --help       print this\n\n\
         Exit code: 0, or 130 after SIGINT and 143 after SIGTERM."
    ));
    std::process::exit(0)
}

/// Workers that share a queue of tasks.
struct WorkerPool {
    shared: Rc<Shared>,
    workers: Vec<JoinHandle<u32>>,
}

struct Shared {
    tasks: Queue<String>,
    shutdown: Event,
}

impl WorkerPool {
    fn start(workers: usize) -> WorkerPool {
        let shared = Rc::new(Shared {
            tasks: Queue::unbounded(),
            shutdown: Event::new(),
        });
        let workers = (0..workers).map(|id| spawn(worker(id, shared.clone())));
        WorkerPool {
            workers: workers.collect(),
            shared,
        }
    }

    fn add(&self, task: String) {
        let put = self.shared.tasks.try_put(task);
        put.expect("the queue has no bound and is open");
    }

    /// Lets every worker finish the task it is at; returns how many were done, and the tasks that
    /// nobody has begun.
    async fn shut_down(self) -> (u32, Vec<String>) {
        say!("shutting down");
        self.shared.shutdown.set();
        let done = all(self.workers).await.into_iter().sum();
        (done, self.shared.tasks.close_now())
    }
}

impl Shared {
    /// The next task, or `None` once the pool is to end. Nothing is polled: either wakes us.
    async fn next(&self) -> Option<Taken<'_, Fifo<String>>> {
        race((
            // First: when both are ready, the pool ends.
            async {
                self.shutdown.wait().await;
                None
            },
            async { self.tasks.take().await.ok() },
        ))
        .await
    }
}

async fn worker(id: usize, shared: Rc<Shared>) -> u32 {
    say!("worker {id} started");
    let mut done = 0;
    while let Some(task) = shared.next().await {
        say!("worker {id} processes {}", *task);
        sleep(Duration::from_millis(500)).await;
        done += 1;
        // Here the guard ends, which tells the queue that the task is done.
    }
    say!("worker {id} ends after {done} tasks");
    done
}

/// What ends the program before its time.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::INTERRUPT)?,
            terminate: signal(SignalKind::TERMINATE)?,
        })
    }

    async fn next(&mut self) -> io::Result<SignalKind> {
        race((
            async { self.interrupt.recv().await.map(|()| SignalKind::INTERRUPT) },
            async { self.terminate.recv().await.map(|()| SignalKind::TERMINATE) },
        ))
        .await
    }
}

async fn run(arguments: &Arguments) -> io::Result<Option<SignalKind>> {
    let mut signals = Signals::listen()?;
    part("Three workers");
    let pool = WorkerPool::start(3);
    for n in 0..arguments.tasks {
        pool.add(format!("task {n}"));
    }
    let signal = race((async { signals.next().await.map(Some) }, async {
        sleep(Duration::from_secs(arguments.seconds)).await;
        Ok(None)
    }));
    let signal = signal.await?;
    if let Some(kind) = signal {
        say!("received signal {}", kind.as_raw());
    }
    let (done, left) = pool.shut_down().await;
    say!("{done} tasks were done, {} were not begun", left.len());
    assert_eq!(u64::from(done) + left.len() as u64, arguments.tasks);
    Ok(signal)
}

/// The same pool, ended in the middle: nobody is interrupted, and nothing is lost.
async fn an_early_end() {
    part("An end in the middle of the work");
    let pool = WorkerPool::start(3);
    for n in 0..10 {
        pool.add(format!("task {n}"));
    }
    sleep(Duration::from_millis(1200)).await;
    let (done, left) = pool.shut_down().await;
    say!("{done} tasks were done, not begun: {}", left.join(", "));
    assert_eq!((done, left.len()), (9, 1));
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let builder = Runtime::builder();
    let runtime = match arguments.virtual_clock {
        true => builder.virtual_clock().build(),
        false => builder.build(),
    };
    support::start();
    match runtime.block_on(run(&arguments)) {
        Ok(None) => {
            runtime.block_on(an_early_end());
            ExitCode::SUCCESS
        }
        Ok(Some(kind)) => ExitCode::from(128 + kind.as_raw() as u8),
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}
