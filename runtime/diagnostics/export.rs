//! A report for tools: JSON and Graphviz' DOT.

use std::collections::HashSet;
use std::fmt::Write;

use super::poll_times::{Longest, Polls};
use super::report::{Held, Report, Row, State, Wait, What};
use crate::runtime::base::place::{Place, of_program, shown};
use crate::runtime::base::text::is_hidden;
use crate::runtime::kernel::sched::task::TaskId;
use crate::runtime::kernel::wait::waiters::Gauge;

impl Report {
    /// The report as one JSON object. Places are `"file:line:column"`, tasks are their ids as printed
    /// everywhere (`"#1"`), times are nanoseconds. [The guide](crate::guide::diagnostics) lists the
    /// fields of a wait.
    pub fn to_json(&self) -> String {
        let tasks = list(self.tasks.iter().map(|row| self.row_json(row)));
        let cycle = |cycle: &Vec<TaskId>| list(cycle.iter().map(|id| text(&id.to_string())));
        let cycles = list(self.cycles.iter().map(cycle));
        let outside = object(&[
            (
                "working",
                list(self.outside.working.iter().map(|label| text(label))),
            ),
            ("descriptors", self.outside.sources.to_string()),
            ("lapsed_descriptors", self.outside.lapsed.to_string()),
            ("signals", self.outside.signals.to_string()),
            ("wakers", self.outside.wakers.to_string()),
            ("remotes", self.outside.remotes.to_string()),
        ]);
        object(&[
            ("verdict", text(self.verdict.word())),
            ("passes", self.passes.to_string()),
            ("tasks", tasks),
            (
                "more_tasks",
                (self.counts.all - self.tasks.len()).to_string(),
            ),
            ("cycles", cycles),
            (
                "polls",
                self.polls.as_ref().map_or("null".to_owned(), polls_json),
            ),
            ("outside", outside),
        ])
    }

    fn row_json(&self, row: &Row) -> String {
        let state = match row.state {
            State::Running => "running",
            State::Ready => "ready",
            State::Waiting => "waiting",
        };
        object(&[
            ("id", text(&row.id.to_string())),
            ("name", row.name.as_deref().map_or("null".to_owned(), text)),
            ("main", row.main.to_string()),
            ("spawned_at", line(row.spawned_at)),
            ("state", text(state)),
            ("stuck", row.stuck.to_string()),
            ("foreign_wakers", row.cloned.to_string()),
            ("waits", list(row.waits.iter().map(wait_json))),
            ("more_waits", row.more_waits.to_string()),
        ])
    }

    /// The report as a graph in the DOT language: tasks, what they wait for, which task holds it. Cycles are
    /// red. `dot -Tsvg` draws it.
    pub fn to_dot(&self) -> String {
        let mut dot = "digraph turnwise {\n  node [shape=box, fontname=monospace]\n".to_owned();
        let mut seen = HashSet::new();
        for row in &self.tasks {
            let red = row.waits.iter().any(|wait| wait.in_cycle);
            let label = format!("task {}\n{}", self.title(row.id), shown(row.spawned_at));
            let colour = if red { ", color=red" } else { "" };
            let _ = writeln!(
                dot,
                "  {} [label={}{colour}]",
                text(&row.id.to_string()),
                text(&label)
            );
            for wait in &row.waits {
                self.wait_dot(&mut dot, row, wait, &mut seen);
            }
        }
        dot.push_str("}\n");
        dot
    }

    fn wait_dot(&self, dot: &mut String, row: &Row, wait: &Wait, seen: &mut HashSet<u32>) {
        let (from, colour) = (
            text(&row.id.to_string()),
            if wait.in_cycle { ", color=red" } else { "" },
        );
        let at = text(&wait.at.map_or(String::new(), |at| at.to_string()));
        let mut edge = |from: &str, to: &str, label: &str| {
            let _ = writeln!(dot, "  {from} -> {to} [label={label}{colour}]");
        };
        match &wait.what {
            What::End(id) => edge(&from, &text(&id.to_string()), &at),
            What::Children(_, ids, _) => {
                ids.iter()
                    .for_each(|id| edge(&from, &text(&id.to_string()), &at));
            }
            What::Queue(kind, _, record) => {
                let queue = text(&format!("queue {record}"));
                if wait.granted.is_none() {
                    edge(&from, &queue, &at);
                }
                if wait.granted.is_none() && seen.insert(*record) {
                    for held in &wait.holders {
                        let holder = held.task.map_or("outside".to_owned(), |id| id.to_string());
                        edge(&queue, &text(&holder), &text(&shown(held.at).to_string()));
                    }
                    let made = wait.made.map_or(String::new(), |made| made.to_string());
                    let label = text(&format!("{kind}\n{made}"));
                    let _ = writeln!(dot, "  {queue} [shape=ellipse, label={label}]");
                }
            }
            What::SingleWaiter(kind, seat) => {
                let node = text(&format!("seat {seat}"));
                edge(&from, &node, &at);
                let made = wait.made.map_or(String::new(), |made| made.to_string());
                let label = text(&format!("{kind}\n{made}"));
                let _ = writeln!(dot, "  {node} [shape=ellipse, label={label}]");
            }
            What::Source(..) | What::Work(_) | What::Timer(..) | What::Quiescence => {
                let node = text(&format!("{} {}", row.id, self.what(wait)));
                edge(&from, &node, &at);
                let label = text(&self.what(wait));
                let _ = writeln!(dot, "  {node} [shape=plaintext, label={label}]");
            }
        }
    }
}

