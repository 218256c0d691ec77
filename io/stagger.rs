//! Several addresses, tried one after the other without waiting for each to fail: RFC 8305, "happy eyeballs".

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::time::{Sleep, sleep};

/// How long an attempt has before the next one begins beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// The addresses in the order in which they are tried: the first one's family and the other by turns.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let mut order = VecDeque::with_capacity(addresses.len());
    let begins = addresses.first().map(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) = addresses
        .into_iter()
        .partition(|address| Some(address.is_ipv6()) == begins);
    while !(first.is_empty() && second.is_empty()) {
        order.extend(first.pop_front());
        order.extend(second.pop_front());
    }
    order
}

/// Attempts under way, and addresses that are left.
struct Attempts<T, F> {
    left: VecDeque<SocketAddr>,
    under_way: Vec<Pin<Box<F>>>,
    /// Until the next one begins.
    head_start: Option<Sleep>,
    last: Option<io::Error>,
    connect: T,
}

impl<T, F, S> Attempts<T, F>
where
    T: FnMut(SocketAddr) -> F,
    F: Future<Output = io::Result<S>>,
{
    /// Begins with the next address, if there is one. Those behind it wait for a while.
    fn begin(&mut self, at: &'static Location<'static>) {
        let Some(address) = self.left.pop_front() else {
            return;
        };
        self.under_way.push(Box::pin((self.connect)(address)));
        self.head_start = (!self.left.is_empty()).then(|| {
            let mut head_start = sleep(HEAD_START);
            head_start.waits_at(at);
            head_start
        });
    }

    /// Polls each attempt. Returns the first connection, and whether there is reason to begin with another address.
    fn poll_each(&mut self, cx: &mut Context<'_>) -> (Option<S>, bool) {
        let before = self.under_way.len();
        let mut connected = None;
        self.under_way
            .retain_mut(|attempt| match attempt.as_mut().poll(cx) {
                _ if connected.is_some() => false,
                Poll::Pending => true,
                Poll::Ready(Ok(stream)) => {
                    connected = Some(stream);
                    false
                }
                Poll::Ready(Err(error)) => {
                    self.last = Some(error);
                    false
                }
            });
        let failed = self.under_way.len() < before;
        let head_start = self.head_start.as_mut();
        let is_over = head_start.is_some_and(|sleep| Pin::new(sleep).poll(cx).is_ready());
        (connected, failed || is_over)
    }
}

/// Connects to the first of the addresses that answers; the others are given up. An address is tried when the one before
/// has failed, or has not answered for a while. There is at least one.
pub(crate) async fn staggered<F, S>(
    addresses: Vec<SocketAddr>,
    at: &'static Location<'static>,
    connect: impl FnMut(SocketAddr) -> F,
) -> io::Result<S>
where
    F: Future<Output = io::Result<S>>,
{
    let mut attempts = Attempts {
        left: interleaved(addresses),
        under_way: Vec::new(),
        head_start: None,
        last: None,
        connect,
    };
    attempts.begin(at);
    poll_fn(|cx| {
        loop {
            let (connected, next) = attempts.poll_each(cx);
            if let Some(stream) = connected {
                return Poll::Ready(Ok(stream));
            }
            if next && !attempts.left.is_empty() {
                attempts.begin(at);
                continue;
            }
            if attempts.under_way.is_empty() {
                let last = attempts.last.take();
                return Poll::Ready(Err(last.expect("there is an address, and it failed")));
            }
            return Poll::Pending;
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"].map(address);
        let order = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"].map(address);
        assert_eq!(interleaved(given.to_vec()), order);
    }
}
