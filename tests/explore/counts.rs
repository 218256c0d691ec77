//! How many schedules there are: all of them, each once.

use turnwise::{explore, spawn, yield_now};

/// Orders of `tasks` tasks that yield `yields` times each, spawned by a body that awaits them in turn.
fn multinomial(tasks: u64, steps: u64) -> u64 {
    let mut orders = 1;
    let mut placed = 0;
    for _ in 0..tasks {
        for step in 1..=steps {
            placed += 1;
            orders = orders * placed / step;
        }
    }
    orders
}

/// Counts the distinct orders of polls that all schedules have.
fn orders(tasks: usize, yields: usize) -> u64 {
    use std::cell::RefCell;
    use std::collections::HashSet;
    use std::rc::Rc;
    let seen: RefCell<HashSet<Vec<u8>>> = RefCell::default();
    let seen = &seen;
    let found = explore(|| {
        let log: Rc<RefCell<Vec<u8>>> = Rc::default();
        async move {
            let all: Vec<_> = (0..tasks)
                .map(|task| {
                    let log = log.clone();
                    spawn(async move {
                        for _ in 0..yields {
                            log.borrow_mut().push(task as u8);
                            yield_now().await;
                        }
                        log.borrow_mut().push(task as u8);
                    })
                })
                .collect();
            for task in all {
                task.await.unwrap();
            }
            seen.borrow_mut().insert(log.take());
        }
    })
    .schedules(10_000_000)
    .within(std::time::Duration::from_secs(100))
    .run();
    assert!(found.is_complete(), "{found}");
    println!("{found} {} steps in {:?}", found.choices(), found.took());
    seen.borrow().len() as u64
}

#[test]
fn every_order_is_run_that_the_formula_counts() {
    for (tasks, yields) in [(2, 1), (2, 2), (2, 4), (3, 1), (3, 2), (4, 1)] {
        let counted = orders(tasks, yields);
        assert_eq!(
            counted,
            multinomial(tasks as u64, yields as u64 + 1),
            "{tasks} tasks, {yields} yields"
        );
    }
}
