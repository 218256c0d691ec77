//@ crate-type: lib

#[turnwise_macros::main]
pub async fn run<T: Fn() -> u8, const N: usize>() -> [Option<T>; N] //~ <T: | `run` cannot be generic under `#[turnwise::main]`; call a generic function from its body
where
    T: Copy,
{
    [None; N]
}

pub fn caller() -> [Option<fn() -> u8>; 3] {
    run()
}
