//! Random scripts beside CPython's asyncio, for what `order.rs` knows no difference of: locks,
//! semaphores of one permit, events with cancelling, and conditions.

use crate::asyncio::interpreter::{Script, here, on_asyncio};

const TASKS: [&str; 5] = ["a", "b", "c", "d", "e"];
const SCRIPTS: usize = 200;

/// What a task may do next, if it has the lock or permit (`true`) or not.
type Ops = fn(held: bool) -> &'static [&'static str];

fn lock(held: bool) -> &'static [&'static str] {
    match held {
        true => &["turn", "release"],
        false => &["turn", "acquire"],
    }
}

fn permit(held: bool) -> &'static [&'static str] {
    match held {
        true => &["turn", "leave"],
        false => &["turn", "enter"],
    }
}

fn event(_: bool) -> &'static [&'static str] {
    &[
        "turn", "turn", "see", "see", "set", "clear", "cancel a", "cancel c",
    ]
}

fn condition(held: bool) -> &'static [&'static str] {
    match held {
        true => &[
            "turn",
            "wait",
            "notify 1",
            "notify 2",
            "notify_all",
            "release",
        ],
        false => &["turn", "acquire"],
    }
}

/// A script of three to five tasks, each of which gives back what it has at its end.
fn script(random: &mut fastrand::Rng, name: &str, ops: Ops) -> Script {
    let tasks = random.usize(3..=TASKS.len());
    let tasks = TASKS[..tasks].iter().map(|task| {
        let (mut held, mut source) = (false, Vec::new());
        for _ in 0..random.usize(1..9) {
            let mut op = *random.choice(ops(held)).expect("there are some");
            // Who cancels itself goes in this turn; on asyncio one round later.
            if op.strip_prefix("cancel ") == Some(task) {
                op = "turn";
            }
            held = match op {
                "acquire" | "enter" => true,
                "release" | "leave" => false,
                _ => held,
            };
            source.push(op);
        }
        if held {
            source.extend(ops(true).last());
        }
        (*task, &*source.join("; ").leak())
    });
    Script {
        name: name.to_owned().leak(),
        settings: "permits=1",
        tasks: Vec::leak(tasks.collect()),
    }
}

#[test]
fn random_scripts_are_served_in_the_same_order_as_on_asyncio() {
    let kinds: [(&str, Ops); 4] = [
        ("lock", lock),
        ("permit", permit),
        ("event", event),
        ("condition", condition),
    ];
    for (kind, ops) in kinds {
        let mut random = fastrand::Rng::with_seed(7);
        let scripts: Vec<_> = (0..SCRIPTS)
            .map(|n| script(&mut random, &format!("{kind}-{n}"), ops))
            .collect();
        let Some((_, asyncio)) = on_asyncio(&scripts) else {
            println!("no python3 of version 3.11 or later: nothing to compare with");
            return;
        };
        for script in scripts {
            let theirs = &asyncio[script.name];
            assert_eq!(here(&script).trim(), theirs.trim(), "{:?}", script.tasks);
        }
    }
}
