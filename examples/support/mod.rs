//! What the examples share: arguments, the clock, and lines that carry a time.
//!
//! Nothing here is needed to use turnwise; read the examples themselves.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "no example uses all of it"
)]

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process;

use lexopt::prelude::*;
use turnwise::time::Instant;
use turnwise::{JoinHandle, Runtime};

/// The name of the example that this is compiled into.
pub(crate) const NAME: &str = env!("CARGO_CRATE_NAME");

/// Prints a line with the time since the start in front of it, on the runtime's own clock.
macro_rules! say {
    ($($arg:tt)*) => { crate::support::line(format_args!($($arg)*)) };
}
pub(crate) use say;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static PARTS: Cell<bool> = const { Cell::new(false) };
}

/// What an example was asked for on the command line.
pub(crate) struct Options {
    virtual_clock: bool,
    seed: u64,
}

impl Options {
    /// Reads the arguments of an example that does the same thing every time.
    pub(crate) fn parse(about: &str) -> Options {
        Options::read(about, false)
    }

    /// Reads the arguments of an example that draws random numbers.
    pub(crate) fn parse_seeded(about: &str) -> Options {
        Options::read(about, true)
    }

    fn read(about: &str, seeded: bool) -> Options {
        let mut options = Options {
            virtual_clock: false,
            seed: 1,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = or_exit(arguments.next()) {
            match argument {
                Long("virtual") => options.virtual_clock = true,
                Long("seed") if seeded => {
                    options.seed = number(&mut arguments, "--seed", 0, u64::MAX)
                }
                Short('h') | Long("help") => help(about, seeded),
                other => usage_error(other.unexpected()),
            }
        }
        options
    }

    /// Makes the runtime, on the clock that was asked for, and starts counting the time.
    pub(crate) fn runtime(&self) -> Runtime {
        let runtime = self.builder().build();
        start();
        runtime
    }

    /// The same, for who has more to choose; call [`start`] when the runtime is made.
    pub(crate) fn builder(&self) -> turnwise::RuntimeBuilder {
        match self.virtual_clock {
            true => Runtime::builder().virtual_clock(),
            false => Runtime::builder(),
        }
    }

    /// A generator of random numbers: the same seed gives the same program.
    pub(crate) fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }
}

fn help(about: &str, seeded: bool) -> ! {
    let mut text = format!(
        "{about}\n\n\
         Usage: {NAME} [OPTIONS]\n\n\
         Options:\n      \
             --virtual  use the virtual clock: nothing waits, the output is the same every time\n"
    );
    if seeded {
        text += "      --seed N   draw other random numbers [default: 1]\n";
    }
    text += "  -h, --help     print this";
    print(format_args!("{text}"));
    process::exit(0)
}

/// Reads the value of an option: a whole number from `least` to `most`.
pub(crate) fn number(arguments: &mut lexopt::Parser, option: &str, least: u64, most: u64) -> u64 {
    let value = or_exit(arguments.value());
    let text = value.to_string_lossy();
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => number,
        _ => usage_error(format_args!(
            "{option} takes a whole number from {least} to {most}, not '{text}'"
        )),
    }
}

/// The value, or the end of the program with the reason.
pub(crate) fn or_exit<T>(result: Result<T, lexopt::Error>) -> T {
    result.unwrap_or_else(|error| usage_error(error))
}

/// Ends the program because its arguments make no sense.
pub(crate) fn usage_error(problem: impl fmt::Display) -> ! {
    eprintln!("{NAME}: {problem}\nTry '{NAME} --help'.");
    process::exit(2)
}

/// Waits for all tasks and returns what they gave. They run at the same time, whatever the order of
/// waiting.
pub(crate) async fn all<T: 'static>(tasks: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("nobody cancels these tasks"));
    }
    results
}

/// Starts counting the time. There has to be a runtime, on whose clock it is counted.
pub(crate) fn start() {
    START.set(Some(Instant::now()));
}

/// Prints a line that carries the time; see [`say`].
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let start = START.get().unwrap_or_else(Instant::now);
    print(format_args!(
        "[{:5.2}s] {text}",
        start.elapsed().as_secs_f64()
    ));
}

/// Prints the headline of a part of the program.
pub(crate) fn part(headline: &str) {
    let gap = if PARTS.replace(true) { "\n" } else { "" };
    print(format_args!("{gap}== {headline}"));
}

/// Prints a line. A reader that has gone away (`| head`) is no error; a full disk is.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            eprintln!("{NAME}: cannot write to the standard output: {error}");
            process::exit(1)
        }
    }
}
