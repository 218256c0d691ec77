//! Looks at everything that waits: for each task what it waits for, and what can end that.

use super::graph::Help;
use super::living::Living;
use super::report::{Held, Wait, What};
use crate::runtime::base::kinds;
use crate::runtime::kernel::Kernel;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::waiters::{QueueRecord, Waiter, Waiters};
use crate::runtime::reactor::{self, Awaited};
use crate::runtime::threads::external;

/// How many that were granted the same thing at once a report names to each waiter behind them: with
/// thousands of both, a report of all would fill the memory.
const MOST_GRANTED: usize = 8;

/// Children of a group that are named.
const MOST_CHILDREN: usize = 1000;

/// What a look at a wait is for.
pub(crate) trait Collects {
    /// Whether a task's waits matter.
    fn wants(&self, task: usize) -> bool;
    /// Takes a wait, described if need be.
    fn add(&mut self, task: usize, help: Help, wait: impl FnOnce() -> Wait);
    /// A task's waker is with work of ours alone.
    fn unclone(&mut self, task: usize);
    /// A task may have given this wait up.
    fn lapse(&mut self, task: usize);
}

/// Has `to` collect everything that waits.
pub(crate) fn look(kernel: &Kernel, living: &Living, to: impl Collects) {
    let mut look = Look { kernel, living, to };
    look.timers();
    look.waiters();
    look.joins();
    look.singles();
    look.polled_sources();
    look.works();
}

/// A look at everything that waits.
struct Look<'a, C> {
    kernel: &'a Kernel,
    living: &'a Living<'a>,
    to: C,
}

impl<C: Collects> Look<'_, C> {
    /// The number of a task whose waits matter.
    fn wanted(&self, id: Option<TaskId>) -> Option<usize> {
        self.living.number(id?).filter(|task| self.to.wants(*task))
    }

    /// Help from named tasks. One that has ended may have given away what it held.
    fn from(&self, tasks: impl IntoIterator<Item = Option<TaskId>>) -> Help {
        let known = |id: Option<TaskId>| self.living.number(id?);
        let tasks: Option<Vec<usize>> = tasks.into_iter().map(known).collect();
        match tasks {
            Some(tasks) if !tasks.is_empty() => Help::From(tasks),
            _ => Help::Anyone,
        }
    }

    fn timers(&mut self) {
        let now = self.kernel.clock().now();
        self.kernel.timers().each(|timer| {
            if let Some(task) = self.wanted(timer.task()) {
                let left = timer.deadline().saturating_sub(now);
                let what = What::Timer(timer.name(), left);
                let wait = || Wait::new(what, None, Some(timer.at()));
                self.to.add(task, Help::Sure, wait);
            }
        });
    }

    fn waiters(&mut self) {
        let (kernel, now) = (self.kernel, self.kernel.clock().now());
        let waiters = kernel.waiters();
        let places = waiters.places(|waiter| self.wanted(waiter.task()).is_some());
        let granted = Granted::of(&waiters);
        let children = Children::of(self.living);
        for (key, waiter) in waiters.iter() {
            let (Some(task), Some(queue)) = (self.wanted(waiter.task()), waiters.queue_of(waiter))
            else {
                continue;
            };
            let is_group = kinds::GROUPS.contains(&queue.kind());
            let children = if is_group {
                children.of_group(waiter.ask() as u32)
            } else {
                &[]
            };
            let (granted, all_granted) = granted.of_line(&waiters, waiter.queue());
            let help = match () {
                () if waiter.is_granted() => Help::None,
                () if is_group => match children.iter().map(|(_, task)| *task as usize).collect() {
                    children if !Vec::is_empty(&children) => Help::OneOf(children),
                    _ => Help::Anyone,
                },
                () if queue.kind() == kinds::QUIESCENCE
                    || queue.description().source().is_some() =>
                {
                    Help::Sure
                }
                () if queue.description().names_a_holder() => self.from(holding(queue, &granted)),
                () => Help::Anyone,
            };
            let living = self.living;
            self.to.add(task, help, || {
                let what = what(queue, waiter, children, living);
                let mut wait = Wait::new(what, Some(queue.made()), Some(waiter.at()));
                wait.nanos = Some(now.saturating_sub(waiter.since()));
                if waiter.is_granted() {
                    wait.granted = Some(kernel.passes().since(waiter.granted()));
                    return wait;
                }
                wait.place = places.get(&key).copied();
                wait.holders = holders(queue, &granted, living);
                wait.more_granted = all_granted.saturating_sub(MOST_GRANTED);
                // "readers: 0" says nothing where a writer is named.
                wait.gauge = queue
                    .gauge()
                    .filter(|gauge| gauge.count() > 0 || wait.holders.is_empty());
                wait
            });
        }
    }

    fn joins(&mut self) {
        let (living, singles) = (self.living, self.kernel.singles());
        for (number, task) in living.iter() {
            let Some(joiner) = singles.get(task.joiner()) else {
                continue;
            };
            if let Some(waits) = self.wanted(joiner.task()) {
                self.to.add(waits, Help::From(vec![number]), || {
                    let what = What::End(task.id());
                    let mut wait = Wait::new(what, Some(task.spawned_at()), Some(joiner.at()));
                    wait.nanos = Some(self.kernel.clock().last().saturating_sub(joiner.since()));
                    wait
                });
            }
        }
    }

    /// The tasks that wait alone, for something else than the end of a task.
    fn singles(&mut self) {
        let now = self.kernel.clock().now();
        for (place, single) in self.kernel.singles().iter() {
            if let (Some(task), Some((kind, made))) = (self.wanted(single.task()), single.of()) {
                self.to.add(task, Help::Anyone, || {
                    let mut wait = Wait::new(
                        What::SingleWaiter(kind, place),
                        Some(made),
                        Some(single.at()),
                    );
                    wait.nanos = Some(now.saturating_sub(single.since()));
                    wait
                });
            }
        }
    }

    /// The tasks that wait for descriptors through the poll-style traits.
    fn polled_sources(&mut self) {
        let tasks = self.kernel.tasks();
        reactor::each_polled(&tasks, |polled| {
            let Some(task) = self.wanted(Some(polled.task())) else {
                return;
            };
            let lapsed = polled.awaited() != Awaited::Yes;
            if lapsed {
                self.to.lapse(task);
            }
            let help = if lapsed { Help::None } else { Help::Sure };
            self.to.add(task, help, || {
                let (kind, what) = polled.source();
                let mut wait = Wait::new(What::Source(kind, what), Some(polled.made()), None);
                wait.lapsed = lapsed;
                wait
            });
        });
    }

    /// The tasks that wait for work outside that is ours: nothing else has their waker.
    fn works(&mut self) {
        external::each_work(|label, awaited_by| {
            if let Some(task) = self.wanted(awaited_by) {
                self.to.unclone(task);
                let wait = || Wait::new(What::Work(label.clone()), None, None);
                self.to.add(task, Help::Sure, wait);
            }
        });
    }
}

