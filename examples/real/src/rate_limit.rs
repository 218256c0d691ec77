//! So many requests at once, and so many per second.

use std::collections::VecDeque;
use std::time::Duration;

use turnwise::sleep_until;
use turnwise::sync::{Lock, Permit, Semaphore};
use turnwise::time::Instant;
use url::Url;

use crate::http::{Answer, Client, Failure};

/// Lets so many through in any stretch of time of a given length: first come, first served.
///
/// # Cancel safety
///
/// Whoever gives up while it waits uses up nothing.
#[derive(Debug)]
pub struct RateLimit {
    /// When the last `most` were let through. Whoever holds it is next.
    passed: Lock<VecDeque<Instant>>,
    most: usize,
    period: Duration,
}

impl RateLimit {
    /// Lets `most` through in any `period`.
    ///
    /// # Panics
    ///
    /// If it is to let nobody through.
    pub fn new(most: usize, period: Duration) -> Self {
        assert!(most > 0, "a limit of zero makes everybody wait for ever");
        RateLimit {
            passed: Lock::new(VecDeque::with_capacity(most)),
            most,
            period,
        }
    }

    /// Waits for its turn.
    pub async fn pass(&self) {
        let mut passed = self.passed.acquire().await;
        if passed.len() == self.most {
            sleep_until(passed[0] + self.period).await;
            passed.pop_front();
        }
        // Nothing is awaited from here on: what is noted has passed.
        passed.push_back(Instant::now());
    }
}

/// Asks servers, so many at once and so many per second.
#[derive(Debug)]
pub struct RateLimitedClient {
    client: Client,
    slots: Semaphore,
    rate: RateLimit,
}

/// Permission for one request; made by [`RateLimitedClient::turn`].
#[derive(Debug)]
pub struct Turn<'a> {
    client: &'a Client,
    waited: Duration,
    _slot: Permit<'a>,
}

impl RateLimitedClient {
    /// Makes at most `at_once` requests at the same time, and begins no more than `rate` allows.
    ///
    /// # Panics
    ///
    /// If it is to make no request at all.
    pub fn new(client: Client, at_once: usize, rate: RateLimit) -> Self {
        assert!(at_once > 0, "none at once makes everybody wait for ever");
        RateLimitedClient {
            client,
            slots: Semaphore::new(at_once),
            rate,
        }
    }

    /// Waits until a request may begin.
    ///
    /// First the slot, then the rate: a request begins as soon as the rate lets it pass. The other
    /// way round, those who have passed would gather before the slots and then begin in a burst.
    pub async fn turn(&self) -> Turn<'_> {
        let asked = Instant::now();
        let slot = self.slots.acquire().await;
        self.rate.pass().await;
        Turn {
            client: &self.client,
            waited: asked.elapsed(),
            _slot: slot,
        }
    }
}

impl Turn<'_> {
    /// How long it was waited for.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Makes the request, right now.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn get(self, url: &Url) -> Result<Answer, Failure> {
        self.client.get(url).await
    }
}
