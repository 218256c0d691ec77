//! The signals that were ignored or handled before us: they come back when the last of us has gone,
//! in whichever order we came and went, and children inherit what the pages say.
//!
//! What is inherited belongs to a process, so each test runs in one of its own. Signals are raised on the
//! thread itself, which handles them before `raise` returns.

#![cfg(feature = "signal")]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGUSR1};
use signal_hook::flag;
use signal_hook::low_level::raise;
use turnwise::io::{SignalKind, ctrl_c, signal};
use turnwise::{Elapsed, Runtime, block_on, timeout};

use crate::support::{alone, bounded, rerun, rerun_ignoring};

#[track_caller]
fn passes_ignoring(signals: &str, test: &str) {
    let output = rerun_ignoring(signals, test)
        .output()
        .expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {text}\n{errors}",
        output.status
    );
    assert!(text.contains("1 passed"), "{text}");
}

/// Who may have a claim to `SIGUSR1`.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Listener,
    Dump,
}

/// Has a claim until it is dropped, on a thread of its own.
struct Claimant {
    go: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Claimant {
    fn come(kind: Kind) -> Self {
        let (go, gone) = mpsc::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = match kind {
                Kind::Listener => Runtime::builder().build(),
                Kind::Dump => Runtime::builder().dump_on_sigusr1().build(),
            };
            runtime.block_on(async {
                let listener = matches!(kind, Kind::Listener)
                    .then(|| signal(SignalKind::USER1).expect("it can be caught"));
                ready.send(()).expect("it is awaited");
                let _ = gone.recv();
                drop(listener);
            });
        });
        is_ready.recv().expect("it comes");
        Claimant {
            go: Some(go),
            thread: Some(thread),
        }
    }
}

impl Drop for Claimant {
    fn drop(&mut self) {
        self.go.take();
        let thread = self.thread.take().expect("it is joined once");
        thread.join().expect("it only waits");
    }
}

/// Two claimants come and go in an order; after each step `look` learns whether there is one.
fn play(kinds: [Kind; 2], order: &str, mut look: impl FnMut(bool)) {
    let mut present = [None, None];
    for place in order.bytes() {
        let place = usize::from(place - b'0');
        present[place] = match present[place].take() {
            None => Some(Claimant::come(kinds[place])),
            Some(_gone) => None,
        };
        look(present.iter().any(Option::is_some));
    }
}

const ORDERS: [&str; 6] = ["0011", "0101", "0110", "1001", "1010", "1100"];

const PAIRS: [[Kind; 2]; 3] = [
    [Kind::Listener, Kind::Listener],
    [Kind::Listener, Kind::Dump],
    [Kind::Dump, Kind::Dump],
];

#[test]
fn in_every_order_an_ignored_signal_is_ignored_again() {
    passes_ignoring("USR1", "io::inherited::ignored_again");
}

#[test]
#[ignore = "is run in a process of its own"]
fn ignored_again() {
    for (pair, order) in PAIRS
        .into_iter()
        .flat_map(|pair| ORDERS.map(|order| (pair, order)))
    {
        play(pair, order, |_| raise(SIGUSR1).expect("it can be raised"));
    }
}

#[test]
fn in_every_order_the_host_goes_on_handling_its_signal() {
    alone("io::inherited::handled_again");
}

#[test]
#[ignore = "is run in a process of its own"]
fn handled_again() {
    let heard = Arc::new(AtomicBool::new(false));
    flag::register(SIGUSR1, heard.clone()).expect("it can be caught");
    for (pair, order) in PAIRS
        .into_iter()
        .flat_map(|pair| ORDERS.map(|order| (pair, order)))
    {
        play(pair, order, |claimed| {
            raise(SIGUSR1).expect("it can be raised");
            let heard = heard.swap(false, Ordering::SeqCst);
            assert!(heard, "{pair:?} {order}, claimed: {claimed}");
        });
    }
}

#[test]
fn in_every_order_the_default_comes_back() {
    for (pair, order) in (0..3).flat_map(|pair| ORDERS.map(|order| (pair, order))) {
        let mut command = rerun("io::inherited::default_again");
        command.env("PLAY", format!("{pair}{order}"));
        let output = command.output().expect("a test runs again");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("all gone"), "{pair} {order}: {text}");
        let status = output.status.signal();
        assert_eq!(status, Some(SIGUSR1), "{pair} {order}: {text}");
    }
}

