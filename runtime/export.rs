//! A report for tools: JSON and Graphviz' DOT.
//!
//! Nothing here is generic, and no part of the text is put together elsewhere before it is written:
//! this is compiled into every program, and asked for in few.

use std::fmt::{self, Display, Write};

use super::kinds;
use super::poll_times::Polls;
use super::report::{Held, Report, Row, State, Wait, What};
use super::task::TaskId;
use super::waiters::Tally;

impl Report {
    /// The report as one JSON object. Places are `"file:line:column"`, tasks are their ids as printed
    /// everywhere (`"#1"`), times are nanoseconds. docs/diagnostics.md lists the fields of a wait.
    pub fn to_json(&self) -> String {
        let mut json = Json(String::new());
        json.open("", '{');
        json.text("verdict", &self.verdict.word());
        json.bare("passes", &self.passes);
        json.open("tasks", '[');
        self.tasks.iter().for_each(|row| json.row(row));
        json.close(']');
        json.open("cycles", '[');
        for cycle in &self.cycles {
            json.open("", '[');
            for step in cycle {
                json.text("", &self.tasks[step.task].id);
            }
            json.close(']');
        }
        json.close(']');
        match &self.polls {
            Some(polls) => json.polls(polls),
            None => json.bare("polls", &"null"),
        }
        json.open("outside", '{');
        json.open("working", '[');
        for label in &self.outside.working {
            json.text("", label);
        }
        json.close(']');
        json.bare("descriptors", &self.outside.sources);
        json.bare("lapsed_descriptors", &self.outside.lapsed);
        json.bare("signals", &self.outside.signals);
        json.bare("wakers", &self.outside.wakers);
        json.bare("remotes", &self.outside.remotes);
        json.close('}');
        json.close('}');
        json.0
    }

    /// The report as a graph in the DOT language: tasks, what they wait for, who holds it. Cycles are
    /// red. `dot -Tsvg` draws it.
    pub fn to_dot(&self) -> String {
        let mut dot = "digraph turnwise {\n  node [shape=box, fontname=monospace]\n".to_owned();
        let mut seen = Vec::new();
        for row in &self.tasks {
            let label = format!("task {}\n{}", self.title(row.id), row.spawned_at);
            let red = row.waits.iter().any(|wait| wait.in_cycle);
            node(&mut dot, &row.id, "", &label, red);
            for wait in &row.waits {
                self.wait_dot(&mut dot, row, wait, &mut seen);
            }
        }
        dot.push_str("}\n");
        dot
    }

    fn wait_dot(&self, dot: &mut String, row: &Row, wait: &Wait, seen: &mut Vec<bool>) {
        let (from, red) = (&row.id, wait.in_cycle);
        let at = or_nothing(&wait.at);
        match &wait.what {
            What::End(id) => edge(dot, from, id, at, red),
            What::Children(_, ids) => ids.iter().for_each(|id| edge(dot, from, id, at, red)),
            What::Queue(..) if wait.granted.is_some() => {}
            What::Queue(kind, _, record) => {
                let queue = format!("queue {record}");
                edge(dot, from, &queue, at, red);
                let record = *record as usize;
                seen.resize(seen.len().max(record + 1), false);
                if !std::mem::replace(&mut seen[record], true) {
                    for held in &wait.holders {
                        let holder = or(&held.task, &"outside");
                        edge(dot, &queue, holder, &held.at, red);
                    }
                    let label = format!("{kind}\n{}", or_nothing(&wait.made));
                    node(dot, &queue, "shape=ellipse, ", &label, false);
                }
            }
            What::Source(_) | What::Timer(..) | What::Quiescence => {
                let what = self.what(wait);
                let name = format!("{from} {what}");
                edge(dot, from, &name, at, red);
                node(dot, &name, "shape=plaintext, ", &what, false);
            }
        }
    }
}

fn node(dot: &mut String, name: &dyn Display, shape: &str, label: &dyn Display, red: bool) {
    let (name, label, colour) = (Quoted(name), Quoted(label), colour(red));
    let _ = writeln!(dot, "  {name} [{shape}label={label}{colour}]");
}

fn edge(dot: &mut String, from: &dyn Display, to: &dyn Display, label: &dyn Display, red: bool) {
    let (from, to, label, colour) = (Quoted(from), Quoted(to), Quoted(label), colour(red));
    let _ = writeln!(dot, "  {from} -> {to} [label={label}{colour}]");
}

fn colour(red: bool) -> &'static str {
    if red { ", color=red" } else { "" }
}

fn or<'a, T: Display>(value: &'a Option<T>, other: &'a dyn Display) -> &'a dyn Display {
    value.as_ref().map_or(other, |value| value)
}

fn or_nothing<T: Display>(value: &Option<T>) -> &dyn Display {
    or(value, &"")
}

/// A value under way. What is written into an object has a name, what is written into a list has none.
struct Json(String);

impl Json {
    fn name(&mut self, name: &str) {
        if !self.0.is_empty() && !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
        if !name.is_empty() {
            let _ = write!(self.0, "\"{name}\":");
        }
    }

    fn open(&mut self, name: &str, bracket: char) {
        self.name(name);
        self.0.push(bracket);
    }

