//! A host that owns the loop: `turn`, `run_until_stalled`, `next_deadline`, `as_fd`, and a fork.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use turnwise::io::AsyncFd;
use turnwise::sync::{Event, Lock, Queue};
use turnwise::task::spawn_eager;
use turnwise::{Runtime, block_on, sleep, spawn, spawn_blocking, yield_now};

use crate::support::{
    Spy, bounded, here, panic_of, place_of_panic, poll_with, rerun, virtual_runtime,
};
use crate::sync::trace::Trace;

const AT_ONCE: Duration = Duration::ZERO;
const A_WHILE: Duration = Duration::from_secs(30);

/// Whether the loop's descriptor is readable within `patience`.
fn readable(runtime: &Runtime, patience: Duration) -> bool {
    let fd = runtime.embed().expect("a descriptor");
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let patience = patience.try_into().expect("it is short");
    poll(&mut fds, Some(&patience)).expect("poll works") > 0
}

/// A host that polls its own socket beside the loop, with everything that can wake a loop at work.
#[test]
fn a_host_serves_its_own_socket_beside_timers_io_threads_and_calls() {
    bounded(|| {
        let runtime = Runtime::new();
        let trace = Trace::default();
        let (mut ours, mut keyboard) = UnixStream::pair().expect("a pair of sockets");
        let (theirs, mut peer) = UnixStream::pair().expect("a pair of sockets");
        theirs
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let lines = Rc::new(Queue::<u8>::unbounded());
        let tasks = Rc::new(Cell::new(5));

        let ended = |name: &'static str| {
            let (trace, tasks) = (trace.clone(), tasks.clone());
            move || {
                trace.say(name);
                tasks.set(tasks.get() - 1);
            }
        };
        let end = ended("timer");
        drop(runtime.spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_millis(2)).await;
            }
            end();
        }));
        let end = ended("io");
        drop(runtime.spawn(async move {
            let source = AsyncFd::from_fd(theirs).expect("it can be watched");
            let mut byte = [0];
            for _ in 0..3 {
                source
                    .read_with(|source| (&source.0).read(&mut byte))
                    .await
                    .expect("the peer writes");
            }
            end();
        }));
        let end = ended("blocking call");
        drop(runtime.spawn(async move {
            spawn_blocking(|| thread::sleep(Duration::from_millis(3)))
                .await
                .expect("it returns");
            end();
        }));
        let end = ended("keyboard");
        let typed = lines.clone();
        drop(runtime.spawn(async move {
            let mut sum = 0;
            while let Ok(line) = typed.get().await {
                sum += line;
            }
            assert_eq!(sum, 1 + 2 + 3);
            end();
        }));
        let end = RefCell::new(Some(ended("thread")));
        thread_local! {
            static CALLS: Cell<u32> = const { Cell::new(0) };
        }
        let remote = runtime.remote();
        let outside = thread::spawn(move || {
            for n in 1..=3 {
                thread::sleep(Duration::from_millis(2));
                keyboard.write_all(&[n]).expect("the host listens");
                peer.write_all(&[n]).expect("the task listens");
                remote
                    .call(|| CALLS.set(CALLS.get() + 1))
                    .expect("it is alive");
            }
            keyboard
        });

        let mut polls = 0;
        while tasks.get() > 0 {
            let fd = runtime.embed().expect("a descriptor");
            let mut fds = [
                PollFd::new(&fd, PollFlags::IN),
                PollFd::new(&ours, PollFlags::IN),
            ];
            // No time limit: whatever is due must make one of the two readable.
            poll(&mut fds, None).expect("poll works");
            let (turn, typed) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
            polls += 1;
            if typed {
                let mut byte = [0];
                ours.read_exact(&mut byte).expect("it is readable");
                lines.try_put(byte[0]).expect("the queue is open");
                if byte[0] == 3 {
                    lines.close();
                }
            }
            if turn {
                runtime.turn(Some(AT_ONCE));
            }
            if CALLS.get() == 3 {
                if let Some(end) = end.take() {
                    end();
                }
            }
        }
        drop(outside.join().expect("no panic"));
        let mut ends = trace.take();
        ends.sort();
        assert_eq!(ends, ["blocking call", "io", "keyboard", "thread", "timer"]);
        assert!(
            polls < 100,
            "the host polled {polls} times for some 15 things"
        );
    });
}

