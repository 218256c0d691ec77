//! Time: exact on the virtual clock, never early on the real one, and nothing left behind.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use turnwise::sync::Lock;
use turnwise::time::Sleep;
use turnwise::time::{self, Instant};
use turnwise::{
    Runtime, gather, interval, sleep, sleep_until, spawn, timeout, timeout_at, yield_now,
};

use crate::support::{Log, bounded, panic_of, poll_once, virtual_runtime, yields};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_virtual_sleep_is_exact_to_the_nanosecond() {
    virtual_runtime().block_on(async {
        let days = Duration::from_secs(400 * 86_400) + Duration::from_nanos(7);
        for duration in [
            Duration::from_nanos(1),
            Duration::from_nanos(999_999_937),
            Duration::from_micros(1) + Duration::from_nanos(1),
            SECOND,
            days,
        ] {
            let start = Instant::now();
            let sleep = sleep(duration);
            assert_eq!(sleep.deadline(), start + duration);
            sleep.await;
            assert_eq!(start.elapsed(), duration);
        }
    });
}

#[test]
fn the_time_of_a_sleep_counts_from_the_call() {
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let early = sleep(3 * SECOND);
        sleep(2 * SECOND).await;
        early.await;
        assert_eq!(start.elapsed(), 3 * SECOND);
    });
}

#[test]
fn what_is_made_before_there_is_a_runtime_counts_from_the_first_poll() {
    bounded(|| {
        let start = Instant::now();
        turnwise::block_on(sleep(Duration::from_millis(3)));
        assert!(turnwise::block_on(timeout(Duration::from_millis(3), pending::<()>())).is_err());
        assert!(start.elapsed() >= Duration::from_millis(6));
    });
    let (nap, zero) = (sleep(3 * SECOND), sleep(Duration::ZERO));
    let limit = timeout(2 * SECOND, pending::<()>());
    let mut ticks = interval(SECOND);
    assert!(limit.when() <= nap.deadline() && !nap.is_elapsed());
    virtual_runtime().block_on(async move {
        sleep(SECOND).await;
        let start = Instant::now();
        assert_eq!(nap.deadline(), start + 3 * SECOND);
        zero.await;
        assert!(limit.await.is_err());
        assert_eq!(start.elapsed(), 2 * SECOND);
        nap.await;
        assert_eq!(start.elapsed(), 5 * SECOND);
        assert_eq!(ticks.tick().await - start, 5 * SECOND);
        assert_eq!(ticks.tick().await - start, 6 * SECOND);
    });
}

#[test]
fn a_sleep_is_elapsed_when_a_poll_is_ready() {
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let makes: [fn() -> Sleep; 4] = [
            || sleep(SECOND),
            || sleep(Duration::ZERO),
            || sleep_until(Instant::now()),
            || sleep_until(Instant::now() - SECOND),
        ];
        for make in makes {
            let (mut nap, mut polls) = (make(), 0);
            std::future::poll_fn(|cx| {
                polls += 1;
                let elapsed = nap.is_elapsed();
                let poll = std::pin::Pin::new(&mut nap).poll(cx);
                assert_eq!(elapsed, poll.is_ready());
                poll
            })
            .await;
            assert!(nap.is_elapsed());
            assert_eq!(polls, 2);
            nap.reset(Instant::now());
            assert!(!nap.is_elapsed());
        }
        assert_eq!(start.elapsed(), SECOND);
    });
}

#[test]
fn a_timeout_prints_whatever_it_bounds() {
    struct Silent;
    virtual_runtime().block_on(async {
        let limit = timeout(SECOND, async { Silent });
        let text = format!("{limit:?}");
        assert!(text.starts_with("Timeout { when: "), "{text}");
        assert!(text.ends_with("expired: false }"), "{text}");
        let Silent = limit.await.unwrap();
    });
}

