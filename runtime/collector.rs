//! Puts a report together: for each task what it waits for, and what can end that.

use std::collections::HashMap;

use super::askers::Awaited;
use super::context::Kernel;
use super::graph::{self, Help, Node};
use super::kinds;
use super::report::{Held, Index, Row, State, Step, Wait, What};
use super::seat;
use super::task::{Task, TaskId};
use super::verdict::Outside;
use super::waiters::{QueueRecord, Waiter};

/// Of how many that were granted the same thing at once each waiter behind them is told: with
/// thousands of both, a report of all would fill the memory.
const MOST: usize = 8;

/// Of how many waits of one task the order is kept: a crowd of futures in one task has thousands,
/// and nobody reads those.
const MOST_IN_ORDER: usize = 64;

/// Fills in the waits, and what can end each of them.
pub(super) struct Collector<'a> {
    index: &'a Index,
    rows: Vec<Row>,
    nodes: Vec<Node>,
    now: u64,
}

impl<'a> Collector<'a> {
    pub(super) fn new(kernel: &Kernel, index: &'a Index, rows: Vec<Row>) -> Self {
        let node = |row: &Row| Node {
            alive: row.state != State::Waiting,
            waits: Vec::new(),
        };
        Collector {
            index,
            nodes: rows.iter().map(node).collect(),
            rows,
            now: kernel.clock.now(),
        }
    }

    /// Adds a wait, in the order of the lines that wait.
    fn add(&mut self, task: usize, wait: Wait, help: Help) {
        let (waits, helps) = (&mut self.rows[task].waits, &mut self.nodes[task].waits);
        let after = match waits.len() {
            MOST_IN_ORDER.. => waits.len(),
            _ => waits.partition_point(|other| other.places() <= wait.places()),
        };
        waits.insert(after, wait);
        helps.insert(after, help);
    }

    /// Help from named tasks. One that has ended may have given away what it held.
    fn from(&self, tasks: impl IntoIterator<Item = Option<TaskId>>) -> Help {
        let known = |id: Option<TaskId>| self.index.get(id?);
        let tasks: Option<Vec<usize>> = tasks.into_iter().map(known).collect();
        match tasks {
            Some(tasks) if !tasks.is_empty() => Help::From(tasks),
            _ => Help::Anyone,
        }
    }

    pub(super) fn timers(&mut self, kernel: &Kernel) {
        for timer in kernel.timers.borrow().iter() {
            let Some(task) = timer.who.task.and_then(|id| self.index.get(id)) else {
                continue;
            };
            let left = timer.deadline.saturating_sub(self.now);
            let wait = Wait::new(What::Timer(timer.name, left), None, Some(timer.at));
            self.add(task, wait, Help::Sure);
        }
    }

    pub(super) fn waiters(&mut self, kernel: &Kernel, living: &[&Task]) {
        let waiters = kernel.waiters.borrow();
        let places = waiters.places();
        // Who was granted something and has not collected it: by the lines that wait for it.
        let mut granted: HashMap<u32, Vec<&Waiter>> = HashMap::new();
        for (_, waiter) in waiters.iter().filter(|(_, waiter)| waiter.is_granted()) {
            for line in waiters.lines_behind(waiter) {
                granted.entry(line).or_default().push(waiter);
            }
        }
        let mut children: HashMap<u32, Vec<TaskId>> = HashMap::new();
        for task in living.iter().filter(|task| task.group != 0) {
            children.entry(task.group).or_default().push(task.id);
        }
        for (key, waiter) in waiters.iter() {
            let (Some(task), Some(queue)) = (
                waiter.who.task.and_then(|id| self.index.get(id)),
                waiters.queue_of(waiter),
            ) else {
                continue;
            };
            let what = match queue.kind {
                kind if kinds::GROUPS.contains(&kind) => {
                    let group = children.get(&(waiter.ask as u32));
                    What::Children(kind, group.cloned().unwrap_or_default())
                }
                kinds::QUIESCENCE => What::Quiescence,
                kind => match queue.terms.source {
                    Some(what) => What::Source(kind, what),
                    None => What::Queue(
                        kind,
                        queue.terms.asks.map(|asks| asks(waiter.ask)),
                        waiter.queue,
                    ),
                },
            };
            let mut wait = Wait::new(what, Some(queue.made), Some(waiter.at));
            wait.nanos = Some(self.now.saturating_sub(waiter.since));
            if waiter.is_granted() {
                wait.granted = Some(kernel.passes.since(waiter.granted));
                self.add(task, wait, Help::None);
                continue;
            }
            wait.place = places.get(&key).copied();
            let granted = granted.get(&waiter.queue);
            wait.holders = holders(queue, granted);
            wait.more_granted = granted.map_or(0, |granted| granted.len().saturating_sub(MOST));
            // "readers: 0" says nothing where a writer is named.
            wait.tally = queue
                .tally
                .filter(|tally| tally.count > 0 || wait.holders.is_empty());
            let help = match &wait.what {
                What::Source(..) | What::Quiescence => Help::Sure,
                What::Children(_, ids) => match self.from(ids.iter().copied().map(Some)) {
                    Help::From(tasks) => Help::OneOf(tasks),
                    other => other,
                },
                _ if queue.terms.names_a_holder() => {
                    self.from(wait.holders.iter().map(|held| held.task))
                }
                _ => Help::Anyone,
            };
            self.add(task, wait, help);
        }
    }

