//@ crate-type: test
#![warn(missing_docs, unreachable_pub, unused, unused_qualifications, future_incompatible)]
//! Tests.

use std::process::ExitCode;

use turnwise_macros::test;

mod stand_in {
    pub(crate) mod __private {
        pub(crate) fn test<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
        pub(crate) fn test_detached<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
        pub(crate) fn test_real_time_detached<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
        pub(crate) fn test_real_time<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
    }
}

#[test(crate = stand_in)]
async fn plain() {
    std::future::ready(()).await;
}

#[should_panic(expected = "no")]
#[test(crate = stand_in)]
#[ignore = "never"]
async fn panics() {
    panic!("no")
}

#[test(crate = stand_in)]
async fn fails() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

#[turnwise_macros::test(real_time, crate = stand_in)]
#[allow(unused)]
async fn real() -> ExitCode {
    let unused = 1;
    ExitCode::FAILURE
}

#[test(detached, crate = stand_in)]
async fn leaves() {}

#[turnwise_macros::test(real_time, detached, crate = stand_in)]
async fn really_leaves() {}