#[test]
fn a_turn_without_a_limit_waits_for_what_comes() {
    bounded(|| {
        let runtime = Runtime::new();
        let done = Rc::new(Cell::new(false));
        let told = done.clone();
        drop(runtime.spawn(async move {
            sleep(Duration::from_millis(5)).await;
            told.set(true);
        }));
        assert!(!runtime.turn(None), "it sleeps now");
        while !done.get() {
            runtime.turn(None);
        }
        let (remote, start) = (runtime.remote(), Instant::now());
        let (tell, told) = mpsc::channel();
        let caller = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            remote
                .call(move || tell.send(()).expect("somebody listens"))
                .expect("it is alive");
        });
        while told.try_recv().is_err() {
            runtime.turn(None);
        }
        assert!(start.elapsed() >= Duration::from_millis(20));
        caller.join().expect("no panic");
    });
}

#[test]
fn a_turn_waits_no_longer_than_it_may_and_not_at_all_if_a_task_is_ready() {
    let runtime = Runtime::new();
    drop(runtime.spawn(sleep(A_WHILE)));
    let start = Instant::now();
    assert!(!runtime.turn(Some(A_WHILE)), "a task was ready");
    assert!(start.elapsed() < A_WHILE / 2);
    let start = Instant::now();
    assert!(!runtime.turn(Some(Duration::from_millis(10))));
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(10) && took < A_WHILE / 2,
        "{took:?}"
    );
}

#[test]
fn a_turn_polls_each_ready_task_once() {
    let runtime = Runtime::new();
    let polls = Rc::new(Cell::new([0; 2]));
    for n in 0..2 {
        let polls = polls.clone();
        drop(runtime.spawn(async move {
            loop {
                let mut count = polls.get();
                count[n] += 1;
                polls.set(count);
                yield_now().await;
            }
        }));
    }
    for turns in 1..5 {
        assert!(runtime.turn(Some(AT_ONCE)));
        assert_eq!(polls.get(), [turns, turns]);
    }
}

#[test]
fn a_deadline_that_has_passed_is_met_before_the_loop_stalls() {
    let runtime = Runtime::new();
    let short = Duration::from_millis(2);
    let sleeps = runtime.block_on(async move { sleep(short) });
    std::thread::sleep(2 * short);
    let task = runtime.spawn(sleeps);
    assert!(runtime.turn(Some(Duration::ZERO)), "its deadline has come");
    runtime.run_until_stalled();
    assert!(task.is_finished());
}

#[test]
fn run_until_stalled_waits_for_nothing() {
    let runtime = Runtime::new();
    let trace = Trace::default();
    let event = Rc::new(Event::new());
    let (told, set) = (trace.clone(), event.clone());
    drop(runtime.spawn(async move {
        set.wait().await;
        told.say("heard");
        sleep(A_WHILE).await;
        told.say("slept");
    }));
    drop(runtime.spawn(async move {
        for _ in 0..100 {
            yield_now().await;
        }
        event.set();
    }));
    runtime.run_until_stalled();
    assert_eq!(trace.take(), ["heard"]);
    runtime.run_until_stalled();
    assert!(trace.take().is_empty());
}

