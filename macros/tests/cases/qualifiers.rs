//@ crate-type: lib

#[turnwise_macros::main]
pub const async fn constant() -> u8 { //~ const | `constant` cannot be `const`; remove the word
    1
}

#[turnwise_macros::main]
pub async unsafe fn not_safe() -> u8 { //~ unsafe | `not_safe` cannot be `unsafe`; use an `unsafe` block in its body
    1
}

#[turnwise_macros::main]
pub async extern "C" fn foreign() -> u8 { //~ extern | `foreign` cannot be `extern`; call it from an `extern` function
    1
}

pub fn caller() -> u8 {
    constant() + foreign() + unsafe { not_safe() }
}
