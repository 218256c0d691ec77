//! The links of a page.

use html5gum::{DefaultEmitter, Token, Tokenizer};
use url::Url;

/// The pages that `html` links to, in their order, without what follows a `#`.
///
/// `html` may be as broken as it likes: a browser's rules say what it means. Links in scripts,
/// comments and the like are none.
pub fn links(html: &[u8], address: &Url) -> Vec<Url> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut base = None;
    let mut found = Vec::new();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(Token::StartTag(tag)) = token else {
            continue;
        };
        let name: &[u8] = &tag.name;
        let Some(target) = tag.attributes.get(&b"href"[..]) else {
            continue;
        };
        let target = String::from_utf8_lossy(target);
        match name {
            // The first one counts, for the whole page.
            b"base" if base.is_none() => base = address.join(&target).ok(),
            b"a" | b"area" => found.push(target.into_owned()),
            _ => {}
        }
    }
    let base = base.as_ref().unwrap_or(address);
    let absolute = found.iter().filter_map(|target| resolve(base, target));
    absolute.collect()
}

/// Where `target` leads from `base`, without what follows a `#`.
pub fn resolve(base: &Url, target: &str) -> Option<Url> {
    let mut url = base.join(target).ok()?;
    url.set_fragment(None);
    Some(url)
}
