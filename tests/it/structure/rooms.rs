//! The rooms of docs/architecture.md, measured on the source text: which module may import which, no
//! circle of files, and state that only its own room can touch.

use std::collections::{BTreeMap, BTreeSet};

use crate::structure::{Source, assert_none, imports, the_crate};

/// The rooms from the ground up. A room imports those above it in this list, and itself.
const ROOMS: [&str; 16] = [
    "runtime/base",
    "runtime/signals",
    "runtime/kernel",
    "runtime/task",
    "runtime/choices",
    "runtime/time",
    "runtime/reactor",
    "runtime/threads",
    "runtime/combinators",
    "runtime/diagnostics",
    "runtime/driver",
    "runtime/lifecycle",
    "runtime/explore",
    "sync",
    "io",
    "lib.rs",
];

/// Rooms beside each other: neither imports the other, whatever their order in the list.
const APART: [(&str, &str); 3] = [
    ("io", "sync"),
    ("runtime/reactor", "runtime/time"),
    ("runtime/threads", "runtime/reactor"),
];

/// The room that a file belongs to, by its place in [`ROOMS`].
fn room(path: &str) -> Option<usize> {
    ROOMS.iter().position(|room| {
        let rest = path.strip_prefix(room);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Which file imports which, by path. Faces (`mod.rs`) hand names on and are looked through.
fn arrows(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let tree = Tree::of(sources);
    let files = sources.iter().filter(|source| !is_face(&source.path));
    let arrows = files.map(|source| {
        let paths = imports(source);
        let found = paths
            .iter()
            .filter_map(|path| tree.find(&source.path, path));
        let others = found.filter(|other| *other != source.path && !is_face(other));
        (source.path.as_str(), others.collect())
    });
    arrows.collect()
}

fn is_face(path: &str) -> bool {
    path == "runtime/mod.rs" || path.ends_with("/mod.rs")
}

/// Files by their module, and the names that faces hand on.
struct Tree<'a> {
    files: BTreeMap<Vec<&'a str>, &'a str>,
    handed_on: BTreeMap<Vec<&'a str>, Vec<String>>,
}

impl<'a> Tree<'a> {
    fn of(sources: &'a [Source]) -> Self {
        let module = |source: &'a Source| {
            let path = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
            let path = if path == "lib" { "" } else { path };
            let segments = path.split('/').filter(|segment| !segment.is_empty());
            segments.collect::<Vec<_>>()
        };
        let faces = sources.iter().filter(|source| is_face(&source.path));
        Tree {
            files: sources
                .iter()
                .map(|source| (module(source), source.path.as_str()))
                .collect(),
            handed_on: faces
                .map(|source| (module(source), crate::structure::reexports(source)))
                .collect(),
        }
    }

    /// The file that a path of `from` leads to.
    fn find(&self, from: &str, path: &str) -> Option<&'a str> {
        let mut base: Vec<String> = match path.split("::").next()? {
            "crate" => Vec::new(),
            _ => {
                let path = from.trim_end_matches(".rs").trim_end_matches("/mod");
                path.split('/').map(str::to_owned).collect()
            }
        };
        let mut rest = path.split("::").peekable();
        while let Some(first) = rest.peek() {
            match *first {
                "crate" | "self" => {}
                "super" => _ = base.pop(),
                _ => break,
            }
            rest.next();
        }
        base.extend(rest.map(str::to_owned));
        self.resolve(base, 8)
    }

    /// Follows a path from the root of the crate, through what faces hand on.
    fn resolve(&self, path: Vec<String>, depth: usize) -> Option<&'a str> {
        let known = |len: &usize| {
            let prefix: Vec<&str> = path[..*len].iter().map(String::as_str).collect();
            self.files.contains_key(&prefix)
        };
        let len = (0..=path.len()).rev().find(known)?;
        let module: Vec<&str> = path[..len].iter().map(String::as_str).collect();
        let file = self.files.get(&module).copied()?;
        let (Some(name), Some(handed_on), 1..) =
            (path.get(len), self.handed_on.get(&module), depth)
        else {
            return Some(file);
        };
        let ends_with = |full: &&String| full.rsplit("::").next() == Some(name.as_str());
        let Some(full) = handed_on.iter().find(ends_with) else {
            return Some(file);
        };
        let mut next: Vec<String> = if full.starts_with("crate::") {
            Vec::new()
        } else {
            module.iter().map(|segment| (*segment).to_owned()).collect()
        };
        for segment in full.split("::") {
            match segment {
                "crate" | "self" => {}
                "super" => _ = next.pop(),
                segment => next.push(segment.to_owned()),
            }
        }
        next.extend(path[len + 1..].iter().cloned());
        self.resolve(next, depth - 1)
    }
}

