//! Signals that end the program: what is said where nothing else can wake it. Signals are heard by the whole
//! process, so what sends one runs in a process of its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal as Number, getpid, kill_process};
use turnwise::io::{SignalKind, ctrl_c, signal};
use turnwise::report::{Report, Verdict};
use turnwise::sync::{Event, Lock};
use turnwise::{Runtime, interval, race, spawn, spawn_blocking};

use crate::support::{alone, bounded};

fn send(number: Number) {
    kill_process(getpid(), number).expect("a process may signal itself");
}

/// Waits for a signal that asks the program to end.
async fn asked_to_end(kind: SignalKind) {
    let mut listener = signal(kind).expect("it can be caught");
    listener.recv().await.expect("it is sent");
}

/// Runs a program with a short grace. When something is suspected, it is asked to end.
fn suspicions(program: impl Future<Output = ()>) -> Vec<Report> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = told.clone();
    let hook = move |report: &Report| {
        tell.borrow_mut().push(report.clone());
        send(Number::TERM);
    };
    let builder = Runtime::builder().suspect_after(Duration::from_millis(10));
    builder.on_suspected(hook).build().block_on(program);
    told.take()
}

#[test]
fn a_hang_of_a_program_that_listens_for_a_signal_to_end_is_reported_once() {
    alone("diagnostics::signals::hung");
}

#[test]
#[ignore = "is run in a process of its own"]
fn hung() {
    bounded(|| {
        let told = suspicions(async {
            let event = Event::new();
            race((event.wait(), asked_to_end(SignalKind::TERMINATE))).await;
            // It is reported once: this one waits for another thread to send it.
            let sender = thread::spawn(|| {
                thread::sleep(Duration::from_millis(50));
                send(Number::QUIT);
            });
            race((event.wait(), asked_to_end(SignalKind::QUIT))).await;
            sender.join().unwrap();
        });
        assert_eq!(told.len(), 1);
        let text = told[0].to_string();
        assert_eq!(told[0].verdict(), Verdict::Suspected);
        let first = "suspected deadlock: only a signal to end can wake this program\n";
        assert!(text.starts_with(first), "{text}");
        assert!(text.contains("waits for event made at tests/"), "{text}");
    });
}

#[test]
fn a_program_that_is_meant_to_wait_for_its_end_is_not_suspected() {
    alone("diagnostics::signals::patient");
}

#[test]
#[ignore = "is run in a process of its own"]
fn patient() {
    bounded(|| {
        let sender = thread::spawn(|| {
            thread::sleep(Duration::from_millis(60));
            send(Number::TERM);
            thread::sleep(Duration::from_millis(60));
            send(Number::TERM);
        });
        let told = suspicions(async {
            // The work is done by other threads.
            asked_to_end(SignalKind::TERMINATE).await;
            let listens = spawn(asked_to_end(SignalKind::TERMINATE));
            race((async { listens.await.unwrap() }, async {
                ctrl_c().await.unwrap();
            }))
            .await;
        });
        sender.join().unwrap();
        assert!(told.is_empty(), "{}", told[0]);
    });
}

#[test]
fn what_else_can_wake_a_program_keeps_it_idle() {
    alone("diagnostics::signals::idle");
}

#[test]
#[ignore = "is run in a process of its own"]
fn idle() {
    bounded(|| {
        let told = suspicions(async {
            let (event, lock) = (Event::new(), Lock::new(()));
            let guard = lock.acquire().await;
            let hang = async { race((event.wait(), async { drop(lock.acquire().await) })).await };
            let ended = || asked_to_end(SignalKind::TERMINATE);
            let nap = Duration::from_millis(60);
            // A signal that means something else, a ticker, work.
            let sender = thread::spawn(move || {
                thread::sleep(nap);
                send(Number::USR2);
            });
            race((hang, ended(), asked_to_end(SignalKind::USER2))).await;
            sender.join().unwrap();
            let hang = async { race((event.wait(), async { drop(lock.acquire().await) })).await };
            let ticks = async {
                let mut interval = interval(Duration::from_millis(20));
                for _ in 0..4 {
                    interval.tick().await;
                }
            };
            race((hang, ended(), ticks)).await;
            let hang = async { race((event.wait(), async { drop(lock.acquire().await) })).await };
            let work = async { spawn_blocking(move || thread::sleep(nap)).await.unwrap() };
            race((hang, ended(), work)).await;
            drop(guard);
        });
        assert!(told.is_empty(), "{}", told[0]);
    });
}

#[test]
fn a_test_does_not_count_on_a_signal_to_end_and_waits_no_grace_for_it() {
    for kind in [
        SignalKind::INTERRUPT,
        SignalKind::TERMINATE,
        SignalKind::HANGUP,
        SignalKind::QUIT,
    ] {
        let begun = Instant::now();
        let runtime = Runtime::builder()
            .fail_on_suspected()
            .virtual_clock()
            .build();
        let deadlock = runtime.try_block_on(asked_to_end(kind)).unwrap_err();
        let text = deadlock.to_string();
        assert_eq!(deadlock.report().verdict(), Verdict::Suspected);
        assert!(text.contains("only a signal to end can wake"), "{text}");
        assert!(text.contains("outside: 1 awaited signal to end"), "{text}");
        // The grace is five seconds.
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn a_test_that_sends_the_signal_hears_it() {
    alone("diagnostics::signals::sent");
}

#[test]
#[ignore = "is run in a process of its own"]
fn sent() {
    bounded(|| {
        let runtime = Runtime::builder()
            .fail_on_suspected()
            .virtual_clock()
            .build();
        runtime.block_on(async {
            let mut listener = signal(SignalKind::TERMINATE).unwrap();
            for _ in 0..100 {
                send(Number::TERM);
                listener.recv().await.unwrap();
                spawn_blocking(|| send(Number::TERM)).await.unwrap();
                listener.recv().await.unwrap();
            }
        });
    });
}
