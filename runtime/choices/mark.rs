//! What was done at a choice, in words that mean the same in another run, and the token that is made of them.
//!
//! ```text
//!   x1:5.1,2.c3,0.s,1.p1
//!      │ │ │ │  │ │  └─ after one more, the second option of the test's own
//!      │ │ │ │  └─ at once, virtual time passes to the next deadline although tasks are ready
//!      │ │ └─ after two more, cancel the third task that was spawned
//!      └─ after five plain choices, the second of the ready tasks
//! ```

use std::fmt::Write;

/// What was done at a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Poll the ready task that stands at this place. The first is what the loop does by itself.
    Run(u32),
    /// Cancel the task that was spawned as this one.
    Cancel(u32),
    /// Let virtual time pass to the next deadline although tasks are ready.
    Stall,
    /// Take this one of the options that the test offers. The first has no mark of its own: it is plain.
    Pick(u32),
}

impl Mark {
    /// What the loop does by itself.
    pub(crate) const PLAIN: Mark = Mark::Run(0);

    /// How far it is from what the loop does by itself.
    pub(crate) fn cost(self) -> usize {
        match self {
            Mark::Run(n) => n as usize,
            Mark::Cancel(_) | Mark::Stall | Mark::Pick(_) => 1,
        }
    }

    pub(crate) fn is_plain(self) -> bool {
        self == Mark::PLAIN
    }
}

/// Writes the marks of a run as a token; plain ones at the end are left out.
pub(crate) fn to_token(marks: &[Mark]) -> String {
    let (mut text, mut plain, mut comma) = (String::from("x1:"), 0, "");
    for mark in marks {
        if mark.is_plain() {
            plain += 1;
            continue;
        }
        _ = write!(text, "{comma}{plain}.");
        _ = match mark {
            Mark::Run(n) => write!(text, "{n}"),
            Mark::Cancel(serial) => write!(text, "c{serial}"),
            Mark::Stall => write!(text, "s"),
            Mark::Pick(n) => write!(text, "p{n}"),
        };
        (plain, comma) = (0, ",");
    }
    text
}

/// Reads a token.
///
/// # Errors
///
/// What is wrong with it, as a sentence that ends in the cure.
pub(crate) fn parse(token: &str) -> Result<Vec<Mark>, String> {
    /// No run is longer.
    const MOST: usize = 10_000_000;
    let form = "a token looks like x1:5.1,2.c3,0.s; copy it as the failure printed it";
    let body = token
        .strip_prefix("x1:")
        .ok_or_else(|| format!("`{token}` does not begin with `x1:`; {form}"))?;
    let mut marks = Vec::new();
    for part in body.split(',').filter(|part| !part.is_empty()) {
        let read = part.split_once('.').and_then(|(plain, what)| {
            let plain: usize = plain.parse().ok()?;
            Some((plain, read_mark(what)?))
        });
        let (plain, mark) = read
            .filter(|(plain, _)| marks.len() + plain < MOST)
            .ok_or_else(|| format!("`{part}` is no choice; {form}"))?;
        marks.extend(std::iter::repeat_n(Mark::PLAIN, plain));
        marks.push(mark);
    }
    Ok(marks)
}

fn read_mark(what: &str) -> Option<Mark> {
    if what == "s" {
        return Some(Mark::Stall);
    }
    if let Some(serial) = what.strip_prefix('c') {
        return serial.parse().ok().map(Mark::Cancel);
    }
    if let Some(n) = what.strip_prefix('p') {
        return n.parse().ok().map(Mark::Pick);
    }
    what.parse().ok().map(Mark::Run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_the_marks_say() {
        let token = "x1:5.1,2.c3,0.s,1.p1";
        let marks = parse(token).unwrap();
        assert_eq!(marks.len(), 12);
        assert_eq!(marks[8], Mark::Cancel(3));
        assert_eq!(to_token(&marks), token);
        assert_eq!(to_token(&[Mark::PLAIN; 9]), "x1:");
        assert_eq!(parse("x1:"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_token_is_refused_with_the_cure() {
        for wrong in [
            "",
            "x2:1.1",
            "x1:1",
            "x1:a.1",
            "x1:1.q",
            "x1:99999999999.1",
            "x1:-1.2",
        ] {
            let error = parse(wrong).unwrap_err();
            assert!(
                error.contains("copy it as the failure printed it"),
                "{error}"
            );
        }
    }
}
