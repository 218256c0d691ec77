//! Which lines are worth naming: those of the program.
//!
//! `Location::caller` gives a line of the standard library where that makes something for the program
//! (`Rc::<Lock<_>>::default()`) or calls a function that was passed on (`.map(spawn)`), and one of this crate where
//! a primitive makes another one. Such a line says nothing, and the same for all.

use std::fmt;
use std::panic::Location;

/// A line of code.
pub(crate) type Place = &'static Location<'static>;

/// The line, if the program has it.
pub(crate) fn of_program(at: Place) -> Option<Place> {
    is_of_program(at.file()).then_some(at)
}

/// A line as it is printed.
pub(crate) fn shown(at: Place) -> impl fmt::Display {
    Shown(at)
}

struct Shown(Place);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match of_program(self.0) {
            Some(at) => at.fmt(f),
            None => f.write_str("an unknown line"),
        }
    }
}

fn is_of_program(file: &str) -> bool {
    let is_std = (file.starts_with("/rustc/") && file.contains("/library/"))
        || file.contains("/lib/rustlib/src/rust/library/");
    !is_std && (cfg!(test) || !is_ours(file))
}

/// Whether the file is one of this crate, wherever that was when it was compiled.
fn is_ours(file: &str) -> bool {
    const MODULES: [&str; 3] = ["runtime/", "sync/", "io/"];
    let root = file!().strip_suffix("runtime/base/place.rs");
    let inside = root.and_then(|root| file.strip_prefix(root));
    inside.is_some_and(|inside| MODULES.iter().any(|module| inside.starts_with(module)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_is_not_the_program() {
        for file in [
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/rc.rs",
            "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ops/function.rs",
        ] {
            assert!(!is_of_program(file), "{file}");
        }
        for file in [
            "src/main.rs",
            "/home/me/library/src/lib.rs",
            "/rustc/mine.rs",
        ] {
            assert!(is_of_program(file), "{file}");
        }
    }

    #[test]
    fn this_crate_is_known_by_its_modules() {
        let root = file!()
            .strip_suffix("runtime/base/place.rs")
            .expect("this is that file");
        assert!(is_ours(&format!("{root}sync/lock.rs")) && is_ours(file!()));
        assert!(
            !is_ours(&format!("{root}tests/it/main.rs")) && !is_ours("/elsewhere/sync/lock.rs")
        );
    }
}
