//! Signals, really sent. A signal is heard by the whole process, so most tests run in one of their
//! own.

#![cfg(feature = "signal")]

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use rustix::process::{Pid, Signal as Number, getpid, kill_process};
use turnwise::io::{Signal, SignalKind, ctrl_c, signal};
use turnwise::{block_on, race, sleep, spawn, timeout, yield_now};

use crate::support::{alone, bounded, program, rerun};

fn send(number: Number) {
    kill_process(getpid(), number).expect("a process may signal itself");
}

/// Leaves a listener in place: another thread may be about to handle the last signal of several.
fn keep(listener: Signal) {
    std::mem::forget(listener);
}

#[test]
fn signals_in_bursts_are_heard_at_least_once_each_burst() {
    alone("io::signals::bursts");
}

#[test]
#[ignore = "is run in a process of its own"]
fn bursts() {
    bounded(|| {
        block_on(async {
            let mut listener = signal(SignalKind::USER1).expect("it can be caught");
            let (mut sent, mut heard, mut burst) = (0, 0, 1);
            while sent < 100_000 {
                for _ in 0..burst {
                    send(Number::USR1);
                }
                (sent, burst) = (sent + burst, (burst * 3) % 1999);
                listener.recv().await.expect("it was sent");
                heard += 1;
                while timeout(Duration::ZERO, listener.recv()).await.is_ok() {
                    heard += 1;
                }
            }
            assert!(heard <= sent, "{heard} of {sent}");
            keep(listener);
        });
    });
}

#[test]
fn every_listener_hears_every_signal() {
    alone("io::signals::several");
}

#[test]
#[ignore = "is run in a process of its own"]
fn several() {
    bounded(|| {
        block_on(async {
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let listener = signal(SignalKind::USER1).expect("it can be caught");
                    spawn(async move { listener.take(3).count().await })
                })
                .collect();
            let mut own = signal(SignalKind::USER1).expect("it can be caught");
            for _ in 0..3 {
                yield_now().await;
                send(Number::USR1);
                own.recv().await.expect("it was sent");
                sleep(Duration::from_millis(2)).await;
            }
            for task in tasks {
                assert_eq!(task.await.expect("it counts"), 3);
            }
        });
    });
}

#[test]
fn a_listener_that_loses_races_misses_nothing() {
    alone("io::signals::races");
}

#[test]
#[ignore = "is run in a process of its own"]
fn races() {
    bounded(|| {
        block_on(async {
            let mut listener = signal(SignalKind::USER2).expect("it can be caught");
            for n in 0..100 {
                // Between two races nobody waits, but the listener is there.
                let lost = race((
                    async {
                        listener.recv().await.expect("the runtime is alive");
                        false
                    },
                    async {
                        sleep(Duration::from_micros(n)).await;
                        true
                    },
                ));
                assert!(lost.await);
                send(Number::USR2);
                listener.recv().await.expect("it was sent");
            }
        });
    });
}

#[test]
fn a_second_ctrl_c_stops_a_clean_up_that_hangs() {
    let output = rerun("io::signals::hung")
        .output()
        .expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("cleaning up"), "{text}");
    assert_eq!(output.status.signal(), Some(2), "{text}");
}

