//! A public trait on a public type is a promise to users. What the kernel alone may call, such as
//! [`Owner::left`](turnwise::sync::Owner::left), stays on a private type.

use std::collections::BTreeSet;

use crate::structure::{Source, assert_none, exported, the_crate};

/// Stores are sealed, and users never hold one.
const ON_PURPOSE: [(&str, &str); 3] = [("Store", "Fifo"), ("Store", "Lifo"), ("Store", "Smallest")];

/// The last name of a path, without its arguments.
fn name(path: &str) -> &str {
    let path = path.trim().split('<').next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default().trim()
}

/// Trait and type of every `impl` block.
fn implementations(code: &str) -> Vec<(&str, &str)> {
    let headers = code.split("\nimpl").skip(1).filter_map(|rest| {
        let header = &rest[..rest.find('{')?];
        let mut depth = 0;
        let generics = header.char_indices().find(|(at, c)| {
            depth += i32::from(*c == '<');
            // The arrow of a function type closes nothing.
            depth -= i32::from(*c == '>' && !header[..*at].ends_with('-'));
            depth == 0
        });
        let start = generics.map_or(0, |(at, c)| at + c.len_utf8());
        let (of, on) = header[start..].split_once(" for ")?;
        Some((name(of), name(on)))
    });
    headers.collect()
}

/// The public items of a kind that the crate declares: "trait", "struct".
fn declared(sources: &[Source], kind: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        for item in source.shipped().split(&format!("pub {kind} ")).skip(1) {
            let end = item.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            names.insert(item[..end.unwrap_or(item.len())].to_owned());
        }
    }
    names
}

fn complaints(sources: &[Source]) -> Vec<String> {
    let faces = ["lib.rs", "sync/mod.rs", "io/mod.rs"];
    let faces = sources
        .iter()
        .filter(|source| faces.contains(&&*source.path));
    let exported: BTreeSet<_> = faces.flat_map(exported).collect();
    let traits: BTreeSet<_> = declared(sources, "trait")
        .into_iter()
        .filter(|name| exported.contains(name))
        .collect();
    let types = &declared(sources, "struct") | &declared(sources, "enum");
    let mut complaints = Vec::new();
    for source in sources {
        for (of, on) in implementations(source.shipped()) {
            let public = traits.contains(of) && types.contains(on);
            if public && !ON_PURPOSE.contains(&(of, on)) {
                complaints.push(format!(
                    "{}: users can call what `{of}` has on `{on}`",
                    source.path
                ));
            }
        }
    }
    complaints
}

#[test]
fn users_cannot_call_what_the_kernel_calls() {
    let sources = the_crate();
    let traits = declared(&sources, "trait");
    for name in ["Owner", "Store", "GatherSet"] {
        assert!(traits.contains(name), "{name} is not found");
    }
    assert_none(complaints(&sources));
}

#[test]
fn the_rule_of_kernel_traits_complains() {
    let owner = Source::new(
        "runtime/kernel/wait/wait_node.rs",
        "pub trait Owner {}\npub trait Hidden {}\npub(crate) trait Inner {}",
    );
    let face = Source::new("sync/mod.rs", "pub use event::Owner;");
    let said = |code: &str| {
        let (owner, face) = (
            Source::new(&owner.path, owner.shipped()),
            Source::new(&face.path, face.shipped()),
        );
        complaints(&[owner, face, Source::new("sync/event.rs", code)])
    };
    let public = "pub struct Event<F>(F);\n";
    let of_event = "impl<F: Fn() -> u8> super::Owner for Event<F> {}\n";
    assert_eq!(
        said(&format!("{public}{of_event}")),
        ["sync/event.rs: users can call what `Owner` has on `Event`"]
    );
    let raw = "struct RawEvent;\nimpl Owner for RawEvent {}\n";
    let hidden = "impl<F> Hidden for Event<F> {}\nimpl<F> Inner for Event<F> {}\n";
    assert_none(said(&format!("{public}{raw}{hidden}")));
}
