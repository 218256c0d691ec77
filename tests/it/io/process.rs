//! Subprocesses.

#![cfg(feature = "process")]

use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use rustix::process::{Pid, WaitOptions, waitpid};
use turnwise::io::{
    Child, Command, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use turnwise::report::Verdict;
use turnwise::sync::Semaphore;
use turnwise::{block_on, gather_spawned, sleep, spawn, timeout};

use crate::support::{alone, bounded, virtual_runtime};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Whether a process runs, and is not merely waiting to be collected.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn statuses_come_back() {
    bounded(|| {
        block_on(async {
            assert!(shell("exit 0").status().await.expect("it runs").success());
            let status = shell("exit 7").status().await.expect("it runs");
            assert_eq!(status.code(), Some(7));
            let status = shell("kill -9 $$").status().await.expect("it runs");
            assert_eq!(status.signal(), Some(9));
            let error = Command::new("/no/such/program").status().await;
            let error = error.expect_err("there is none");
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        });
    });
}

#[test]
fn a_megabyte_goes_through_cat_and_comes_back() {
    bounded(|| {
        block_on(async {
            let mut command = Command::new("cat");
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().expect("it runs");
            let data: Vec<u8> = (0..1_u32 << 20).map(|n| (n % 251) as u8).collect();
            let mut stdin = child.stdin.take().expect("it is piped");
            let stdout = child.stdout.take().expect("it is piped");
            let writing = async {
                stdin.write_all(&data).await.expect("cat reads");
                stdin.close().await.expect("a pipe closes");
                stdin.write_all(b"x").await.expect_err("it is closed");
            };
            let mut copy = Vec::new();
            let reading = async { stdout.read_to_end(&mut copy).await.expect("cat ends") };
            futures::join!(writing, reading);
            assert!(copy == data, "cat changes nothing");
            assert!(child.wait().await.expect("it is ours").success());
            // Asked again, it says the same.
            assert!(child.wait().await.expect("it is ours").success());
        });
    });
}

#[test]
fn output_drains_both_pipes_at_once() {
    bounded(|| {
        block_on(async {
            // Either pipe holds 64 KiB; whoever reads one after the other waits for ever.
            let script = "head -c 1000000 /dev/zero >&2; head -c 2000000 /dev/zero; \
                          head -c 1000000 /dev/zero >&2; exit 3";
            let output = shell(script).output().await.expect("it runs");
            assert_eq!(output.stdout.len(), 2_000_000);
            assert_eq!(output.stderr.len(), 2_000_000);
            assert_eq!(output.status.code(), Some(3));
            // Without an input to inherit, one that reads ends at once.
            let output = Command::new("cat").output().await.expect("it runs");
            assert!(output.status.success() && output.stdout.is_empty());
        });
    });
}

#[test]
fn a_child_that_reads_ends_when_it_is_waited_for() {
    bounded(|| {
        block_on(async {
            let mut child = Command::new("cat")
                .stdin(Stdio::piped())
                .spawn()
                .expect("it runs");
            assert!(child.try_wait().expect("it is ours").is_none());
            assert!(child.wait().await.expect("it is ours").success());
        });
    });
}

#[test]
fn a_wait_that_loses_a_race_can_be_repeated() {
    bounded(|| {
        block_on(async {
            let mut child = shell("sleep 0.1; exit 4").spawn().expect("it runs");
            let mut waits = 0;
            let status = loop {
                waits += 1;
                let wait = timeout(Duration::from_millis(5), child.wait());
                if let Ok(status) = wait.await {
                    break status.expect("it is ours");
                }
            };
            assert_eq!(status.code(), Some(4));
            assert!(waits > 2);
        });
    });
}

#[test]
fn children_are_killed_on_request_alone() {
    bounded(|| {
        block_on(async {
            let mut child = Command::new("sleep").arg("100").spawn().expect("it runs");
            child.kill().expect("it runs");
            let status = child.wait().await.expect("it is ours");
            assert_eq!(status.signal(), Some(9));
            child.kill().expect("killing the dead is no error");

            let survivor = Command::new("sleep").arg("0.3").spawn().expect("it runs");
            let id = survivor.id();
            drop(survivor);
            sleep(Duration::from_millis(20)).await;
            assert!(runs(id), "nobody asked for its end");

            let mut command = Command::new("sleep");
            let victim = command.arg("100").kill_on_drop(true).spawn();
            let id = victim.as_ref().map(Child::id).expect("it runs");
            drop(victim);
            while runs(id) {
                sleep(Duration::from_millis(1)).await;
            }
            // A future that is dropped takes its child along.
            let mut command = Command::new("sleep");
            let status = command.arg("100").kill_on_drop(true).status();
            timeout(Duration::from_millis(5), status)
                .await
                .expect_err("it sleeps longer");
        });
    });
}

#[test]
fn one_child_may_feed_another() {
    bounded(|| {
        block_on(async {
            let mut first = shell("echo one; echo two; echo three");
            let mut first = first.stdout(Stdio::piped()).spawn().expect("it runs");
            let pipe = first.stdout.take().expect("it is piped").into_std();
            let mut second = Command::new("wc");
            second.arg("-l").stdin(pipe.expect("it can block again"));
            let output = second.output().await.expect("it runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3");
            assert!(first.wait().await.expect("it is ours").success());
        });
    });
}

/// What `cat` makes of an input that comes a while after it has begun to read.
async fn through_cat<W: futures::AsyncWrite + Unpin>(input: Stdio, mut peer: W) {
    let mut cat = Command::new("cat");
    cat.stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = cat.spawn().expect("it runs");
    // The command holds the other end, too.
    drop(cat);
    let (output, ()) = futures::join!(child.wait_with_output(), async {
        sleep(Duration::from_millis(50)).await;
        peer.write_all(b"late").await.expect("there is room");
        peer.close().await.expect("it is open");
        drop(peer);
    });
    let output = output.expect("it is ours");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "late");
}

