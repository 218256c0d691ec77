//! A report as text for a terminal.
//!
//! ```text
//!   what is the matter, in a line
//!   the cycles, spelled out
//!   the tasks, each with what it waits for
//!   what could still come from outside
//! ```

use std::fmt;
use std::time::Duration;

use super::poll_times::Polls;
use super::report::{Held, Report, Row, State, Step, Wait, What};
use super::verdict::Verdict;
use crate::runtime::base::kinds;
use crate::runtime::base::place::{Place, shown};
use crate::runtime::base::text::{legible, quoted};
use crate::runtime::kernel::sched::task::TaskId;

/// Tasks that are printed before the rest is only counted; `{:#}` prints all that are described.
const PRINTED: usize = 50;

/// Waits of one task that are printed.
const MOST_WAITS: usize = 16;

/// Nanoseconds, a hundred years of them: a sleep as long as that means for ever.
const AGES: u64 = 100 * 365 * 86_400 * 1_000_000_000;

/// The plain cause of a cycle of one, and the cure.
const SELF_LOCK: &str =
    "    so it waits for what it took itself: let go of that first (drop the guard;
               perhaps it is in a future that is not polled, or in another task)
";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        for (cycle, steps) in self.cycles.iter().zip(&self.steps) {
            self.cycle(f, cycle.len(), steps)?;
        }
        // Those in a cycle first, then the stuck, then the rest; each kind by age.
        let mut order: Vec<(usize, usize)> = (0..self.tasks.len())
            .map(|task| (self.rank(task), task))
            .collect();
        let most = if f.alternate() { usize::MAX } else { PRINTED };
        let by_rank = (0..3).flat_map(|rank| order.iter().filter(move |task| task.0 == rank));
        if let Some(hidden) = by_rank.copied().nth(most) {
            order.retain(|task| *task < hidden);
        }
        for (_, task) in &order {
            self.task(f, &self.tasks[*task])?;
        }
        let hidden = self.counts.all - order.len();
        match hidden {
            0 => {}
            _ if f.alternate() => writeln!(f, "and {hidden} more")?,
            _ if self.tasks.len() == self.counts.all => {
                writeln!(f, "and {hidden} more; {{:#}} prints them all")?;
            }
            _ => {
                let all = self.tasks.len();
                writeln!(f, "and {hidden} more; {{:#}} prints {all} tasks")?;
            }
        }
        // A program that is dead has other worries.
        let polls = self.polls.as_ref();
        if let Some(polls) = polls.filter(|_| self.verdict == Verdict::Idle) {
            self.polls(f, polls)?;
        }
        write!(f, "outside: {}", self.outside)
    }
}