/// A line, if it is one of the program.
fn line(at: Place) -> String {
    place(of_program(at))
}

fn place(at: Option<Place>) -> String {
    at.map_or("null".to_owned(), |at| text(&at.to_string()))
}

fn wait_json(wait: &Wait) -> String {
    let number = |number: Option<u64>| number.map_or("null".to_owned(), |n| n.to_string());
    let asks = match &wait.what {
        What::Queue(_, Some(ask), _) => text(ask),
        What::Source(_, what) => text(what),
        _ => "null".to_owned(),
    };
    let which = match wait.what {
        What::Queue(_, _, number) | What::SingleWaiter(_, number) => Some(number.into()),
        _ => None,
    };
    let (tasks, more_tasks, left): (&[TaskId], _, _) = match &wait.what {
        What::Timer(_, left) => (&[], 0, Some(*left)),
        What::End(id) => (std::slice::from_ref(id), 0, None),
        What::Children(_, ids, more) => (ids, *more, None),
        _ => (&[], 0, None),
    };
    object(&[
        ("for", text(wait.what.kind())),
        ("asks_for", asks),
        ("tasks", list(tasks.iter().map(|id| text(&id.to_string())))),
        ("more_tasks", more_tasks.to_string()),
        ("number", number(which)),
        ("made_at", place(wait.made)),
        ("at", place(wait.at)),
        ("place", number(wait.place.map(|place| place as u64))),
        ("nanoseconds", number(wait.nanos)),
        ("nanoseconds_left", number(left)),
        ("granted", wait.granted.is_some().to_string()),
        ("passes_granted", number(wait.granted.map(u64::from))),
        ("lapsed", wait.lapsed.to_string()),
        ("taken_by", list(wait.holders.iter().map(held_json))),
        ("more_granted", wait.more_granted.to_string()),
        ("tally", wait.gauge.map_or("null".to_owned(), gauge_json)),
        ("more_like_it", wait.more.to_string()),
    ])
}

fn polls_json(polls: &Polls) -> String {
    let class = |(class, count): &(String, u64)| {
        object(&[("class", text(class)), ("count", count.to_string())])
    };
    let longest = |place: &Longest| {
        let task = place.task.map(|id| text(&id.to_string()));
        object(&[
            ("spawned_at", line(place.spawned_at)),
            ("task", task.unwrap_or("null".to_owned())),
            (
                "name",
                place.name.as_deref().map_or("null".to_owned(), text),
            ),
            ("longest_nanoseconds", place.longest.to_string()),
            ("polls", place.polls.to_string()),
            ("nanoseconds", place.total.to_string()),
        ])
    };
    object(&[
        ("histogram", list(polls.classes.iter().map(class))),
        ("longest", list(polls.longest.iter().map(longest))),
    ])
}

fn gauge_json(gauge: Gauge) -> String {
    let last = gauge.last().map(|last| text(&last.to_string()));
    object(&[
        ("what", text(gauge.what())),
        ("count", gauge.count().to_string()),
        ("last_at", last.unwrap_or("null".to_owned())),
    ])
}

fn held_json(held: &Held) -> String {
    let task = held
        .task
        .map_or("null".to_owned(), |id| text(&id.to_string()));
    object(&[
        ("task", task),
        ("at", line(held.at)),
        (
            "asks_for",
            held.has.as_deref().map_or("null".to_owned(), text),
        ),
        ("granted", held.granted.to_string()),
    ])
}

fn list(items: impl Iterator<Item = String>) -> String {
    enclosed('[', items, ']')
}

fn object(fields: &[(&str, String)]) -> String {
    let field = |(name, value): &(&str, String)| format!("{}:{value}", text(name));
    enclosed('{', fields.iter().map(field), '}')
}

fn enclosed(open: char, items: impl Iterator<Item = String>, close: char) -> String {
    let mut all = String::from(open);
    for item in items {
        if all.len() > 1 {
            all.push(',');
        }
        all.push_str(&item);
    }
    all.push(close);
    all
}

/// A string in quotes, escaped so that both JSON and DOT read it back.
fn text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            hidden if is_hidden(hidden) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(hidden));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_control_characters_are_escaped() {
        assert_eq!(text("a\"b\\c\nd\u{1}é"), r#""a\"b\\c\nd\u0001é""#);
        assert_eq!(
            text("\u{1b}\u{7f}\u{9b}\u{202e}"),
            r#""\u001b\u007f\u009b\u202e""#
        );
        assert_eq!(
            object(&[("a", list(["1".to_owned()].into_iter()))]),
            r#"{"a":[1]}"#
        );
    }
}
