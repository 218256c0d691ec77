//@ crate-type: bin

#[turnwise_macros::main(threads = 4, clock)] //~ threads | unknown argument `threads` //~ clock | unknown argument `clock`
unsafe fn main<T>(value: T) { //~ unsafe | cannot be `unsafe` //~ fn | must be an `async fn` //~ <T> | cannot be generic //~ (value | cannot take parameters
    drop(value);
}