impl Report {
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (counts, stuck) = (self.counts, self.stuck.len());
        match self.verdict {
            _ if self.counts.all == 0 => return writeln!(f, "no tasks"),
            Verdict::Certain => {
                return writeln!(f, "deadlock: nothing can ever wake this program again");
            }
            Verdict::Suspected => {
                let hopes = [
                    (self.outside.wakers, "foreign code that keeps wakers"),
                    (
                        self.outside.lapsed,
                        "a descriptor perhaps no longer awaited",
                    ),
                    (self.outside.signals, "a signal to end"),
                ];
                let left = hopes.iter().filter(|(count, _)| *count > 0);
                let left: Vec<_> = left.map(|(_, hope)| hope.to_string()).collect();
                let left = left.join(" or ");
                return writeln!(f, "suspected deadlock: only {left} can wake this program");
            }
            Verdict::Idle => match counts.all {
                1 => write!(f, "1 task")?,
                tasks => write!(f, "{tasks} tasks")?,
            },
        }
        for (count, what) in [
            (counts.running, "running"),
            (counts.ready, "ready"),
            (counts.waiting, "waiting"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        match stuck {
            0 => writeln!(f),
            _ => writeln!(f, ", {stuck} of them for ever"),
        }
    }

    /// A histogram in a line, and a line for each of the places with the longest polls.
    fn polls(&self, f: &mut fmt::Formatter<'_>, polls: &Polls) -> fmt::Result {
        let all: u64 = polls.classes.iter().map(|(_, count)| count).sum();
        let some = polls.classes.iter().filter(|(_, count)| *count > 0);
        let classes: Vec<_> = some.map(|(class, n)| format!("{n} {class}")).collect();
        if classes.is_empty() {
            return Ok(());
        }
        writeln!(f, "polls: {all}; {}", classes.join(", "))?;
        for longest in &polls.longest {
            let (took, total) = (span(longest.longest), span(longest.total));
            // The task may be gone by now, but for its name.
            let task = match (longest.task, &longest.name) {
                (Some(id), Some(name)) => format!(" {id} {}", quoted(name)),
                (Some(id), None) => format!(" {}", self.title(id)),
                (None, _) => String::new(),
            };
            let at = longest.spawned_at;
            writeln!(f, "{took:>10} in task{task}, spawned at {}", shown(at))?;
            let (polls, s) = (longest.polls, if longest.polls == 1 { "" } else { "s" });
            writeln!(
                f,
                "           {polls} poll{s} of such tasks, {total} in all"
            )?;
        }
        Ok(())
    }

    fn rank(&self, task: usize) -> usize {
        match self.tasks[task].stuck {
            _ if self.tasks[task].waits.iter().any(|wait| wait.in_cycle) => 0,
            true => 1,
            false => 2,
        }
    }

    /// `#1 "name"`, or `#0 (main)`.
    pub(crate) fn title(&self, id: TaskId) -> String {
        match self.find(id) {
            Some(Row {
                name: Some(name), ..
            }) => format!("{id} {}", quoted(name)),
            Some(Row { main: true, .. }) => format!("{id} (main)"),
            _ => id.to_string(),
        }
    }

    /// What each task has that the one before it lacks, and what it lacks itself.
    fn cycle(&self, f: &mut fmt::Formatter<'_>, tasks: usize, cycle: &[Step]) -> fmt::Result {
        match tasks {
            1 => writeln!(f, "cycle of one task, which waits for itself")?,
            tasks => writeln!(f, "cycle of {tasks} tasks, each waiting for the next")?,
        }
        let before = |at: usize| cycle[(at + cycle.len() - 1) % cycle.len()];
        for (at, step) in cycle.iter().enumerate() {
            if at > 0 && at + 1 == cycle.len() && tasks > cycle.len() {
                writeln!(f, "  and {} more, and then", tasks - cycle.len())?;
            }
            let (row, wanted) = (&self.tasks[step.task], self.wait(before(at)));
            writeln!(f, "  task {}", self.title(row.id))?;
            let held = wanted.holders.iter().find(|held| held.task == Some(row.id));
            if let Some(held) = held {
                let (label, note) = if held.granted {
                    ("granted  ", ", to a future that it does not poll")
                } else {
                    ("took     ", "")
                };
                let what = match wanted.what {
                    What::Queue(kind, _, record) => {
                        made(kind, held.has.as_deref(), wanted.made, Some(record))
                    }
                    _ => self.what(wanted),
                };
                writeln!(f, "    {label}  {what}")?;
                writeln!(f, "               at {}{note}", shown(held.at))?;
            }
            let wait = self.wait(*step);
            writeln!(f, "    waits for  {}", self.what(wait))?;
            if let Some(at) = wait.at {
                writeln!(f, "               at {at}")?;
                if cycle.len() == 1 && held.is_some_and(|held| !held.granted) {
                    f.write_str(SELF_LOCK)?;
                }
            }
        }
        Ok(())
    }

    fn wait(&self, step: Step) -> &Wait {
        &self.tasks[step.task].waits[step.wait]
    }

    /// What a wait is for, with the place where that was made.
    pub(crate) fn what(&self, wait: &Wait) -> String {
        match &wait.what {
            What::Queue(kind, ask, record) => made(kind, ask.as_deref(), wait.made, Some(*record)),
            What::SingleWaiter(kind, seat) => made(kind, None, wait.made, Some(*seat)),
            What::Source(kinds::DESCRIPTOR, what) => {
                made(kinds::DESCRIPTOR, Some(what), None, None)
            }
            What::Source(kind, what) => made(kind, Some(what), wait.made, None),
            What::Work(label) => legible(label),
            What::Quiescence => kinds::QUIESCENCE.to_owned(),
            What::Timer(kind, AGES..) => format!("{kind} without end"),
            What::Timer(kind, left) => format!("{kind}, {} to go", span(*left)),
            What::End(id) => format!("the end of task {}", self.title(*id)),
            What::Children(kind, ids, _) => {
                let list: Vec<_> = ids.iter().take(4).map(|id| self.title(*id)).collect();
                let more = if ids.len() > list.len() { ", …" } else { "" };
                let children = if list.is_empty() {
                    "a child of a".to_owned()
                } else {
                    format!("the children {}{more} of a", list.join(", "))
                };
                made(kind, Some(&children), wait.made, None)
            }
        }
    }

    fn task(&self, f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
        let state = match row.state {
            State::Running => "running",
            State::Ready => "ready",
            State::Waiting if row.stuck && self.verdict == Verdict::Idle => "stuck",
            State::Waiting => "waiting",
        };
        writeln!(
            f,
            "task {} [{state}], spawned at {}",
            self.title(row.id),
            shown(row.spawned_at)
        )?;
        // Those of a cycle in any case.
        let all = row.waits.iter().enumerate();
        let shown = all.filter(|(number, wait)| *number < MOST_WAITS || wait.in_cycle);
        let shown: Vec<_> = shown.map(|(_, wait)| wait).collect();
        let more = row.more_waits + row.waits.len() - shown.len();
        for (number, wait) in shown.iter().enumerate() {
            let last = number + 1 == shown.len() && !row.cloned && more == 0;
            self.branch(
                f,
                wait,
                if last {
                    ("└─", "  ")
                } else {
                    ("├─", "│ ")
                },
            )?;
        }
        if more > 0 {
            let fork = if row.cloned { "├─" } else { "└─" };
            writeln!(f, "  {fork} and for {more} more")?;
        }
        if row.cloned {
            writeln!(f, "  └─ foreign code keeps its waker")?;
        }
        if row.waits.is_empty() && !row.cloned && row.state == State::Waiting {
            writeln!(f, "  └─ nothing that this runtime knows of can wake it")?;
        }
        Ok(())
    }

    fn branch(&self, f: &mut fmt::Formatter<'_>, wait: &Wait, tree: (&str, &str)) -> fmt::Result {
        let (fork, bar) = tree;
        let what = self.what(wait);
        let line = |f: &mut fmt::Formatter<'_>, what: &str, place: Option<Place>| match place {
            Some(place) => writeln!(f, "  {bar}    {what} {place}"),
            None => writeln!(f, "  {bar}    {what}"),
        };
        if let Some(count) = wait.granted {
            writeln!(f, "  {fork} was granted {what}")?;
            line(f, "at", wait.at)?;
            let text = match count {
                0 => "just now, and has not come for it".to_owned(),
                count => {
                    let passes = if count == 1 { "pass" } else { "passes" };
                    format!(
                        "{count} {passes} ago, and its task ran since without polling that future"
                    )
                }
            };
            return line(f, &text, None);
        }
        let more = match wait.more {
            0 => String::new(),
            more => format!(" and {more} more like it"),
        };
        writeln!(f, "  {fork} waits for {what}{more}")?;
        if wait.at.is_some() {
            line(f, "at", wait.at)?;
        }
        if wait.lapsed {
            let text = "perhaps no more: its task ran since without asking for it again";
            return line(f, text, None);
        }
        let mut facts = Vec::new();
        if let Some(place) = wait.place.filter(|_| matches!(wait.what, What::Queue(..))) {
            facts.push(format!("place {place} in line"));
        }
        if let Some(nanos @ 1..) = wait.nanos {
            facts.push(format!("for {}", span(nanos)));
        }
        if !facts.is_empty() {
            line(f, &facts.join(", "), None)?;
        }
        if let Some(gauge) = wait.gauge {
            let text = format!("{}: {}", gauge.what(), gauge.count());
            match gauge.last().filter(|_| gauge.count() > 0) {
                Some(last) => line(f, &format!("{text}, the last since"), Some(last))?,
                None => line(f, &text, None)?,
            }
        }
        for held in &wait.holders {
            self.holder(f, held, bar)?;
        }
        match wait.more_granted {
            0 => Ok(()),
            more => line(f, &format!("granted to {more} more"), None),
        }
    }

