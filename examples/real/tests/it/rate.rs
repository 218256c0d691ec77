//! The rate limit, seen from the server.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use turnwise::time::Instant;
use turnwise::{gather_spawned, sleep, spawn, yield_now};
use turnwise_real::rate_limit::{RateLimit, RateLimitedClient};

use crate::support::{client, on_real_time, on_virtual_time, site};

const SECOND: Duration = Duration::from_secs(1);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// In any stretch of a second there are at most five.
#[track_caller]
fn assert_five_per_second(times: &[Duration]) {
    assert!(times.is_sorted());
    for (first, sixth) in times.iter().zip(times.iter().skip(5)) {
        assert!(
            *sixth - *first >= SECOND,
            "{first:?} to {sixth:?} in {times:?}"
        );
    }
}

/// Asks for so many pages at once, of which each takes as long as `service` says. Returns when the
/// requests came, and in which order.
async fn arrivals(count: u64, service: impl Fn(u64) -> Duration + 'static) -> Vec<Duration> {
    let number = |path: &str| path[1..].parse().expect("the paths are numbers");
    let (wire, start, visits) = site(move |path| (service(number(path)), "page".into()));
    let rate = RateLimit::new(5, SECOND);
    let client = Rc::new(RateLimitedClient::new(client(wire), 3, rate));
    let requests = (0..count).map(|n| {
        let (client, url) = (client.clone(), start.join(&n.to_string()));
        async move {
            let url = url.expect("a number is a path");
            let answer = client.turn().await.get(&url).await;
            assert_eq!(answer.expect("the server answers").body, b"page");
        }
    });
    gather_spawned(requests).await;
    let expected: Vec<_> = (0..count).map(|n| format!("/{n}")).collect();
    assert_eq!(visits.paths(), expected, "first come, first served");
    assert!(visits.most.get() <= 3, "{} at once", visits.most.get());
    visits.times()
}

#[test]
fn quick_answers_come_five_at_a_time() {
    on_virtual_time(|| async {
        let times = arrivals(12, |_| Duration::ZERO).await;
        let seconds: Vec<_> = times.iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds, [0., 0., 0., 0., 0., 1., 1., 1., 1., 1., 2., 2.]);
    });
}

#[test]
fn the_rate_holds_whatever_the_answers_take() {
    on_virtual_time(|| async {
        for seed in 0..50 {
            let random = RefCell::new(Rng::with_seed(seed));
            let service = move |_| millis(random.borrow_mut().u64(..=900));
            let times = arrivals(30, service).await;
            assert_five_per_second(&times);
        }
    });
}

#[test]
fn those_who_wait_for_a_slot_do_not_begin_in_a_burst() {
    on_virtual_time(|| async {
        // In the meantime the text's client lets everybody pass the rate.
        let times = arrivals(20, |n| if n < 3 { 5 * SECOND } else { Duration::ZERO }).await;
        assert_five_per_second(&times);
        assert_eq!(times[7], 5 * SECOND, "nobody waits for no reason");
    });
}

#[test]
fn who_gives_up_uses_up_nothing() {
    // The one that gives up is each of them, before its turn, at it, and in the line.
    for victim in 0..6 {
        for after in [0, 500, 999, 1000, 1500] {
            on_virtual_time(move || async move {
                let rate = Rc::new(RateLimit::new(2, SECOND));
                let begun = Instant::now();
                let tasks = (0..6).map(|_| {
                    let rate = rate.clone();
                    spawn(async move {
                        rate.pass().await;
                        begun.elapsed()
                    })
                });
                let mut tasks: Vec<_> = tasks.collect();
                sleep(millis(after)).await;
                tasks[victim].cancel();
                let mut passed = Vec::new();
                for task in tasks.drain(..) {
                    passed.extend(task.await.ok());
                }
                // As if the one that gave up had never come.
                let expected = (0..passed.len() as u32).map(|n| n / 2 * SECOND);
                assert_eq!(passed, expected.collect::<Vec<_>>());
                assert!(passed.len() >= 5);
            });
        }
    }
}

#[test]
fn a_slot_of_one_who_gives_up_goes_to_the_next() {
    on_virtual_time(|| async {
        let (wire, url, visits) = site(|_| (SECOND, String::new()));
        let rate = RateLimit::new(100, SECOND);
        let client = Rc::new(RateLimitedClient::new(client(wire), 1, rate));
        let ask = || {
            let (client, url) = (client.clone(), url.clone());
            spawn(async move { client.turn().await.get(&url).await.is_ok() })
        };
        let (first, second, third) = (ask(), ask(), ask());
        sleep(millis(500)).await;
        first.cancel();
        yield_now().await;
        second.cancel();
        assert!(third.await.expect("nobody cancels it"));
        assert_eq!(visits.times(), [Duration::ZERO, millis(500)]);
        assert!(first.await.is_err() && second.await.is_err());
    });
}

#[test]
fn the_real_clock_is_waited_for() {
    on_real_time(|| async {
        let rate = RateLimit::new(3, millis(50));
        let begun = std::time::Instant::now();
        for _ in 0..12 {
            rate.pass().await;
        }
        assert!(begun.elapsed() >= millis(150), "{:?}", begun.elapsed());
    });
}

#[test]
#[should_panic(expected = "for ever")]
fn a_limit_of_nothing_is_refused() {
    RateLimit::new(0, SECOND);
}
