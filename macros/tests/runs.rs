//! Runs what the attributes emit, on a runtime that polls once.

use std::cell::Cell;
use std::future::ready;
use std::num::ParseIntError;

use turnwise_macros::{main, test};

thread_local! {
    /// Which of the hidden functions ran last on this thread.
    static RUNNER: Cell<&'static str> = const { Cell::new("none") };
}

mod runtime {
    pub(crate) mod __private {
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        macro_rules! runners {
            ($($name:ident)*) => {$(
                pub(crate) fn $name<R, F: Future<Output = R>>(future: F) -> R {
                    crate::RUNNER.set(stringify!($name));
                    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
                        Poll::Ready(output) => output,
                        Poll::Pending => panic!("these tests never wait"),
                    }
                }
            )*};
        }

        runners! { main main_virtual test test_real_time }
    }
}

#[main(crate = runtime)]
async fn parses() -> Result<u8, ParseIntError> {
    let number: u8 = ready("7").await.parse()?;
    "x".parse::<u8>().or(Ok(number))
}

#[main(crate = "crate::runtime", virtual_clock)]
async fn tells_runner() -> &'static str {
    RUNNER.get()
}

#[core::prelude::v1::test]
fn main_is_called_like_any_function() {
    assert_eq!(parses(), Ok(7));
    assert_eq!(RUNNER.get(), "main");
}

#[core::prelude::v1::test]
fn main_with_virtual_clock_runs_on_one() {
    assert_eq!(tells_runner(), "main_virtual");
}

#[test(crate = runtime)]
async fn test_runs_on_the_virtual_clock() {
    assert_eq!(RUNNER.get(), "test");
}

#[test(real_time, crate = runtime)]
async fn test_in_real_time_does_not() -> Result<(), ParseIntError> {
    assert_eq!(RUNNER.get(), "test_real_time");
    "7".parse::<u8>().map(drop)
}

#[test(crate = runtime)]
#[should_panic(expected = "never wait")]
async fn should_panic_sees_the_panic() {
    std::future::pending().await
}

#[should_panic(expected = "written above")]
#[test(crate = runtime)]
async fn should_panic_may_stand_above() {
    panic!("written above");
}
