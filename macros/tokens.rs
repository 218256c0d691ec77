//! The few token helpers that two attributes need in place of `syn` and `quote`.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

/// A place in a list of tokens, moving forward.
pub(crate) struct Cursor {
    tokens: Vec<TokenTree>,
    at: usize,
}

impl Cursor {
    /// Starts at the first token of `stream`, which is flattened.
    pub(crate) fn new(stream: TokenStream) -> Self {
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Cursor { tokens, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&TokenTree> {
        self.tokens.get(self.at)
    }

    /// The next token if it satisfies `wanted`.
    pub(crate) fn next_if(&mut self, wanted: impl Fn(&TokenTree) -> bool) -> Option<TokenTree> {
        let token = self.peek().filter(|token| wanted(token)).cloned()?;
        self.at += 1;
        Some(token)
    }

    /// The tokens before the first one that satisfies `stop`.
    pub(crate) fn take_until(
        &mut self,
        mut stop: impl FnMut(&TokenTree) -> bool,
    ) -> Vec<TokenTree> {
        let start = self.at;
        while self.peek().is_some_and(|token| !stop(token)) {
            self.at += 1;
        }
        self.tokens[start..self.at].to_vec()
    }
}

/// Replaces invisible groups by what they hold.
///
/// A `macro_rules!` macro wraps what it matched as `$vis`, `$ty` or `$block` in them. Where a
/// signature is cut, and in a list of arguments, they change nothing.
fn flatten(stream: TokenStream, tokens: &mut Vec<TokenTree>) {
    for token in stream {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                flatten(group.stream(), tokens);
            }
            token => tokens.push(token),
        }
    }
}

/// Parses generated `source`; its tokens have the span of the attribute.
pub(crate) fn parse(source: &str) -> TokenStream {
    source
        .parse()
        .expect("generated code has balanced delimiters")
}

/// Parses generated `source` and places its tokens at `span`.
pub(crate) fn parse_at(source: &str, span: Span) -> TokenStream {
    place(parse(source), span)
}

/// Moves the outermost tokens of `stream` to `span`.
pub(crate) fn place(stream: TokenStream, span: Span) -> TokenStream {
    let at_span = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    stream.into_iter().map(at_span).collect()
}

pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

pub(crate) fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

pub(crate) fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

/// The token as a group with this delimiter.
pub(crate) fn as_group(token: TokenTree, delimiter: Delimiter) -> Option<Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Where `word` first occurs in `tokens`, at any depth.
pub(crate) fn find_word(tokens: &[TokenTree], word: &str) -> Option<Span> {
    tokens.iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident.to_string() == word => Some(ident.span()),
        TokenTree::Group(group) => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            find_word(&inner, word)
        }
        _ => None,
    })
}
