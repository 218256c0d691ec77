//! A system that fails now and then: calls are made to fail by `strace -e inject`. The bytes arrive
//! all the same, or there is one clean error; never a spin and never a hang.

use std::panic;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::AsyncWriteExt;
use turnwise::io::{TcpListener, TcpStream};
use turnwise::{Runtime, block_on};

use crate::support::{bounded, rerun, text_of};

const SIZE: usize = 1 << 20;

/// Sends a megabyte through an echo over TCP; says how that went.
#[test]
#[ignore = "is run under strace"]
fn echoes() {
    bounded(|| {
        let outcome = block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let data: Vec<u8> = (0..SIZE).map(|n| (n % 251) as u8).collect();
            let client = async {
                let mut stream = TcpStream::connect(address).await?;
                let (reader, mut writer) = (&stream, &stream);
                let mut back = Vec::new();
                let writing = async {
                    writer.write_all(&data).await?;
                    writer.close().await
                };
                futures::try_join!(writing, reader.read_to_end(&mut back))?;
                stream.close().await?;
                Ok::<bool, std::io::Error>(back == data)
            };
            let server = async {
                let (stream, _) = loop {
                    match listener.accept().await {
                        Ok(accepted) => break accepted,
                        Err(error) if matches!(error.raw_os_error(), Some(23 | 24)) => {
                            println!("full");
                        }
                        Err(error) => return Err(error),
                    }
                };
                let (reader, mut writer) = (&stream, &stream);
                futures::io::copy(reader, &mut writer).await?;
                writer.close().await
            };
            futures::try_join!(client, server).map(|(same, ())| same)
        });
        match outcome {
            Ok(same) => println!("the same bytes: {same}"),
            Err(error) => println!("error: {:?}", error.kind()),
        }
    });
}

/// What [`echoes`] says when calls fail, and how many calls it makes; `None` without strace.
fn with_failing(calls: &str, failure: &str) -> Option<(String, usize)> {
    run_with_failing("io::inject::echoes", calls, failure)
}

/// The same for any test.
fn run_with_failing(test: &str, calls: &str, failure: &str) -> Option<(String, usize)> {
    let test = rerun(test);
    let log = std::env::temp_dir().join(format!(
        "turnwise-{}-{}",
        std::process::id(),
        [calls, failure].concat().replace([':', '=', ','], "-")
    ));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log);
    let traced = format!("trace=%network,epoll_create1,epoll_wait,epoll_ctl,{calls}");
    strace.args(["-e", &traced]);
    strace.args(["-e", &format!("inject={calls}:{failure}")]);
    let output = strace
        .arg(test.get_program())
        .args(test.get_args())
        .output();
    let output = output.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let trace = std::fs::read_to_string(&log).expect("strace writes it");
    std::fs::remove_file(&log).expect("it is there");
    assert!(output.status.success(), "{text}\n{trace}");
    assert!(trace.contains("(INJECTED)"), "nothing failed:\n{trace}");
    Some((text, trace.lines().count()))
}

/// A megabyte in pieces of 8 KiB takes 128 reads and writes at either end and a wait or two each;
/// a loop that spins makes ten thousands of calls before anybody stops it.
const MANY: usize = 5_000;

fn arrives(calls: &str, failure: &str) -> String {
    let Some((text, made)) = with_failing(calls, failure) else {
        eprintln!("strace is not on this machine; nothing was tried");
        return String::new();
    };
    assert!(text.contains("the same bytes: true"), "{failure}: {text}");
    assert!(made < MANY, "{failure}: {made} calls");
    text
}

fn ends(calls: &str, failure: &str, kinds: &[&str]) {
    let Some((text, made)) = with_failing(calls, failure) else {
        return eprintln!("strace is not on this machine; nothing was tried");
    };
    let said = |kind: &&str| text.contains(&format!("error: {kind}"));
    assert!(kinds.iter().any(said), "{failure}: {text}");
    assert!(made < MANY, "{failure}: {made} calls");
}

