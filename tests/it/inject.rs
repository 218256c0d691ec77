//! A system that fails now and then: calls are made to fail by `strace -e inject`. The bytes arrive
//! all the same, or there is one clean error; never a spin and never a hang.

use std::process::Command;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use turnwise::block_on;
use turnwise::io::{TcpListener, TcpStream};

use crate::support::{bounded, panic_of, rerun};

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
                let (mut reader, mut writer) = (&stream, &stream);
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
    run_with_failing("inject::echoes", calls, failure)
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
    strace.args(["-e", "trace=%network,epoll_create1,epoll_wait,epoll_ctl"]);
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

/// Says why it cannot sleep.
#[test]
#[ignore = "is run under strace"]
fn sleeps() {
    println!(
        "{}",
        panic_of(|| block_on(async { turnwise::sleep(SHORT).await }))
    );
}

const SHORT: Duration = Duration::from_millis(1);

#[test]
fn a_loop_that_cannot_sleep_says_the_cure_where_there_is_one() {
    for (error, cure) in [("EMFILE", true), ("ENOMEM", false)] {
        let failure = format!("error={error}:when=1");
        let Some((text, _)) = run_with_failing("inject::sleeps", "epoll_create1", &failure) else {
            return eprintln!("strace is not on this machine; nothing was tried");
        };
        assert!(text.contains("cannot make a selector"), "{text}");
        assert_eq!(
            text.contains("raise the limit of open files"),
            cure,
            "{text}"
        );
    }
}
