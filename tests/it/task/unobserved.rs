//! Panics that nobody awaits: told once, at a known moment, with the line that spawned the task.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::poll;
use turnwise::sync::Event;
use turnwise::task::{Unobserved, spawn_eager};
use turnwise::{
    JoinHandle, Runtime, TaskGroup, gather_spawned, spawn, spawn_blocking, timeout, try_task_group,
    yield_now,
};

use crate::support::{OnDrop, here, rerun, yields};

type Told = Rc<RefCell<Vec<Unobserved>>>;

/// A runtime that notes what it tells, and sets the event whenever it does.
fn listening() -> (Runtime, Told, Rc<Event>) {
    let (told, heard) = (Told::default(), Rc::new(Event::new()));
    let (note, hear) = (told.clone(), heard.clone());
    let runtime = Runtime::builder()
        .on_unobserved(move |problem| {
            note.borrow_mut().push(problem.clone());
            hear.set();
        })
        .build();
    (runtime, told, heard)
}

/// A panic that the panic hook does not print.
fn fail(text: &'static str) {
    resume_unwind(Box::new(text));
}

/// One problem was told: this text, of a task spawned at this line of this file.
#[track_caller]
fn assert_told(told: &Told, text: &str, line: u32) {
    let told = told.borrow();
    assert_eq!(told.len(), 1, "{told:?}");
    let place = (told[0].spawned_at.file(), told[0].spawned_at.line());
    assert_eq!(place, (file!(), line), "{}", told[0]);
    assert!(told[0].problem.ends_with(text), "{}", told[0]);
}

#[test]
fn a_handle_dropped_after_the_panic_tells_inside_that_drop() {
    let (runtime, told, _) = listening();
    runtime.block_on(async {
        let task = spawn(async { fail("late") });
        let spawned = here() - 1;
        while !task.is_finished() {
            yield_now().await;
        }
        assert!(told.borrow().is_empty(), "somebody may await it yet");
        drop(task);
        assert_told(&told, "late", spawned);
    });
    drop(runtime);
    assert_eq!(told.borrow().len(), 1, "once");
}

#[test]
fn a_handle_that_outlives_the_runtime_tells_when_the_runtime_ends() {
    let (runtime, told, _) = listening();
    let task = runtime.spawn(async { fail("kept") });
    let spawned = here() - 1;
    runtime.block_on(async {
        while !task.is_finished() {
            yield_now().await;
        }
    });
    assert!(told.borrow().is_empty(), "somebody may await it yet");
    drop(runtime);
    assert_told(&told, "kept", spawned);
    drop(task);
    assert_eq!(told.borrow().len(), 1, "once");
}

#[test]
fn an_awaited_panic_is_not_told() {
    let (runtime, told, _) = listening();
    let again = runtime.block_on(async {
        assert!(spawn(async { fail("awaited") }).await.is_err());
        assert!(spawn_blocking(|| fail("awaited")).await.is_err());
        spawn(async { fail("awaited by the next block_on") })
    });
    assert!(runtime.block_on(again).is_err());
    drop(runtime);
    assert!(told.borrow().is_empty(), "{told:?}");
}

#[test]
fn a_blocking_call_whose_handle_is_gone_tells_the_line_of_the_call() {
    let (runtime, told, heard) = listening();
    runtime.block_on(async {
        drop(spawn_blocking(|| fail("in a thread")));
        let spawned = here() - 1;
        let waited = timeout(Duration::from_secs(20), heard.wait()).await;
        waited.expect("a panic in a thread reaches the loop");
        assert_told(&told, "in a thread", spawned);
        // The pool goes on.
        assert_eq!(spawn_blocking(|| 7).await.unwrap(), 7);
    });
    drop(runtime);
    assert_eq!(told.borrow().len(), 1, "once");
}

#[test]
fn children_of_a_group_are_observed_by_it_and_a_detached_group_is_told_once() {
    let (runtime, told, _) = listening();
    runtime.block_on(async {
        let observed = spawn(two_panics()).await;
        let panicked = observed.expect_err("a child's panic is the group's");
        assert_eq!(panicked.panic_message(), Some("first"));
        assert_told(&told, "second", second_spawned());
        told.borrow_mut().clear();
        drop(spawn(two_panics()));
        let spawned = here() - 1;
        yields(3).await;
        let second = told.borrow_mut().remove(0);
        assert!(second.problem.ends_with("second"), "{second}");
        assert_told(&told, "first", spawned);
    });
    drop(runtime);
    assert_eq!(told.borrow().len(), 1, "once");
}

#[test]
fn of_several_panics_in_a_gather_one_goes_on_and_the_others_are_told_once() {
    let (runtime, told, _) = listening();
    let mut line = 0;
    let panicked = runtime.block_on(async {
        let all = ["first", "second", "third"].map(|text| async move { fail(text) });
        line = here() + 1;
        let gathers = async { gather_spawned(all).await };
        spawn(gathers).await.expect_err("it goes on")
    });
    assert_eq!(panicked.panic_message(), Some("first"));
    drop(runtime);
    let told: Vec<_> = told
        .take()
        .into_iter()
        .map(|one| (one.spawned_at.line(), one.problem))
        .collect();
    let said = |text: &str| (line, format!("panicked and nobody hears of it: {text}"));
    assert_eq!(told, [said("second"), said("third")]);
}