/// Imports that run up, or between rooms that stand beside each other.
fn upward(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (from, others) in arrows(sources) {
        for to in others {
            let (Some(here), Some(there)) = (room(from), room(to)) else {
                continue;
            };
            let apart = APART.iter().any(|(a, b)| {
                let pair = [ROOMS[here], ROOMS[there]];
                pair == [*a, *b] || pair == [*b, *a]
            });
            if there > here || apart {
                complaints.push(format!("{from} may not import {to}"));
            }
        }
    }
    complaints
}

/// Files that import each other in a circle: at most two, and those of one room.
fn circles(sources: &[Source]) -> Vec<String> {
    let arrows = arrows(sources);
    let reach = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut left = vec![from];
        while let Some(file) = left.pop() {
            for next in arrows.get(file).into_iter().flatten() {
                if seen.insert(*next) {
                    left.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (*file, reach(file))).collect();
    let circle = |file: &str| -> Vec<&str> {
        let others = reached[file].iter().copied();
        others
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .collect()
    };
    let mut found = BTreeSet::new();
    for file in arrows.keys() {
        let circle = circle(file);
        let rooms: BTreeSet<_> = circle.iter().map(|file| room(file)).collect();
        if circle.len() > 2 || rooms.len() > 1 {
            found.insert(format!(
                "a circle of {}: {}",
                circle.len(),
                circle.join(", ")
            ));
        }
    }
    found.into_iter().collect()
}

/// Fields that every file of the crate could write. State has verbs; what is plain data is made of
/// public fields where it is public, and read through functions elsewhere.
fn open_fields(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| source.is_under("runtime/")) {
        for (number, line) in source.shipped().lines().enumerate() {
            let field = line.trim_start().strip_prefix("pub(crate) ");
            let name = field.and_then(|field| field.split_once(": "));
            let plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
            let in_tuple = line.contains("struct ") && line.contains("(pub(crate) ");
            if in_tuple || name.is_some_and(|(name, _)| plain(name)) {
                complaints.push(format!("{}:{} has an open field", source.path, number + 1));
            }
        }
    }
    complaints
}

#[test]
fn every_file_has_a_room() {
    let sources = the_crate();
    let homeless = sources.iter().filter(|source| !is_face(&source.path));
    let homeless = homeless.filter(|source| room(&source.path).is_none());
    assert_none(homeless.map(|source| source.path.clone()).collect());
}

#[test]
fn imports_run_one_way() {
    assert_none(upward(&the_crate()));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_none(circles(&the_crate()));
}

#[test]
fn state_is_private_to_its_room() {
    assert_none(open_fields(&the_crate()));
}

#[test]
fn the_rules_of_rooms_complain() {
    let house = |files: &[(&str, &str)]| -> Vec<Source> {
        let made = files.iter().map(|(path, text)| Source::new(path, text));
        made.collect()
    };
    let face = ("runtime/kernel/mod.rs", "mod b;\npub(crate) use b::{B, c};");
    let up = house(&[
        face,
        ("runtime/kernel/b.rs", "use crate::runtime::driver::a::A;"),
        ("runtime/driver/a.rs", "use crate::runtime::kernel::B;"),
    ]);
    assert_eq!(
        upward(&up),
        ["runtime/kernel/b.rs may not import runtime/driver/a.rs"]
    );
    assert_eq!(circles(&up).len(), 1);
    let three = house(&[
        ("sync/a.rs", "use super::b::B;"),
        ("sync/b.rs", "use super::{c, d::D};"),
        ("sync/c.rs", "fn f() { crate::sync::a::f() }"),
        ("sync/d.rs", ""),
    ]);
    assert_eq!(
        circles(&three),
        ["a circle of 3: sync/a.rs, sync/b.rs, sync/c.rs"]
    );
    let two = house(&[
        ("sync/a.rs", "use super::b::B;"),
        ("sync/b.rs", "use super::a::A;"),
    ]);
    assert_eq!(circles(&two), [""; 0]);
    let beside = house(&[("io/a.rs", "use crate::sync::b::B;"), ("sync/b.rs", "")]);
    assert_eq!(upward(&beside), ["io/a.rs may not import sync/b.rs"]);
    let open = house(&[(
        "runtime/kernel/b.rs",
        "struct B {\n    pub(crate) c: u8,\n    d: u8,\n}",
    )]);
    assert_eq!(
        open_fields(&open),
        ["runtime/kernel/b.rs:2 has an open field"]
    );
    let closed = house(&[(
        "runtime/kernel/b.rs",
        "struct B {\n    pub(super) c: u8,\n}\npub(crate) fn f(a: u8) {}\npub(crate) const A: u8 = 1;",
    )]);
    assert_eq!(open_fields(&closed), [""; 0]);
}
