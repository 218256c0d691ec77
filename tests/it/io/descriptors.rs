//! Descriptors 0 to 2 as a program may find them: closed, one-way, swapped, non-blocking, and of any
//! kind. Each is given to a process of its own, which says by its exit status how the first read, or
//! the first write, went: as the system says it, through `std`, or through turnwise.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use futures::AsyncWriteExt;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use turnwise::block_on;

use crate::support::{bounded, rerun};

/// An exit status that stands for this error.
const ERROR: i32 = 100;

fn status(result: io::Result<usize>) -> i32 {
    match result {
        Ok(count) => count as i32,
        Err(error) => ERROR + error.raw_os_error().expect("the system says it"),
    }
}

/// Reads or writes once, in the way and at the descriptor that the environment says.
#[test]
#[ignore = "is run in a process of its own"]
fn tries_once() {
    let how = std::env::var("HOW").expect("it is set");
    bounded(move || {
        let mut bytes = [0; 8];
        let result = match how.as_str() {
            "system 0" => rustix::io::read(io::stdin(), &mut bytes).map_err(io::Error::from),
            "system 1" => rustix::io::write(io::stdout(), b"abc").map_err(io::Error::from),
            "system 2" => rustix::io::write(io::stderr(), b"abc").map_err(io::Error::from),
            "std 0" => io::stdin().read(&mut bytes),
            "std 1" => io::stdout()
                .write(b"abc")
                .and_then(|count| io::stdout().flush().map(|()| count)),
            "std 2" => io::stderr().write(b"abc"),
            "turnwise 0" => block_on(async { turnwise::io::stdin()?.read(&mut bytes).await }),
            "turnwise 1" => block_on(turnwise::io::stdout().write(b"abc")),
            "turnwise 2" => block_on(turnwise::io::stderr().write(b"abc")),
            how => panic!("{how}?"),
        };
        std::process::exit(status(result));
    });
}

/// What a process says that has `object` as one of its descriptors.
fn tried(by: &str, descriptor: usize, object: impl Into<Stdio>) -> i32 {
    let mut command = rerun("io::descriptors::tries_once");
    command.env("HOW", format!("{by} {descriptor}"));
    command.stdin(Stdio::null());
    command.stdout(Stdio::null());
    command.stderr(Stdio::null());
    match descriptor {
        0 => command.stdin(object),
        1 => command.stdout(object),
        _ => command.stderr(object),
    };
    let ended = command.status().expect("a test runs again");
    ended.code().expect("it exits")
}

/// The access modes of `/dev/null`, of a file with three bytes, of a directory.
fn open(path: &str, how: &str) -> OwnedFd {
    let mut options = File::options();
    match how {
        "r" => options.read(true),
        "w" => options.write(true),
        "rw" => options.read(true).write(true),
        "path" => options.read(true).custom_flags(libc::O_PATH),
        how => panic!("{how}?"),
    };
    options.open(path).expect("it can be opened").into()
}

fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::CLOEXEC).expect("there are descriptors")
}

/// The master and the other side of a pseudo-terminal, where "ab\n" waits to be read at both sides.
fn terminal() -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&master).expect("it is ours");
    unlockpt(&master).expect("it is ours");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let mut options = File::options();
    options.read(true).write(true).custom_flags(libc::O_NOCTTY);
    let terminal = options.open(name.to_str().expect("a plain name"));
    let terminal = OwnedFd::from(terminal.expect("it is unlocked"));
    rustix::io::write(&master, b"ab\n").expect("it is a terminal");
    rustix::io::write(&terminal, b"ab\n").expect("it is a terminal");
    (master, terminal)
}

/// A temporary file with three bytes that goes with this value.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("turnwise-{}-{name}", std::process::id()));
        std::fs::write(&path, b"abc").expect("a file can be written");
        Temporary(path)
    }

    fn open(&self, how: &str) -> OwnedFd {
        open(self.0.to_str().expect("a plain name"), how)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("it is there");
    }
}

/// What is made anew for each try: an object, and what has to live as long.
type Make<'a> = &'a dyn Fn() -> (OwnedFd, Option<OwnedFd>);

fn non_blocking(fd: OwnedFd) -> OwnedFd {
    let flags = fcntl_getfl(&fd).expect("it is open");
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK).expect("it can be");
    fd
}

/// A pipe with three bytes in it: where to read, and where to write.
fn filled() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe();
    rustix::io::write(&writer, b"abc").expect("there is room");
    (reader, writer)
}

fn socket() -> (OwnedFd, OwnedFd) {
    let (ours, theirs) = UnixStream::pair().expect("there are descriptors");
    (&ours).write_all(b"abc").expect("there is room");
    (theirs.into(), ours.into())
}

