//! Children that have children of their own, and conversations with them.

#![cfg(feature = "process")]

use std::process::Stdio;
use std::time::Duration;

use turnwise::io::{Command, StreamReader};
use turnwise::time::Instant;
use turnwise::{block_on, timeout};

use crate::support::bounded;

/// A shell with a child in the background, which holds the pipes.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdout(Stdio::piped());
    command
}

#[test]
fn a_group_is_killed_as_a_whole() {
    bounded(|| {
        block_on(async {
            for drops in [false, true] {
                let mut command = shell("sleep 1000 & echo ready; wait");
                command.own_group(true).kill_on_drop(drops);
                let mut child = command.spawn().expect("it runs");
                let mut reader = StreamReader::new(child.stdout.take().expect("it is piped"));
                let mut line = String::new();
                reader.read_line(&mut line).await.expect("it says so");
                if drops {
                    drop(child);
                } else {
                    child.kill().expect("it lives");
                    child.wait().await.expect("it ends");
                    child.kill().expect("one that has ended is no error");
                }
                // Its end comes when nothing holds the pipe any more, the sleeper included.
                reader.read_to_end(&mut Vec::new()).await.expect("the end");
            }
        });
    });
}

#[test]
fn a_leader_that_has_ended_still_has_its_group_killed() {
    bounded(|| {
        block_on(async {
            let mut command = shell("sleep 1000 & exit 0");
            let mut child = command.own_group(true).spawn().expect("it runs");
            let stdout = child.stdout.take().expect("it is piped");
            let mut nothing = Vec::new();
            let early = stdout.read_to_end(&mut nothing);
            let early = timeout(Duration::from_millis(100), early).await;
            assert!(early.is_err(), "the sleeper holds the pipe");
            child.terminate().expect("its end is not collected");
            stdout.read_to_end(&mut Vec::new()).await.expect("the end");
            assert!(child.wait().await.expect("it has ended").success());
        });
    });
}

#[test]
fn an_output_waits_no_longer_than_it_lingers() {
    bounded(|| {
        block_on(async {
            let mut command = shell("sleep 1000 & echo $!");
            let output = command.linger(Duration::from_millis(50)).output().await;
            let output = output.expect("it ends");
            assert!(output.status.success());
            let sleeper = String::from_utf8(output.stdout).expect("a number");
            Command::new("kill")
                .arg(sleeper.trim())
                .status()
                .await
                .expect("it is there");
            // Pipes that end by themselves are read to their end.
            let begun = Instant::now();
            let mut command = shell("echo all; (sleep 0.05; echo late) &");
            let output = command.linger(Duration::from_secs(30)).output().await;
            assert_eq!(output.expect("it ends").stdout, b"all\nlate\n");
            assert!(begun.elapsed() < Duration::from_secs(30));
        });
    });
}

#[test]
fn a_megabyte_is_communicated_both_ways() {
    bounded(|| {
        block_on(async {
            let data: Vec<u8> = (0..1_u32 << 20).map(|n| (n % 251) as u8).collect();
            let mut command = Command::new("cat");
            let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let output = child.expect("it runs").communicate(data.clone()).await;
            assert!(output.expect("it ends").stdout == data);
            // One that does not read.
            let child = command_that_ends().spawn().expect("it runs");
            let output = child
                .communicate(data)
                .await
                .expect("a broken pipe is none");
            assert!(output.status.success());
        });
    });
}

fn command_that_ends() -> Command {
    let mut command = Command::new("true");
    command.stdin(Stdio::piped());
    command
}
