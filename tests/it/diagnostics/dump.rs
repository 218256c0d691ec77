//! Looking at a program that lives: dumps, partial deadlocks, the watchdog, hooks.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::poll;
use turnwise::report::{DeadlockPolicy, Verdict, dump};
use turnwise::sync::{CountDownLatch, Event, Lock, Queue, RwLock, Semaphore};
use turnwise::task::wait_quiescent;
use turnwise::{JoinHandle, Runtime, sleep, spawn, yield_now};

use crate::support::{forever, here, virtual_runtime, yields};

const SECOND: Duration = Duration::from_secs(1);

/// Two tasks that take two locks, each in its own order.
fn crossed() -> [JoinHandle<()>; 2] {
    let locks = [Rc::new(Lock::new(())), Rc::new(Lock::new(()))];
    [0, 1].map(|first| {
        let locks = locks.clone();
        spawn(async move {
            let _first = locks[first].acquire().await;
            yield_now().await;
            let _second = locks[1 - first].acquire().await;
        })
    })
}

#[test]
fn a_cycle_is_found_though_a_timer_ticks_elsewhere() {
    virtual_runtime().block_on(async {
        let event = Rc::new(Event::new());
        let [one, two] = crossed();
        let bystander = spawn({
            let event = event.clone();
            async move { event.wait().await }
        });
        let ticker = spawn(async {
            loop {
                sleep(SECOND).await;
            }
        });
        // It waits for one that is stuck, so it is stuck too, but in no cycle.
        let (one_id, two_id) = (one.id(), two.id());
        let third = spawn(async move { one.await.unwrap() });
        wait_quiescent().await;
        let report = dump();
        assert_eq!(report.verdict(), Verdict::Idle);
        assert_eq!(report.stuck(), [one_id, two_id, third.id()]);
        assert_eq!(report.cycles(), [[one_id, two_id]]);
        let text = report.to_string();
        assert!(
            text.starts_with("6 tasks, 1 running, 5 waiting, 3 of them for ever\ncycle of 2"),
            "{text}"
        );
        assert!(text.contains(&format!("task {one_id} [stuck]")), "{text}");
        assert!(
            text.contains(&format!("task {} [waiting]", ticker.id())),
            "{text}"
        );
        for task in [&third, &ticker, &bystander, &two] {
            task.cancel();
        }
        yields(3).await;
    });
}

#[test]
fn whoever_might_be_woken_is_not_stuck() {
    let runtime = virtual_runtime();
    let lock = Rc::new(Lock::new(()));
    let waits = {
        let lock = lock.clone();
        runtime.spawn(async move {
            let _guard = lock.acquire().await;
            let _ = lock.acquire().await;
        })
    };
    let event = Rc::new(Event::new());
    let host = {
        let event = event.clone();
        runtime.spawn(async move { event.wait().await })
    };
    runtime.run_until_stalled();
    // The host of the loop may set the event; the lock it cannot release.
    assert_eq!(runtime.dump().stuck(), [waits.id()]);
    event.set();
    runtime.run_until_stalled();
    assert!(host.is_finished());
    drop(waits);
    runtime.block_on(async {
        let kept = Rc::new(RefCell::new(None));
        let keeper = kept.clone();
        let task = spawn(poll_fn(move |cx| {
            keeper.replace(Some(cx.waker().clone()));
            Poll::<()>::Pending
        }));
        wait_quiescent().await;
        assert!(!dump().stuck().contains(&task.id()));
        assert!(dump().to_string().contains("foreign code keeps its waker"));
        kept.take();
        assert!(dump().stuck().contains(&task.id()));
        task.cancel();
        yields(2).await;
    });
}