/// Tries each object in each way. `std` takes a descriptor without the right for one that has come
/// to its end, or has taken everything; what turnwise says is what the system says.
fn compare(descriptor: usize, objects: &[(&str, Make<'_>)]) {
    for (name, make) in objects {
        let said = |by| {
            let (object, _kept) = make();
            tried(by, descriptor, object)
        };
        let (system, ours) = (said("system"), said("turnwise"));
        assert_eq!(ours, system, "{name} as descriptor {descriptor}");
        if system != ERROR + libc::EBADF {
            assert_eq!(said("std"), system, "{name} as descriptor {descriptor}");
        }
    }
}

#[test]
fn an_input_of_any_kind_is_read_as_the_system_reads_it() {
    let file = Temporary::new("input");
    let flip = |(one, other): (OwnedFd, OwnedFd)| (other, Some(one));
    let keep = |(one, other): (OwnedFd, OwnedFd)| (one, Some(other));
    let lone = |fd| (fd, None);
    compare(
        0,
        &[
            ("nothing, to read", &|| lone(open("/dev/null", "r"))),
            ("nothing, to write", &|| lone(open("/dev/null", "w"))),
            ("a file", &|| lone(file.open("rw"))),
            ("a file to read", &|| lone(file.open("r"))),
            ("a file to write", &|| lone(file.open("w"))),
            ("a file as a path", &|| lone(file.open("path"))),
            ("a directory", &|| lone(open("/", "r"))),
            ("zeros", &|| lone(open("/dev/zero", "r"))),
            ("random bytes", &|| lone(open("/dev/urandom", "r"))),
            ("a pipe", &|| keep(filled())),
            ("a pipe at its end", &|| lone(pipe().0)),
            ("a pipe that does not block", &|| {
                let (reader, writer) = filled();
                (non_blocking(reader), Some(writer))
            }),
            ("the wrong end of a pipe", &|| flip(filled())),
            ("a socket", &|| keep(socket())),
            ("a socket that does not block", &|| {
                let (theirs, ours) = socket();
                (non_blocking(theirs), Some(ours))
            }),
            ("a terminal", &|| flip(terminal())),
            ("the master of a terminal", &|| keep(terminal())),
        ],
    );
}

#[test]
fn an_output_of_any_kind_is_written_as_the_system_writes_it() {
    let file = Temporary::new("output");
    let flip = |(one, other): (OwnedFd, OwnedFd)| (other, Some(one));
    let keep = |(one, other): (OwnedFd, OwnedFd)| (one, Some(other));
    let lone = |fd| (fd, None);
    for descriptor in [1, 2] {
        compare(
            descriptor,
            &[
                ("nothing, to read", &|| lone(open("/dev/null", "r"))),
                ("nothing, to write", &|| lone(open("/dev/null", "w"))),
                ("a file", &|| lone(file.open("rw"))),
                ("a file to read", &|| lone(file.open("r"))),
                ("a file to write", &|| lone(file.open("w"))),
                ("a directory", &|| lone(open("/", "r"))),
                ("a pipe", &|| flip(pipe())),
                ("a pipe that does not block", &|| {
                    let (reader, writer) = pipe();
                    (non_blocking(writer), Some(reader))
                }),
                ("the wrong end of a pipe", &|| keep(pipe())),
                ("a socket", &|| keep(socket())),
                ("a terminal", &|| flip(terminal())),
                ("the master of a terminal", &|| keep(terminal())),
            ],
        );
    }
}

/// A program without the descriptor has one to `/dev/null`, which `std` opens before `main`.
#[test]
fn a_descriptor_that_was_closed_is_an_end_or_takes_everything() {
    for (descriptor, close, expected) in [(0, "<&-", 0), (1, ">&-", 3), (2, "2>&-", 3)] {
        for by in ["system", "std", "turnwise"] {
            let test = rerun("io::descriptors::tries_once");
            let mut command = Command::new("sh");
            command.args(["-c", &format!("exec \"$0\" \"$@\" {close}")]);
            command.arg(test.get_program()).args(test.get_args());
            command.env("HOW", format!("{by} {descriptor}"));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let ended = command.status().expect("it runs");
            assert_eq!(ended.code(), Some(expected), "{by} {descriptor}");
        }
    }
}

/// Asks for its input and prints.
#[test]
#[ignore = "is run in a process of its own"]
fn prints_beside_its_input() {
    bounded(|| {
        block_on(async {
            let mut bytes = [0; 8];
            let mut input = turnwise::io::stdin().expect("there is a descriptor");
            let reading = async { status(input.read(&mut bytes).await) };
            let printing = async {
                for _ in 0..1000 {
                    println!("a line that everybody waits for");
                    turnwise::yield_now().await;
                }
            };
            let (said, ()) = turnwise::gather((reading, printing)).await;
            std::process::exit(said);
        });
    });
}

/// As in `prog 0>&1 | cat`.
#[test]
fn an_input_that_is_the_output_takes_nothing_from_it() {
    let (reader, writer) = pipe();
    let mut command = rerun("io::descriptors::prints_beside_its_input");
    command.stdin(writer.try_clone().expect("there are descriptors"));
    let mut child = command.stdout(writer).spawn().expect("a test runs again");
    drop(command);
    let mut text = String::new();
    let read = File::from(reader).read_to_string(&mut text);
    read.expect("it is text");
    assert_eq!(
        text.matches("a line that everybody waits for\n").count(),
        1000
    );
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(ERROR + libc::EBADF));
}
