//! A mistake in the use of an attribute, and how it reaches the user.

use proc_macro::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};

use crate::tokens;

/// What is wrong, with the cure, and where.
pub(crate) struct Error {
    first: Span,
    last: Span,
    message: String,
}

impl Error {
    /// An error about one token.
    pub(crate) fn new(at: Span, message: impl Into<String>) -> Self {
        Error {
            first: at,
            last: at,
            message: message.into(),
        }
    }

    /// An error about all of `tokens`, or about the whole attribute if there are none.
    pub(crate) fn over(tokens: &[TokenTree], message: impl Into<String>) -> Self {
        let span = |token: Option<&TokenTree>| token.map_or_else(Span::call_site, TokenTree::span);
        Error {
            first: span(tokens.first()),
            last: span(tokens.last()),
            message: message.into(),
        }
    }

    /// The `compile_error!` that reports it.
    ///
    /// `Span::join` is not stable; but the compiler reports a macro call from its first token to its
    /// last, so those two carry the ends.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let mut message = TokenTree::from(Literal::string(&self.message));
        message.set_span(self.last);
        let mut braces = Group::new(Delimiter::Brace, message.into());
        braces.set_span(self.last);

        let mut stream = tokens::parse_at("::core::compile_error!", self.first);
        stream.extend([TokenTree::from(braces)]);
        stream
    }
}
