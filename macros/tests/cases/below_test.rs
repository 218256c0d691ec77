//@ crate-type: test

mod stand_in {
    pub mod __private {
        pub fn test<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
    }
}

// The compiler's own attribute is expanded first and refuses in its own words.
#[test]
#[turnwise_macros::test(crate = stand_in)]
async fn below_test() {} //~ async | async functions cannot be used for tests