    pub(super) fn joins(&mut self, kernel: &Kernel, living: &[&Task]) {
        let seats = kernel.seats.borrow();
        for task in living {
            let Some(joiner) = seats.get(task.joiner) else {
                continue;
            };
            let waits = joiner.who.task.and_then(|id| self.index.get(id));
            let Some(waits) = waits else { continue };
            let what = What::End(task.id);
            let mut wait = Wait::new(what, Some(task.spawned_at), Some(joiner.at));
            wait.nanos = Some(kernel.clock.last().saturating_sub(joiner.since));
            self.add(waits, wait, self.from([Some(task.id)]));
        }
    }

    /// Those who wait alone, for something else than the end of a task.
    pub(super) fn sitters(&mut self, kernel: &Kernel) {
        for (place, sitter) in seat::sitters(&kernel.seats.borrow()) {
            let (Some(task), Some((kind, made))) =
                (sitter.who.task.and_then(|id| self.index.get(id)), sitter.of)
            else {
                continue;
            };
            let mut wait = Wait::new(What::Seat(kind, place), Some(made), Some(sitter.at));
            wait.nanos = Some(self.now.saturating_sub(sitter.since));
            self.add(task, wait, Help::Anyone);
        }
    }

    /// Those who wait for descriptors through the poll-style traits.
    pub(super) fn polled_sources(&mut self, kernel: &Kernel) {
        let reactor = kernel.reactor.borrow();
        for readiness in reactor.iter().flat_map(|reactor| reactor.sources()) {
            for polled in readiness.polled_by(&kernel.tasks.borrow()) {
                if let Some(task) = self.index.get(polled.task) {
                    let what = What::Source(polled.kind, polled.what);
                    let mut wait = Wait::new(what, Some(polled.made), None);
                    wait.lapsed = polled.awaited != Awaited::Yes;
                    let help = match wait.lapsed {
                        true => Help::None,
                        false => Help::Sure,
                    };
                    self.add(task, wait, help);
                }
            }
        }
    }

    /// Those who wait for work outside that is ours: the only one who has their waker is that.
    pub(super) fn works(&mut self, kernel: &Kernel) {
        for (_, work) in kernel.working.borrow().iter() {
            if let Some(task) = work.awaited_by.and_then(|id| self.index.get(id)) {
                self.rows[task].cloned = false;
                let wait = Wait::new(What::Work(work.label.clone()), None, None);
                self.add(task, wait, Help::Sure);
            }
        }
    }

    /// Finds out who is stuck, and the cycles.
    pub(super) fn conclude(
        mut self,
        kernel: &Kernel,
        outside: &Outside,
    ) -> (Vec<Row>, Vec<Vec<Step>>) {
        let stranger = outside.is_anyone() || !kernel.suspicion.is_judging();
        // The cycles are shown even where a foreign waker might still break them, or a descriptor
        // that was perhaps given up.
        let blocked = graph::stuck(&self.nodes, stranger);
        let edges: Vec<Vec<usize>> = (0..self.nodes.len())
            .map(|task| match blocked[task] {
                true => self.needs(task).map(|(_, to)| to).collect(),
                false => Vec::new(),
            })
            .collect();
        let cycles = graph::cycles(&edges);
        let cycles: Vec<_> = cycles.iter().map(|cycle| self.steps(cycle)).collect();
        for step in cycles.iter().flatten() {
            self.rows[step.task].waits[step.wait].in_cycle = true;
        }
        for (row, node) in self.rows.iter().zip(&mut self.nodes) {
            node.alive |= row.cloned || row.waits.iter().any(|wait| wait.lapsed);
        }
        let stuck = graph::stuck(&self.nodes, stranger);
        for (row, stuck) in self.rows.iter_mut().zip(stuck) {
            row.stuck = stuck;
        }
        (self.rows, cycles)
    }

    /// The tasks that a task's waits need, each with the number of the wait.
    fn needs(&self, task: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let waits = self.nodes[task].waits.iter().enumerate();
        waits.flat_map(|(number, help)| {
            let tasks: &[usize] = match help {
                Help::From(tasks) | Help::OneOf(tasks) => tasks,
                _ => &[],
            };
            tasks.iter().map(move |to| (number, *to))
        })
    }

    fn steps(&self, cycle: &[usize]) -> Vec<Step> {
        let next = cycle.iter().cycle().skip(1);
        let step = |(task, next): (&usize, &usize)| {
            let (wait, _) = self.needs(*task).find(|(_, to)| to == next)?;
            Some(Step { task: *task, wait })
        };
        cycle.iter().zip(next).filter_map(step).collect()
    }
}

/// Who holds what a queue's waiters wait for: its holder, and who was granted it but has not come
/// for it, the first of them.
fn holders(queue: &QueueRecord, granted: Option<&Vec<&Waiter>>) -> Vec<Held> {
    // From its release on a lock is the next one's, not that of the holder before.
    let holder = queue.holder().filter(|_| granted.is_none());
    let has = |what| queue.terms.asks.map(|asks| asks(what));
    let holder = holder.map(|holder| Held {
        task: holder.task,
        has: has(queue.terms.holds),
        at: holder.at,
        granted: false,
    });
    let granted = granted.into_iter().flatten().take(MOST).map(|waiter| Held {
        task: waiter.who.task,
        has: has(waiter.ask),
        at: waiter.at,
        granted: true,
    });
    holder.into_iter().chain(granted).collect()
}