#[test]
fn a_panic_in_a_group_that_is_dropped_before_it_looks_is_told_once() {
    let (runtime, told, _) = listening();
    let mut line = 0;
    runtime.block_on(async {
        let mut group = Box::pin(try_task_group(async |group: TaskGroup<&str>| {
            drop(group.spawn(async { fail("unseen") }).named("it"));
            std::future::pending::<Result<(), &str>>().await
        }));
        line = here() - 3;
        assert!(poll!(&mut group).is_pending());
        yield_now().await;
        assert!(told.borrow().is_empty(), "the group has not looked yet");
        drop(group);
        assert_told(&told, "unseen", line);
        assert_eq!(told.borrow()[0].name.as_deref(), Some("it"));
    });
    drop(runtime);
    assert_eq!(told.borrow().len(), 1, "once");
}

thread_local! {
    static SECOND: Cell<u32> = const { Cell::new(0) };
}

/// Where the second child of [`two_panics`] is spawned.
fn second_spawned() -> u32 {
    SECOND.get()
}

/// A group with two children that panic in the same pass, and whose handles nobody keeps.
async fn two_panics() {
    let ended = try_task_group(async |group: TaskGroup<&str>| {
        drop(group.spawn(async { fail("first") }));
        drop(group.spawn(async { fail("second") }));
        SECOND.set(here() - 1);
        std::future::pending::<Result<(), &str>>().await
    });
    ended.await.unwrap();
}

/// Takes up so much of the kernel that a lost waker is looked for only when there is time.
fn bystanders(count: usize) -> Vec<JoinHandle<()>> {
    let never = Rc::new(Event::new());
    let one = |_| {
        let never = never.clone();
        spawn(async move { never.wait().await })
    };
    (0..count).map(one).collect()
}

#[test]
#[ignore = "is run in a process of its own"]
fn a_program_with_a_crowd_of_lost_tasks() {
    Runtime::new().block_on(async {
        drop(spawn(lost()));
        for _ in 0..20_000 {
            drop(spawn(lost()));
        }
        yields(3).await;
    });
}

#[test]
fn a_crowd_of_lost_tasks_is_a_line_a_spawn_place_and_a_count() {
    let mut child = rerun("task::unobserved::a_program_with_a_crowd_of_lost_tasks");
    let output = child.output().expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("turnwise:"))
        .collect();
    assert!(output.status.success() && lines.len() < 20, "{text}");
    let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(of("a future in it returned Pending"), 2, "{text}");
    assert!(of("tasks so far that were spawned at") > 0, "{text}");
}

#[test]
fn the_text_of_a_panic_forges_no_line() {
    let (runtime, told, _) = listening();
    runtime.block_on(async {
        drop(spawn(async {
            fail("one\nturnwise: task #7\u{1b}[2J\u{9b}\u{202e}\"é\"")
        }));
        yields(2).await;
    });
    let text = told.borrow()[0].to_string();
    let shown = "one\n    turnwise: task #7\\u{1b}[2J\\u{9b}\\u{202e}\"é\"";
    assert!(text.ends_with(shown), "{text}");
}

/// Keeps no waker.
async fn lost() {
    poll_fn(|_| Poll::<()>::Pending).await;
}

#[test]
fn a_program_that_the_hook_wakes_is_not_dead() {
    let (runtime, told, heard) = listening();
    let woken = runtime.try_block_on(async move {
        let bystanders = bystanders(100);
        let lost = spawn(lost());
        heard.wait().await;
        drop((bystanders, lost));
    });
    assert!(woken.is_ok(), "{woken:?}");
    assert_eq!(told.borrow().len(), 1);
}

#[test]
fn a_task_is_not_told_to_be_lost_while_it_runs() {
    let (runtime, told, _) = listening();
    runtime.block_on(async {
        let bystanders = bystanders(45);
        yield_now().await;
        let doors = [const { Event::new() }; 2].map(Rc::new);
        let [first, second] = doors.clone();
        let task = spawn(async move {
            let (mut first, mut second) = (pin!(first.wait()), pin!(second.wait()));
            assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
            // Both will wake it, so it may rest now and when the first has.
            for _ in 0..2 {
                let mut rested = false;
                poll_fn(|_| match std::mem::replace(&mut rested, true) {
                    false => Poll::Pending,
                    true => Poll::Ready(()),
                })
                .await;
            }
            // Enough for whoever has been noted to be looked at.
            drop([spawn_eager(lost()), spawn_eager(lost())]);
        });
        let running = task.id();
        yield_now().await;
        for door in doors {
            door.set();
            yield_now().await;
        }
        task.await.unwrap();
        assert!(
            !told.borrow().is_empty(),
            "somebody was looked at meanwhile"
        );
        assert!(
            told.borrow().iter().all(|lost| lost.id != running),
            "{told:?}"
        );
        drop(bystanders);
    });
    assert_eq!(told.borrow().len(), 2, "{told:?}");
}

#[test]
fn the_destructor_of_a_report_that_panics_takes_no_panic_of_a_sibling_along() {
    let (runtime, told, _) = listening();
    runtime.block_on(async {
        let mut group = Box::pin(try_task_group(async |group: TaskGroup<OnDrop<fn()>>| {
            drop(group.try_spawn(async { Err::<(), _>(OnDrop((|| fail("bomb")) as fn())) }));
            drop(group.spawn(async { fail("sibling") }));
            std::future::pending::<Result<(), _>>().await
        }));
        assert!(poll!(&mut group).is_pending());
        yield_now().await;
        drop(group);
    });
    let told: Vec<_> = told.take().into_iter().map(|told| told.problem).collect();
    assert_eq!(told, ["panicked and nobody hears of it: sibling"]);
}
