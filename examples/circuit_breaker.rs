//! CircuitBreaker: stop calling a service that keeps failing (block E26 of the text).
//!
//! ```text
//!            so many failures in a row              time to try again
//!   closed ────────────────────────────▶ open ─────────────────────────▶ half-open: one probe
//!     ▲                                    ▲                                  │        │
//!     │                                    └──── it fails, or is dropped ─────┘        │
//!     └────────────────────────────────── it succeeds ─────────────────────────────────┘
//! ```
//!
//! # What the text gets wrong
//!
//! - It takes the call as a coroutine that exists already; when the call is rejected nobody awaits
//!   it. Here it takes a function that makes the future, and asks it only for calls that are let in.
//! - Half-open, it lets in everybody who asks at that moment, ten at once if they are ten. Here one
//!   probe is let in. If that probe is cancelled, the next call is the probe.
//! - It needs a lock, because it awaits in the middle. Here nothing is awaited between looking at the
//!   state and changing it.
//!
//! [`CircuitBreaker`] stands on its own: lift it into a program.

mod support;

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use support::{Options, all, part, say};
use turnwise::time::Instant;
use turnwise::{sleep, spawn, yield_now};

/// Rejects calls to a service for a while after it has failed too often in a row.
#[derive(Debug)]
pub struct CircuitBreaker {
    threshold: u32,
    reset_after: Duration,
    state: Cell<State>,
    /// How often it has opened: a call counts only for the time in which it began.
    opened: Cell<u64>,
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// It lets them in.
    Closed {
        /// How many have failed in a row.
        failures: u32,
    },
    /// It rejects them until the time has come to try again.
    Open {
        /// That time.
        until: Instant,
    },
    /// One is under way to see how the service is; it rejects the others.
    HalfOpen,
}

/// Why a call has no result.
#[derive(Debug, PartialEq)]
pub enum CallError<E> {
    /// The circuit is open; the service was not called.
    Rejected,
    /// The service failed.
    Failed(E),
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rejected => f.write_str("circuit is open, call rejected"),
            CallError::Failed(error) => error.fmt(f),
        }
    }
}

impl CircuitBreaker {
    /// Opens after `threshold` failures in a row, and tries again after `reset_after`.
    pub fn new(threshold: u32, reset_after: Duration) -> Self {
        let state = Cell::new(State::Closed { failures: 0 });
        CircuitBreaker {
            threshold,
            reset_after,
            state,
            opened: Cell::new(0),
        }
    }

    /// What it would do with a call.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Calls the service, unless the circuit is open.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] if the service was not called, [`CallError::Failed`] if it failed.
    pub async fn call<T, E, F>(&self, service: impl FnOnce() -> F) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut probe = None;
        match self.state.get() {
            State::Closed { .. } => {}
            State::Open { until } if Instant::now() >= until => {
                self.state.set(State::HalfOpen);
                probe = Some(Probe { breaker: self });
            }
            State::Open { .. } | State::HalfOpen => return Err(CallError::Rejected),
        }
        let began = self.opened.get();
        let result = service().await;
        match (&result, probe, self.state.get()) {
            (Ok(_), Some(probe), _) => probe.succeeded(),
            (Err(_), Some(_), _) => self.open(),
            // A call from before the circuit opened comes back late, perhaps after it has closed again: it
            // says nothing new.
            _ if self.opened.get() != began => {}
            (Ok(_), None, _) => self.state.set(State::Closed { failures: 0 }),
            (Err(_), None, State::Closed { failures }) if failures + 1 < self.threshold => {
                let failures = failures + 1;
                self.state.set(State::Closed { failures });
            }
            (Err(_), None, _) => self.open(),
        }
        result.map_err(CallError::Failed)
    }

    fn open(&self) {
        self.opened.set(self.opened.get() + 1);
        let until = Instant::now() + self.reset_after;
        self.state.set(State::Open { until });
    }
}

/// The one call that is let in half-open. Dropped without a success, it leaves the circuit open, so
/// that a cancelled probe does not leave it half-open for ever.
struct Probe<'a> {
    breaker: &'a CircuitBreaker,
}

impl Probe<'_> {
    fn succeeded(self) {
        self.breaker.state.set(State::Closed { failures: 0 });
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if self.breaker.state.get() == State::HalfOpen {
            // Nothing is known about the service: the next call may try at once.
            let until = Instant::now();
            self.breaker.state.set(State::Open { until });
        }
    }
}

