//! Programs that look like hangs and are none. Each is run over and over: not one may be declared
//! dead.

mod devious;
mod inside;
mod mixed;
mod outside;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use turnwise::Runtime;
use turnwise::sync::{Left, Owner, Wait, WaitQueue};
use turnwise::task::Unobserved;

/// One program.
struct Sound {
    name: &'static str,
    times: usize,
    program: fn() -> LocalBoxFuture<'static, ()>,
}

/// Runs on the virtual clock, inside one thread: cheap.
const fn inside(name: &'static str, program: fn() -> LocalBoxFuture<'static, ()>) -> Sound {
    let times = 1_000;
    Sound {
        name,
        times,
        program,
    }
}

/// Runs on the real clock, with another thread or the system.
const fn outside(name: &'static str, program: fn() -> LocalBoxFuture<'static, ()>) -> Sound {
    let times = 1_000;
    Sound {
        name,
        times,
        program,
    }
}

/// Runs a table on one runtime, as in tests: a suspicion would fail too, if it lasted.
fn run(runtime: &Runtime, table: &[Sound]) {
    for Sound {
        name,
        times,
        program,
    } in table
    {
        for round in 0..*times {
            if let Err(deadlock) = runtime.try_block_on(program()) {
                panic!("{name}, round {round}: {deadlock}");
            }
        }
        assert_eq!(runtime.dump().task_count(), 0, "{name} leaves tasks behind");
        let problems = PROBLEMS.take();
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
}

thread_local! {
    static PROBLEMS: RefCell<Vec<Unobserved>> = const { RefCell::new(Vec::new()) };
}

fn builder() -> turnwise::RuntimeBuilder {
    let note = |problem: &Unobserved| PROBLEMS.with_borrow_mut(|all| all.push(problem.clone()));
    Runtime::builder()
        .fail_on_suspected()
        .suspect_after(Duration::from_secs(30))
        .on_unobserved(note)
}

#[test]
fn programs_that_wake_themselves_are_not_dead() {
    let runtime = builder().virtual_clock().build();
    run(&runtime, inside::TABLE);
    run(&runtime, mixed::INSIDE);
    run(&runtime, devious::INSIDE);
}

#[test]
fn programs_that_are_woken_from_outside_are_not_dead() {
    let runtime = builder().build();
    run(&runtime, outside::TABLE);
    run(&runtime, mixed::OUTSIDE);
    run(&runtime, devious::OUTSIDE);
}

#[test]
fn on_a_virtual_clock_programs_that_are_woken_from_outside_are_not_dead() {
    let runtime = builder().virtual_clock().build();
    run(&runtime, outside::TABLE);
    run(&runtime, mixed::OUTSIDE);
    run(&runtime, devious::OUTSIDE);
}

#[test]
fn there_are_at_least_forty_of_them() {
    assert!(inside::TABLE.len() + outside::TABLE.len() >= 40);
}

/// Lets one through at a time; an opening that is given up goes to the next, or is saved.
struct Gate {
    queue: WaitQueue,
    saved: Cell<usize>,
}

impl Gate {
    fn new() -> Self {
        let (queue, saved) = (WaitQueue::new("gate"), Cell::new(0));
        Gate { queue, saved }
    }

    fn pass(&self) -> Wait<'_, Self> {
        self.queue.wait(self, 1)
    }

    fn open(&self) {
        if !self.queue.grant_head() {
            self.saved.set(self.saved.get() + 1);
        }
    }
}

impl Owner for Gate {
    fn left(&self, left: Left) {
        if let Left::Granted(_) = left {
            self.open();
        }
    }
}
