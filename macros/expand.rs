//! What the two attributes emit.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::arguments::Arguments;
use crate::entry::Entry;
use crate::error::Error;
use crate::signature::Function;
use crate::tokens;

/// Expands an attribute on `item`; mistakes become `compile_error!`s.
pub(crate) fn expand(entry: Entry, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Vec::new();
    let arguments = Arguments::parse(entry, arguments, &mut errors);
    let expansion = match Function::parse(entry, item.clone()) {
        Ok(function) => {
            function.check(entry, &mut errors);
            match &function.body {
                Some(body) if errors.is_empty() => runnable(entry, &arguments, &function, body),
                _ => placeholder(entry, &function),
            }
        }
        Err(error) => {
            errors.push(error);
            item
        }
    };
    errors
        .into_iter()
        .map(Error::into_tokens)
        .chain([expansion])
        .collect()
}

/// The plain function, with the user's `async fn` inside.
fn runnable(entry: Entry, arguments: &Arguments, function: &Function, body: &Group) -> TokenStream {
    let Function {
        name,
        keyword,
        output,
        ..
    } = function;
    // The user's function may have no `.await` without being to blame: the attribute wants `async`.
    let mut inside = tokens::parse("#[allow(clippy::unused_async)]");
    inside.extend(function.asyncness.clone());
    inside.extend(signature(keyword, name, output));
    inside.extend([TokenTree::from(body.clone())]);
    let runner = entry.runner(arguments.other_clock, arguments.detached);
    let mut call = TokenStream::from(TokenTree::from(name.clone()));
    call.extend(tokens::parse("()"));
    inside.extend(arguments.runtime.clone());
    inside.extend(tokens::parse(&format!("::__private::{runner}")));
    inside.extend([parenthesized(call)]);

    let mut stream = TokenStream::new();
    if entry == Entry::Test {
        stream.extend(tokens::parse("#[::core::prelude::v1::test]"));
    }
    let attributes = function.attributes.iter();
    stream.extend(attributes.flat_map(|attribute| attribute.tokens()));
    stream.extend(function.visibility.clone());
    stream.extend(signature(keyword, name, output));
    stream.extend([braced(inside, body.span())]);
    stream
}

/// What stands in for a function that was reported: it can be called as the user meant to, its body
/// is still checked, and nothing about it is reported a second time.
fn placeholder(entry: Entry, function: &Function) -> TokenStream {
    let Function {
        name,
        keyword,
        generics,
        parameters,
        output,
        bounds,
        unsafety,
        ..
    } = function;
    let mut declared = TokenStream::from_iter(unsafety.clone());
    declared.extend([keyword.clone(), TokenTree::from(name.clone())]);
    declared.extend(generics.iter().cloned());
    declared.extend([TokenTree::from(parameters.clone())]);
    declared.extend(output.iter().chain(bounds).cloned());

    let mut inside = TokenStream::new();
    if let Some(body) = function.body.as_ref().filter(|_| !function.is_associated()) {
        inside.extend(tokens::parse("async"));
        inside.extend(declared.clone());
        inside.extend([TokenTree::from(body.clone())]);
    }

    let mut stream = tokens::parse("#[allow(unused)]");
    if entry == Entry::Test {
        // As a `#[test]` it would be absent without `--test`, and so may be what its body uses.
        stream.extend(tokens::parse("#[cfg(test)]"));
    }
    let kept = function
        .attributes
        .iter()
        .filter(|attribute| attribute.rival().is_none());
    stream.extend(kept.flat_map(|attribute| attribute.tokens()));
    stream.extend(function.visibility.clone());
    if entry == Entry::Main && name.to_string() == "main" {
        // The compiler has rules of its own for the program's `main`.
        stream.extend(signature(keyword, name, &[]));
    } else {
        inside.extend(tokens::parse("loop {}"));
        stream.extend(declared);
    }
    stream.extend([braced(inside, name.span())]);
    stream
}

/// `fn name() output`
fn signature(keyword: &TokenTree, name: &Ident, output: &[TokenTree]) -> TokenStream {
    let mut stream = TokenStream::from(keyword.clone());
    stream.extend([TokenTree::from(name.clone())]);
    stream.extend(tokens::parse("()"));
    stream.extend(output.iter().cloned());
    stream
}

fn parenthesized(stream: TokenStream) -> TokenTree {
    Group::new(Delimiter::Parenthesis, stream).into()
}

/// Generated braces that lie where the user's are, so that the function as a whole does.
fn braced(stream: TokenStream, place: Span) -> TokenTree {
    let mut group = Group::new(Delimiter::Brace, stream);
    group.set_span(Span::call_site().located_at(place));
    group.into()
}