#[test]
fn a_hundred_thousand_timers_fire_by_deadline_and_equal_ones_in_the_order_they_were_armed() {
    const MANY: usize = 100_000;
    let fired = Rc::new(RefCell::new(Vec::with_capacity(MANY)));
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let mut state = 7u64;
        for n in 0..MANY {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            // Each deadline is shared by about a hundred timers.
            let deadline = start + Duration::from_nanos(1 + (state >> 33) % 1000);
            let fired = fired.clone();
            drop(spawn(async move {
                sleep_until(deadline).await;
                assert_eq!(Instant::now(), deadline);
                fired.borrow_mut().push((deadline, n));
            }));
        }
        yield_now().await;
        assert_eq!(runtime.stats().timers, MANY);
        sleep(SECOND).await;
    });
    let fired = fired.take();
    assert_eq!(fired.len(), MANY);
    assert!(fired.is_sorted());
}

#[test]
fn a_timer_that_is_armed_again_queues_behind_its_equals() {
    let log = Log::new();
    virtual_runtime().block_on(async {
        let deadline = Instant::now() + SECOND;
        let names = ["first", "second"];
        let mut sleeps = names.map(|_| sleep_until(deadline));
        for sleep in &mut sleeps {
            assert!(poll_once(sleep).is_pending());
        }
        let [mut first, second] = sleeps;
        // Reset to the same instant: armed later, so it fires later.
        first.reset(deadline);
        let tasks = [("first", first), ("second", second)].map(|(name, sleep)| {
            let log = log.clone();
            spawn(async move {
                sleep.await;
                log.add(name);
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(log.text(), "second first");
}

#[test]
fn a_sleep_of_zero_yields_once_and_arms_nothing() {
    let log = Log::new();
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let other = spawn({
            let log = log.clone();
            async move { log.add("other") }
        });
        let mut zero = sleep(Duration::ZERO);
        std::future::poll_fn(|cx| {
            let poll = std::pin::Pin::new(&mut zero).poll(cx);
            log.add(if poll.is_ready() { "ready" } else { "pending" });
            assert_eq!(runtime.stats().timers, 0);
            poll
        })
        .await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        other.await.unwrap();
    });
    assert_eq!(log.text(), "pending other ready");
}

#[test]
fn a_ready_value_wins_over_a_deadline_that_has_passed() {
    virtual_runtime().block_on(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        let past = Instant::now();
        sleep(SECOND).await;
        assert_eq!(timeout_at(past, ready(2)).await, Ok(2));
        // Both become ready at the same instant: the future is asked first.
        let both = timeout(SECOND, sleep(SECOND)).await;
        assert_eq!(both, Ok(()));
    });
}

#[test]
fn a_timeout_of_zero_polls_once() {
    let polls = Cell::new(0);
    virtual_runtime().block_on(async {
        let never = std::future::poll_fn::<(), _>(|_| {
            polls.set(polls.get() + 1);
            std::task::Poll::Pending
        });
        assert!(timeout(Duration::ZERO, never).await.is_err());
    });
    assert_eq!(polls.get(), 1);
}

#[test]
fn of_two_nested_equal_deadlines_the_inner_one_reports() {
    virtual_runtime().block_on(async {
        let deadline = Instant::now() + SECOND;
        let inner = timeout_at(deadline, pending::<()>());
        let outer = timeout_at(deadline, inner).await;
        assert!(matches!(outer, Ok(Err(_))), "{outer:?}");
        assert_eq!(Instant::now(), deadline);
        let sooner = timeout_at(deadline, timeout(SECOND, pending::<()>())).await;
        assert!(sooner.is_err());
    });
}

#[test]
fn a_timed_out_future_is_dropped_before_the_error_is_returned() {
    let (log, lock) = (Log::new(), Lock::new(()));
    virtual_runtime().block_on(async {
        let held = async {
            let _guard = lock.acquire().await;
            let _log = log.on_drop("dropped");
            pending::<()>().await;
        };
        let elapsed = timeout(SECOND, held).await.unwrap_err();
        log.add("elapsed");
        assert!(!lock.is_locked());
        assert_eq!(elapsed.to_string(), "deadline has elapsed");
        assert_eq!(
            std::io::Error::from(elapsed).kind(),
            std::io::ErrorKind::TimedOut
        );
    });
    assert_eq!(log.text(), "dropped elapsed");
}

#[test]
fn a_timeout_can_be_moved_until_it_has_expired() {
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let mut limit = Box::pin(timeout(SECOND, pending::<()>()));
        assert_eq!(limit.when(), start + SECOND);
        assert!(poll_once(&mut limit).is_pending());
        assert_eq!(runtime.stats().timers, 1);
        limit.as_mut().reschedule(start + 3 * SECOND).unwrap();
        assert_eq!(limit.when(), start + 3 * SECOND);
        assert!(!limit.expired());
        assert!((&mut limit).await.is_err());
        assert_eq!(start.elapsed(), 3 * SECOND);
        assert!(limit.expired());
        assert!(limit.as_mut().reschedule(start + 9 * SECOND).is_err());
        assert!(panic_of(|| poll_once(&mut limit)).contains("make a new one"));
        // Moved to the past: it expires at the next poll.
        let mut limit = Box::pin(timeout(SECOND, pending::<()>()));
        limit.as_mut().reschedule(start).unwrap();
        assert!((&mut limit).await.is_err());
        assert_eq!(start.elapsed(), 3 * SECOND);
    });
    assert_eq!(runtime.stats().timers, 0);
}

#[test]
fn an_interval_skips_missed_ticks_and_keeps_its_grid() {
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let mut ticks = interval(10 * SECOND);
        let mut due = Vec::new();
        for pause in [0, 0, 25, 5, 10, 0] {
            due.push((ticks.tick().await - start).as_secs());
            // The tick is the time it was due, not the time it was taken.
            assert!(Instant::now() >= start + Duration::from_secs(*due.last().unwrap()));
            sleep(Duration::from_secs(pause)).await;
        }
        // 20 is taken on time, then 45: of 30 and 40 one comes late, and 50 on time again.
        assert_eq!(due, [0, 10, 20, 30, 50, 60]);
    });
}

