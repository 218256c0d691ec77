//! The standard streams, in processes that get theirs from here.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncWriteExt, StreamExt};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use turnwise::io::{stderr, stdin, stdout};
use turnwise::{block_on, race, sleep, spawn, timeout};

use crate::support::{bounded, rerun};

/// Starts an ignored test with this standard input.
fn start(test: &str, input: impl Into<Stdio>) -> std::process::Child {
    let mut command = rerun(test);
    command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("a test runs again")
}

#[track_caller]
fn text_of(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    text
}

/// Runs the test that says what it reads.
#[track_caller]
fn read_all(input: impl Into<Stdio>) -> String {
    let child = start("io::stdio::says_what_it_reads", input);
    text_of(child.wait_with_output().expect("it ends"))
}

#[test]
#[ignore = "is run in a process of its own"]
fn says_what_it_reads() {
    bounded(|| {
        block_on(async {
            let mut input = stdin().expect("it can be read");
            let mut all = Vec::new();
            input.read_to_end(&mut all).await.expect("it ends");
            let sum: u64 = all.iter().map(|byte| u64::from(*byte)).sum();
            // After the end it stays at its end.
            assert_eq!(input.read(&mut [0; 8]).await.expect("the end"), 0);
            println!("{input:?}: {} bytes, {sum}", all.len());
        })
    });
}

/// A pipe: where to read, and where to write.
fn pipe() -> (OwnedFd, File) {
    let flags = PipeFlags::CLOEXEC;
    let (reader, writer) = pipe_with(flags).expect("there are descriptors");
    (reader, File::from(writer))
}

fn filled_pipe(data: Vec<u8>) -> (OwnedFd, thread::JoinHandle<()>) {
    let (reader, mut writer) = pipe();
    let thread = thread::spawn(move || {
        for piece in data.chunks(100_000) {
            writer.write_all(piece).expect("it reads");
            thread::sleep(Duration::from_millis(1));
        }
    });
    (reader, thread)
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let (reader, thread) = filled_pipe(vec![3; 1_000_000]);
    let text = read_all(reader);
    assert!(text.contains("opened again"), "{text}");
    assert!(text.contains("1000000 bytes, 3000000"), "{text}");
    thread.join().expect("the writer is through");

    // Filled and closed before anybody looks.
    let (reader, mut writer) = pipe();
    writer.write_all(b"abc").expect("there is room");
    drop(writer);
    let text = read_all(reader);
    assert!(text.contains("3 bytes, 294"), "{text}");
    let (reader, writer) = pipe();
    drop(writer);
    assert!(read_all(reader).contains("0 bytes"));
}

#[test]
fn a_file_is_read_from_where_it_is() {
    let path = std::env::temp_dir().join(format!("turnwise-{}-stdin", std::process::id()));
    std::fs::write(&path, vec![5; 300_000]).expect("a file can be written");
    let mut file = File::open(&path).expect("it was written");
    file.seek(SeekFrom::Start(100_000))
        .expect("it is long enough");
    let shared = file.try_clone().expect("there are descriptors");
    let text = read_all(shared);
    assert!(text.contains("on a thread"), "{text}");
    assert!(text.contains("200000 bytes, 1000000"), "{text}");
    // The shell goes on behind what was read.
    assert_eq!(file.stream_position().expect("a file has one"), 300_000);
    std::fs::remove_file(&path).expect("it is there");
}

#[test]
fn a_file_is_read_though_every_thread_for_calls_is_stuck() {
    let path = std::env::temp_dir().join(format!("turnwise-{}-stuck", std::process::id()));
    std::fs::write(&path, b"abc").expect("a file can be written");
    let input = File::open(&path).expect("it was written");
    let child = start("io::stdio::reads_beside_a_stuck_call", input);
    let text = text_of(child.wait_with_output().expect("it ends"));
    assert!(text.contains("read 3 bytes, found an address"), "{text}");
    std::fs::remove_file(&path).expect("it is there");
}

#[test]
#[ignore = "is run in a process of its own"]
fn reads_beside_a_stuck_call() {
    bounded(|| {
        let runtime = turnwise::Runtime::builder().blocking_threads(1).build();
        runtime.block_on(async {
            let (free, freed) = std::sync::mpsc::channel::<()>();
            let stuck = turnwise::spawn_blocking(move || freed.recv());
            let mut input = stdin().expect("it can be read");
            let count = input.read(&mut [0; 8]).await.expect("it is a file");
            let found = turnwise::io::lookup_host("localhost:80").await;
            let found = found.map_or("no address", |_| "an address");
            println!("read {count} bytes, found {found}");
            drop((free, stuck));
        });
    });
}

