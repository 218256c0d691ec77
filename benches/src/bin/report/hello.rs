//! The same small program with every peer: how many crates, how long to build, how large.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::param::clock_ticks_per_second;
use turnwise_benches::results::Figures;

use crate::progress::Progress;

/// A peer, what it asks for in `[dependencies]`, and the program.
pub const PROGRAMS: [(&str, &str, &str); 9] = [
    (
        "turnwise",
        "turnwise = { path = \"@\" }",
        include_str!("../../../hello/turnwise.rs"),
    ),
    (
        "turnwise without signal and process",
        "turnwise = { path = \"@\", default-features = false, features = [\"unix\"] }",
        include_str!("../../../hello/turnwise.rs"),
    ),
    (
        "turnwise without default features",
        "turnwise = { path = \"@\", default-features = false }",
        include_str!("../../../hello/turnwise.rs"),
    ),
    (
        "tokio",
        "tokio = { version = \"1\", features = [\"rt\", \"time\", \"net\", \"sync\", \"io-util\", \"macros\"] }",
        include_str!("../../../hello/tokio.rs"),
    ),
    (
        "smol",
        "smol = \"2\"",
        include_str!("../../../hello/smol.rs"),
    ),
    (
        "monoio, local-sync",
        "monoio = { version = \"0.2\", default-features = false, features = [\"legacy\", \"macros\"] }\n\
         local-sync = \"0.1\"",
        include_str!("../../../hello/monoio.rs"),
    ),
    (
        "compio, async-lock",
        "compio = { version = \"0.19\", features = [\"macros\", \"net\", \"time\"] }\nasync-lock = \"3\"",
        include_str!("../../../hello/compio.rs"),
    ),
    (
        "local-runtime, async-lock",
        "local-runtime = \"0.2\"\nasync-lock = \"3\"\nfutures-lite = \"2\"",
        include_str!("../../../hello/local_runtime.rs"),
    ),
    (
        "threads of std",
        "",
        include_str!("../../../hello/threads.rs"),
    ),
];

/// Builds each from nothing but downloaded sources, and says which could not be built.
pub fn measure(work: &Path, smoke: bool, progress: &mut Progress) -> io::Result<Figures> {
    let mut figures = Figures::default();
    // Threads of std alone: a second or two.
    let programs = PROGRAMS
        .iter()
        .skip(if smoke { PROGRAMS.len() - 1 } else { 0 });
    for (name, dependencies, program) in programs {
        progress.say(name);
        let directory = work.join(name.replace([' ', ','], "-"));
        write(&directory, dependencies, program)?;
        match build(&directory) {
            Ok(built) => {
                figures.set("crates", name, built.crates as f64);
                figures.set("seconds", name, built.seconds);
                figures.set("processor seconds", name, built.processor);
                figures.set("KiB, stripped", name, built.kib);
            }
            Err(error) => progress.warn(&format!("{name} does not build: {error}")),
        }
        fs::remove_dir_all(directory.join("target")).ok();
    }
    Ok(figures)
}

fn write(directory: &Path, dependencies: &str, program: &str) -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("benches is in the repository");
    let dependencies = dependencies.replace('@', &root.display().to_string());
    fs::create_dir_all(directory.join("src"))?;
    let manifest =
        "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    let manifest = format!("{manifest}\n[dependencies]\n{dependencies}\n");
    fs::write(directory.join("Cargo.toml"), manifest)?;
    fs::write(directory.join("src/main.rs"), program)
}

struct Built {
    crates: usize,
    seconds: f64,
    processor: f64,
    kib: f64,
}

fn build(directory: &Path) -> io::Result<Built> {
    let target = directory.join("target");
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(directory)
            .args(arguments)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS");
        run(&mut command)
    };
    cargo(&["fetch", "--quiet"])?;
    let tree = cargo(&[
        "tree",
        "--prefix",
        "none",
        "--edges",
        "normal,build",
        "--format",
        "{p}",
    ])?;
    // Name and version, the first two words, are a crate.
    let name = |line: &'_ str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut crates: Vec<String> = tree.lines().map(name).collect();
    crates.sort_unstable();
    crates.dedup();
    fs::remove_dir_all(&target).ok();
    let (start, before) = (Instant::now(), children());
    cargo(&["build", "--release", "--quiet", "--offline", "-j2"])?;
    let (seconds, processor) = (start.elapsed().as_secs_f64(), children() - before);
    let binary = target.join("release/hello");
    let said = run(&mut Command::new(&binary))?;
    if said != "hello\n" {
        return Err(io::Error::other(format!("it said {said:?}")));
    }
    run(Command::new("strip").arg(&binary))?;
    let kib = fs::metadata(&binary)?.len() as f64 / 1024.0;
    // The program itself is no dependency.
    let crates = crates.len() - 1;
    Ok(Built {
        crates,
        seconds,
        processor,
        kib,
    })
}

/// Seconds of processor time of the processes that this one has started and waited for.
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything: `cutime` and `cstime` are the fields 16 and 17 of all.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / clock_ticks_per_second() as f64
}

/// Runs a program and returns what it said.
pub fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{command:?}: {}, {error}",
        output.status
    )))
}
