//! BoundedSemaphore: one release too many (block E14 of the text).
//!
//! A permit is a value here and dropping it gives it back, so that a release too many cannot even be
//! written. The one way to get there is to `forget` a permit and `release` it by hand, as code does
//! that hands permits across a border where values cannot go; then the semaphore keeps the books.

mod support;

use support::{Options, part, say};
use turnwise::sync::{BoundedSemaphore, Semaphore};

fn main() {
    let options = Options::parse("A bounded semaphore notices a release too many.");
    options.runtime().block_on(async {
        one_release_too_many().await;
        forgotten_and_returned_by_hand().await;
        a_plain_semaphore_grows().await;
    });
}

/// The text's program.
async fn one_release_too_many() {
    part("Acquire twice, release three times");
    let semaphore = BoundedSemaphore::new(2);
    let first = semaphore.acquire().await;
    let second = semaphore.acquire().await;
    say!("acquired twice: {semaphore:?}");
    drop(first);
    drop(second);
    say!("released twice: {semaphore:?}");

    let error = semaphore.release().expect_err("both permits are back");
    say!("released again: error: {error}");
    assert_eq!(semaphore.available(), 2, "the error changed nothing");
}

async fn forgotten_and_returned_by_hand() {
    part("A permit that is returned by hand");
    let semaphore = BoundedSemaphore::new(2);
    semaphore.acquire().await.forget();
    say!("one permit forgotten: {semaphore:?}");
    semaphore.release().expect("one permit is missing");
    say!("and returned: {semaphore:?}");
    assert!(semaphore.release().is_err(), "once, not twice");
}

async fn a_plain_semaphore_grows() {
    part("The same with a plain semaphore");
    let semaphore = Semaphore::new(2);
    semaphore.add_permits(1).expect("three is no overflow");
    say!("one permit more than it was made with: {semaphore:?}");
    assert_eq!(semaphore.available(), 3);
}