#[test]
fn interrupted_calls_are_made_again() {
    arrives("sendto,recvfrom,accept4", "error=EINTR:when=1+2");
    arrives("epoll_wait", "error=EINTR:when=1+2");
}

#[test]
fn a_connection_that_was_gone_before_it_was_accepted_is_skipped() {
    arrives("accept4", "error=ECONNABORTED:when=1..20");
    arrives("accept4", "error=EPROTO:when=1..2");
}

#[test]
fn a_full_process_or_system_is_told_once_per_try_and_gets_over_it() {
    for failure in ["error=EMFILE:when=1..5", "error=ENFILE:when=1..5"] {
        let text = arrives("accept4", failure);
        assert!(
            text.is_empty() || text.matches("full").count() == 5,
            "{text}"
        );
    }
}

#[test]
fn a_reset_is_one_error() {
    ends("recvfrom", "error=ECONNRESET:when=5", &["ConnectionReset"]);
    ends("sendto", "error=EPIPE:when=5", &["BrokenPipe"]);
    ends("sendto", "error=ECONNRESET:when=1", &["ConnectionReset"]);
    ends("accept4", "error=EINVAL:when=1", &["InvalidInput"]);
}

#[test]
fn a_source_that_cannot_be_watched_is_one_error() {
    // The first four are the loop's own: timer, bell, and what they replace.
    ends(
        "connect",
        "error=ENETUNREACH:when=1",
        &["NetworkUnreachable"],
    );
    ends(
        "connect",
        "error=EMFILE:when=1",
        &["Uncategorized", "Other"],
    );
    ends("epoll_ctl", "error=ENOSPC:when=3", &["StorageFull"]);
    ends("epoll_ctl", "error=ENOMEM:when=4", &["OutOfMemory"]);
}

/// Says how sleeping went, and what it uses beside it: threads, sockets, a host's descriptor.
#[test]
#[ignore = "is run under strace"]
fn uses_everything() {
    let ended = panic::catch_unwind(|| {
        let runtime = Runtime::new();
        runtime.block_on(async {
            for short in [0, 100, 1_500] {
                let (begun, short) = (Instant::now(), Duration::from_micros(short));
                turnwise::sleep(short).await;
                assert!(begun.elapsed() >= short, "too early");
            }
            match TcpListener::bind("127.0.0.1:0").await {
                Ok(_) => println!("a socket"),
                Err(error) => println!("no socket: {error}"),
            }
            match turnwise::spawn_blocking(|| 7).await {
                Ok(_) => println!("a thread"),
                Err(error) => println!("no thread: {error}"),
            }
        });
        match runtime.embed() {
            Ok(_) => println!("a descriptor"),
            Err(error) => println!("no descriptor: {error}"),
        }
    });
    match ended {
        Ok(()) => println!("all went well"),
        Err(payload) => println!("panic: {}", text_of(&*payload)),
    }
}

/// What sandboxes and small systems answer.
const REFUSALS: [&str; 5] = ["ENOSYS", "EPERM", "EACCES", "EINVAL", "EMFILE"];

/// What [`uses_everything`] says when all these calls are refused with each error in turn.
fn refused(calls: &str, mut check: impl FnMut(&str, &str)) {
    for error in REFUSALS {
        let failure = format!("error={error}");
        match run_with_failing("io::inject::uses_everything", calls, &failure) {
            Some((text, _)) => check(error, &text),
            None => return eprintln!("strace is not on this machine; nothing was tried"),
        }
    }
}

