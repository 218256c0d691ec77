//! A program that has no descriptor, timer or other thread makes no system call per switch, one that
//! calls what blocks asks the system nothing twice, and one whose deadline is near does not sleep.

use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use turnwise::sync::{Event, Lock, Queue};

/// What is counted: run by the test below in a process of its own, under `strace`.
#[test]
#[ignore = "is run by switches_make_no_system_call"]
fn workload() {
    let rounds: u64 = std::env::var("ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .expect("ROUNDS is a number");
    turnwise::block_on(async {
        let (lock, event) = (Rc::new(Lock::new(0)), Rc::new(Event::new()));
        let queue = Rc::new(Queue::bounded(2));
        let consumer = turnwise::spawn({
            let queue = queue.clone();
            async move { while queue.get().await.is_ok() {} }
        });
        let waiter = turnwise::spawn({
            let event = event.clone();
            async move { event.wait().await }
        });
        for n in 0..rounds {
            turnwise::yield_now().await;
            *lock.acquire().await += n;
            queue.put(n).await.expect("the queue is open");
            turnwise::spawn(async move { n })
                .await
                .expect("the task returns");
        }
        event.set();
        queue.close();
        waiter.await.expect("the event is set");
        consumer.await.expect("the queue is closed");
    });
}

/// As above.
#[test]
#[ignore = "is run by a_blocking_call_opens_no_file"]
fn blocking_workload() {
    let rounds = std::env::var("ROUNDS").expect("ROUNDS is set");
    turnwise::block_on(async {
        for n in 0..rounds.parse().expect("ROUNDS is a number") {
            let same = turnwise::spawn_blocking(move || n).await;
            assert_eq!(same.expect("it returns"), n);
        }
    });
}

/// As above.
#[test]
#[ignore = "is run by what_is_near_is_not_slept_for"]
fn near_workload() {
    let rounds = std::env::var("ROUNDS").expect("ROUNDS is set");
    turnwise::block_on(async {
        for _ in 0..rounds.parse().expect("ROUNDS is a number") {
            let (begun, short) = (Instant::now(), Duration::from_micros(2));
            turnwise::sleep(short).await;
            assert!(begun.elapsed() >= short);
        }
    });
}

/// As above.
#[test]
#[ignore = "is run by a_wait_that_an_event_ends_asks_nothing"]
fn readable_workload() {
    let rounds = std::env::var("ROUNDS").expect("ROUNDS is set");
    turnwise::block_on(async {
        let (near, far) = turnwise::io::UnixStream::pair().expect("a pair");
        let echo = turnwise::spawn(async move {
            loop {
                far.readable().await.expect("the runtime lives");
                while let Ok(count) = far.try_read_with(|| Ok(rustix::io::read(&far, &mut [0; 8])?))
                {
                    if count == 0 {
                        return;
                    }
                }
            }
        });
        for _ in 0..rounds.parse().expect("ROUNDS is a number") {
            near.write(b"x").await.expect("there is room");
            turnwise::sleep(Duration::from_micros(1)).await;
            turnwise::yield_now().await;
        }
        drop(near);
        echo.await.expect("it has met the end");
    });
}

/// The calls of one name, or in total, that a workload makes.
fn system_calls(workload: &str, rounds: u64, name: &str) -> Option<u64> {
    let exe = std::env::current_exe().expect("a test knows its own path");
    let output = Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name"])
        .arg(exe)
        .args(["--exact", workload, "--ignored", "--test-threads=1"])
        .env("ROUNDS", rounds.to_string())
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let table = String::from_utf8_lossy(&output.stderr);
    let total = table
        .lines()
        .rev()
        .find(|line| line.trim_end().ends_with(name))?;
    total.split_whitespace().next()?.parse().ok()
}

/// What a workload calls in ten rounds, and in `more` besides; `None` where nothing can count.
fn few_and_many(workload: &str, more: u64, name: &str) -> Option<(u64, u64)> {
    let Some(few) = system_calls(workload, 10, name) else {
        eprintln!("strace is not on this machine; nothing was counted");
        return None;
    };
    let many = system_calls(workload, 10 + more, name).expect("strace worked a moment ago");
    Some((few, many))
}

#[test]
fn switches_make_no_system_call() {
    // The heap may grow a few times; ten thousand rounds may not cost ten thousand calls.
    if let Some((few, many)) = few_and_many("reactor::syscalls::workload", 10_000, "total") {
        assert!(
            many < few + 40,
            "{few} system calls for 10 rounds, {many} for 10,010"
        );
    }
}

#[test]
fn a_blocking_call_opens_no_file() {
    if let Some((few, many)) = few_and_many("reactor::syscalls::blocking_workload", 500, "openat") {
        assert!(many < few + 40, "{few} files for 10 calls, {many} for 510");
    }
}

#[test]
fn a_wait_that_an_event_ends_asks_nothing() {
    // Written, heard of, read, and read in vain.
    if let Some((few, many)) = few_and_many("reactor::syscalls::readable_workload", 500, "total") {
        assert!(
            many < few + 4 * 500 + 100,
            "{few} calls for 10 rounds, {many} for 510"
        );
    }
}

#[test]
fn what_is_near_is_not_slept_for() {
    if let Some((few, many)) = few_and_many("reactor::syscalls::near_workload", 1_000, "total") {
        assert!(
            many < few + 40,
            "{few} calls for 10 sleeps, {many} for 1,010"
        );
    }
}
