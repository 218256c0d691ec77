//! What stands in the parentheses of an attribute.

use proc_macro::{Ident, Literal, TokenStream, TokenTree};

use crate::entry::Entry;
use crate::error::Error;
use crate::tokens::{self, Cursor, is_mark};

/// The arguments of one attribute.
pub(crate) struct Arguments {
    /// Whether the clock is the one that the attribute does not take by itself.
    pub(crate) other_clock: bool,
    /// Whether a test may leave tasks behind.
    pub(crate) detached: bool,
    /// The path of the runtime crate.
    pub(crate) runtime: TokenStream,
}

impl Arguments {
    /// Reads all arguments and appends a report of each that is wrong.
    pub(crate) fn parse(entry: Entry, stream: TokenStream, errors: &mut Vec<Error>) -> Self {
        let mut cursor = Cursor::new(stream);
        let mut clock = None;
        let mut detached = None;
        let mut runtime = None;
        while cursor.peek().is_some() {
            let argument = cursor.take_until(|token| is_mark(token, ','));
            let comma = cursor.next_if(|_| true);
            let Some((TokenTree::Ident(name), value)) = argument.split_first() else {
                let strange = if argument.is_empty() {
                    comma.as_slice()
                } else {
                    &argument
                };
                let message = format!("expected an argument; {}", allowed(entry));
                errors.push(Error::over(strange, message));
                continue;
            };
            let word = name.to_string();
            let read = if word == entry.clock_argument() {
                no_value(name, value).and_then(|()| once(&mut clock, name, ()))
            } else if word == "detached" && entry == Entry::Test {
                no_value(name, value).and_then(|()| once(&mut detached, name, ()))
            } else if word == "crate" {
                path(name, value).and_then(|path| once(&mut runtime, name, path))
            } else {
                Err(Error::new(name.span(), unknown(entry, &word)))
            };
            errors.extend(read.err());
        }
        Arguments {
            other_clock: clock.is_some(),
            detached: detached.is_some(),
            runtime: runtime.unwrap_or_else(|| tokens::parse("::turnwise")),
        }
    }
}

fn allowed(entry: Entry) -> String {
    let (attribute, arguments) = (entry.attribute(), entry.arguments());
    format!(
        "`{attribute}` takes {arguments}; for other settings use `turnwise::RuntimeBuilder` in a function that is not async"
    )
}

fn unknown(entry: Entry, word: &str) -> String {
    if word == entry.default_clock() {
        let attribute = entry.attribute();
        return format!("`{word}` is what `{attribute}` does by itself; remove it");
    }
    format!("unknown argument `{word}`; {}", allowed(entry))
}

/// Fills `slot`, unless the argument was there before.
fn once<T>(slot: &mut Option<T>, name: &Ident, value: T) -> Result<(), Error> {
    if slot.replace(value).is_none() {
        return Ok(());
    }
    let message = format!("`{name}` is given twice; remove one");
    Err(Error::new(name.span(), message))
}

fn no_value(name: &Ident, value: &[TokenTree]) -> Result<(), Error> {
    if value.is_empty() {
        return Ok(());
    }
    let message = format!("`{name}` takes no value; write `{name}` alone or leave it out");
    Err(Error::over(value, message))
}

/// Reads `= path` or `= "path"`.
fn path(name: &Ident, value: &[TokenTree]) -> Result<TokenStream, Error> {
    let stream = match value {
        [equals, TokenTree::Literal(literal)] if is_mark(equals, '=') => quoted(literal),
        [equals, path @ ..] if is_mark(equals, '=') => Some(path.iter().cloned().collect()),
        _ => None,
    };
    stream.filter(is_path).ok_or_else(|| {
        let message = "`crate` takes the path of the runtime; write `crate = my::turnwise`";
        let whole: Vec<_> = [TokenTree::from(name.clone())]
            .into_iter()
            .chain(value.to_vec())
            .collect();
        Error::over(&whole, message)
    })
}

/// The tokens in a plain string literal.
fn quoted(literal: &Literal) -> Option<TokenStream> {
    let text = literal.to_string();
    let source = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(tokens::place(source.parse().ok()?, literal.span()))
}

/// Whether these are names with `::` between them, and perhaps in front.
fn is_path(stream: &TokenStream) -> bool {
    let mut cursor = Cursor::new(stream.clone());
    let colons = |cursor: &mut Cursor| {
        let colon = |token: &TokenTree| is_mark(token, ':');
        cursor
            .next_if(colon)
            .and_then(|_| cursor.next_if(colon))
            .is_some()
    };
    colons(&mut cursor);
    while cursor
        .next_if(|token| matches!(token, TokenTree::Ident(_)))
        .is_some()
    {
        if cursor.peek().is_none() {
            return true;
        }
        if !colons(&mut cursor) {
            return false;
        }
    }
    false
}
