//@ crate-type: test

#[turnwise_macros::test(start_paused = true)] //~ start_paused | unknown argument `start_paused`; `#[turnwise::test]` takes `real_time`, `detached` and `crate = path`; for other settings use `turnwise::RuntimeBuilder` in a function that is not async
#[should_panic]
async fn paused() {}

#[turnwise_macros::test(virtual_clock)] //~ virtual_clock | `virtual_clock` is what `#[turnwise::test]` does by itself; remove it
async fn jumps() {}