#[test]
fn on_a_virtual_clock_only_a_turn_that_may_wait_moves_time() {
    let runtime = virtual_runtime();
    let done = Rc::new(Cell::new(false));
    let told = done.clone();
    drop(runtime.spawn(async move {
        sleep(Duration::from_secs(3600)).await;
        told.set(true);
    }));
    runtime.run_until_stalled();
    let due = runtime.next_deadline().expect("a task sleeps");
    runtime.turn(Some(AT_ONCE));
    assert!(!done.get());
    while !done.get() {
        runtime.turn(None);
    }
    assert_eq!(
        runtime.block_on(async { turnwise::time::Instant::now() }),
        due
    );
}

#[test]
fn the_next_deadline_is_the_earliest_that_is_armed() {
    let runtime = virtual_runtime();
    assert_eq!(runtime.next_deadline(), None);
    let start = runtime.block_on(async { turnwise::time::Instant::now() });
    let [late, early] = [5, 2].map(|n| runtime.spawn(sleep(Duration::from_secs(n))));
    runtime.run_until_stalled();
    // The time of a sleep counts from the call.
    assert_eq!(
        runtime.next_deadline(),
        Some(start + Duration::from_secs(2))
    );
    early.cancel();
    runtime.run_until_stalled();
    assert_eq!(
        runtime.next_deadline(),
        Some(start + Duration::from_secs(5))
    );
    late.cancel();
    runtime.run_until_stalled();
    assert_eq!(runtime.next_deadline(), None);
}

#[test]
fn a_host_is_not_judged() {
    let runtime = Runtime::new();
    let event = Rc::new(Event::new());
    let inside = event.clone();
    let task = runtime.spawn(async move { inside.wait().await });
    runtime.run_until_stalled();
    assert!(!runtime.turn(Some(AT_ONCE)));
    event.set(); // The host holds the other end.
    runtime.run_until_stalled();
    assert!(task.is_finished());
}

#[test]
fn a_turn_inside_the_loop_is_refused() {
    let runtime = Rc::new(Runtime::new());
    let calls: [fn(&Runtime); 3] = [
        |runtime| drop(runtime.turn(None)),
        |runtime| runtime.run_until_stalled(),
        |runtime| runtime.block_on(async {}),
    ];
    for call in calls {
        let inside = runtime.clone();
        let text = runtime.block_on(async move { panic_of(|| call(&inside)) });
        assert!(
            text.contains("inside the loop started at") && text.contains(file!()),
            "{text}"
        );
        let inside = runtime.clone();
        let task = runtime.spawn(async move { panic_of(|| call(&inside)) });
        runtime.turn(Some(AT_ONCE));
        assert!(task.is_finished());
        let text = runtime.block_on(task).expect("it returns");
        assert!(text.contains("inside the loop started at"), "{text}");
    }
}

#[test]
fn a_virtual_clock_has_no_descriptor() {
    let runtime = virtual_runtime();
    let error = runtime.embed().expect_err("time passes nowhere");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("use the real clock"), "{error}");
}

#[test]
fn the_descriptor_is_the_same_every_time() {
    let runtime = Runtime::new();
    let first = runtime.embed().expect("a descriptor").as_raw_fd();
    assert_eq!(runtime.embed().expect("a descriptor").as_raw_fd(), first);
    runtime.block_on(async {});
    assert_eq!(runtime.embed().expect("a descriptor").as_raw_fd(), first);
}

#[test]
fn the_descriptor_shows_what_there_was_before_it_was_asked_for() {
    let runtime = Runtime::new();
    drop(runtime.spawn(async {}));
    assert!(readable(&runtime, AT_ONCE), "a task is ready");
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
    drop(runtime);

    let runtime = Runtime::new();
    drop(runtime.spawn(sleep(Duration::from_millis(5))));
    runtime.run_until_stalled();
    assert!(readable(&runtime, A_WHILE), "a timer is due");
    drop(runtime);

    let runtime = Runtime::new();
    runtime.remote().call(|| ()).expect("it is alive");
    assert!(readable(&runtime, AT_ONCE), "a message is there");
}

