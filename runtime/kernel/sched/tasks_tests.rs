//! Tasks beside a plain queue of ids.

use std::collections::{HashSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::body::boxed;
use super::*;

fn add(tasks: &mut Tasks) -> TaskId {
    tasks.insert(Some(boxed(async {})), Location::caller())
}

#[test]
fn a_reused_slot_gets_another_id() {
    let mut tasks = Tasks::new();
    let first = add(&mut tasks);
    tasks.remove(first).expect("it was just added");
    let second = add(&mut tasks);
    assert_eq!(first.slot(), second.slot());
    assert_ne!(first, second);
    assert!(tasks.get(first).is_none());
    assert!(tasks.remove(first).is_none());
}

fn ready(tasks: &mut Tasks) -> Vec<Option<TaskId>> {
    let count = tasks.count_ready();
    let taken = std::iter::from_fn(|| {
        let (slot, task) = tasks.pop_ready()?;
        let id = (!task.is_over()).then(|| task.id());
        tasks.reclaim(slot);
        Some(id)
    });
    let taken: Vec<_> = taken.collect();
    let there = taken.iter().flatten().count();
    assert_eq!((count, tasks.last_ready()), (there, None));
    taken
}

#[test]
fn tasks_are_ready_once_each_in_the_order_of_their_scheduling() {
    let mut tasks = Tasks::new();
    let [a, b, c] = [(); 3].map(|()| add(&mut tasks));
    assert!(!tasks.has_ready());
    assert!(tasks.schedule(b) && tasks.schedule(c) && !tasks.schedule(b));
    assert_eq!(tasks.last_ready(), Some(c.slot() as u32));
    assert!(tasks.schedule(a));
    assert_eq!(ready(&mut tasks), [b, c, a].map(Some));
    assert!(tasks.schedule(c));
    assert_eq!(ready(&mut tasks), [Some(c)]);
}

#[test]
fn the_slot_of_a_ready_task_that_is_removed_is_free_after_its_turn() {
    let mut tasks = Tasks::new();
    let [a, b, c] = [(); 3].map(|()| add(&mut tasks));
    for id in [a, b, c] {
        tasks.schedule(id);
    }
    tasks.remove(b).expect("it was just added");
    tasks.remove(c).expect("it was just added");
    let d = add(&mut tasks);
    assert!(![b.slot(), c.slot()].contains(&d.slot()) && tasks.schedule(d));
    assert!(!tasks.schedule(b));
    assert_eq!(ready(&mut tasks), [Some(a), None, None, Some(d)]);
    let mut slots = [(); 2].map(|()| add(&mut tasks).slot());
    slots.sort_unstable();
    assert_eq!(slots, [b.slot(), c.slot()]);
    assert_eq!((tasks.slots(), tasks.iter().count()), (4, 4));
}

#[derive(Clone, Debug)]
enum Op {
    Add,
    Schedule(Index),
    Remove(Index),
    Pop,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        Just(Op::Add),
        any::<Index>().prop_map(Op::Schedule),
        any::<Index>().prop_map(Op::Remove),
        Just(Op::Pop),
    ]
}