#[test]
fn a_stream_may_be_the_input_of_a_child() {
    bounded(|| {
        block_on(async {
            let (ours, theirs) = UnixStream::pair().expect("a pair");
            through_cat(Stdio::try_from(theirs).expect("it can block"), ours).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let ours = TcpStream::connect(listener.local_addr().expect("it is bound"));
            let ours = ours.await.expect("it listens");
            let (theirs, _) = listener.accept().await.expect("it is connected");
            through_cat(Stdio::try_from(theirs).expect("it can block"), ours).await;
        });
    });
}

#[test]
fn pipes_connect_children_also_while_nothing_has_been_written() {
    bounded(|| {
        block_on(async {
            let mut first = shell("sleep 0.05; echo late");
            let mut first = first.stdout(Stdio::piped()).spawn().expect("it runs");
            let pipe = Stdio::try_from(first.stdout.take().expect("it is piped"));
            let mut second = Command::new("cat");
            second.stdin(pipe.expect("it can block"));
            let output = second.output().await.expect("it runs");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "late\n");
            assert!(first.wait().await.expect("it is ours").success());
        });
    });
}

/// Whether what an `into_std` returned blocks, by the flags that the system shows.
fn blocks(given: std::io::Result<impl AsRawFd>) {
    const NONBLOCK: u32 = 0o4000;
    let given = given.expect("it can block");
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", given.as_raw_fd()));
    let info = info.expect("it is open");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = u32::from_str_radix(flags.expect("they are shown").trim(), 8);
    assert_eq!(flags.expect("they are octal") & NONBLOCK, 0);
}

