//! Measures everything and writes docs/performance.md and its charts.

mod bars;
mod chart;
mod hello;
mod multiples;
mod page;
mod progress;
mod stages;
mod svg;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use lexopt::prelude::*;
use turnwise_benches::results::target;

use bars::All;
use progress::Progress;
use stages::{Means, STAGES, Stage};

struct Arguments {
    stages: Vec<&'static Stage>,
    smoke: bool,
    fastest: bool,
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = parse().and_then(|arguments| report(&arguments).map_err(|error| error.to_string()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Arguments, String> {
    let mut arguments = Arguments {
        stages: Vec::new(),
        smoke: false,
        fastest: false,
        output: None,
    };
    let mut run = true;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => help(),
            Long("no-run") => run = false,
            Long("smoke") => arguments.smoke = true,
            Long("fastest") => arguments.fastest = true,
            Long("output") => {
                let directory = parser.value().map_err(|error| error.to_string())?;
                arguments.output = Some(directory.into());
            }
            Value(name) => {
                let stage = STAGES.iter().find(|stage| *stage.name == *name);
                arguments
                    .stages
                    .push(stage.ok_or_else(|| format!("no stage {name:?}; see --help"))?);
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if run && arguments.stages.is_empty() {
        arguments.stages = STAGES.iter().collect();
    }
    Ok(arguments)
}

fn help() -> ! {
    println!(
        "Measures turnwise and its peers, and writes docs/performance.md and its charts.\n\n\
         usage: report [--no-run] [--fastest] [--smoke] [--output DIRECTORY] [STAGE…]\n\n\
         Without stages all are measured, about a quarter of an hour; figures of the others are those of\n\
         their last time, which are kept in benches/target/report.\n"
    );
    for stage in &STAGES {
        println!("  {:14}{}", stage.name, stage.what);
    }
    println!(
        "\n  --no-run      measure nothing, write the page from what is kept\n  \
           --fastest     take each time's fastest sample, not its median: for a machine that others use\n  \
           --smoke       everything as short as can be, kept apart and written to no page: a test of itself\n  \
           --output      where the page goes, docs of this repository unless told otherwise"
    );
    std::process::exit(0);
}

fn report(arguments: &Arguments) -> io::Result<()> {
    let kept = target().join(if arguments.smoke {
        "report-smoke"
    } else {
        "report"
    });
    fs::create_dir_all(&kept)?;
    let here = std::env::current_exe()?;
    let mut means = Means {
        smoke: arguments.smoke,
        fastest: arguments.fastest,
        programs: here
            .parent()
            .expect("a program is in a directory")
            .to_owned(),
        kept: kept.clone(),
        progress: Progress::new(),
    };
    if !arguments.stages.is_empty() {
        build()?;
    }
    let start = Instant::now();
    for (n, stage) in arguments.stages.iter().enumerate() {
        let at = format!(
            "[{}/{}, {} s]",
            n + 1,
            arguments.stages.len(),
            start.elapsed().as_secs()
        );
        means.progress.begin(format!("{at} {}", stage.name));
        match (stage.measure)(&mut means) {
            Ok(figures) if figures.is_empty() && stage.name != "times" => {
                return Err(io::Error::other(format!("{} measured nothing", stage.name)));
            }
            Ok(figures) => figures.save(&kept.join(stage.name).with_extension("tsv"))?,
            // One tool that is not there is no reason to have no page.
            Err(error) if !arguments.smoke => {
                means.progress.warn(&format!("{}: {error}", stage.name))
            }
            Err(error) => return Err(error),
        }
    }
    means.progress.end();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("benches is in the repository");
    let docs = match &arguments.output {
        Some(directory) => directory.clone(),
        None if arguments.smoke => kept.clone(),
        None => root.join("docs"),
    };
    let all = load(&means);
    fs::write(
        docs.join("performance.md"),
        page::write(&all, means.fastest)?,
    )?;
    fs::write(docs.join("performance.svg"), chart::draw(&all.times))?;
    fs::write(docs.join("scaling.svg"), multiples::draw(&all.scaling))?;
    println!("{}", docs.join("performance.md").display());
    Ok(())
}

/// The programs that stages run.
fn build() -> io::Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet", "--release", "--bins", "--manifest-path"]);
    hello::run(command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).map(drop)
}

fn load(means: &Means) -> All {
    All {
        times: means.figures("times"),
        late: means.figures("late"),
        memory: means.figures("memory"),
        allocations: means.figures("allocations"),
        syscalls: means.figures("syscalls"),
        instructions: means.figures("instructions"),
        scaling: means.figures("scaling"),
        echo: means.figures("echo"),
        hello: means.figures("hello"),
    }
}