#[test]
fn no_input_is_an_end() {
    assert!(read_all(Stdio::null()).contains("0 bytes"));
    let mut closed = Command::new("sh");
    let test = rerun("io::stdio::says_what_it_reads");
    closed.args(["-c", "exec \"$0\" \"$@\" <&-"]);
    closed.arg(test.get_program()).args(test.get_args());
    let output = closed.output().expect("it runs");
    assert!(text_of(output).contains("0 bytes"));
}

#[test]
fn a_socket_is_read_without_being_made_non_blocking() {
    let (ours, theirs) = UnixStream::pair().expect("there are descriptors");
    let shared = OwnedFd::from(theirs.try_clone().expect("there are descriptors"));
    let child = start("io::stdio::says_what_it_reads", shared);
    for _ in 0..10 {
        (&ours).write_all(&[1; 1000]).expect("it reads");
        thread::sleep(Duration::from_millis(1));
    }
    let flags = fcntl_getfl(&theirs).expect("it is open");
    assert!(!flags.contains(OFlags::NONBLOCK), "{flags:?}");
    drop(ours);
    let text = text_of(child.wait_with_output().expect("it ends"));
    assert!(text.contains("shared"), "{text}");
    assert!(text.contains("10000 bytes, 10000"), "{text}");
}

#[test]
fn a_terminal_gives_lines_and_is_left_as_it_was() {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let theirs = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().expect("a plain name"))
        .expect("it is unlocked");
    let shared = theirs.try_clone().expect("there are descriptors");
    let child = start("io::stdio::says_what_it_reads", shared);
    let mut ours = File::from(ours);
    // At a terminal every read can meet an end of its own: there are two.
    for line in ["one\n", "two\n", "\u{4}", "\u{4}"] {
        thread::sleep(Duration::from_millis(10));
        ours.write_all(line.as_bytes()).expect("it is a terminal");
    }
    let flags = fcntl_getfl(&theirs).expect("it is open");
    assert!(!flags.contains(OFlags::NONBLOCK), "{flags:?}");
    let text = text_of(child.wait_with_output().expect("it ends"));
    assert!(text.contains("opened again"), "{text}");
    assert!(text.contains("8 bytes"), "{text}");
}

/// Starts a program that asks for its input, and ends although none comes.
#[track_caller]
fn ends_while_it_waits(input: impl Into<Stdio>) {
    let begun = Instant::now();
    let child = start("io::stdio::ends_early", input);
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text_of(output).contains("nothing came"));
    assert!(!errors.contains("turnwise:"), "{errors}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
#[ignore = "is run in a process of its own"]
fn ends_early() {
    bounded(|| {
        block_on(async {
            // Somebody still waits when the program ends.
            drop(spawn(async {
                let mut input = stdin().expect("it can be read");
                input.read(&mut [0; 8]).await
            }));
            let mut input = stdin().expect("it can be read");
            let mut buffer = [0; 8];
            let read = timeout(Duration::from_millis(20), input.read(&mut buffer));
            read.await.expect_err("nothing comes");
            println!("nothing came");
        })
    });
}

#[test]
fn a_program_ends_while_its_input_is_awaited() {
    let (reader, writer) = pipe();
    ends_while_it_waits(reader);
    drop(writer);
    let (ours, theirs) = UnixStream::pair().expect("there are descriptors");
    ends_while_it_waits(OwnedFd::from(theirs));
    drop(ours);
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let theirs = File::open(name.to_str().expect("a plain name")).expect("it is unlocked");
    ends_while_it_waits(theirs);
}

#[test]
fn a_read_that_is_dropped_loses_nothing() {
    let path = std::env::temp_dir().join(format!("turnwise-{}-drop", std::process::id()));
    let data: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&path, &data).expect("a file can be written");
    let child = start(
        "io::stdio::drops_reads",
        File::open(&path).expect("it was written"),
    );
    text_of(child.wait_with_output().expect("it ends"));
    let (reader, thread) = filled_pipe(data);
    let child = start("io::stdio::drops_reads", reader);
    text_of(child.wait_with_output().expect("it ends"));
    thread.join().expect("the writer is through");
    std::fs::remove_file(&path).expect("it is there");
}

