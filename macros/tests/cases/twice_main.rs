//@ crate-type: bin

#[turnwise_macros::main]
/// Doc comments are attributes, too.
#[turnwise_macros::main(virtual_clock)] //~ #[ | `#[turnwise::main]` already runs `main`; remove `#[turnwise_macros::main]`
async fn main() {}
