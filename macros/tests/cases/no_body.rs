//@ crate-type: bin

#[turnwise_macros::main]
async fn main() -> Result<(), ()>; //~ main | `main` has no body; write `async fn main() { … }`