    /// A guard may have been moved since: the report says which task took it, not where it is.
    fn holder(&self, f: &mut fmt::Formatter<'_>, held: &Held, bar: &str) -> fmt::Result {
        let who = match held.task {
            Some(id) => format!("task {}", self.title(id)),
            None => "code outside any task".to_owned(),
        };
        if held.granted {
            return writeln!(
                f,
                "  {bar}    granted to {who}, which asked at {}",
                shown(held.at)
            );
        }
        writeln!(f, "  {bar}    taken by {who} at {}", shown(held.at))?;
        if held.ended {
            writeln!(f, "  {bar}    it has ended: its guard was moved or leaked")
        } else {
            Ok(())
        }
    }
}

/// A thing, what of it, and where it was made; where that is no line of the program, the number that tells it
/// apart while it is waited for.
fn made(kind: &str, what: Option<&str>, place: Option<Place>, number: Option<u32>) -> String {
    let thing = match what {
        Some(what) => format!("{what} {kind}"),
        None => kind.to_owned(),
    };
    match (place, number) {
        (Some(place), _) => format!("{thing} made at {place}"),
        (None, Some(number)) => format!("{thing} number {number}"),
        (None, None) => thing,
    }
}

/// A length of time, short.
fn span(nanos: u64) -> String {
    let duration = Duration::from_nanos(nanos);
    match nanos {
        0..1_000 => format!("{duration:?}"),
        _ => format!("{duration:.1?}"),
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