#[test]
fn a_call_that_the_loop_can_do_without_is_done_without() {
    refused("timerfd_create", |error, text| {
        for went in ["a socket\n", "a thread\n", "all went well\n"] {
            assert!(text.contains(went), "{error}: {text}");
        }
        // Only a host would not be woken at a deadline, and is told why.
        let why = "no descriptor: no descriptor can show deadlines here: timerfd_create: ";
        assert!(text.contains(why), "{error}: {text}");
        assert!(!text.contains("turnwise:"), "{error}: {text}");
    });
    refused("timerfd_settime", |error, text| {
        let why = "no descriptor: no descriptor can show deadlines here: timerfd_settime: ";
        assert!(text.contains(why), "{error}: {text}");
        assert!(text.contains("all went well\n"), "{error}: {text}");
    });
    // What the standard library asks for on our behalf.
    for calls in ["sched_getaffinity", "prctl"] {
        refused(calls, |error, text| {
            assert!(text.contains("a thread\n"), "{calls} {error}: {text}");
            assert!(text.contains("a descriptor\n"), "{calls} {error}: {text}");
            assert!(text.contains("all went well\n"), "{calls} {error}: {text}");
        });
    }
}

#[test]
fn the_timer_that_cannot_be_watched_is_done_without() {
    // The first registration is that of the timer.
    for error in REFUSALS {
        let failure = format!("error={error}:when=1");
        let run = run_with_failing("io::inject::uses_everything", "epoll_ctl", &failure);
        let Some((text, _)) = run else { return };
        assert!(text.contains("all went well\n"), "{error}: {text}");
        assert!(text.contains("a socket\n"), "{error}: {text}");
    }
}

#[test]
fn a_call_that_nothing_can_stand_in_for_is_named() {
    for (calls, name) in [
        ("epoll_create1", "epoll_create1"),
        ("eventfd2", "eventfd2, epoll_ctl"),
        ("epoll_ctl", "eventfd2, epoll_ctl"),
        ("epoll_wait", "epoll_wait"),
    ] {
        refused(calls, |error, text| {
            assert!(text.contains(&format!("{name}: ")), "{error}: {text}");
            let cure = text.contains("raise the limit of open files");
            assert_eq!(cure, error == "EMFILE" && calls != "epoll_wait", "{text}");
        });
    }
}

/// Waits for a child in each of the ways there are, and says how that went.
#[test]
#[ignore = "is run under strace"]
#[cfg(feature = "process")]
fn waits_for_children() {
    use turnwise::io::Command;

    bounded(|| {
        block_on(async {
            let script = |script: &str| {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                command
            };
            match script("sleep 0.1; echo said; exit 3").output().await {
                Ok(output) => println!("output: {:?} {:?}", output.status.code(), output.stdout),
                Err(error) => println!("output: {error}"),
            }
            match script("sleep 0.1; exit 4").status().await {
                Ok(status) => println!("status: {:?}", status.code()),
                Err(error) => println!("status: {error}"),
            }
        });
    });
}

#[test]
#[cfg(feature = "process")]
fn a_child_is_waited_for_whatever_error_refuses_its_descriptor() {
    for error in REFUSALS {
        let failure = format!("error={error}");
        let test = "io::inject::waits_for_children";
        let Some((text, made)) = run_with_failing(test, "pidfd_open", &failure) else {
            return eprintln!("strace is not on this machine; nothing was tried");
        };
        assert!(
            text.contains("output: Some(3) [115, 97, 105, 100, 10]"),
            "{error}: {text}"
        );
        assert!(text.contains("status: Some(4)"), "{error}: {text}");
        assert!(made < MANY, "{error}: {made} calls");
    }
}

#[test]
#[cfg(feature = "process")]
fn a_child_that_cannot_be_watched_is_said_to_run_and_the_call_is_named() {
    let test = "io::inject::waits_for_children";
    let Some((text, _)) = run_with_failing(test, "pidfd_open,socketpair", "error=EMFILE") else {
        return eprintln!("strace is not on this machine; nothing was tried");
    };
    // The first child may have ended when its output has, and is collected then without a wait.
    let line = text.lines().find(|line| line.contains("status: "));
    let line = line.unwrap_or_else(|| panic!("no status in {text}"));
    let says = "runs, but its end cannot be watched: pidfd_open: ";
    assert!(line.contains(says), "{line}");
    assert!(line.contains("a thread in its place: "), "{line}");
}