#[test]
fn a_deadline_that_comes_nearer_is_shown_in_time() {
    let runtime = Runtime::new();
    drop(runtime.spawn(sleep(A_WHILE)));
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
    let near = runtime.spawn(async { sleep(Duration::from_millis(5)).await });
    runtime.run_until_stalled();
    assert!(readable(&runtime, A_WHILE / 2));
    runtime.run_until_stalled();
    assert!(near.is_finished());
    // Armed by a first poll outside a turn.
    let near = spawn_eager(async { sleep(Duration::from_millis(5)).await });
    while !near.is_finished() {
        assert!(readable(&runtime, A_WHILE / 2));
        runtime.run_until_stalled();
    }
    assert!(!readable(&runtime, AT_ONCE));
}

#[test]
fn what_happens_outside_a_turn_rings_once() {
    let runtime = Runtime::new();
    let (event, queue) = (Rc::new(Event::new()), Rc::new(Queue::<u8>::unbounded()));
    let (waits, gets) = (event.clone(), queue.clone());
    let task = runtime.spawn(async move {
        waits.wait().await;
        gets.get().await
    });
    assert!(readable(&runtime, AT_ONCE));
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
    event.set();
    assert!(readable(&runtime, AT_ONCE));
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
    queue.try_put(7).expect("the queue is open");
    assert!(readable(&runtime, AT_ONCE));
    runtime.run_until_stalled();
    assert!(task.is_finished() && !readable(&runtime, AT_ONCE));
    drop(turnwise::thread::expect_external("dropped outside a turn"));
    assert!(readable(&runtime, AT_ONCE), "a message is there");
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
}

#[test]
fn a_turn_that_panics_leaves_the_descriptor_working() {
    let runtime = Runtime::new();
    assert!(!readable(&runtime, AT_ONCE));
    let other = runtime.spawn(async { yield_now().await });
    runtime
        .remote()
        .call(|| panic!("boom"))
        .expect("it is alive");
    assert!(readable(&runtime, AT_ONCE));
    assert_eq!(panic_of(|| runtime.turn(Some(AT_ONCE))), "boom");
    assert!(readable(&runtime, A_WHILE), "a task is still ready");
    runtime.run_until_stalled();
    assert!(other.is_finished());
    let again = runtime.spawn(async {});
    assert!(readable(&runtime, A_WHILE), "a task was spawned");
    runtime.run_until_stalled();
    assert!(again.is_finished());
}

#[test]
fn a_loop_with_a_descriptor_can_still_block() {
    let runtime = Runtime::new();
    assert!(!readable(&runtime, AT_ONCE));
    let woken = runtime.spawn(async {
        sleep(Duration::from_millis(2)).await;
        7
    });
    assert_eq!(runtime.block_on(woken).expect("it returns"), 7);
    let left = runtime.spawn(async { sleep(Duration::from_millis(5)).await });
    runtime.block_on(yield_now());
    // The host goes on polling where the call has left off.
    while !left.is_finished() {
        assert!(readable(&runtime, A_WHILE), "the timer is due");
        runtime.run_until_stalled();
    }
}

#[test]
fn a_timer_that_is_armed_outside_a_turn_is_shown_in_time() {
    let runtime = Runtime::new();
    assert!(!readable(&runtime, AT_ONCE));
    // The host polls it with a waker of its own.
    let (spy, waker) = Spy::new();
    let mut timer = sleep(Duration::from_millis(5));
    assert!(poll_with(&mut timer, &waker).is_pending());
    let start = Instant::now();
    while spy.wakes() == 0 {
        assert!(readable(&runtime, A_WHILE), "the timer is due");
        runtime.turn(Some(AT_ONCE));
    }
    assert!(start.elapsed() < A_WHILE / 2);
    assert!(poll_with(&mut timer, &waker).is_ready());
    assert!(!readable(&runtime, AT_ONCE));
}

