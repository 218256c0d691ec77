//@ crate-type: bin

use std::future::ready;

#[turnwise_macros::main]
fn main() -> Result<(), std::num::ParseIntError> { //~ fn | `main` must be an `async fn`; write `async fn main()`
    let _number: u8 = ready("1").await.parse()?;
    Ok(())
}
