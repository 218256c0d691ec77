//@ crate-type: bin
#![warn(missing_docs, unreachable_pub, unused, unused_qualifications, future_incompatible)]
#![warn(unused_results, keyword_idents, let_underscore, single_use_lifetimes)]
//! The program's `main`.

use std::fmt::Display;

mod stand_in {
    pub(crate) mod __private {
        pub(crate) fn main<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
    }
}

/// Says how many arguments there are.
#[turnwise_macros::main(crate = stand_in)]
async fn main() -> Result<std::process::ExitCode, Box<dyn std::error::Error>> {
    #![allow(unused_variables)]
    let unused = 1;
    let number: i32 = std::future::ready("1").await.parse()?;
    let show = |value: &dyn Display| println!("{value}");
    show(&number);
    Ok(std::process::ExitCode::SUCCESS)
}