#[test]
fn who_waits_for_everybody_to_be_blocked_needs_no_other_event() {
    let runtime = Runtime::new();
    assert!(!readable(&runtime, AT_ONCE));
    let waits = runtime.spawn(turnwise::task::wait_quiescent());
    let turns = (0..10).take_while(|_| {
        let due = readable(&runtime, AT_ONCE);
        due.then(|| runtime.turn(Some(AT_ONCE)));
        due
    });
    assert!(turns.count() < 10, "the host is not kept busy");
    assert!(waits.is_finished());
    // Without a descriptor as well.
    drop(runtime);
    let runtime = Runtime::new();
    let waits = runtime.spawn(turnwise::task::wait_quiescent());
    runtime.run_until_stalled();
    assert!(waits.is_finished());
}

#[test]
fn what_a_destructor_outside_a_turn_sets_going_is_shown() {
    let runtime = Runtime::new();
    let (lock, trace) = (Rc::new(Lock::new(())), Trace::default());
    let guard = lock.try_acquire().expect("it is free");
    let (waits, told) = (lock.clone(), trace.clone());
    drop(runtime.spawn(async move {
        drop(waits.acquire().await);
        told.say("acquired");
    }));
    runtime.run_until_stalled();
    assert!(!readable(&runtime, AT_ONCE));
    drop(guard);
    assert!(readable(&runtime, AT_ONCE));
    runtime.run_until_stalled();
    assert_eq!(trace.take(), ["acquired"]);
}

#[test]
fn a_task_that_panics_and_arms_a_timer_before_leaves_the_host_armed() {
    let runtime = Runtime::new();
    assert!(!readable(&runtime, AT_ONCE));
    let done = Rc::new(Cell::new(false));
    let told = done.clone();
    let panics = runtime.spawn(async move {
        drop(spawn(async move {
            sleep(Duration::from_millis(5)).await;
            told.set(true);
        }));
        panic!("after it has spawned");
    });
    while !done.get() {
        assert!(
            readable(&runtime, A_WHILE),
            "a task is ready, or the timer due"
        );
        runtime.turn(Some(AT_ONCE));
    }
    assert!(
        runtime
            .block_on(panics)
            .is_err_and(|error| error.is_panic())
    );
}

#[test]
fn letters_that_come_at_any_moment_of_a_turn_are_shown() {
    bounded(|| {
        let runtime = Runtime::new();
        let heard = Rc::new(Cell::new(0));
        let counted = heard.clone();
        let inlet = turnwise::thread::sender(move |()| counted.set(counted.get() + 1));
        assert!(!readable(&runtime, AT_ONCE));
        let thread = thread::spawn(move || {
            for n in 0..20_000 {
                inlet.send(()).expect("it is alive");
                // Now a little earlier, now a little later than the host goes to sleep.
                (0..(n % 64) * 8).for_each(|_| std::hint::spin_loop());
            }
            inlet
        });
        while heard.get() < 20_000 {
            assert!(readable(&runtime, A_WHILE), "a message was slept over");
            runtime.turn(Some(AT_ONCE));
        }
        drop(thread.join().expect("no panic"));
    });
}

#[test]
fn a_turn_on_a_virtual_clock_lets_no_more_time_pass_than_it_may() {
    let runtime = virtual_runtime();
    let now = turnwise::time::Instant::now;
    let start = runtime.block_on(async move { now() });
    let task = runtime.spawn(sleep(Duration::from_secs(10)));
    runtime.run_until_stalled();
    for seconds in 1..=3 {
        runtime.turn(Some(Duration::from_secs(3)));
        assert_eq!(now() - start, Duration::from_secs(3 * seconds));
        assert!(!task.is_finished());
    }
    runtime.turn(Some(Duration::from_secs(3)));
    assert_eq!(
        now() - start,
        Duration::from_secs(10),
        "it stops at the deadline"
    );
    assert!(task.is_finished());
}