fn main() {
    let options = Options::parse_seeded("Twenty calls of a service that fails most of the time.");
    options.runtime().block_on(async {
        twenty_calls(options.random()).await;
        half_open_admits_one().await;
        a_cancelled_probe_is_not_the_last().await;
        a_late_failure_does_not_count().await;
    });
}

/// The text's program.
async fn twenty_calls(mut random: Rng) {
    part("Twenty calls");
    let breaker = CircuitBreaker::new(3, Duration::from_secs(5));
    for n in 0..20 {
        let before = breaker.state();
        let result = breaker.call(|| unreliable_service(&mut random, 0.7)).await;
        match result {
            Ok(answer) => say!("call {n}: {answer}"),
            Err(error) => say!("call {n}: {error}"),
        }
        match (before, breaker.state()) {
            (State::Closed { .. }, State::Open { .. }) => say!("circuit breaker: opened"),
            (State::Open { .. }, State::Closed { .. }) => say!("circuit breaker: closed again"),
            (State::Open { until: a }, State::Open { until: b }) if a < b => {
                say!("circuit breaker: the probe failed, open again")
            }
            _ => {}
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn unreliable_service(
    random: &mut Rng,
    fail_rate: f64,
) -> Result<&'static str, &'static str> {
    sleep(Duration::from_millis(100)).await;
    match random.f64() < fail_rate {
        true => Err("service failed"),
        false => Ok("service response"),
    }
}

/// A breaker whose service has failed just now, and for which the time to try again has come.
async fn ready_to_try_again() -> Rc<CircuitBreaker> {
    let breaker = Rc::new(CircuitBreaker::new(1, Duration::from_secs(5)));
    let failed = breaker.call(async || Err::<(), _>("down")).await;
    assert_eq!(failed, Err(CallError::Failed("down")));
    sleep(Duration::from_secs(5)).await;
    breaker
}

async fn half_open_admits_one() {
    part("Ten calls at the moment when it may try again");
    let breaker = ready_to_try_again().await;
    let called = Rc::new(Cell::new(0));
    let calls = (0..10).map(|_| {
        let (breaker, called) = (breaker.clone(), called.clone());
        spawn(async move {
            let service = async || {
                called.set(called.get() + 1);
                sleep(Duration::from_secs(1)).await;
                Ok::<_, ()>("service response")
            };
            breaker.call(service).await
        })
    });
    let results = all(calls).await;
    let rejected = results.iter().filter(|result| result.is_err()).count();
    say!(
        "the service was called {} time, {rejected} calls were rejected",
        called.get()
    );
    say!("the probe succeeded: {:?}", breaker.state());
    assert_eq!((called.get(), rejected), (1, 9));
    assert_eq!(breaker.state(), State::Closed { failures: 0 });
}

async fn a_cancelled_probe_is_not_the_last() {
    part("The probe is cancelled");
    let breaker = ready_to_try_again().await;
    let probe = spawn({
        let breaker = breaker.clone();
        async move {
            let service = async || {
                sleep(Duration::from_secs(3600)).await;
                Ok::<_, ()>("too late")
            };
            breaker.call(service).await
        }
    });
    yield_now().await;
    assert_eq!(breaker.state(), State::HalfOpen);
    probe.cancel();
    assert!(probe.await.is_err());
    let answer = breaker.call(async || Ok::<_, ()>("service response")).await;
    say!("the next call is the probe: {answer:?}");
    assert_eq!(breaker.state(), State::Closed { failures: 0 });
}

async fn a_late_failure_does_not_count() {
    part("A call fails that began before the circuit opened");
    let breaker = Rc::new(CircuitBreaker::new(1, Duration::from_secs(10)));
    let slow = spawn({
        let breaker = breaker.clone();
        async move {
            let service = async || {
                sleep(Duration::from_secs(20)).await;
                Err::<(), _>("too slow")
            };
            breaker.call(service).await
        }
    });
    yield_now().await;
    let failed = breaker.call(async || Err::<(), _>("down")).await;
    assert_eq!(failed, Err(CallError::Failed("down")));
    sleep(Duration::from_secs(12)).await;
    let probe = breaker.call(async || Ok::<_, ()>("service response")).await;
    say!("the probe: {probe:?}");
    let late = slow.await.expect("it is not cancelled");
    say!("the slow call: {late:?}; {:?}", breaker.state());
    assert_eq!(breaker.state(), State::Closed { failures: 0 });
}
