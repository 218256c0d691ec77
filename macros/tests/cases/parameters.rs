//@ crate-type: lib

#[turnwise_macros::main]
pub async fn run(port: u16) -> u16 { //~ (port: u16) | `run` cannot take parameters under `#[turnwise::main]`; without the attribute, `turnwise::block_on` runs it with arguments
    port
}

pub fn caller() -> u16 {
    run(80)
}