#[test]
fn whatever_goes_to_the_standard_library_blocks() {
    block_on(async {
        let path = std::env::temp_dir().join(format!("turnwise-blocks-{}", std::process::id()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound"));
        blocks(client.await.expect("it listens").into_std());
        blocks(listener.into_std());
        blocks(
            UdpSocket::bind("127.0.0.1:0")
                .await
                .expect("a port")
                .into_std(),
        );
        blocks(UnixStream::pair().expect("a pair").0.into_std());
        blocks(UnixDatagram::pair().expect("a pair").0.into_std());
        let listener = UnixListener::bind(&path).expect("the path is free");
        std::fs::remove_file(&path).expect("it is ours");
        blocks(listener.into_std());
        let mut cat = Command::new("cat");
        cat.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut cat = cat.spawn().expect("it runs");
        blocks(cat.stdin.take().expect("it is piped").into_std());
        blocks(cat.stdout.take().expect("it is piped").into_std());
        blocks(cat.stderr.take().expect("it is piped").into_std());
        cat.wait().await.expect("it is ours");
    });
}

#[test]
fn hundreds_of_children_at_once_leave_nothing_behind() {
    alone("io::process::hundreds");
}

#[test]
fn a_child_that_is_left_is_collected_when_it_ends() {
    alone("io::process::left");
}

#[test]
#[ignore = "is run in a process of its own"]
fn left() {
    bounded(|| {
        let runtime = turnwise::Runtime::new();
        runtime.block_on(async {
            shell("exit 0").output().await.expect("it runs");
            let before = descriptors();
            for _ in 0..20 {
                drop(Command::new("true").spawn().expect("it runs"));
            }
            let mut killed = Command::new("sleep");
            drop(killed.arg("60").kill_on_drop(true).spawn());
            // No child comes or goes any more.
            while descriptors() > before || zombies() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        });
        // Nobody waits for one that was left.
        let mut id = 0;
        let deadlock = runtime.try_block_on(async {
            let lives = Command::new("sleep").arg("60").spawn().expect("it runs");
            id = lives.id();
            drop(lives);
            std::future::pending::<()>().await;
        });
        let deadlock = deadlock.expect_err("nothing can wake it");
        assert_eq!(deadlock.report().verdict(), Verdict::Certain, "{deadlock}");
        // It outlives the runtime that watched it, and is collected as others come.
        drop(runtime);
        let child = Pid::from_raw(id as i32).expect("a number");
        rustix::process::kill_process(child, rustix::process::Signal::KILL).expect("it runs");
        block_on(async {
            while zombies() > 0 || runs(id) {
                shell("exit 0").status().await.expect("it runs");
            }
        });
    });
}

fn descriptors() -> usize {
    let list = std::fs::read_dir("/proc/self/fd").expect("Linux lists them");
    list.count()
}

/// Children of this process that have ended and were not collected.
fn zombies() -> usize {
    let own = std::process::id().to_string();
    let all = std::fs::read_dir("/proc").expect("Linux lists them");
    all.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|stat| stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()))
        .filter(|rest| rest.split(' ').next() == Some("Z"))
        .filter(|rest| rest.split(' ').nth(1) == Some(&own))
        .count()
}

#[test]
fn a_thousand_children_with_full_pipes_leave_nothing_behind() {
    alone("io::process::a_thousand");
}

#[test]
#[ignore = "is run in a process of its own"]
fn a_thousand() {
    bounded(|| {
        block_on(async {
            shell("exit 0").output().await.expect("it runs");
            let before = descriptors();
            let slots = Semaphore::new(16);
            let children = (0..1000).map(|n| {
                let slots = &slots;
                async move {
                    let _slot = slots.acquire().await;
                    // More than a pipe holds, on both.
                    let script = format!(
                        "head -c 70000 /dev/zero >&2; exec head -c {} /dev/zero",
                        70_000 + n
                    );
                    let output = shell(&script).output().await.expect("it runs");
                    assert!(output.status.success());
                    assert_eq!(output.stdout.len(), 70_000 + n);
                    assert_eq!(output.stderr.len(), 70_000);
                }
            });
            futures::future::join_all(children).await;
            assert_eq!(descriptors(), before);
            assert_eq!(zombies(), 0);
        });
    });
}

#[test]
#[ignore = "is run in a process of its own"]
fn hundreds() {
    bounded(|| {
        block_on(async {
            shell("exit 0").output().await.expect("it runs");
            let before = descriptors();
            for batch in 0..3 {
                let children = (0..100).map(|n| async move {
                    let output = shell(&format!("echo {n}; exit {}", n % 50)).output().await;
                    let output = output.expect("it runs");
                    assert_eq!(output.status.code(), Some(n % 50));
                    let text = String::from_utf8_lossy(&output.stdout).into_owned();
                    assert_eq!(text.trim().parse(), Ok(n), "in batch {batch}");
                });
                gather_spawned(children).await;
            }
            assert_eq!(descriptors(), before);
            assert_eq!(zombies(), 0);
            // Those that nobody waits for are collected too, as others come.
            for _ in 0..50 {
                drop(Command::new("true").spawn().expect("it runs"));
            }
            for _ in 0..8 {
                sleep(Duration::from_millis(20)).await;
                drop(Command::new("true").spawn().expect("it runs"));
            }
            assert!(zombies() < 10, "{} zombies", zombies());
        });
    });
}

#[test]
fn a_virtual_clock_does_not_jump_while_a_child_is_awaited() {
    bounded(|| {
        virtual_runtime().block_on(async {
            let begun = turnwise::time::Instant::now();
            let late = spawn(async {
                sleep(Duration::from_secs(3600)).await;
            });
            let status = shell("sleep 0.05").status().await.expect("it runs");
            assert!(status.success());
            let output = shell("sleep 0.05; echo x").output().await.expect("it runs");
            assert_eq!(output.stdout, b"x\n");
            let took = begun.elapsed();
            assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(3600));
            assert!(!late.is_finished());
            late.await.expect("the clock jumps now");
        });
    });
}