/// Run by the test below, alone in a process of its own, which it forks.
#[test]
#[ignore = "is run by a_fork_is_refused_loudly_in_the_child"]
fn forks() {
    let runtime = Runtime::new();
    let timer = runtime.spawn(sleep(Duration::from_millis(1)));
    runtime.run_until_stalled();
    match fork::fork().expect("a process") {
        fork::Fork::Child => {
            let texts = [
                panic_of(|| runtime.block_on(async {})),
                panic_of(|| runtime.try_block_on(async {}).is_ok()),
                panic_of(|| runtime.turn(Some(AT_ONCE))),
                panic_of(|| runtime.run_until_stalled()),
            ];
            let first = here();
            let places = [
                place_of_panic(|| runtime.block_on(async {})),
                place_of_panic(|| runtime.try_block_on(async {}).is_ok()),
                place_of_panic(|| runtime.turn(Some(AT_ONCE))),
                place_of_panic(|| runtime.run_until_stalled()),
            ];
            let lines = first..here();
            let is_ours = |(file, line): &(String, u32)| file == file!() && lines.contains(line);
            let refused = texts
                .iter()
                .all(|text| text.contains("by a fork; make a runtime after the fork"))
                && texts
                    .iter()
                    .all(|text| text.contains(", made at tests/it/lifecycle/embed.rs:"))
                && places.iter().all(is_ours);
            // What the child makes for itself works.
            std::mem::forget(runtime);
            let own = thread::spawn(|| block_on(async { 7 })).join();
            std::process::exit(if refused && own.is_ok_and(|seven| seven == 7) {
                77
            } else {
                1
            });
        }
        fork::Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("the child ends");
            println!("child: {}", status >> 8);
            runtime.block_on(timer).expect("the parent goes on");
            println!("parent: fine");
        }
    }
}

/// As above, but the fork happens while the loop runs, and is noticed when it goes to sleep.
#[test]
#[ignore = "is run by a_fork_is_refused_loudly_in_the_child"]
fn forks_in_a_task() {
    let runtime = Runtime::new();
    let mut child = None;
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            sleep(Duration::from_millis(15)).await;
            if let fork::Fork::Parent(pid) = fork::fork().expect("a process") {
                child = Some(pid);
            }
            for _ in 0..10 {
                sleep(Duration::from_millis(15)).await;
            }
        });
    }));
    match child {
        None => std::process::exit(if ended.is_err() { 77 } else { 1 }),
        Some(pid) => {
            let status = fork::waitpid(pid).expect("the child ends");
            println!("child: {}", status >> 8);
            ended.expect("the parent goes on");
            println!("parent: fine");
        }
    }
}

#[test]
fn a_fork_is_refused_loudly_in_the_child() {
    for test in [
        "lifecycle::embed::forks",
        "lifecycle::embed::forks_in_a_task",
    ] {
        // With one thread the tests run on the main thread, and a fork carries all there is.
        let output = rerun(test).output().expect("the test runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{errors}");
        assert!(
            text.contains("child: 77") && text.contains("parent: fine"),
            "{test}: {text}{errors}"
        );
        assert!(
            errors.contains("was carried into process"),
            "{test}: {errors}"
        );
        let started = errors.contains("whose loop was started at tests/it/lifecycle/embed.rs:");
        assert_eq!(
            started,
            test == "lifecycle::embed::forks_in_a_task",
            "{errors}"
        );
    }
}

#[test]
fn slack_counts_for_the_descriptor_of_a_host_too() {
    let runtime = Runtime::builder().timer_slack(A_WHILE).build();
    let task = runtime.spawn(sleep(Duration::from_millis(1)));
    assert!(runtime.embed().is_ok());
    while runtime.turn(Some(AT_ONCE)) {}
    assert!(!readable(&runtime, Duration::from_millis(20)));
    // A host that turns all the same meets what is due.
    while runtime.turn(Some(AT_ONCE)) {}
    assert!(task.is_finished());
}