#[test]
fn a_dropped_tick_is_not_consumed_and_a_reset_moves_the_grid() {
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let mut ticks = time::interval_at(start + SECOND, SECOND);
        assert!(timeout(SECOND / 2, ticks.tick()).await.is_err());
        assert_eq!(ticks.tick().await - start, SECOND);
        sleep(SECOND / 4).await;
        ticks.reset();
        assert_eq!(ticks.tick().await - start, SECOND * 9 / 4);
        assert_eq!(ticks.next().await.unwrap() - start, SECOND * 13 / 4);
        assert_eq!(ticks.period(), SECOND);
        drop(ticks);
        assert_eq!(runtime.stats().timers, 0);
    });
}

#[test]
fn the_longest_duration_never_comes_and_overflows_nothing() {
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let slept = spawn(sleep(Duration::MAX));
        let limited = spawn(timeout(Duration::MAX, pending::<()>()));
        let mut ticks = interval(Duration::MAX);
        assert_eq!(ticks.tick().await, start);
        let ticked = spawn(async move { ticks.tick().await });
        // Two hundred years, which is what the clock can count with room to spare.
        sleep(Duration::from_secs(200 * 365 * 86_400)).await;
        assert_eq!(timeout(Duration::MAX, ready(1)).await, Ok(1));
        assert!(!slept.is_finished() && !limited.is_finished() && !ticked.is_finished());
        let _ = Instant::now() + Duration::MAX + Duration::MAX;
        let _ = start - Duration::MAX;
    });
}

#[test]
fn a_virtual_clock_does_not_jump_to_the_end_of_time() {
    let runtime = virtual_runtime();
    let verdict = runtime.try_block_on(async { sleep(Duration::MAX).await });
    let text = verdict
        .expect_err("a sleep without end is over")
        .to_string();
    assert!(text.contains("waits for sleep"), "{text}");
    let start = runtime.block_on(async { Instant::now() });
    runtime.block_on(sleep(SECOND));
    assert_eq!(runtime.block_on(async { start.elapsed() }), SECOND);
}

#[test]
fn a_real_sleep_is_never_early_and_wakes_within_microseconds() {
    const ROUNDS: usize = 101;
    let duration = Duration::from_micros(100);
    let mut late: Vec<Duration> = Runtime::new().block_on(async {
        let mut late = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = std::time::Instant::now();
            sleep(duration).await;
            late.push(start.elapsed().checked_sub(duration).expect("it was early"));
        }
        late
    });
    late.sort_unstable();
    // Tens of microseconds on a quiet machine; a millisecond clock would be ten times over this.
    let median = late[ROUNDS / 2];
    assert!(
        median < Duration::from_micros(500),
        "half of them are {median:?} late"
    );
}