    fn close(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    fn text(&mut self, name: &str, value: &dyn Display) {
        self.bare(name, &Quoted(value));
    }

    /// A number, a truth value or null.
    fn bare(&mut self, name: &str, value: &dyn Display) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    fn text_or_null<T: Display>(&mut self, name: &str, value: &Option<T>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.bare(name, &"null"),
        }
    }

    fn bare_or_null<T: Display>(&mut self, name: &str, value: &Option<T>) {
        self.bare(name, or(value, &"null"));
    }

    fn row(&mut self, row: &Row) {
        let state = match row.state {
            State::Running => "running",
            State::Ready => "ready",
            State::Waiting => "waiting",
        };
        self.open("", '{');
        self.text("id", &row.id);
        self.text_or_null("name", &row.name);
        self.bare("main", &row.main);
        self.text("spawned_at", &row.spawned_at);
        self.text("state", &state);
        self.bare("stuck", &row.stuck);
        self.bare("foreign_wakers", &row.cloned);
        self.open("waits", '[');
        row.waits.iter().for_each(|wait| self.wait(wait));
        self.close(']');
        self.close('}');
    }

    fn wait(&mut self, wait: &Wait) {
        let (mut asks, mut tasks, mut left): (_, &[TaskId], _) = (&None, &[], None);
        let kind = match &wait.what {
            What::Queue(kind, ask, _) => {
                asks = ask;
                kind
            }
            What::Source(kind) => kind,
            What::Quiescence => kinds::QUIESCENCE,
            What::Timer(kind, nanos) => {
                left = Some(*nanos);
                kind
            }
            What::End(id) => {
                tasks = std::slice::from_ref(id);
                "end of task"
            }
            What::Children(kind, ids) => {
                tasks = ids;
                kind
            }
        };
        self.open("", '{');
        self.text("for", &kind);
        self.text_or_null("asks_for", asks);
        self.open("tasks", '[');
        tasks.iter().for_each(|id| self.text("", id));
        self.close(']');
        self.text_or_null("made_at", &wait.made);
        self.text_or_null("at", &wait.at);
        self.bare_or_null("place", &wait.place);
        self.bare_or_null("passes", &wait.passes);
        self.bare_or_null("nanoseconds", &wait.nanos);
        self.bare_or_null("nanoseconds_left", &left);
        self.bare("granted", &wait.granted.is_some());
        self.bare_or_null("passes_granted", &wait.granted);
        self.bare("lapsed", &wait.lapsed);
        self.open("taken_by", '[');
        wait.holders.iter().for_each(|held| self.held(held));
        self.close(']');
        self.bare("more_granted", &wait.more_granted);
        match &wait.tally {
            Some(tally) => self.tally(tally),
            None => self.bare("tally", &"null"),
        }
        self.close('}');
    }

    fn held(&mut self, held: &Held) {
        self.open("", '{');
        self.text_or_null("task", &held.task);
        self.text("at", &held.at);
        self.text_or_null("asks_for", &held.has);
        self.bare("granted", &held.granted);
        self.close('}');
    }

    fn tally(&mut self, tally: &Tally) {
        self.open("tally", '{');
        self.text("what", &tally.what);
        self.bare("count", &tally.count);
        self.text_or_null("last_at", &tally.last);
        self.close('}');
    }

    fn polls(&mut self, polls: &Polls) {
        self.open("polls", '{');
        self.open("histogram", '[');
        for (class, count) in &polls.classes {
            self.open("", '{');
            self.text("class", class);
            self.bare("count", count);
            self.close('}');
        }
        self.close(']');
        self.open("longest", '[');
        for longest in &polls.longest {
            self.open("", '{');
            self.text("spawned_at", &longest.spawned_at);
            self.text_or_null("task", &longest.task);
            self.text_or_null("name", &longest.name);
            self.bare("longest_nanoseconds", &longest.longest);
            self.bare("polls", &longest.polls);
            self.bare("nanoseconds", &longest.total);
            self.close('}');
        }
        self.close(']');
        self.close('}');
    }
}

/// In quotes, and escaped so that both JSON and DOT read it back.
struct Quoted<'a>(&'a dyn Display);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write!(Escaped(f), "{}", self.0)?;
        f.write_char('"')
    }
}

struct Escaped<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '"' => self.0.write_str("\\\""),
            '\\' => self.0.write_str("\\\\"),
            '\n' => self.0.write_str("\\n"),
            control if control < ' ' => write!(self.0, "\\u{:04x}", u32::from(control)),
            other => self.0.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_control_characters_are_escaped() {
        let odd = "a\"b\\c\nd\u{1}é";
        assert_eq!(Quoted(&odd).to_string(), r#""a\"b\\c\nd\u0001é""#);
    }

    #[test]
    fn commas_stand_between_values_and_nowhere_else() {
        let mut json = Json(String::new());
        json.open("", '{');
        json.open("a", '[');
        json.close(']');
        json.open("b", '[');
        json.text("", &"[");
        json.bare("", &1);
        json.close(']');
        json.text_or_null("c", &None::<u32>);
        json.close('}');
        assert_eq!(json.0, r#"{"a":[],"b":["[",1],"c":null}"#);
    }
}