proptest! {
    /// What the slots do together a plain queue of ids does, in which the dead are passed over.
    #[test]
    fn the_queue_is_a_queue_of_ids(ops in vec(op(), 0..200)) {
        let mut tasks = Tasks::new();
        let (mut ids, mut queue, mut dead) = (Vec::new(), VecDeque::new(), HashSet::new());
        let mut most = 0;
        for op in ops {
            match op {
                Op::Add => {
                    let id = add(&mut tasks);
                    let held: HashSet<_> = queue.iter().map(|id: &TaskId| id.slot()).collect();
                    prop_assert!(!ids.contains(&id) && !held.contains(&id.slot()));
                    ids.push(id);
                }
                Op::Schedule(index) if !ids.is_empty() => {
                    let id = *index.get(&ids);
                    let fits = !dead.contains(&id) && !queue.contains(&id);
                    prop_assert_eq!(tasks.schedule(id), fits);
                    queue.extend(fits.then_some(id));
                }
                Op::Remove(index) if !ids.is_empty() => {
                    let id = *index.get(&ids);
                    prop_assert_eq!(tasks.remove(id).is_some(), dead.insert(id));
                }
                Op::Pop => {
                    let expected = queue.pop_front();
                    let popped = tasks.pop_ready().map(|(slot, task)| (slot, task.id(), task.is_over()));
                    prop_assert_eq!(popped.is_some(), expected.is_some());
                    if let (Some((slot, id, over)), Some(expected)) = (popped, expected) {
                        prop_assert_eq!(slot as usize, expected.slot());
                        prop_assert_eq!(over, dead.contains(&expected));
                        prop_assert!(over || id == expected);
                        tasks.reclaim(slot);
                    }
                }
                Op::Schedule(_) | Op::Remove(_) => {}
            }
            let there = queue.iter().filter(|id| !dead.contains(*id)).count();
            prop_assert_eq!(tasks.count_ready(), there);
            prop_assert_eq!(tasks.last_ready(), queue.back().map(|id| id.slot() as u32));
            prop_assert_eq!(tasks.iter().count(), ids.len() - dead.len());
            let waiting = queue.iter().filter(|id| dead.contains(*id)).count();
            most = most.max(tasks.iter().count() + waiting);
            prop_assert_eq!(tasks.slots(), most);
        }
    }
}

#[test]
fn an_emptied_queue_leaves_every_slot_fit_for_use() {
    let mut tasks = Tasks::new();
    let [a, b] = [(); 2].map(|()| add(&mut tasks));
    assert!(tasks.schedule(a) && tasks.schedule(b));
    tasks.remove(a).expect("it was just added");
    tasks.clear_ready();
    assert!(!tasks.has_ready() && tasks.schedule(b));
    assert_eq!(add(&mut tasks).slot(), a.slot());
    assert_eq!(ready(&mut tasks), [Some(b)]);
}

#[test]
fn slots_of_tasks_that_are_gone_do_not_pile_up_in_the_ready_queue() {
    let mut tasks = Tasks::new();
    let first = add(&mut tasks);
    assert!(tasks.schedule(first));
    let last = add(&mut tasks);
    assert!(tasks.schedule(last));
    tasks.begin_pass();
    tasks.remove(last).expect("it was just added");
    for _ in 0..1000 {
        let many = [(); 10].map(|()| add(&mut tasks));
        many.iter().for_each(|id| assert!(tasks.schedule(*id)));
        many.iter().for_each(|id| drop(tasks.remove(*id)));
    }
    assert!(tasks.slots() < 100, "{}", tasks.slots());
    let late = add(&mut tasks);
    assert!(tasks.schedule(late));
    // The end of the pass is still there, and in its place.
    let order: Vec<_> = ready(&mut tasks);
    assert_eq!((order[0], order[1]), (Some(first), None));
    assert_eq!(order.last(), Some(&Some(late)));
    assert_eq!(tasks.dead, 0);
}

#[test]
fn an_id_never_comes_again_though_its_slot_was_given_back() {
    let mut tasks = Tasks::new();
    let keep = add(&mut tasks);
    let mut ids = HashSet::new();
    for round in 0..3 {
        let many: Vec<_> = (0..5000).map(|_| add(&mut tasks)).collect();
        for id in many.into_iter().rev() {
            assert!(ids.insert(id), "{id} again");
            tasks.remove(id).expect("it was just added");
            tasks.trim(round);
        }
        tasks.trim_now();
        assert_eq!((tasks.slots(), tasks.get(keep).is_some()), (1, true));
    }
    let [next, after] = [(); 2].map(|()| add(&mut tasks).slot());
    assert_eq!((next, after), (1, 2));
}

#[test]
fn a_slot_whose_generation_would_wrap_is_retired() {
    let mut tasks = Tasks::new();
    let first = add(&mut tasks);
    tasks.remove(first).expect("it was just added");
    tasks.exhaust(0);
    let last = add(&mut tasks);
    tasks.schedule(last);
    tasks.remove(last).expect("it was just added");
    assert_eq!(ready(&mut tasks), [None]);
    assert_ne!(add(&mut tasks).slot(), last.slot());
    assert_eq!(tasks.iter().count(), 1);
}
