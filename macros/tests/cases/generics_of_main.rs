//@ crate-type: bin

#[turnwise_macros::main]
async fn main<T>() -> T { //~ <T> | `main` cannot be generic under `#[turnwise::main]`; call a generic function from its body
    unreachable!()
}
