//! The function under an attribute, cut into its parts, and what is wrong with it.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::entry::Entry;
use crate::error::Error;
use crate::tokens::{self, Cursor, is_group, is_mark, is_word};

/// What the parser says an item is if it is not a function.
const OTHER_ITEMS: [&str; 12] = [
    "struct",
    "enum",
    "union",
    "trait",
    "impl",
    "mod",
    "use",
    "type",
    "static",
    "const",
    "crate",
    "macro_rules",
];

/// `#[path …]` on the function, below the attribute that is being expanded.
pub(crate) struct Attribute {
    hash: TokenTree,
    brackets: Group,
}

impl Attribute {
    pub(crate) fn tokens(&self) -> [TokenTree; 2] {
        [self.hash.clone(), TokenTree::from(self.brackets.clone())]
    }

    /// The path, if it names another attribute that would run the function.
    pub(crate) fn rival(&self) -> Option<String> {
        let is_path =
            |token: &TokenTree| matches!(token, TokenTree::Ident(_)) || is_mark(token, ':');
        let path = Cursor::new(self.brackets.stream()).take_until(|token| !is_path(token));
        let runs = path
            .last()
            .is_some_and(|name| is_word(name, "main") || is_word(name, "test"));
        runs.then(|| path.iter().map(TokenTree::to_string).collect())
    }
}

/// A function, each part as the user wrote it.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Vec<TokenTree>,
    pub(crate) constness: Option<TokenTree>,
    pub(crate) asyncness: Option<TokenTree>,
    pub(crate) unsafety: Option<TokenTree>,
    /// `extern`, perhaps with the name of an ABI.
    pub(crate) abi: Vec<TokenTree>,
    pub(crate) keyword: TokenTree,
    pub(crate) name: Ident,
    /// With the angle brackets.
    pub(crate) generics: Vec<TokenTree>,
    pub(crate) parameters: Group,
    /// With the arrow.
    pub(crate) output: Vec<TokenTree>,
    /// With the `where`.
    pub(crate) bounds: Vec<TokenTree>,
    pub(crate) body: Option<Group>,
}

impl Function {
    /// Cuts an item into the parts of a function; fails if it is not one.
    pub(crate) fn parse(entry: Entry, item: TokenStream) -> Result<Self, Error> {
        let mut cursor = Cursor::new(item);
        let attributes = attributes(&mut cursor);
        let visibility = visibility(&mut cursor);
        let first = cursor.peek().cloned();
        let constness = cursor.next_if(|token| is_word(token, "const"));
        let asyncness = cursor.next_if(|token| is_word(token, "async"));
        let unsafety = cursor.next_if(|token| is_word(token, "unsafe"));
        let mut abi = Vec::from_iter(cursor.next_if(|token| is_word(token, "extern")));
        if !abi.is_empty() {
            abi.extend(cursor.next_if(|token| matches!(token, TokenTree::Literal(_))));
        }
        let here = cursor.peek().cloned();
        let not_a_function = || not_a_function(entry, first.as_ref(), here.as_ref());

        let keyword = cursor
            .next_if(|token| is_word(token, "fn"))
            .ok_or_else(not_a_function)?;
        let Some(TokenTree::Ident(name)) = cursor.next_if(|_| true) else {
            return Err(not_a_function());
        };
        let generics = generics(&mut cursor);
        let parameters = cursor
            .next_if(|token| is_group(token, Delimiter::Parenthesis))
            .and_then(|token| tokens::as_group(token, Delimiter::Parenthesis))
            .ok_or_else(not_a_function)?;
        let mut output = cursor.take_until(|token| is_word(token, "where") || is_mark(token, ';'));
        let mut bounds = cursor.take_until(|token| is_mark(token, ';'));
        let body = last_braces(if bounds.is_empty() {
            &mut output
        } else {
            &mut bounds
        });

        Ok(Function {
            attributes,
            visibility,
            constness,
            asyncness,
            unsafety,
            abi,
            keyword,
            name,
            generics,
            parameters,
            output,
            bounds,
            body,
        })
    }

    /// Where the receiver is, if this is a method.
    fn receiver(&self) -> Option<Span> {
        let mut cursor = Cursor::new(self.parameters.stream());
        let first = cursor.take_until(|token| is_mark(token, ',') || is_mark(token, ':'));
        first
            .iter()
            .find(|token| is_word(token, "self"))
            .map(TokenTree::span)
    }

    /// Whether it can only stand in an `impl` or a `trait`.
    pub(crate) fn is_associated(&self) -> bool {
        self.receiver().is_some() || tokens::find_word(&self.output, "Self").is_some()
    }