#[test]
fn the_figures_of_a_primitive_follow_while_somebody_waits() {
    virtual_runtime().block_on(async {
        let says = |text: &str| {
            let dump = dump().to_string();
            assert!(dump.contains(text), "{text:?} is not in\n{dump}");
        };
        let (lock, permits) = (RwLock::new(()), Semaphore::new(3));
        let (first, second) = (lock.read().await, lock.read().await);
        let line = here() - 1;
        let mut write = pin!(lock.write());
        assert!(poll!(&mut write).is_pending());
        says(&format!(
            "readers: 2, the last since tests/it/diagnostics/dump.rs:{line}:"
        ));
        drop(second);
        let mut read = pin!(lock.read());
        assert!(poll!(&mut read).is_pending());
        says("readers: 1, the last since");
        drop(first);
        says("granted to task #0 (main), which asked at");
        says("just now, and has not come for it");
        assert!(!dump().to_string().contains("readers: "));
        let held = permits.try_acquire_many(2).unwrap();
        let line = here() - 1;
        let mut three = pin!(permits.acquire_many(3));
        assert!(poll!(&mut three).is_pending());
        let last = format!("the last since tests/it/diagnostics/dump.rs:{line}:");
        says(&format!("permits in hand: 2, {last}"));
        permits.add_permits(1).unwrap();
        says(&format!("permits in hand: 2, {last}"));
        held.forget();
        says("permits in hand: 0\n");
        let latch = CountDownLatch::new(3);
        let mut open = pin!(latch.wait());
        assert!(poll!(&mut open).is_pending());
        latch.count_down();
        says("left to count down: 2\n");
        let queue = Queue::unbounded();
        queue.try_put(1).unwrap();
        let mut done = pin!(queue.join());
        assert!(poll!(&mut done).is_pending());
        queue.try_put(2).unwrap();
        says("items not done: 2\n");
        let json = dump().to_json();
        assert!(
            json.contains(r#""tally":{"what":"items not done","count":2,"last_at":null}"#),
            "{json}"
        );
    });
}

#[test]
fn a_guard_in_another_task_is_said_to_be_taken_by_the_one_that_took_it() {
    virtual_runtime().block_on(async {
        let lock = forever(Lock::new(()));
        let mut taken = 0;
        let guard = {
            let taken = &mut taken;
            async move {
                *taken = here() + 1;
                lock.acquire().await
            }
        };
        let guard = guard.await;
        let keeper = spawn(async move {
            sleep(SECOND).await;
            drop(guard);
        });
        let waits = spawn(async move { drop(lock.acquire().await) });
        wait_quiescent().await;
        let text = dump().to_string();
        let line = format!("taken by task #0 (main) at tests/it/diagnostics/dump.rs:{taken}:");
        assert!(text.contains(&line), "{text}");
        keeper.await.unwrap();
        waits.await.unwrap();
    });
}

#[test]
fn a_dump_polls_nothing_and_can_be_taken_anywhere() {
    assert_eq!(dump().task_count(), 0);
    let polls = Rc::new(Cell::new(0));
    let runtime = virtual_runtime();
    let counted = polls.clone();
    let task = runtime.spawn(async move {
        poll_fn(|_| {
            counted.set(counted.get() + 1);
            let text = dump().to_string();
            assert!(text.contains("[running]"), "{text}");
            Poll::<()>::Pending
        })
        .await
    });
    struct DumpsInDrop;
    impl Drop for DumpsInDrop {
        fn drop(&mut self) {
            assert!(dump().task_count() > 0);
        }
    }
    let dumps = DumpsInDrop;
    drop(runtime.spawn(async move { drop(dumps) }));
    runtime.run_until_stalled();
    for _ in 0..10 {
        assert_eq!(runtime.dump().task_count(), 1);
    }
    assert_eq!(polls.get(), 1);
    drop(task);
}

/// Reads one JSON value, or fails.
fn read_json(text: &[char], at: &mut usize) {
    let list = |text: &[char], at: &mut usize, end: char, keyed: bool| {
        *at += 1;
        while text[*at] != end {
            if keyed {
                read_json(text, at);
                assert_eq!(text[*at], ':');
                *at += 1;
            }
            read_json(text, at);
            match text[*at] {
                ',' => *at += 1,
                other => assert_eq!(other, end),
            }
        }
        *at += 1;
    };
    match text[*at] {
        '{' => list(text, at, '}', true),
        '[' => list(text, at, ']', false),
        '"' => {
            *at += 1;
            while text[*at] != '"' {
                assert!(text[*at] >= ' ');
                *at += if text[*at] == '\\' { 2 } else { 1 };
            }
            *at += 1;
        }
        _ => {
            let rest: String = text[*at..].iter().collect();
            let end = rest.find([',', '}', ']']).unwrap();
            let word = &rest[..end];
            assert!(
                matches!(word, "true" | "false" | "null") || word.parse::<u64>().is_ok(),
                "{word}"
            );
            *at += end;
        }
    }
}

#[test]
fn the_json_is_json_and_names_survive_in_it() {
    virtual_runtime().block_on(async {
        let semaphore = Rc::new(Semaphore::new(0));
        let task = spawn({
            let semaphore = semaphore.clone();
            async move { drop(semaphore.acquire().await) }
        });
        let task = task.named("\"quoted\" \\ and\nbroken \u{7}");
        let [one, two] = crossed();
        wait_quiescent().await;
        let report = dump();
        let json: Vec<char> = report.to_json().chars().collect();
        let mut end = 0;
        read_json(&json, &mut end);
        assert_eq!(end, json.len());
        let json: String = json.into_iter().collect();
        assert!(
            json.contains(r#""name":"\"quoted\" \\ and\nbroken \u0007""#),
            "{json}"
        );
        // A terminal gets no control characters, and a task one line for its title.
        let text = report.to_string();
        let named = r#""\"quoted\" \\ and\nbroken \u{7}" [waiting]"#;
        assert!(text.contains(named), "{text}");
        let cycle = format!(r#""cycles":[["{}","{}"]]"#, one.id(), two.id());
        assert!(json.contains(&cycle), "{json}");
        let dot = report.to_dot();
        assert_eq!(dot.matches("color=red").count(), 2 + 4, "{dot}");
        for task in [task, one, two] {
            task.cancel();
        }
        yields(2).await;
    });
}

#[test]
fn a_granted_wait_in_json_has_the_age_of_the_asking_and_that_of_the_grant() {
    virtual_runtime().block_on(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let mut unpolled = Box::pin(lock.acquire());
        assert!(poll!(&mut unpolled).is_pending());
        yields(3).await;
        sleep(2 * SECOND).await;
        drop(guard);
        yield_now().await;
        sleep(3 * SECOND).await;
        let json = dump().to_json();
        let (_, wait) = json.split_once(r#""for":"lock""#).unwrap();
        assert!(wait.contains(r#""nanoseconds":5000000000,"#), "{json}");
        // It yielded once since, and slept.
        assert!(
            wait.contains(r#""granted":true,"passes_granted":2,"#),
            "{json}"
        );
        // What is not granted has no such age.
        drop(unpolled);
        let guard = lock.acquire().await;
        let mut waits = pin!(lock.acquire());
        assert!(poll!(&mut waits).is_pending());
        assert!(
            dump()
                .to_json()
                .contains(r#""granted":false,"passes_granted":null,"#)
        );
        drop(guard);
    });
}

#[test]
fn a_big_report_is_cut_for_the_terminal_but_complete_for_tools() {
    virtual_runtime().block_on(async {
        let event = Rc::new(Event::new());
        let wait = || {
            let event = event.clone();
            spawn(async move { event.wait().await })
        };
        let tasks: Vec<_> = (0..900).map(|_| wait()).collect();
        wait_quiescent().await;
        let report = dump();
        assert!(report.to_string().contains("and 851 more"), "{report}");
        assert_eq!(
            format!("{report:#}").matches("waits for event").count(),
            900
        );
        assert_eq!(report.to_json().matches("\"for\":\"event\"").count(), 900);
        event.set();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn what_a_user_named_stays_on_its_line_and_is_not_long() {
    virtual_runtime().block_on(async {
        let name = format!("{}\u{1b}[2J{} 17", "a".repeat(5_000), "b".repeat(5_000));
        let task = spawn(pending::<()>()).named(name.clone());
        let label = format!("sensor\r\n\u{1b}[31m{}of /dev/it:3", "c".repeat(5_000));
        let expected = turnwise::thread::expect_external(label);
        let quoted = turnwise::thread::expect_external("the \"sensor's\" é");
        let report = dump();
        let text = report.to_string();
        assert!(text.contains(&format!("\"{}…", "a".repeat(100))), "{text}");
        assert!(text.contains("b 17\" [ready]"), "{text}");
        let labels = r#"outside: sensor\r\n\u{1b}[31mc"#;
        assert!(text.contains(labels), "{text}");
        assert!(
            text.contains(r#"cof /dev/it:3, the \"sensor's\" é"#),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() < 400), "{text}");
        assert!(report.to_json().contains(&"c".repeat(5_000)));
        assert!(report.to_json().contains(&"b".repeat(5_000)));
        drop((expected, quoted));
        task.cancel();
        yields(2).await;
    });
}

#[test]
fn a_crowd_of_labels_is_counted() {
    virtual_runtime().block_on(async {
        let expected: Vec<_> = (1..=20)
            .map(|n| turnwise::thread::expect_external(format!("sensor {n}")))
            .collect();
        let report = dump();
        let text = report.to_string();
        assert!(text.contains("sensor 7, sensor 8 and 12 more"), "{text}");
        assert!(report.to_json().contains("sensor 20"), "{text}");
        drop(expected);
    });
}

#[test]
fn waits_of_one_task_are_listed_in_the_order_of_their_lines() {
    virtual_runtime().block_on(async {
        let events = [Event::new(), Event::new(), Event::new(), Event::new()];
        // Their slots are freed in another order than they were taken in.
        let mut early: Vec<_> = events.iter().map(|event| Box::pin(event.wait())).collect();
        for wait in &mut early {
            assert!(poll!(wait).is_pending());
        }
        for wait in [2, 0, 1, 0] {
            drop(early.remove(wait));
        }
        let first = here() + 2;
        let mut waits = [
            Box::pin(events[0].wait()),
            Box::pin(events[1].wait()),
            Box::pin(events[2].wait()),
            Box::pin(events[3].wait()),
        ];
        for wait in &mut waits {
            assert!(poll!(wait).is_pending());
        }
        let text = dump().to_string();
        let tree = text.lines().filter(|line| line.contains("   at "));
        let lines: Vec<_> = tree.filter_map(|line| line.split(':').nth(1)).collect();
        let expected: Vec<_> = (first..first + 4).map(|line| line.to_string()).collect();
        assert_eq!(lines, expected, "{text}");
    });
}

#[test]
fn a_crowd_of_waits_of_one_task_is_a_few_and_a_count() {
    let never = async {
        let (event, other) = (Event::new(), Event::new());
        let crowd = futures::future::join_all((0..5_000).map(|_| event.wait()));
        futures::join!(crowd, other.wait())
    };
    let judging = Runtime::builder()
        .fail_on_suspected()
        .suspect_after(Duration::ZERO);
    let deadlock = judging.build().try_block_on(never).unwrap_err();
    let text = deadlock.to_string();
    assert!(text.len() < 5_000, "{text}");
    assert_eq!(text.matches("waits for event").count(), 9, "{text}");
    assert!(text.contains(" and 4992 more like it\n"), "{text}");
    let json = deadlock.report().to_json();
    assert!(json.contains("\"more_like_it\":4992}"), "{json}");
}

#[test]
fn a_long_cycle_is_shown_from_both_its_ends() {
    let deadlock = virtual_runtime().try_block_on(async {
        let locks: Rc<Vec<_>> = Rc::new((0..5_000).map(|_| Lock::new(())).collect());
        for at in 0..locks.len() {
            let locks = locks.clone();
            drop(spawn(async move {
                let _own = locks[at].acquire().await;
                yield_now().await;
                let _next = locks[(at + 1) % locks.len()].acquire().await;
            }));
        }
        Event::new().wait().await;
    });
    let report = deadlock.unwrap_err().report().clone();
    assert_eq!(report.cycles()[0].len(), 5_000);
    let text = report.to_string();
    assert!(text.contains("cycle of 5000 tasks"), "{text}");
    assert!(text.contains("  and 4949 more, and then\n"), "{text}");
    assert_eq!(
        text.matches("    took       lock made at").count(),
        50,
        "{text}"
    );
}

/// With a look at all tasks for each of them this would take minutes.
#[test]
fn a_report_of_a_crowd_in_cycles_takes_a_time_that_grows_with_the_crowd() {
    let deadlock = virtual_runtime().try_block_on(async {
        for _ in 0..20_000 {
            drop(crossed());
        }
        Event::new().wait().await;
    });
    let report = deadlock.unwrap_err().report().clone();
    let text = report.to_string();
    assert_eq!(text.matches("cycle of 2 tasks").count(), 50);
    assert!(
        text.contains("and 39951 more; {:#} prints 1000 tasks"),
        "{text}"
    );
    // All are judged, and a thousand described.
    assert_eq!(
        (report.task_count(), report.stuck().len()),
        (40_001, 40_001)
    );
    assert_eq!(report.cycles().len(), 20_000);
    assert_eq!(format!("{report:#}").matches("taken by").count(), 1_000);
    assert_eq!(report.to_dot().matches("color=red").count(), 1_000 * 3);
    assert!(report.to_json().contains("\"more_tasks\":39001,"));
}

#[test]
fn a_report_stays_small_though_thousands_were_granted_what_thousands_wait_for() {
    virtual_runtime().block_on(async {
        let semaphore = Rc::new(Semaphore::new(0));
        let wait = || {
            let semaphore = semaphore.clone();
            spawn(async move { semaphore.acquire().await.forget() })
        };
        let tasks: Vec<_> = (0..900).map(|_| wait()).collect();
        wait_quiescent().await;
        semaphore.add_permits(450).unwrap();
        let report = dump();
        let text = format!("{report:#}");
        assert!(text.contains("granted to 442 more"), "{text}");
        let json = report.to_json();
        assert!(json.len() < 900 * 1_500, "{} bytes", json.len());
        assert_eq!(json.matches("\"more_granted\":442").count(), 450);
        semaphore.add_permits(450).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn quiescence_comes_after_everything_that_is_due() {
    virtual_runtime().block_on(async {
        let steps = Rc::new(Cell::new(0));
        let stepper = spawn({
            let steps = steps.clone();
            async move {
                for _ in 0..5 {
                    yield_now().await;
                    steps.set(steps.get() + 1);
                }
                sleep(SECOND).await;
                steps.set(100);
            }
        });
        wait_quiescent().await;
        assert_eq!(steps.get(), 5);
        wait_quiescent().await;
        assert_eq!(steps.get(), 5, "time stands still for it");
        sleep(SECOND).await;
        wait_quiescent().await;
        assert_eq!(steps.get(), 100);
        stepper.await.unwrap();
        drop(wait_quiescent());
    });
}

#[test]
fn a_suspicion_is_told_once_after_the_grace_and_the_program_goes_on() {
    let told = Rc::new(Cell::new(0));
    let count = told.clone();
    let runtime = Runtime::builder()
        .suspect_after(Duration::from_millis(20))
        .on_suspected(move |report| {
            assert_eq!(report.verdict(), Verdict::Suspected);
            count.set(count.get() + 1);
        })
        .build();
    for _ in 0..2 {
        let (answer, question) = futures::channel::oneshot::channel();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            answer.send(7).unwrap();
        });
        assert_eq!(runtime.try_block_on(question).unwrap(), Ok(7));
        thread.join().unwrap();
    }
    assert_eq!(told.get(), 1);
}

#[test]
fn a_policy_can_wait_all_the_same() {
    let runtime = Runtime::builder()
        .deadlock_policy(DeadlockPolicy::Wait)
        .build();
    let (answer, question) = futures::channel::oneshot::channel();
    let thread = thread::spawn(move || answer.send(7).unwrap());
    assert_eq!(runtime.block_on(question), Ok(7));
    thread.join().unwrap();
    // try_block_on says in its name that it does not.
    assert!(runtime.try_block_on(pending::<()>()).is_err());
}

#[turnwise::test(real_time)]
async fn a_blocking_call_of_ours_is_no_foreign_code() {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let place = format!("blocking call at {}:{}:", file!(), here() + 1);
    let call = turnwise::spawn_blocking(move || ended.recv());
    yield_now().await;
    let report = dump();
    let text = report.to_string();
    assert!(
        text.contains(&format!("\n  └─ waits for {place}")),
        "{text}"
    );
    assert!(!text.contains("foreign"), "{text}");
    assert!(report.to_json().contains(&format!(r#""for":"{place}"#)));
    assert!(report.to_dot().contains(&place));
    end.send(()).unwrap();
    call.await.unwrap().unwrap();
}

#[turnwise::test]
async fn a_sleep_for_ever_is_called_so() {
    let sleeps = spawn(sleep(Duration::MAX));
    yield_now().await;
    let text = dump().to_string();
    assert!(text.contains("waits for sleep without end\n"), "{text}");
    sleeps.cancel();
    assert!(sleeps.await.is_err());
}

#[test]
fn the_longest_poll_may_be_that_of_main() {
    let runtime = Runtime::builder().time_polls(true).build();
    let text = runtime.block_on(async {
        yield_now().await;
        dump().to_string()
    });
    assert!(text.contains(" in task #0 (main), spawned at "), "{text}");
}

#[turnwise::test]
async fn a_group_whose_body_waits_has_perhaps_no_children() {
    let group = spawn(turnwise::try_task_group(
        async |_: turnwise::TaskGroup<()>| std::future::pending::<Result<(), ()>>().await,
    ));
    yield_now().await;
    let text = dump().to_string();
    assert!(
        text.contains("waits for a child of a task group made at"),
        "{text}"
    );
    group.cancel();
    assert!(group.await.is_err());
}

#[test]
fn a_dump_names_the_spawn_places_with_the_longest_polls() {
    let runtime = Runtime::builder().time_polls(true).build();
    let mut line = 0;
    runtime.block_on(async {
        line = here() + 1;
        let slow = |long| spawn(async move { thread::sleep(Duration::from_millis(long)) });
        let (slow, quick) = (slow(30).named("slow"), slow(1));
        let id = slow.id();
        quick.await.unwrap();
        slow.await.unwrap();
        let report = dump();
        let text = report.to_string();
        let place = format!("spawned at tests/it/diagnostics/dump.rs:{line}:");
        assert!(text.contains("\npolls: "), "{text}");
        assert!(
            text.contains("2 under 10 ms") || text.contains("under 100 ms"),
            "{text}"
        );
        let (_, longest) = text.split_once("ms in task").unwrap();
        assert!(
            longest.starts_with(&format!(" {id} \"slow\", {place}")),
            "{text}"
        );
        assert!(
            longest.contains("\n           2 polls of such tasks, "),
            "{text}"
        );
        let json: Vec<char> = report.to_json().chars().collect();
        let mut end = 0;
        read_json(&json, &mut end);
        let json: String = json.into_iter().collect();
        assert!(
            json.contains(r#""name":"slow","longest_nanoseconds":"#),
            "{json}"
        );
    });
    drop(runtime);
    let runtime = Runtime::builder().time_polls(false).build();
    runtime.block_on(async { assert!(!dump().to_string().contains("polls")) });
    assert!(runtime.dump().to_json().contains(r#""polls":null"#));
}

/// A runtime whose watchdog sends what it sees.
#[test]
fn an_unobserved_panic_is_told_once_with_the_spawn_place() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let note = told.clone();
    let runtime = Runtime::builder()
        .on_unobserved(move |problem| note.borrow_mut().push(problem.clone()))
        .build();
    let quiet = || std::panic::resume_unwind(Box::new("meant"));
    let mut line = 0;
    runtime.block_on(async {
        line = here() + 1;
        drop(spawn(async move { quiet() }).named("bad"));
        // Observed, and an error is a value like any other.
        assert!(spawn(async move { quiet() }).await.is_err());
        drop(spawn(async { Err::<(), _>("nobody sees this") }));
        yields(2).await;
    });
    drop(runtime);
    let told = told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (told[0].name.as_deref(), told[0].spawned_at.line()),
        (Some("bad"), line)
    );
    assert!(
        told[0]
            .to_string()
            .ends_with("panicked and nobody awaits it: meant")
    );
}

#[cfg(feature = "signal")]
mod signals {
    use std::process::Stdio;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;
    use crate::support::rerun;

    #[test]
    fn sigusr1_prints_a_dump_and_the_program_goes_on() {
        let mut child = rerun("diagnostics::dump::signals::a_program_that_is_asked_twice");
        let output = child
            .stdin(Stdio::null())
            .output()
            .expect("a test runs again");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert_eq!(text.matches("turnwise: 2 tasks").count(), 2, "{text}");
        assert_eq!(text.matches("waits for event made at").count(), 2, "{text}");
    }

    #[test]
    #[ignore = "is run in a process of its own"]
    fn a_program_that_is_asked_twice() {
        let runtime = Runtime::builder().dump_on_sigusr1().build();
        runtime.block_on(async {
            let task = spawn(async { Event::new().wait().await }).named("waiter");
            for _ in 0..2 {
                kill_process(getpid(), Signal::USR1).unwrap();
                // Requests that come right after a dump get none of their own.
                sleep(Duration::from_millis(250)).await;
            }
            task.cancel();
        });
        // Its own descriptor is not what keeps a program alive.
        assert!(runtime.try_block_on(Event::new().wait()).is_err());
    }
}

#[test]
fn a_wait_that_was_forgotten_is_not_reported_after_its_primitive() {
    virtual_runtime().block_on(async {
        let event = Event::new();
        let mut wait = ManuallyDrop::new(event.wait());
        assert!(poll!(&mut *wait).is_pending());
        event.set();
        assert!(dump().to_string().contains("was granted event made at"));
        drop(event);
        assert!(!dump().to_string().contains("event"));
    });
}

#[test]
fn a_dump_for_a_host_declares_nobody_dead() {
    let runtime = virtual_runtime();
    let event = Rc::new(Event::new());
    let task = runtime.spawn({
        let event = event.clone();
        async move { event.wait().await }
    });
    runtime.run_until_stalled();
    let report = runtime.dump();
    assert_eq!(report.verdict(), Verdict::Idle);
    let text = report.to_string();
    assert!(text.starts_with("1 task, 1 waiting\n"), "{text}");
    assert!(report.stuck().is_empty());
    event.set();
    runtime.block_on(task).unwrap();
    assert!(runtime.dump().to_string().starts_with("no tasks\n"));
}
