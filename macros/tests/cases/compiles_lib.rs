//@ crate-type: lib
#![warn(missing_docs, unreachable_pub, unused, unused_qualifications, future_incompatible)]
//! Plain functions with every kind of return type and body.

use std::num::ParseIntError;
use std::process::Termination;

/// A runtime under another name.
pub mod stand_in {
    #[doc(hidden)]
    pub mod __private {
        pub fn main<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
        pub fn main_virtual<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
    }

    /// Where `self` and `super` lead.
    pub mod inside {
        /// Nothing at all.
        #[turnwise_macros::main(crate = super)]
        pub async fn nothing() {}
    }
}

/// Loops.
#[turnwise_macros::main(crate = stand_in)]
pub async fn loops() {
    loop {}
}

/// Panics.
#[turnwise_macros::main(crate = stand_in)]
pub async fn panics() -> Result<u8, ParseIntError> {
    panic!("always")
}

/// Returns early, and returns a closure's type.
#[turnwise_macros::main(virtual_clock, crate = self::stand_in,)]
pub async fn returns() -> fn(u8) -> u8 {
    return |number| number;
}

/// Returns something.
#[turnwise_macros::main(crate = crate::stand_in, virtual_clock)]
pub async fn terminates() -> impl Termination {
    "1".parse::<u8>().map(drop)
}

/// Returns a constant.
#[turnwise_macros::main(crate = stand_in)]
#[must_use = "it is a constant"]
#[inline]
pub(crate) async fn array() -> [Option<&'static str>; { const N: usize = 2; N }] {
    /// Items of its own.
    struct Local;
    impl Local {
        fn new() -> Self {
            Self
        }
    }
    let Local = Local::new();
    [None; { const N: usize = 2; N }]
}

/// Has a raw name.
#[turnwise_macros::main(crate = stand_in)]
#[expect(unused_variables, reason = "lint levels reach the body")]
pub async fn r#match() -> usize {
    let unused = 1;
    array().len()
}

/// A function of a type.
pub struct App;

impl App {
    /// Needs no `self`.
    #[turnwise_macros::main(crate = stand_in)]
    pub async fn run() -> App {
        App
    }
}

macro_rules! functions {
    ($(#[$meta:meta])* $vis:vis $name:ident $path:path, $output:ty, $body:block; $item:item) => {
        $(#[$meta])*
        #[turnwise_macros::main(crate = $path)]
        $vis async fn $name() -> $output $body

        #[turnwise_macros::main(crate = $crate::stand_in)]
        $item
    };
}

functions! {
    /// Comes from a macro, in parts.
    #[must_use]
    pub in_parts crate::stand_in, Vec<u8>, { Vec::new() };
    /// Comes from a macro, as a whole.
    pub async fn whole() {
        std::future::ready(()).await;
    }
}

functions! {
    private crate::stand_in, (), {};
    /// Uses the other.
    pub async fn uses_private() {
        private();
        r#match();
    }
}
