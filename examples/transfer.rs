//! Two locks at once: a transfer between accounts (block E28 of the text).
//!
//! Whoever needs two locks takes them in an order on which all agree, here by the number of the
//! account.
//!
//! # What the text gets wrong
//!
//! - Its wrong order (first `from`, then `to`) deadlocks, and asyncio says nothing: the program
//!   hangs. Here the program is told: which task waits for what, on which line, and who holds it.
//! - Its right order deadlocks too when both accounts are the same: it waits for a lock that it
//!   holds. Here that case is a transfer of its own.

mod support;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use support::{Options, all, part, say};
use turnwise::sync::Lock;
use turnwise::{sleep, spawn};

struct Account {
    id: u32,
    balance: Lock<i64>,
}

impl Account {
    fn new(id: u32, balance: i64) -> Rc<Account> {
        let balance = Lock::new(balance);
        Rc::new(Account { id, balance })
    }
}

/// The account has less than was to be taken.
#[derive(Debug, PartialEq)]
struct TooLittle {
    balance: i64,
}

impl fmt::Display for TooLittle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are only {}", self.balance)
    }
}

/// Moves money, taking the locks in the order of the accounts' numbers.
async fn transfer(from: &Account, to: &Account, amount: i64) -> Result<(), TooLittle> {
    if from.id == to.id {
        // The second acquire would wait for the first one, for ever.
        let balance = *from.balance.acquire().await;
        return if balance < amount {
            Err(TooLittle { balance })
        } else {
            Ok(())
        };
    }
    let (mut source, mut target);
    if from.id < to.id {
        source = from.balance.acquire().await;
        ask_the_bank().await;
        target = to.balance.acquire().await;
    } else {
        target = to.balance.acquire().await;
        ask_the_bank().await;
        source = from.balance.acquire().await;
    }
    if *source < amount {
        return Err(TooLittle { balance: *source });
    }
    *source -= amount;
    *target += amount;
    Ok(())
}

/// The same without the order: whoever gives is locked first.
async fn transfer_in_no_order(from: &Account, to: &Account, amount: i64) {
    let mut source = from.balance.acquire().await;
    ask_the_bank().await;
    let mut target = to.balance.acquire().await;
    *source -= amount;
    *target += amount;
}

/// Something takes a while between the two locks; without that, a wrong order would go well.
async fn ask_the_bank() {
    sleep(Duration::from_millis(10)).await;
}

fn main() {
    let options = Options::parse("Transfers between accounts, with and without an order of locks.");
    options.runtime().block_on(in_order());

    part("Without an order");
    let runtime = options.runtime();
    let deadlock = runtime.try_block_on(async {
        let (a, b) = (Account::new(1, 100), Account::new(2, 100));
        let there = spawn({
            let (a, b) = (a.clone(), b.clone());
            async move { transfer_in_no_order(&a, &b, 10).await }
        });
        let back = spawn(async move { transfer_in_no_order(&b, &a, 20).await });
        all([there.named("1 to 2"), back.named("2 to 1")]).await;
    });
    say!(
        "{}",
        deadlock.expect_err("each waits for what the other holds")
    );
    drop(runtime);

    part("The same account twice, without care");
    let runtime = options.runtime();
    let deadlock = runtime.try_block_on(async {
        let account = Account::new(1, 100);
        transfer_in_no_order(&account, &account, 10).await;
    });
    say!("{}", deadlock.expect_err("it waits for itself"));
}

async fn in_order() {
    part("In the order of the accounts");
    let (a, b) = (Account::new(1, 100), Account::new(2, 100));
    let there = spawn(say_transfer(a.clone(), b.clone(), 10));
    let back = spawn(say_transfer(b.clone(), a.clone(), 20));
    let itself = spawn(say_transfer(a.clone(), a.clone(), 50));
    let too_much = spawn(say_transfer(a.clone(), b.clone(), 1000));
    let results = all([there, back, itself, too_much]).await;
    assert_eq!(
        results,
        [Ok(()), Ok(()), Ok(()), Err(TooLittle { balance: 110 })]
    );

    let (a, b) = (*a.balance.acquire().await, *b.balance.acquire().await);
    say!("in the end: {a} and {b}");
    assert_eq!((a, b), (110, 90), "no money is made or lost");
}

async fn say_transfer(from: Rc<Account>, to: Rc<Account>, amount: i64) -> Result<(), TooLittle> {
    let result = transfer(&from, &to, amount).await;
    let (from, to) = (from.id, to.id);
    match &result {
        Ok(()) => say!("{amount} from account {from} to account {to}"),
        Err(error) => say!("{amount} from account {from} to account {to}: {error}"),
    }
    result
}
