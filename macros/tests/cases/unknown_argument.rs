//@ crate-type: bin

#[turnwise_macros::main(flavor = "current_thread")] //~ flavor | unknown argument `flavor`; `#[turnwise::main]` takes `virtual_clock` and `crate = path`; for other settings use `turnwise::RuntimeBuilder` in a function that is not async
async fn main() {}

#[turnwise_macros::main(real_time)] //~ real_time | `real_time` is what `#[turnwise::main]` does by itself; remove it
async fn real() {}

#[turnwise_macros::main("virtual_clock")] //~ "virtual_clock" | expected an argument; `#[turnwise::main]` takes `virtual_clock` and `crate = path`; for other settings use `turnwise::RuntimeBuilder` in a function that is not async
async fn quoted() {}

#[turnwise_macros::main(virtual_clock, , crate = crate)] //~ , crate | expected an argument; `#[turnwise::main]` takes `virtual_clock` and `crate = path`; for other settings use `turnwise::RuntimeBuilder` in a function that is not async
async fn comma() {}

fn _caller() {
    real();
    quoted();
    comma();
}
