//@ crate-type: bin

#[turnwise_macros::main]
async fn main(arguments: Vec<String>) { //~ (arguments: Vec<String>) | `main` cannot take parameters under `#[turnwise::main]`; read `std::env::args()` in its body
    drop(arguments);
}
