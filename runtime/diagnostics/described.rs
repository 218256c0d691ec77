//! What a report says: which tasks are stuck, the cycles, and the waits of a thousand tasks.
//!
//! Everything that waits is looked at twice (`collector.rs`). The first look only asks what can end each
//! wait, for the graph; the second describes the waits of the tasks that are chosen then. So the memory
//! of a report does not grow with what a task's description takes.

use std::collections::{HashMap, HashSet};

use super::collector::{Collects, look};
use super::graph::{self, ALIVE, CLONED, Graph, Help, LAPSED};
use super::living::Living;
use super::outside::Outside;
use super::report::{Row, State, Step, Wait};
use super::state;
use crate::runtime::kernel::Kernel;

/// Tasks that are described.
const MOST_TASKS: usize = 1000;

/// Cycles that are described, and steps of each.
const MOST_STEPS: usize = 50;

/// Waits of one task that are described, and how many of them that are alike.
const MOST_WAITS: usize = 64;
const MOST_ALIKE: usize = 8;

/// What the first look has found.
pub(crate) struct Judged {
    graph: Graph,
    pub(super) stuck: Vec<bool>,
    /// The numbers of the tasks of each cycle.
    pub(super) cycles: Vec<Vec<u32>>,
}

/// Finds out which tasks are stuck, and the cycles.
pub(crate) fn judge(kernel: &Kernel, living: &Living, outside: &Outside) -> Judged {
    let mut graph = Graph::new(living.len());
    for (number, task) in living.iter() {
        if State::of(task) != State::Waiting {
            graph.set(number, ALIVE);
        }
        if kernel.has_clones(task) {
            graph.set(number, CLONED);
        }
    }
    look(kernel, living, Graphed(&mut graph));
    let stranger = outside.is_anyone() || state::is_hosted();
    // The cycles are shown even where a foreign waker might still break them, or a descriptor
    // that was perhaps given up.
    let blocked = graph.stuck(stranger, ALIVE);
    let cycles = graph::cycles(&graph.edges(&blocked));
    drop(blocked);
    Judged {
        stuck: graph.stuck(stranger, ALIVE | CLONED | LAPSED),
        graph,
        cycles,
    }
}

/// Describes a thousand tasks, and the steps of the first cycles.
pub(crate) fn describe(
    kernel: &Kernel,
    living: &Living,
    judged: Judged,
) -> (Vec<Row>, Vec<Vec<Step>>) {
    let mut rows = Described::choose(living, &judged);
    look(kernel, living, &mut rows);
    let steps = judged.cycles.iter().take(MOST_STEPS);
    let steps = steps.map(|cycle| ends(cycle).filter_map(|task| rows.step(*task)).collect());
    let steps = steps.collect();
    (rows.rows, steps)
}

/// The first steps of a cycle and the last.
fn ends(cycle: &[u32]) -> impl Iterator<Item = &u32> {
    let last = cycle.iter().skip(MOST_STEPS).next_back();
    cycle.iter().take(MOST_STEPS).chain(last)
}

struct Graphed<'a>(&'a mut Graph);

impl Collects for Graphed<'_> {
    fn wants(&self, _: usize) -> bool {
        true
    }

    fn add(&mut self, task: usize, help: Help, _: impl FnOnce() -> Wait) {
        self.0.add(task, &help);
    }

    fn unclone(&mut self, task: usize) {
        self.0.unset(task, CLONED);
    }

    fn lapse(&mut self, task: usize) {
        self.0.set(task, LAPSED);
    }
}

/// The tasks that are described.
struct Described {
    /// Their numbers, in the order of the rows.
    numbers: Vec<u32>,
    rows: Vec<Row>,
    /// Of those in a cycle, the next.
    next: HashMap<u32, u32>,
}

impl Described {
    fn choose(living: &Living, judged: &Judged) -> Self {
        let stuck =
            |is| (0..living.len() as u32).filter(move |at| judged.stuck[*at as usize] == is);
        let first = judged
            .cycles
            .iter()
            .take(MOST_STEPS)
            .flat_map(|cycle| ends(cycle));
        let in_cycles = judged.cycles.iter().flatten();
        let mut chosen: HashSet<u32> = first.copied().collect();
        for task in in_cycles.copied().chain(stuck(true)).chain(stuck(false)) {
            if chosen.len() >= MOST_TASKS {
                break;
            }
            chosen.insert(task);
        }
        let mut numbers: Vec<u32> = chosen.into_iter().collect();
        numbers.sort_unstable();
        let row = |(number, task)| {
            let mut row = Row::new(task);
            row.stuck = judged.stuck[number];
            row.cloned = judged.graph.is(number, CLONED);
            row
        };
        let chosen = living
            .iter()
            .filter(|(at, _)| numbers.binary_search(&(*at as u32)).is_ok());
        let rows = chosen.map(row).collect();
        let of_cycle = |cycle: &Vec<u32>| {
            let next = cycle.clone().into_iter().cycle().skip(1);
            cycle.clone().into_iter().zip(next)
        };
        let next = judged.cycles.iter().flat_map(of_cycle);
        let next = next
            .filter(|(task, _)| numbers.binary_search(task).is_ok())
            .collect();
        Described {
            rows,
            next,
            numbers,
        }
    }

    fn row(&self, task: usize) -> Option<usize> {
        self.numbers.binary_search(&(task as u32)).ok()
    }

    /// Where a task of a cycle waits for the next.
    fn step(&self, task: u32) -> Option<Step> {
        let task = self.row(task as usize)?;
        let wait = self.rows[task]
            .waits
            .iter()
            .position(|wait| wait.in_cycle)?;
        Some(Step { task, wait })
    }
}

impl Collects for &mut Described {
    fn wants(&self, task: usize) -> bool {
        self.row(task).is_some()
    }

    /// In the order of the lines that wait. Of those that are alike, the first; but one that belongs
    /// to a cycle in any case.
    fn add(&mut self, task: usize, help: Help, wait: impl FnOnce() -> Wait) {
        let Some(row) = self.row(task) else { return };
        let (row, mut wait) = (&mut self.rows[row], wait());
        let next = self.next.get(&(task as u32)).map(|next| *next as usize);
        wait.in_cycle = next.is_some_and(|next| help.tasks().contains(&next))
            && !row.waits.iter().any(|other| other.in_cycle);
        if !wait.in_cycle {
            let mut alike = row.waits.iter_mut().filter(|other| other.is_like(&wait));
            if let Some(last) = alike.nth(MOST_ALIKE - 1) {
                last.more += 1;
                return;
            }
            if row.waits.len() >= MOST_WAITS {
                row.more_waits += 1;
                return;
            }
        }
        let after = row
            .waits
            .partition_point(|other| other.places() <= wait.places());
        row.waits.reserve_exact(1);
        row.waits.insert(after, wait);
    }

    fn unclone(&mut self, _: usize) {}

    fn lapse(&mut self, _: usize) {}
}
