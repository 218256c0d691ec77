//@ crate-type: lib

mod stand_in {
    pub mod __private {
        pub fn main<R, F: Future<Output = R>>(_: F) -> R {
            loop {}
        }
    }
}

#[turnwise_macros::main(crate = stand_in)]
pub async fn wrong_value() -> u8 {
    "one" //~ "one" | error[E0308]
}

#[turnwise_macros::main(crate = stand_in)]
pub async fn no_value() -> Result<(), std::fmt::Error> { //~ { | error[E0308]
    let _ = 1;
}

#[turnwise_macros::main(crate = stand_in)]
pub async fn question_mark() {
    "1".parse::<u8>()?; //~ ? | error[E0277]
}

#[turnwise_macros::main(crate = stand_in)]
pub async fn other_error() -> Result<(), std::fmt::Error> {
    "1".parse::<u8>()?; //~ ? | error[E0277]
    Ok(())
}

#[turnwise_macros::main(crate = stand_in)]
pub async fn unknown_type() -> Missing { //~ Missing | cannot find type `Missing`
    unknown_name() //~ unknown_name | cannot find function `unknown_name`
}

#[turnwise_macros::main(crate = stand_in)]
pub async fn lint_in_body() {
    let unused = 1; //~ unused | warning: unused variable
}
