//@ crate-type: bin
#![warn(missing_docs, unreachable_pub, unused, unused_qualifications, future_incompatible)]
//! A `main` that serves for ever.

mod stand_in {
    pub(crate) mod __private {
        pub(crate) fn main_virtual<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
    }
}

#[turnwise_macros::main(virtual_clock, crate = "crate::stand_in")]
async fn main() -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}
