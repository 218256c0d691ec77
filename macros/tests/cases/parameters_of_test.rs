//@ crate-type: test

#[turnwise_macros::test]
#[ignore]
async fn adds(one: u8) { //~ (one: u8) | `adds` cannot take parameters under `#[turnwise::test]`; make the values in its body
    assert_eq!(one + 1, 2);
}
