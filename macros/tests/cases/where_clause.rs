//@ crate-type: bin

#[turnwise_macros::main]
async fn main() -> u8
where //~ where | `main` cannot be generic under `#[turnwise::main]`; call a generic function from its body
    u8: Copy,
{
    7
}