    /// Appends a report of everything that keeps this function from being an entry point.
    pub(crate) fn check(&self, entry: Entry, errors: &mut Vec<Error>) {
        let (attribute, name) = (entry.attribute(), &self.name);
        for other in &self.attributes {
            if let Some(path) = other.rival() {
                let message = format!("`{attribute}` already runs `{name}`; remove `#[{path}]`");
                errors.push(Error::over(&other.tokens(), message));
            }
        }
        if let Some(word) = &self.constness {
            let message = format!("`{name}` cannot be `const`; remove the word");
            errors.push(Error::new(word.span(), message));
        }
        if self.asyncness.is_none() {
            let message = format!("`{name}` must be an `async fn`; write `async fn {name}()`");
            errors.push(Error::new(self.keyword.span(), message));
        }
        if let Some(word) = &self.unsafety {
            let message = format!("`{name}` cannot be `unsafe`; use an `unsafe` block in its body");
            errors.push(Error::new(word.span(), message));
        }
        if !self.abi.is_empty() {
            let message = format!("`{name}` cannot be `extern`; call it from an `extern` function");
            errors.push(Error::over(&self.abi, message));
        }
        let generic = if self.generics.is_empty() {
            &self.bounds
        } else {
            &self.generics
        };
        if !generic.is_empty() {
            let cure = "call a generic function from its body";
            let message = format!("`{name}` cannot be generic under `{attribute}`; {cure}");
            errors.push(Error::over(generic, message));
        }
        self.check_parameters(entry, errors);
        if self.body.is_none() {
            let message = format!("`{name}` has no body; write `async fn {name}() {{ … }}`");
            errors.push(Error::new(name.span(), message));
        }
    }

    fn check_parameters(&self, entry: Entry, errors: &mut Vec<Error>) {
        let (attribute, name) = (entry.attribute(), &self.name);
        if let Some(receiver) = self.receiver() {
            let message = format!("`{attribute}` cannot run a method; call it from an `async fn`");
            errors.push(Error::new(receiver, message));
            return;
        }
        if let Some(word) = tokens::find_word(&self.output, "Self") {
            let message = format!("`{name}` cannot return `Self`; move it out of the `impl`");
            errors.push(Error::new(word, message));
        }
        if Cursor::new(self.parameters.stream()).peek().is_some() {
            let cure = match entry {
                Entry::Test => "make the values in its body",
                Entry::Main if name.to_string() == "main" => "read `std::env::args()` in its body",
                Entry::Main => "without the attribute, `turnwise::block_on` runs it with arguments",
            };
            let message = format!("`{name}` cannot take parameters under `{attribute}`; {cure}");
            errors.push(Error::new(self.parameters.span(), message));
        }
    }
}

fn attributes(cursor: &mut Cursor) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    while let Some(hash) = cursor.next_if(|token| is_mark(token, '#')) {
        let brackets = cursor.next_if(|token| is_group(token, Delimiter::Bracket));
        let brackets = brackets.and_then(|token| tokens::as_group(token, Delimiter::Bracket));
        attributes.extend(brackets.map(|brackets| Attribute { hash, brackets }));
    }
    attributes
}

/// `pub`, `pub(…)` or nothing.
fn visibility(cursor: &mut Cursor) -> Vec<TokenTree> {
    let mut tokens = Vec::from_iter(cursor.next_if(|token| is_word(token, "pub")));
    if !tokens.is_empty() {
        tokens.extend(cursor.next_if(|token| is_group(token, Delimiter::Parenthesis)));
    }
    tokens
}

/// Takes the body off the end of what follows the parameters.
fn last_braces(tokens: &mut Vec<TokenTree>) -> Option<Group> {
    let body = tokens::as_group(tokens.last()?.clone(), Delimiter::Brace)?;
    tokens.pop();
    Some(body)
}

/// From `<` to its `>`; the one of an arrow does not count.
fn generics(cursor: &mut Cursor) -> Vec<TokenTree> {
    let (mut depth, mut after_dash) = (0_usize, false);
    cursor.take_until(|token| {
        let done = depth == 0 && !is_mark(token, '<');
        if is_mark(token, '<') {
            depth += 1;
        } else if is_mark(token, '>') && !after_dash {
            depth = depth.saturating_sub(1);
        }
        after_dash = is_mark(token, '-');
        done
    })
}

fn not_a_function(entry: Entry, first: Option<&TokenTree>, here: Option<&TokenTree>) -> Error {
    let is_item = |token: &&TokenTree| OTHER_ITEMS.iter().any(|word| is_word(token, word));
    let kind = here.into_iter().chain(first).find(is_item);
    let what = kind
        .map(|word| format!(", not on this `{word}`"))
        .unwrap_or_default();
    let at = kind.map_or_else(Span::call_site, TokenTree::span);
    Error::new(
        at,
        format!("`{}` goes on an `async fn`{what}", entry.attribute()),
    )
}
