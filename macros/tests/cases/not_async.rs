//@ crate-type: lib

#[turnwise_macros::main]
pub fn run() -> Result<u8, std::num::ParseIntError> { //~ fn | `run` must be an `async fn`; write `async fn run()`
    std::future::ready("1").await.parse()
}

pub fn caller() -> u8 {
    run().unwrap()
}