/// The tasks that were granted something and have not collected it, by the lines that wait for it.
struct Granted(Vec<(u32, u32)>);

impl Granted {
    fn of(waiters: &Waiters) -> Self {
        let granted = waiters.iter().filter(|(_, waiter)| waiter.is_granted());
        let behind = granted.flat_map(|(key, waiter)| {
            let lines = waiters.lines_behind(waiter);
            lines.map(move |line| (line, key))
        });
        let mut granted: Vec<_> = behind.collect();
        granted.sort_unstable();
        Granted(granted)
    }

    /// The first of them, and how many they are.
    fn of_line<'a>(&self, waiters: &'a Waiters, line: u32) -> (Vec<&'a Waiter>, usize) {
        let granted = part(&self.0, line);
        let first = granted.iter().take(MOST_GRANTED);
        let first = first.filter_map(|(_, key)| waiters.get(*key));
        (first.collect(), granted.len())
    }
}

/// The tasks that belong to a group, by group: its number, and that of the task.
struct Children(Vec<(u32, u32)>);

impl Children {
    fn of(living: &Living) -> Self {
        let children = living.iter().filter(|(_, task)| task.group() != 0);
        let mut children: Vec<_> = children
            .map(|(at, task)| (task.group(), at as u32))
            .collect();
        children.sort_unstable();
        Children(children)
    }

    fn of_group(&self, group: u32) -> &[(u32, u32)] {
        part(&self.0, group)
    }
}

/// The pairs that begin so, of sorted ones.
fn part(sorted: &[(u32, u32)], first: u32) -> &[(u32, u32)] {
    let from = sorted.partition_point(|pair| pair.0 < first);
    let to = sorted.partition_point(|pair| pair.0 <= first);
    &sorted[from..to]
}

fn what(queue: &QueueRecord, waiter: &Waiter, children: &[(u32, u32)], living: &Living) -> What {
    match queue.kind() {
        kind if kinds::GROUPS.contains(&kind) => {
            let named = children.iter().take(MOST_CHILDREN);
            let named: Vec<_> = named.map(|(_, task)| living.id(*task as usize)).collect();
            let more = children.len() - named.len();
            What::Children(kind, named, more)
        }
        kinds::QUIESCENCE => What::Quiescence,
        kind => match queue.description().source() {
            Some(what) => What::Source(kind, what),
            None => {
                let asks = queue.description().asks(waiter.ask());
                What::Queue(kind, asks, queue.number())
            }
        },
    }
}

/// The task that has what a queue's waiters wait for: its holder, or the first that was granted it and has not
/// come for it.
fn holding(queue: &QueueRecord, granted: &[&Waiter]) -> Vec<Option<TaskId>> {
    let holder = queue.holder().filter(|_| granted.is_empty());
    let granted = granted.iter().map(|waiter| waiter.task());
    holder
        .map(|holder| holder.task())
        .into_iter()
        .chain(granted)
        .collect()
}

/// The same, described. From its release on a lock is the next one's, not that of the holder before.
fn holders(queue: &QueueRecord, granted: &[&Waiter], living: &Living) -> Vec<Held> {
    let has = |what| queue.description().asks(what);
    let ended = |task: Option<TaskId>| task.is_some_and(|id| living.number(id).is_none());
    let holder = queue.holder().filter(|_| granted.is_empty());
    let holder = holder.map(|holder| Held {
        task: holder.task(),
        has: has(queue.description().holds()),
        at: holder.at(),
        granted: false,
        ended: ended(holder.task()),
    });
    let granted = granted.iter().map(|waiter| Held {
        task: waiter.task(),
        has: has(waiter.ask()),
        at: waiter.at(),
        granted: true,
        ended: ended(waiter.task()),
    });
    holder.into_iter().chain(granted).collect()
}
