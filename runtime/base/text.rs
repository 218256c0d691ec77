//! Texts of users, made safe to print.

/// A name as it is printed.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", legible(name))
}

/// A user's text for a line on a terminal: escaped, and if it is very long without its middle.
pub(crate) fn legible(text: &str) -> String {
    let escape = |text: &str| {
        let quoted = format!("{text:?}");
        quoted[1..quoted.len() - 1].to_owned()
    };
    match shortened(text) {
        (all, "") => escape(all),
        (head, tail) => format!("{}…{}", escape(head), escape(tail)),
    }
}

/// Head and tail of a very long text, since names tend to end in a number and labels in a place;
/// else all of it.
pub(crate) fn shortened(text: &str) -> (&str, &str) {
    const HEAD: usize = 100;
    const TAIL: usize = 40;
    let head = text.char_indices().nth(HEAD);
    let tail = text.char_indices().nth_back(TAIL - 1);
    match (head, tail) {
        // One character may be missing in a text that was shortened before.
        (Some((head, _)), Some((tail, _))) if head < tail => (&text[..head], &text[tail..]),
        _ => (text, ""),
    }
}

/// A user's text of several lines for a terminal. Each line after the first is set in, so that none
/// can pass for a line of ours.
pub(crate) fn set_in(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => safe.push_str("\n    "),
            other if is_hidden(other) => safe.extend(other.escape_debug()),
            other => safe.push(other),
        }
    }
    safe
}

/// What a terminal obeys instead of showing it: control characters, and what turns the direction of
/// a line.
pub(crate) fn is_hidden(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}
