//@ crate-type: lib
#![allow(dead_code)]

#[turnwise_macros::main]
pub struct Struct; //~ struct | `#[turnwise::main]` goes on an `async fn`, not on this `struct`

#[turnwise_macros::main]
pub(crate) enum Enum {} //~ enum | `#[turnwise::main]` goes on an `async fn`, not on this `enum`

#[turnwise_macros::main]
impl Struct {} //~ impl | `#[turnwise::main]` goes on an `async fn`, not on this `impl`

#[turnwise_macros::test]
unsafe trait Trait {} //~ trait | `#[turnwise::test]` goes on an `async fn`, not on this `trait`

#[turnwise_macros::test]
/// A module of tests is not a test.
mod module { //~ mod | `#[turnwise::test]` goes on an `async fn`, not on this `mod`
    pub(super) fn nothing() {}
}

#[turnwise_macros::main]
const MAIN: u8 = 1; //~ const | `#[turnwise::main]` goes on an `async fn`, not on this `const`

#[turnwise_macros::main]
static STATIC: fn() = || (); //~ static | `#[turnwise::main]` goes on an `async fn`, not on this `static`

#[turnwise_macros::main] //~ #[ | `#[turnwise::main]` goes on an `async fn`
thread_local! {
    static LOCAL: u8 = const { MAIN };
}