#[test]
#[ignore = "is run in a process of its own"]
fn hung() {
    block_on(async {
        let interrupted = ctrl_c();
        send(Number::INT);
        interrupted.await.expect("it was sent");
        println!("cleaning up");
        // One that comes too soon is taken for an echo of the first.
        loop {
            send(Number::INT);
            thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn a_second_ctrl_c_kills_while_the_first_is_not_taken() {
    let output = rerun("io::signals::busy")
        .output()
        .expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("still alive"), "{text}");
    assert_eq!(output.status.signal(), Some(2), "{text}");
}

#[test]
#[ignore = "is run in a process of its own"]
fn busy() {
    block_on(async {
        let _listener = signal(SignalKind::INTERRUPT).expect("it can be caught");
        send(Number::INT);
        thread::sleep(Duration::from_millis(20));
        println!("still alive");
        // One that comes too soon is taken for an echo, and another thread may handle them.
        loop {
            send(Number::INT);
            thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn every_ctrl_c_that_is_taken_is_survived() {
    alone("io::signals::taken");
}

#[test]
#[ignore = "is run in a process of its own"]
fn taken() {
    bounded(|| {
        block_on(async {
            let mut listener = signal(SignalKind::INTERRUPT).expect("it can be caught");
            for _ in 0..100 {
                send(Number::INT);
                listener.recv().await.expect("it was sent");
            }
            // Dropped and made again.
            drop(listener);
            for _ in 0..10 {
                let mut listener = signal(SignalKind::INTERRUPT).expect("it can be caught");
                send(Number::INT);
                listener.recv().await.expect("it was sent");
            }
            // Of SIGTERM, several may be on their way.
            let mut listener = signal(SignalKind::TERMINATE).expect("it can be caught");
            send(Number::TERM);
            send(Number::TERM);
            listener.recv().await.expect("it was sent");
            keep(listener);
        });
    });
}

#[test]
fn a_signal_that_nobody_hears_any_more_has_its_default() {
    let output = rerun("io::signals::deaf")
        .output()
        .expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("heard"), "{text}");
    assert_eq!(output.status.signal(), Some(15), "{text}");
}

#[test]
#[ignore = "is run in a process of its own"]
fn deaf() {
    block_on(async {
        let mut listener = signal(SignalKind::TERMINATE).expect("it can be caught");
        send(Number::TERM);
        listener.recv().await.expect("it was sent");
        println!("heard");
        drop(listener);
        // Another thread may handle it: that takes a moment.
        loop {
            send(Number::TERM);
            thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn a_program_that_only_waits_for_a_signal_is_not_dead() {
    alone("io::signals::patient");
}

#[test]
#[ignore = "is run in a process of its own"]
fn patient() {
    bounded(|| {
        let sender = thread::spawn(|| {
            thread::sleep(Duration::from_millis(50));
            send(Number::HUP);
        });
        // Installed before the sender is through its nap.
        block_on(async {
            let mut listener = signal(SignalKind::HANGUP).expect("it can be caught");
            listener.recv().await.expect("it is sent");
        });
        sender.join().expect("it only sends");
    });
}

#[test]
fn a_flood_of_requests_for_a_dump_leaves_the_tasks_half_of_the_time() {
    let output = rerun("io::signals::flooded").output();
    let output = output.expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let dumps = errors.matches("turnwise: ").count();
    let most = text.lines().find_map(|line| line.strip_prefix("at most "));
    let most: usize = most.expect("it says how many").parse().expect("a number");
    assert!((1..=most).contains(&dumps), "{dumps} dumps, {text}");
}

#[test]
#[ignore = "is run in a process of its own"]
fn flooded() {
    let runtime = turnwise::Runtime::builder().dump_on_sigusr1().build();
    let begun = std::time::Instant::now();
    runtime.block_on(async {
        for _ in 0..1000 {
            signal_hook::low_level::raise(10).expect("it can be raised");
            // So that the loop looks: without a task that is ready.
            sleep(Duration::from_micros(200)).await;
        }
    });
    println!("\nat most {}", 1 + begun.elapsed().as_millis() / 100);
}

#[test]
fn listeners_come_and_go_without_a_trace() {
    alone("io::signals::churn");
}

fn descriptors() -> usize {
    let list = std::fs::read_dir("/proc/self/fd").expect("Linux lists them");
    list.count()
}

#[test]
fn a_thousand_listeners_of_one_kind_share_a_descriptor_and_all_hear() {
    alone("io::signals::thousand");
}

#[test]
#[ignore = "is run in a process of its own"]
fn thousand() {
    bounded(|| {
        block_on(async {
            let mut first = signal(SignalKind::USER1).expect("it can be caught");
            let before = descriptors();
            let mut others: Vec<_> = (0..1000)
                .map(|_| signal(SignalKind::USER1).expect("it can be caught"))
                .collect();
            assert_eq!(descriptors(), before);
            send(Number::USR1);
            first.recv().await.expect("it was sent");
            for other in &mut others {
                other.recv().await.expect("it was sent");
                let again = timeout(Duration::ZERO, other.recv()).await;
                again.expect_err("it has heard all there was");
            }
            keep(first);
        });
    });
}

#[test]
fn a_newcomer_does_not_hear_what_came_before_it_nor_take_it_from_others() {
    alone("io::signals::newcomer");
}

#[test]
#[ignore = "is run in a process of its own"]
fn newcomer() {
    bounded(|| {
        block_on(async {
            let mut early = signal(SignalKind::USER1).expect("it can be caught");
            let waits = spawn(async move { early.recv().await });
            yield_now().await;
            signal_hook::low_level::raise(10).expect("it can be raised");
            let mut late = signal(SignalKind::USER1).expect("it can be caught");
            let nothing = timeout(Duration::ZERO, late.recv()).await;
            nothing.expect_err("it came too late");
            waits.await.expect("it waits").expect("it was raised");
            signal_hook::low_level::raise(10).expect("it can be raised");
            late.recv().await.expect("it was raised");
        });
    });
}

#[test]
#[ignore = "is run in a process of its own"]
fn churn() {
    bounded(|| {
        block_on(async {
            drop(signal(SignalKind::USER1).expect("it can be caught"));
            let before = descriptors();
            for n in 0..2000 {
                let mut listener = signal(SignalKind::USER1).expect("it can be caught");
                if n % 100 == 0 {
                    send(Number::USR1);
                    listener.recv().await.expect("it was sent");
                }
            }
            assert_eq!(descriptors(), before);
        });
    });
}

#[test]
fn what_cannot_be_caught_is_an_error() {
    block_on(async {
        let error = signal(SignalKind::from_raw(9)).expect_err("SIGKILL");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        signal(SignalKind::from_raw(4711)).expect_err("no such signal");
    });
}

/// Starts an example, waits until it has said something, and sends it `number`.
fn interrupt(name: &str, arguments: &[&str], number: Number) -> Option<(Option<i32>, String)> {
    let mut command = program(crate::pages::examples::binary(name)?);
    command.args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().expect("an example can be started");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut text = String::new();
    output.read_line(&mut text).expect("it says something");
    kill_process(Pid::from_child(&child), number).expect("it runs");
    output.read_to_string(&mut text).expect("it ends");
    let status = child.wait().expect("it is ours");
    Some((status.code(), text))
}

#[test]
fn worker_pool_ends_cleanly_by_a_signal_and_says_which() {
    let arguments = ["--virtual", "--seconds", "86400", "--tasks", "100000"];
    for (number, code) in [(Number::INT, 130), (Number::TERM, 143)] {
        let Some((status, text)) = interrupt("worker_pool", &arguments, number) else {
            return;
        };
        assert_eq!(status, Some(code), "{text}");
        assert!(text.contains("were not begun"), "{text}");
        assert_eq!(text.matches("ends after").count(), 3, "{text}");
    }
}

#[test]
fn echo_server_ends_cleanly_by_a_signal() {
    for number in [Number::INT, Number::TERM] {
        let Some((status, text)) = interrupt("echo_server", &["--port", "0"], number) else {
            return;
        };
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("0 connections, 0 bytes echoed"), "{text}");
    }
}

#[test]
fn echo_server_echoes_to_clients_of_its_own() {
    let Some(binary) = crate::pages::examples::binary("echo_server") else {
        return;
    };
    let arguments = ["--clients", "20", "--requests", "50", "--size", "3000"];
    let output = program(binary).args(arguments).output();
    let output = output.expect("an example can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("20 connections, 3000000 bytes echoed, 0 failures"),
        "{text}"
    );
}