#[test]
fn real_sleeps_of_odd_lengths_are_never_early() {
    Runtime::new().block_on(async {
        let start = Instant::now();
        let mut sleeps: FuturesUnordered<_> = (0..200u64)
            .map(|n| {
                let deadline = start + Duration::from_nanos(n * 37_013);
                async move {
                    sleep_until(deadline).await;
                    (deadline, Instant::now())
                }
            })
            .collect();
        while let Some((deadline, woken)) = sleeps.next().await {
            assert!(woken >= deadline);
        }
    });
}

#[test]
fn with_slack_deadlines_that_are_near_each_other_share_one_wake_up() {
    const SLACK: Duration = Duration::from_millis(40);
    let runtime = Runtime::builder().timer_slack(SLACK).build();
    let woken = runtime.block_on(async {
        let start = Instant::now();
        let sleeps = [1, 20, 9].map(|after| async move {
            sleep_until(start + Duration::from_millis(after)).await;
            Instant::now() - start
        });
        gather(sleeps).await
    });
    let shared = Duration::from_millis(1) + SLACK;
    assert!(woken.iter().all(|after| *after >= shared), "{woken:?}");
}

#[test]
fn slack_holds_up_neither_a_busy_loop_nor_virtual_time() {
    const SLACK: Duration = Duration::from_secs(86_400);
    bounded(|| {
        Runtime::builder()
            .timer_slack(SLACK)
            .build()
            .block_on(async {
                let due = spawn(sleep(Duration::from_millis(1)));
                while !due.is_finished() {
                    yield_now().await;
                }
            });
    });
    let builder = Runtime::builder().timer_slack(SLACK).virtual_clock();
    builder.build().block_on(async {
        let start = Instant::now();
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(start.elapsed(), Duration::from_nanos(1));
    });
}

#[test]
fn the_loser_of_a_select_leaves_no_timer() {
    let runtime = virtual_runtime();
    runtime.block_on(async {
        for _ in 0..10 {
            match select(sleep(SECOND), sleep(2 * SECOND)).await {
                Either::Left((_, loser)) => drop(loser),
                Either::Right(_) => panic!("the later one came first"),
            }
            assert_eq!(runtime.stats().timers, 0);
        }
        timeout(SECOND, yields(3)).await.unwrap();
        assert_eq!(runtime.stats().timers, 0);
        let task = spawn(sleep(SECOND));
        yield_now().await;
        assert_eq!(runtime.stats().timers, 1);
        task.cancel();
        task.await.unwrap_err();
        assert_eq!(runtime.stats().timers, 0);
    });
}

#[test]
fn a_million_sleeps_are_armed_and_cancelled_in_one_runtime() {
    const MANY: u64 = 1_000_000;
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let start = Instant::now();
        let mut sleeps: Vec<_> = (0..MANY)
            .map(|n| sleep(SECOND + Duration::from_nanos(n.reverse_bits() >> 40)))
            .collect();
        for sleep in &mut sleeps {
            assert!(poll_once(sleep).is_pending());
        }
        assert_eq!(runtime.stats().timers, MANY as usize);
        drop(sleeps);
        assert_eq!(runtime.stats().timers, 0);
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(start.elapsed(), Duration::from_nanos(1));
    });
}

#[test]
fn a_host_that_turns_the_loop_sees_the_next_deadline() {
    let runtime = virtual_runtime();
    assert_eq!(runtime.next_deadline(), None);
    let task = runtime.spawn(async {
        sleep(5 * SECOND).await;
        Instant::now()
    });
    runtime.run_until_stalled();
    let next = runtime.next_deadline().expect("a task sleeps");
    // A turn that may not wait does not let virtual time pass either.
    assert!(!task.is_finished());
    runtime.turn(None);
    runtime.run_until_stalled();
    assert_eq!(runtime.block_on(task).unwrap(), next);
}
