//@ crate-type: test

#[turnwise_macros::test]
#[turnwise_macros::test] //~ #[ | `#[turnwise::test]` already runs `twice`; remove `#[turnwise_macros::test]`
async fn twice() {}

#[turnwise_macros::test]
#[should_panic]
#[test] //~ #[ | `#[turnwise::test]` already runs `beside_test`; remove `#[test]`
async fn beside_test() {}

#[turnwise_macros::main]
#[turnwise_macros::test] //~ #[ | `#[turnwise::main]` already runs `both`; remove `#[turnwise_macros::test]`
async fn both() {}
