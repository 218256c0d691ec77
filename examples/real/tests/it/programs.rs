//! The programs as their users see them: output, arguments, signals, exit codes.
//!
//! What they print on the virtual clock is pinned, as that of the other examples: after a change
//! that is meant, `TURNWISE_BLESS=1 cargo test programs` writes `expected/NAME.txt` anew.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{nobody, raw_server, send};

const CRAWLER: &str = env!("CARGO_BIN_EXE_crawler");
const DATABASE_POOL: &str = env!("CARGO_BIN_EXE_database_pool");
const RATE_LIMITED_CLIENT: &str = env!("CARGO_BIN_EXE_rate_limited_client");
const KV_SERVER: &str = env!("CARGO_BIN_EXE_kv_server");
const WEB: &str = env!("CARGO_BIN_EXE_web");
const ALL: [&str; 3] = [CRAWLER, DATABASE_POOL, RATE_LIMITED_CLIENT];

/// How long a program may take.
const LIMIT: Duration = Duration::from_secs(60);

fn name(program: &str) -> &str {
    let name = Path::new(program)
        .file_stem()
        .and_then(|name| name.to_str());
    name.expect("programs have names")
}

fn command(program: &str, arguments: &[&str]) -> Command {
    // A shell without job control has what it starts in the background ignore Ctrl-C.
    let mut command = Command::new("env");
    command
        .args(["--default-signal=INT", program])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running program, which does not outlive its test.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Running {
        Running(command.spawn().expect("the program can be started"))
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("it is our child") {
                return status;
            }
            assert!(begun.elapsed() < LIMIT, "the program hangs");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn interrupt(&self) {
        let id = Pid::from_child(&self.0);
        kill_process(id, Signal::INT).expect("it runs");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn everything(source: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    let mut source = source.expect("it is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal whose other end is gone reports an error for an end.
        let _ = source.read_to_end(&mut bytes);
        bytes
    })
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut running = Running::start(command(program, arguments));
    let stdout = everything(running.0.stdout.take());
    let stderr = everything(running.0.stderr.take());
    let status = running.wait();
    Output {
        status,
        stdout: stdout.join().expect("it reads"),
        stderr: stderr.join().expect("it reads"),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the programs print UTF-8")
}

fn expected(program: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/expected");
    folder
        .join(name(program))
        .with_extension("txt")
        .display()
        .to_string()
}

#[track_caller]
fn check_pinned(program: &str) {
    let output = run(program, &["--virtual"]);
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
    if std::env::var_os("TURNWISE_BLESS").is_some() {
        fs::write(expected(program), &output.stdout).expect("it can be written");
    }
    let pinned = fs::read_to_string(expected(program)).unwrap_or_default();
    for _ in 0..3 {
        let output = run(program, &["--virtual"]);
        assert_eq!(text(&output.stdout), pinned);
    }
}

#[test]
fn on_the_virtual_clock_the_crawler_prints_the_same_every_time() {
    check_pinned(CRAWLER);
}

#[test]
fn on_the_virtual_clock_the_database_pool_prints_the_same_every_time() {
    check_pinned(DATABASE_POOL);
}

#[test]
fn on_the_virtual_clock_the_rate_limited_client_prints_the_same_every_time() {
    check_pinned(RATE_LIMITED_CLIENT);
}

#[test]
fn over_real_connections_the_crawler_finds_the_same() {
    // Patient: what is quick must not look slow on a busy machine.
    let output = run(CRAWLER, &["--timeout", "3"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "", "no progress where nobody looks");
    let pinned = fs::read_to_string(expected(CRAWLER)).expect("it is pinned");
    assert_eq!(text(&output.stdout).replace("than 3s", "than 1s"), pinned);
}

#[test]
fn on_the_real_clock_the_rate_limited_client_gets_the_same_answers() {
    let output = run(RATE_LIMITED_CLIENT, &["--timeout", "30"]);
    assert!(output.status.success());
    let last = text(&output.stdout).lines().last();
    let last = last.and_then(|line| line.split("] ").nth(1));
    assert_eq!(last, Some("done: 11 answered, 3 failed"));
}

#[test]
fn on_the_real_clock_the_database_pool_keeps_every_order() {
    let arguments = ["--workers", "30", "--connections", "10", "--seed", "2"];
    let output = run(DATABASE_POOL, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("] 120 orders; waited "), "{printed}");
    assert_eq!(printed.matches("connections that are free: 10").count(), 3);
}

#[test]
fn the_database_is_kept_where_it_was_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("kept.sqlite");
    let path = file.to_str().expect("a name in UTF-8");
    for runs in 1..=2 {
        let output = run(DATABASE_POOL, &["--virtual", "--file", path]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let database = rusqlite::Connection::open(&file).expect("it is a database");
        let orders: rusqlite::Result<i64> =
            database.query_row("SELECT count(*) FROM orders", (), |row| row.get(0));
        assert_eq!(orders, Ok(32 * runs));
    }
    // Closed in order: SQLite leaves none of its helpers behind.
    let files = fs::read_dir(folder.path()).expect("it is there");
    assert_eq!(files.count(), 1);
}

#[test]
fn a_database_that_cannot_be_opened_is_said_so() {
    let output = run(DATABASE_POOL, &["--file", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("unable to open database file: /nowhere/at/all"),
        "{said}"
    );
}

#[test]
fn help_is_given_and_bad_arguments_are_refused_with_the_cure() {
    for program in ALL {
        for option in ["--help", "-h"] {
            let output = run(program, &[option]);
            assert_eq!(output.status.code(), Some(0));
            let help = text(&output.stdout);
            assert!(
                help.contains(&format!("Usage: {} ", name(program))),
                "{help}"
            );
            assert!(help.contains("--virtual"), "{help}");
        }
    }
    let bad: [(&str, &[&str], &str); 12] = [
        (CRAWLER, &["--nonsense"], "'--nonsense'"),
        (
            CRAWLER,
            &["--depth", "x"],
            "a whole number from 0 to 1000, not 'x'",
        ),
        (
            CRAWLER,
            &["--depth"],
            "missing argument for option '--depth'",
        ),
        (CRAWLER, &["localhost"], "write an address like http://"),
        (CRAWLER, &["https://localhost"], "only http"),
        (
            CRAWLER,
            &["http://a/", "http://b/"],
            "unexpected argument \"http://b/\"",
        ),
        (
            CRAWLER,
            &["--virtual", "http://a/"],
            "leave out --virtual or the address",
        ),
        (
            RATE_LIMITED_CLIENT,
            &["--at-once", "0"],
            "from 1 to 1000, not '0'",
        ),
        (
            RATE_LIMITED_CLIENT,
            &["http://["],
            "write an address like http://",
        ),
        (
            RATE_LIMITED_CLIENT,
            &["http://a/", "--virtual"],
            "leave out --virtual",
        ),
        (
            DATABASE_POOL,
            &["--connections", "-1"],
            "from 1 to 100, not '-1'",
        ),
        (DATABASE_POOL, &["extra"], "unexpected argument \"extra\""),
    ];
    for (program, arguments, cure) in bad {
        let output = run(program, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(cure), "{arguments:?}: {said}");
        assert!(said.ends_with("--help'.\n"), "{said}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn addresses_that_fail_do_not_keep_others_from_being_asked_for() {
    let server = raw_server(|path, stream| {
        let status = if path == "/good" {
            "200 OK"
        } else {
            "500 Oh dear"
        };
        send(
            &stream,
            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nhi").as_bytes(),
        );
    });
    let (good, bad) = (format!("{server}good"), format!("{server}bad"));
    let nobody = nobody().to_string();
    let output = run(RATE_LIMITED_CLIENT, &[&bad, &nobody, &good]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    for line in [
        format!("{bad}: 500 Internal Server Error, 2 bytes"),
        format!("{nobody}: no connection: Connection refused (os error 111)"),
        format!("{good}: 200 OK, 2 bytes"),
        "done: 1 answered, 2 failed".into(),
    ] {
        assert!(printed.contains(&line), "{line} in {printed}");
    }
    let output = run(RATE_LIMITED_CLIENT, &[&good]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_start_where_nobody_listens_is_a_failure() {
    let output = run(CRAWLER, &[nobody().as_str()]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    assert!(
        printed.contains("no connection: Connection refused"),
        "{printed}"
    );
    assert!(printed.contains("pages: 0, "), "{printed}");
}

#[test]
fn ctrl_c_ends_the_database_pool_cleanly() {
    let arguments = ["--workers", "10000"];
    ctrl_c_ends(
        DATABASE_POOL,
        &arguments,
        "waited",
        "what was under way is undone",
    );
}

#[test]
fn ctrl_c_ends_the_rate_limited_client_cleanly() {
    let silent = raw_server(|_, stream| drop((&stream).read(&mut [0])));
    let arguments = [silent.as_str(), "--timeout", "3600"];
    ctrl_c_ends(
        RATE_LIMITED_CLIENT,
        &arguments,
        "asks for",
        "interrupted: 0 answered, 0 failed",
    );
}

/// Interrupts the program, which would go on for long, once it has printed `sign`; it ends with
/// `result`.
#[track_caller]
fn ctrl_c_ends(program: &str, arguments: &[&str], sign: &str, result: &str) {
    let mut running = Running::start(command(program, arguments));
    let stdout = running.0.stdout.take().expect("it is piped");
    let stderr = everything(running.0.stderr.take());
    let mut lines = BufReader::new(stdout).lines();
    let came = lines.any(|line| line.expect("the program prints UTF-8").contains(sign));
    assert!(came, "the program ended before it printed {sign}");
    running.interrupt();
    let rest = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    let status = running.wait();
    let rest = rest.join().expect("it reads").join("\n");
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(rest.contains(result), "{rest}");
    assert_eq!(text(&stderr.join().expect("it reads")), "");
}

#[test]
fn ctrl_c_ends_the_crawler_with_what_it_has_found() {
    let (asked, is_asked) = mpsc::channel();
    let server = raw_server(move |path, stream| {
        if path == "/" {
            let body = "<a href=/never>";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html";
            let length = body.len();
            send(
                &stream,
                format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
            );
        } else {
            let _ = asked.send(());
            // The client does not wait for ever: it is interrupted.
            let _ = (&stream).read(&mut [0]);
        }
    });
    let mut running = Running::start(command(CRAWLER, &["--timeout", "60", server.as_str()]));
    let stdout = everything(running.0.stdout.take());
    is_asked.recv_timeout(LIMIT).expect("it follows the link");
    running.interrupt();
    assert_eq!(running.wait().code(), Some(130));
    let printed = stdout.join().expect("it reads");
    let printed = text(&printed);
    assert!(
        printed.contains("0 /       a page, links: 1\n"),
        "{printed}"
    );
    assert!(printed.contains("1 /never  not asked for\n"), "{printed}");
    assert!(
        printed.ends_with("interrupted before all was found\n"),
        "{printed}"
    );
}

#[test]
fn the_crawler_shows_its_progress_on_a_terminal() {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours)
        .and_then(|()| unlockpt(&ours))
        .expect("it is ours");
    let path = ptsname(&ours, Vec::new()).expect("it has a name");
    let path = path.to_str().expect("a plain name").to_owned();
    let theirs = File::options().read(true).write(true).open(path);
    let theirs: OwnedFd = theirs.expect("it can be opened").into();
    let mut command = command(CRAWLER, &[]);
    command.stderr(theirs);
    let mut running = Running::start(command);
    let stdout = everything(running.0.stdout.take());
    let shown = everything(Some(File::from(ours)));
    assert!(running.wait().success());
    let shown = shown.join().expect("it reads");
    let shown = text(&shown);
    assert!(
        shown.starts_with("\r\x1b[K0 of 1 addresses asked"),
        "{shown:?}"
    );
    assert!(shown.ends_with("asked\r\x1b[K"), "{shown:?}");
    let printed = stdout.join().expect("it reads");
    assert!(!text(&printed).contains('\x1b'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut running = Running::start(command(RATE_LIMITED_CLIENT, &["--virtual"]));
    drop(running.0.stdout.take());
    let stderr = everything(running.0.stderr.take());
    assert!(running.wait().success());
    assert_eq!(text(&stderr.join().expect("it reads")), "");
}

#[test]
fn the_kv_server_answers_until_ctrl_c() {
    let mut server = Running::start(command(KV_SERVER, &["--port", "0"]));
    let mut line = String::new();
    let stdout = server.0.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says where");
    let address = line.trim_end().strip_prefix("listening on ");
    let mut stream = TcpStream::connect(address.expect("it says where")).expect("it listens");
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").expect("it reads");
    let mut pong = [0; 7];
    stream.read_exact(&mut pong).expect("it answers");
    assert_eq!(&pong, b"+PONG\r\n");
    kill_process(Pid::from_child(&server.0), Signal::INT).expect("it runs");
    assert_eq!(stream.read(&mut pong).expect("a clean end"), 0);
    assert!(server.wait().success());
}

#[test]
fn the_web_server_shows_its_tasks_and_finishes_its_answers() {
    let mut server = Running::start(command(WEB, &["--port", "0"]));
    let mut line = String::new();
    let stdout = server.0.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says where");
    let address = line.trim_end().strip_prefix("listening on http://");
    let address = address.and_then(|address| address.strip_suffix('/'));
    let address = address.expect("it says where");
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("a clean end");
        answer
    };
    assert!(answer(ask("/")).contains("many connections"));
    let tasks = answer(ask("/tasks"));
    assert!(tasks.contains("\"connection\" [running]"), "{tasks}");
    assert!(answer(ask("/nothing")).starts_with("HTTP/1.1 404"));
    let slow = ask("/slow");
    assert!(
        answer(ask("/")).contains("many connections"),
        "the slow one is accepted"
    );
    kill_process(Pid::from_child(&server.0), Signal::INT).expect("it runs");
    assert!(answer(slow).ends_with("here it is\n"));
    assert!(server.wait().success());
}