#[test]
#[ignore = "is run in a process of its own"]
fn drops_reads() {
    bounded(|| {
        block_on(async {
            let mut input = stdin().expect("it can be read");
            let (mut all, mut n) = (Vec::new(), 0);
            loop {
                n += 1;
                let mut buffer = vec![0; 1 + n * 37 % 4000];
                let read = async { Some(input.read(&mut buffer).await.expect("it ends")) };
                let hurry = async {
                    if n % 3 == 0 {
                        sleep(Duration::from_micros(5)).await;
                    } else {
                        std::future::pending::<()>().await;
                    }
                    None
                };
                match race((read, hurry)).await {
                    Some(0) => break,
                    Some(count) => all.extend_from_slice(&buffer[..count]),
                    None => {}
                }
            }
            let sent: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
            assert!(all == sent, "{} bytes of 200000", all.len());
        })
    });
}

#[test]
fn lines_are_echoed_in_order_with_what_is_printed() {
    let mut child = start("io::stdio::echoes", Stdio::piped());
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(b"one\ntwo\nthree").expect("it reads");
    drop(input);
    let text = text_of(child.wait_with_output().expect("it ends"));
    assert!(text.contains("<one><two><three>"), "{text}");
}

#[test]
#[ignore = "is run in a process of its own"]
fn echoes() {
    bounded(|| {
        block_on(async {
            let mut lines = BufReader::new(stdin().expect("it can be read")).lines();
            let (mut out, mut err) = (stdout(), stderr());
            while let Some(line) = lines.next().await {
                print!("<");
                let line = line.expect("it is text");
                out.write_all(line.as_bytes()).await.expect("it is read");
                print!(">");
            }
            err.write_all(b"done\n").await.expect("it is read");
            out.flush().await.expect("nothing is kept back");
        })
    });
}

#[test]
fn an_output_that_nobody_reads_is_an_error_and_no_kill() {
    let mut child = start("io::stdio::writes_on", Stdio::null());
    let mut output = child.stdout.take().expect("it is piped");
    output.read_exact(&mut [0; 64]).expect("it writes");
    drop(output);
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("broken pipe: true"), "{errors}");
    assert_eq!(output.status.code(), Some(42), "{errors}");
}

#[test]
#[ignore = "is run in a process of its own"]
fn writes_on() {
    let error = block_on(async {
        loop {
            if let Err(error) = stdout().write_all(&[b'x'; 4096]).await {
                return error;
            }
        }
    });
    eprintln!("broken pipe: {}", error.kind() == ErrorKind::BrokenPipe);
    std::process::exit(42);
}

#[cfg(feature = "signal")]
#[test]
fn an_output_that_somebody_made_non_blocking_still_blocks() {
    let (reader, writer) = pipe();
    let mut command = rerun("io::stdio::writes_to_a_full_pipe");
    command.stdin(reader).stdout(writer).stderr(Stdio::piped());
    let output = command.output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

/// Its input is the other end of its output.
#[cfg(feature = "signal")]
#[test]
#[ignore = "is run in a process of its own"]
fn writes_to_a_full_pipe() {
    use rustix::fs::fcntl_setfl;
    use rustix::process::{Signal, getpid, kill_process};

    let flags = fcntl_getfl(std::io::stdout()).expect("it is open");
    fcntl_setfl(std::io::stdout(), flags | OFlags::NONBLOCK).expect("a pipe can be");
    while rustix::io::write(std::io::stdout(), &[b'-'; 4096]).is_ok() {}
    let writer = std::fs::read_link("/proc/thread-self").expect("there is /proc");
    let stat = std::path::Path::new("/proc").join(writer).join("stat");
    let until_it_sleeps = move || {
        while !std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S ")) {
            thread::yield_now();
        }
    };
    let reader = thread::spawn(move || {
        until_it_sleeps();
        kill_process(getpid(), Signal::WINCH).expect("it is we");
        until_it_sleeps();
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while !all.ends_with(b"printed, written") {
            let count = std::io::stdin().read(&mut buffer).expect("it is open");
            all.extend_from_slice(&buffer[..count]);
        }
    });
    block_on(async {
        // A signal that has a handler interrupts the wait for room.
        let _heard = turnwise::io::signal(turnwise::io::SignalKind::WINDOW_CHANGE);
        print!("printed, ");
        stdout().write_all(b"written").await.expect("it is read");
    });
    reader.join().expect("everything comes");
}
