//! The attributes `#[turnwise::main]` and `#[turnwise::test]`.
//!
//! The `turnwise` crate re-exports both; use them from there. They are a crate of their own only
//! because the compiler wants procedural macros to be one.
//!
//! # Implementation
//!
//! The user's `async fn` is kept token for token and moved inside a plain `fn` of the same name,
//! which hands its future to a hidden function of the runtime. So the body is checked as what it
//! is, an `async fn` with its declared return type: `?` works, inner attributes work, a mismatch is
//! reported where the user wrote it, and nothing generated can be unused or unreachable.
//!
//! There is no `syn` and no `quote`: a function signature is cut at a handful of keywords, and what
//! lies between them is passed on unread. Arguments and signature are both checked to the end
//! before anything is reported, so that one compilation names every mistake; then the function is
//! emitted in a form that compiles, so that it names nothing else.

mod arguments;
mod entry;
mod error;
mod expand;
mod signature;
mod tokens;

use proc_macro::TokenStream;

/// Turns an `async fn` into a plain `fn` that runs it on a new runtime.
///
/// The counterpart of `asyncio.run(main())`: the runtime is made at the call, and when the function
/// returns it drops the tasks that still run. For other settings than the usual ones, make the runtime
/// with `turnwise::RuntimeBuilder` in a plain `main`, and call its `block_on`.
///
/// ```text
/// #[turnwise::main]                              fn main() -> io::Result<()> {
/// async fn main() -> io::Result<()> {                async fn main() -> io::Result<()> { … }
///     …                                     ⇒        ::turnwise::__private::main(main())
/// }                                              }
/// ```
///
/// Any return type will do that the place of the function allows: for the program's `main`, what
/// implements [`Termination`](std::process::Termination), such as `()`, `Result<(), E>`, `ExitCode`
/// or `!`. Visibility, doc comments and other attributes stay, on the plain function. The function
/// may have another name, and then it is called like any other, outside of a runtime.
///
/// # Arguments
///
/// - `virtual_clock`: time stands still while a task can run, and jumps to the next deadline when
///   none can.
/// - `crate = path`, or `crate = "path"`: where the runtime is, if not at `::turnwise`, for a crate
///   that renames or re-exports it.
///
/// # Errors
///
/// It does not compile on a function that is not `async`, that is a method, `const`, `unsafe` or
/// `extern`, that has parameters, generics or no body, that another `main` or `test` attribute runs
/// too, or with an argument that is not in the list. In an `impl`, the body cannot say `Self`.
///
/// # Examples
///
/// ```
/// # mod runtime {
/// #     pub mod __private {
/// #         use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// #         pub fn main<R, F: Future<Output = R>>(future: F) -> R {
/// #             match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
/// #                 Poll::Ready(output) => output,
/// #                 Poll::Pending => panic!("the example waits"),
/// #             }
/// #         }
/// #     }
/// # }
/// // A crate that has the runtime as `crate::runtime`; else `#[turnwise::main]` is enough.
/// #[turnwise_macros::main(crate = crate::runtime)]
/// async fn main() -> Result<(), std::num::ParseIntError> {
///     let answer: u8 = "42".parse()?;
///     assert_eq!(answer, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(entry::Entry::Main, arguments, item)
}

/// Turns an `async fn` into a `#[test]` that runs it on a new runtime with a virtual clock.
///
/// The counterpart of `unittest.IsolatedAsyncioTestCase`. A test that sleeps for an hour is done at
/// once, and its timers fire in the same order every time. A certain deadlock fails the test with
/// the report of which task waits for what, and so does a detached task that is still pending at the end.
///
/// ```text
/// #[turnwise::test]                              #[test]
/// #[should_panic]                                #[should_panic]
/// async fn refuses_zero() {                      fn refuses_zero() {
///     …                                     ⇒        async fn refuses_zero() { … }
/// }                                                  ::turnwise::__private::test(refuses_zero())
///                                                }
/// ```
///
/// The return type is what `#[test]` allows: `()`, `Result<(), E>` and whatever else implements
/// [`Termination`](std::process::Termination). Other attributes stay, `#[ignore]` and
/// `#[should_panic]` among them.
///
/// # Arguments
///
/// - `real_time`: the real clock, for a test that talks to the outside world.
/// - `detached`: tasks that are left at the end are dropped, as `#[tokio::test]` drops them, and do not fail the test.
/// - `crate = path`, or `crate = "path"`: where the runtime is, if not at `::turnwise`.
///
/// # Errors
///
/// The same as for [`main`](macro@main); in particular, `#[test]` must not be written beside it.
///
/// # Examples
///
/// ```
/// # mod runtime {
/// #     pub mod __private {
/// #         pub fn test_real_time<R, F: Future<Output = R>>(_: F) -> R { unreachable!("it is only compiled") }
/// #     }
/// # }
/// #[turnwise_macros::test(real_time, crate = crate::runtime)]
/// #[ignore = "asks the network"]
/// async fn resolves_localhost() -> std::io::Result<()> {
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(entry::Entry::Test, arguments, item)
}
