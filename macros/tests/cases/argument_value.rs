//@ crate-type: lib

#[turnwise_macros::main(virtual_clock = true)] //~ = true | `virtual_clock` takes no value; write `virtual_clock` alone or leave it out
pub async fn clock() {}

#[turnwise_macros::main(crate)] //~ crate | `crate` takes the path of the runtime; write `crate = my::turnwise`
pub async fn nothing() {}

#[turnwise_macros::main(crate = )] //~ crate = | `crate` takes the path of the runtime; write `crate = my::turnwise`
pub async fn missing() {}

#[turnwise_macros::main(crate = 7)] //~ crate = 7 | `crate` takes the path of the runtime; write `crate = my::turnwise`
pub async fn number() {}

#[turnwise_macros::main(crate = "not a path")] //~ crate = "not | `crate` takes the path of the runtime; write `crate = my::turnwise`
pub async fn words() {}

#[turnwise_macros::main(crate = "a::b::")] //~ crate = "a | `crate` takes the path of the runtime; write `crate = my::turnwise`
pub async fn colons() {}

#[turnwise_macros::main(crate("path"))] //~ crate("path") | `crate` takes the path of the runtime; write `crate = my::turnwise`
pub async fn list() {}