#[test]
#[ignore = "is run in a process of its own"]
fn default_again() {
    let play_of = std::env::var("PLAY").expect("it is given");
    let (pair, order) = play_of.split_at(1);
    let pair = PAIRS[pair.parse::<usize>().expect("a digit")];
    // In the middle of an order there may be nobody; it is raised without a claim at the end.
    play(pair, order, |claimed| {
        if claimed {
            raise(SIGUSR1).expect("it can be raised");
        }
    });
    println!("all gone");
    raise(SIGUSR1).expect("it can be raised");
}

#[test]
fn a_hang_up_is_survived_as_nohup_promised() {
    passes_ignoring("HUP", "io::inherited::hung_up");
}

#[test]
#[ignore = "is run in a process of its own"]
fn hung_up() {
    block_on(async {
        let mut hangup = signal(SignalKind::HANGUP).expect("it can be caught");
        raise(SIGHUP).expect("it can be raised");
        hangup
            .recv()
            .await
            .expect("it is heard though it was ignored");
        drop(hangup);
        raise(SIGHUP).expect("it can be raised");
    });
}

#[test]
fn a_broken_pipe_is_no_death_after_a_listener_has_gone() {
    alone("io::inherited::broken_pipe");
}

#[test]
#[ignore = "is run in a process of its own"]
fn broken_pipe() {
    block_on(async { drop(signal(SignalKind::PIPE).expect("it can be caught")) });
    // The standard library ignores it from the start.
    raise(SIGPIPE).expect("it can be raised");
}

#[test]
fn an_ignored_ctrl_c_is_heard_by_signal_alone() {
    passes_ignoring("INT", "io::inherited::ctrl_c_ignored");
}

#[test]
#[ignore = "is run in a process of its own"]
fn ctrl_c_ignored() {
    block_on(async {
        let mut interrupted = ctrl_c();
        raise(SIGINT).expect("it can be raised");
        assert!(futures::poll!(&mut interrupted).is_pending());
        let mut listener = signal(SignalKind::INTERRUPT).expect("it can be caught");
        raise(SIGINT).expect("it can be raised");
        listener.recv().await.expect("it is heard");
        assert!(futures::poll!(&mut interrupted).is_pending());
        drop(listener);
        let nothing = timeout(Duration::from_millis(20), ctrl_c()).await;
        assert!(matches!(nothing, Err(Elapsed { .. })));
        // As often as you like: it was ignored.
        raise(SIGINT).expect("it can be raised");
        raise(SIGINT).expect("it can be raised");
    });
}

/// Raises Ctrl-C until the process is gone: the grace has to be over first.
fn raise_until_dead() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        raise(SIGINT).expect("it can be raised");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Raises the echo of a Ctrl-C that was raised at `first`, unless this machine is too slow for that.
fn raise_echo(first: Instant) {
    if first.elapsed() < Duration::from_millis(100) {
        raise(SIGINT).expect("it can be raised");
    }
}

fn dies_of_a_late_ctrl_c(test: &str) {
    let output = rerun(test).output().expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("alive after the echo"), "{text}");
    assert_eq!(output.status.signal(), Some(SIGINT), "{text}");
}

#[test]
fn the_echo_of_a_ctrl_c_does_not_kill_the_clean_up() {
    dies_of_a_late_ctrl_c("io::inherited::echoed");
}

#[test]
#[ignore = "is run in a process of its own"]
fn echoed() {
    block_on(async {
        let interrupted = ctrl_c();
        let first = Instant::now();
        raise(SIGINT).expect("it can be raised");
        interrupted.await.expect("it was raised");
        raise_echo(first);
        println!("alive after the echo");
        raise_until_dead();
    });
}

#[test]
fn the_echo_of_a_ctrl_c_that_is_not_taken_yet_does_not_kill() {
    dies_of_a_late_ctrl_c("io::inherited::echoed_untaken");
}

#[test]
#[ignore = "is run in a process of its own"]
fn echoed_untaken() {
    block_on(async {
        let _interrupted = ctrl_c();
        let first = Instant::now();
        raise(SIGINT).expect("it can be raised");
        raise_echo(first);
        println!("alive after the echo");
        raise_until_dead();
    });
}