/// Says "ready", and ends with 7 at SIGTERM and with 8 at SIGUSR1.
const OBEYS: &str =
    "trap 'exit 7' TERM; trap 'exit 8' USR1; echo ready; while :; do sleep 0.01; done";

async fn obedient() -> Child {
    let mut child = shell(OBEYS).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .await
        .unwrap();
    assert_eq!(&said, b"ready\n");
    child
}

#[test]
fn a_child_is_asked_to_end() {
    bounded(|| {
        block_on(async {
            let mut child = obedient().await;
            child.terminate().unwrap();
            assert_eq!(child.wait().await.unwrap().code(), Some(7));
            // Its number may be another's by now.
            child.terminate().unwrap();
        });
    });
}

#[cfg(feature = "signal")]
#[test]
fn a_child_is_sent_a_signal() {
    use turnwise::io::SignalKind;

    bounded(|| {
        block_on(async {
            let mut child = obedient().await;
            let error = child.send_signal(SignalKind::from_raw(0)).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            child.send_signal(SignalKind::USER1).unwrap();
            assert_eq!(child.wait().await.unwrap().code(), Some(8));
        });
    });
}

#[test]
fn a_child_is_waited_for_under_one_runtime_after_the_other() {
    bounded(|| {
        let (mut child, stdin) = block_on(async {
            let mut command = Command::new("cat");
            let mut child = command.stdin(Stdio::piped()).spawn().expect("it runs");
            let stdin = child.stdin.take().expect("it is piped");
            let hurried = timeout(Duration::ZERO, child.wait()).await;
            hurried.expect_err("it reads");
            (child, stdin)
        });
        block_on(async {
            let mut wait = child.wait();
            let early = futures::poll!(&mut wait);
            assert!(early.is_pending(), "it still reads: {early:?}");
            drop(stdin);
            assert!(wait.await.expect("it is ours").success());
        });
    });
}

#[test]
fn a_child_that_somebody_else_collected_has_ended_and_is_not_killed_by_its_number() {
    bounded(|| {
        block_on(async {
            let mut child = Command::new("true").spawn().expect("it runs");
            let id = Pid::from_raw(child.id() as i32);
            waitpid(id, WaitOptions::empty()).expect("it ends");
            // That it has no such child is known before a signal is sent, to whoever has the number.
            child.kill().expect("it has ended");
            child.terminate().expect("it has ended");
            let status = child.wait().await.expect("it has ended");
            assert_eq!(status.code(), Some(255));
        });
    });
}

#[test]
fn virtual_time_follows_real_time_while_a_child_lives() {
    bounded(|| {
        virtual_runtime().block_on(async {
            let real = std::time::Instant::now();
            // It never ends by itself: a timeout that does not fire hangs.
            let waiting = timeout(
                Duration::from_millis(100),
                shell("exec sleep 1000").kill_on_drop(true).status(),
            );
            waiting.await.expect_err("it sleeps for longer");
            assert!(real.elapsed() >= Duration::from_millis(100));
            // Nobody waits for this one; its output is read.
            let mut command = shell("sleep 0.1; echo done");
            let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
            let mut said = String::new();
            let reading = child
                .stdout
                .as_mut()
                .expect("it is piped")
                .read_to_string(&mut said);
            let read = timeout(Duration::from_secs(60), reading).await;
            read.expect("it takes a tenth of a second")
                .expect("it is text");
            assert_eq!(said, "done\n");
            assert!(child.wait().await.expect("it is ours").success());
        });
    });
}

#[test]
fn virtual_time_jumps_again_when_no_child_lives() {
    bounded(|| {
        virtual_runtime().block_on(async {
            let hour = Duration::from_secs(3600);
            let mut child = Command::new("true").spawn().expect("it runs");
            let begun = turnwise::time::Instant::now();
            // Nobody waits for it: its end is noticed all the same.
            sleep(hour).await;
            assert!(begun.elapsed() >= hour);
            assert!(child.wait().await.expect("it is ours").success());
            let living = shell("exec sleep 1000").spawn().expect("it runs");
            let id = living.id();
            drop(living);
            // What nobody has a handle of runs on beside the clock.
            sleep(hour).await;
            assert!(runs(id));
            rustix::process::kill_process(
                Pid::from_raw(id as i32).expect("a number"),
                rustix::process::Signal::KILL,
            )
            .expect("it runs");
        });
    });
}
