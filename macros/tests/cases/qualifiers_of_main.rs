//@ crate-type: bin

#[turnwise_macros::main]
async unsafe fn main() { //~ unsafe | `main` cannot be `unsafe`; use an `unsafe` block in its body
    println!("{}", std::future::ready(1).await);
}