#[test]
fn the_echo_of_a_ctrl_c_is_no_second_one_for_a_later_future() {
    alone("io::inherited::echoed_later");
}

#[test]
#[ignore = "is run in a process of its own"]
fn echoed_later() {
    block_on(async {
        let interrupted = ctrl_c();
        let first = Instant::now();
        raise(SIGINT).expect("it can be raised");
        interrupted.await.expect("it was raised");
        let mut again = ctrl_c();
        raise_echo(first);
        let early = timeout(Duration::from_millis(20), &mut again).await;
        early.expect_err("it was the echo");
        thread::sleep(Duration::from_millis(350));
        raise(SIGINT).expect("it can be raised");
        again.await.expect("it was raised");
    });
}

/// Whether a child that is started now ignores a signal.
#[cfg(feature = "process")]
async fn child_ignores(number: i32) -> bool {
    let mut child = turnwise::io::Command::new("grep");
    let output = child.args(["SigIgn", "/proc/self/status"]).output().await;
    let text = String::from_utf8(output.expect("it runs").stdout).expect("it is text");
    let set = text.split_whitespace().last().expect("a set of signals");
    u64::from_str_radix(set, 16).expect("in hexadecimal") >> (number - 1) & 1 == 1
}

#[test]
#[cfg(feature = "process")]
fn children_ignore_what_we_ignore_and_have_never_listened_for() {
    passes_ignoring("HUP,INT,USR1", "io::inherited::inherits");
}

#[test]
#[ignore = "is run in a process of its own"]
#[cfg(feature = "process")]
fn inherits() {
    Runtime::builder()
        .dump_on_sigusr1()
        .build()
        .block_on(async {
            assert!(child_ignores(SIGHUP).await);
            let interrupted = ctrl_c();
            assert!(child_ignores(SIGINT).await);
            drop(interrupted);
            // What has been listened for has its default there.
            assert!(!child_ignores(SIGUSR1).await);
            drop(signal(SignalKind::HANGUP).expect("it can be caught"));
            assert!(!child_ignores(SIGHUP).await);
            assert!(child_ignores(SIGINT).await);
        });
}

#[test]
#[cfg(feature = "process")]
fn where_children_are_not_kept_their_output_is_and_the_status_is_said_to_be_lost() {
    let output = rerun_ignoring("CHLD", "io::inherited::children_not_kept")
        .output()
        .expect("a test runs again");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors.matches("SIGCHLD is ignored").count(), 1, "{errors}");
}

#[test]
#[ignore = "is run in a process of its own"]
#[cfg(feature = "process")]
fn children_not_kept() {
    use turnwise::io::Command;

    bounded(|| {
        block_on(async {
            for _ in 0..2 {
                let output = Command::new("echo").arg("hello").output().await;
                let output = output.expect("it runs");
                assert_eq!(output.stdout, b"hello\n");
                assert_eq!(output.status.code(), Some(255));
            }
            let status = Command::new("true").status().await.expect("it runs");
            assert_eq!(status.code(), Some(255));
            let mut child = Command::new("sleep").arg("60").spawn().expect("it runs");
            assert!(child.try_wait().expect("it is ours").is_none());
            child.kill().expect("it runs");
            assert_eq!(child.wait().await.expect("it ends").code(), Some(255));
            child.kill().expect("it has ended");
        });
    });
}

/// A standard error that takes nothing.
fn full() -> std::fs::File {
    let options = std::fs::OpenOptions::new().write(true).open("/dev/full");
    options.expect("Linux has it")
}

#[test]
fn a_deadlock_that_cannot_be_reported_ends_the_program_as_ever() {
    // As every panic does: with 101, whether or not its text can be written.
    let mut hangs = rerun("io::inherited::hangs");
    let status = hangs.stdout(Stdio::null()).stderr(full()).status();
    assert_eq!(status.expect("a test runs again").code(), Some(101));
    if let Some(example) = crate::pages::examples::binary("deadlock") {
        for form in [&["abba"][..], &["abba", "--json"], &["partial", "--dot"]] {
            let status = Command::new(&example).args(form).stderr(full()).status();
            let status = status.expect("an example can be started");
            assert_eq!(status.code(), Some(1), "{form:?}");
        }
    }
}

#[test]
#[ignore = "is run in a process of its own"]
fn hangs() {
    block_on(async { turnwise::sync::Event::new().wait().await });
}
