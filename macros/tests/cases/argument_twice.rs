//@ crate-type: lib

#[turnwise_macros::main(virtual_clock, virtual_clock,)] //~ virtual_clock,)] | `virtual_clock` is given twice; remove one
pub async fn clock() {}

#[turnwise_macros::main(crate = a, virtual_clock, crate = "b")] //~ crate = "b" | `crate` is given twice; remove one
pub async fn path() {}
