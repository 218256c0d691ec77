//@ crate-type: bin

#[turnwise_macros::main] //~ #[ | error[E0433]
async fn main() {}
