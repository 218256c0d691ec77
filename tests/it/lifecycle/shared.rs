//! One runtime for several owners of a thread.

use std::rc::Rc;

use turnwise::{Runtime, spawn};

use crate::support::{panic_of, yields};

/// A blocking client, as a library has it.
struct Client(Rc<Runtime>);

impl Client {
    fn new() -> Self {
        Client(Runtime::shared())
    }

    fn ask(&self) -> u32 {
        self.0.block_on(async {
            yields(1).await;
            42
        })
    }
}

#[test]
fn two_blocking_clients_live_on_one_thread() {
    let one = Client::new();
    let two = Client::new();
    assert_eq!(one.ask() + two.ask(), 84);
    // What one has started goes on while the other blocks.
    let task = one.0.spawn(async {
        yields(3).await;
        7
    });
    drop(one);
    for _ in 0..4 {
        two.ask();
    }
    assert!(task.is_finished());
    assert_eq!(two.0.block_on(task).unwrap(), 7);
}

#[test]
fn it_ends_with_its_last_owner_and_begins_again() {
    let first = Client::new();
    let task = first
        .0
        .block_on(async { spawn(std::future::pending::<()>()) });
    drop(first);
    let second = Client::new();
    assert!(second.0.block_on(task).unwrap_err().is_cancelled());
    drop(second);
    drop(Runtime::new());
    assert_eq!(Client::new().ask(), 42);
}

#[test]
fn a_runtime_that_is_not_shared_stands_in_its_way() {
    let alone = Runtime::new();
    let text = panic_of(Runtime::shared);
    assert!(text.contains("shared.rs"), "{text}");
    drop(alone);
    let shared = Runtime::shared();
    let text = panic_of(Runtime::new);
    assert!(text.contains("Runtime::shared"), "{text}");
    assert_eq!(shared.block_on(async { 1 }), 1);
}
