//! Timers beside a sorted list.

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

/// Arms a timer for a task that is named by the timer's serial.
fn arm(timers: &mut Timers, deadline: u64) -> TimerKey {
    let task = TaskId::from_bits(timers.serial + 1);
    timers.arm(deadline, task, Location::caller(), &"test")
}

#[derive(Clone, Debug)]
enum Do {
    /// So many, from a little ago to so many bits ahead; with the most bits, never.
    Arm(usize, u32, u64),
    /// Some share of them.
    Disarm(usize, u64),
    /// Some share of them, to where timers of so many bits are armed.
    Rearm(usize, u32, u64),
    Next,
    Wait(u64),
}

const MOST: u32 = 40;

fn doings() -> impl Strategy<Value = Vec<Do>> {
    let doing = prop_oneof![
        (1..150_usize, 0..=MOST, any::<u64>()).prop_map(|(n, bits, seed)| Do::Arm(n, bits, seed)),
        (1..4_usize, 0..=MOST, any::<u64>()).prop_map(|(n, bits, seed)| Do::Arm(n, bits, seed)),
        (1..10_usize, any::<u64>()).prop_map(|(share, seed)| Do::Disarm(share, seed)),
        (1..10_usize, 0..=MOST, any::<u64>()).prop_map(|(n, bits, seed)| Do::Rearm(n, bits, seed)),
        Just(Do::Next),
        (0..MOST)
            .prop_flat_map(|bits| 0..1_u64 << bits)
            .prop_map(Do::Wait),
    ];
    prop::collection::vec(doing, 0..100)
}

fn deadline(random: &mut Rng, now: u64, bits: u32) -> u64 {
    let ahead = random.u64(..1 << bits);
    match bits {
        MOST => u64::MAX,
        _ => now - 100 + ahead,
    }
}

proptest! {
    #[test]
    fn they_expire_as_a_sorted_list_would(doings in doings()) {
        let (mut timers, mut now) = (Timers::new(), 1000);
        // Deadline and key, in order of arming.
        let mut model: Vec<(u64, TimerKey)> = Vec::new();
        for doing in doings {
            match doing {
                Do::Arm(many, bits, seed) => {
                    let mut random = Rng::with_seed(seed);
                    model.extend((0..many).map(|_| {
                        let deadline = deadline(&mut random, now, bits);
                        (deadline, arm(&mut timers, deadline))
                    }));
                }
                Do::Rearm(share, bits, seed) => {
                    let mut random = Rng::with_seed(seed);
                    for timer in &mut model {
                        if random.usize(..10) < share {
                            let deadline = deadline(&mut random, now, bits);
                            let old = timer.1;
                            let moved = timers.rearm(old, deadline).expect("it is armed");
                            assert!(timers.rearm(old, deadline).is_none());
                            *timer = (deadline, moved);
                        }
                    }
                    // Equal deadlines come in the order of arming.
                    model.sort_by_key(|timer| timer.1.serial);
                }
                Do::Disarm(share, seed) => {
                    let mut random = Rng::with_seed(seed);
                    model.retain(|&(_, key)| {
                        let keep = random.usize(..10) >= share;
                        assert!(keep || timers.disarm(key).is_some());
                        keep
                    });
                }
                Do::Next => {
                    let earliest = model.iter().map(|timer| timer.0).min();
                    let comes = earliest.filter(|deadline| *deadline < u64::MAX);
                    prop_assert_eq!(timers.next(), comes);
                }
                Do::Wait(time) => {
                    now += time;
                    let is_due = |timer: &(u64, TimerKey)| timer.0 <= now;
                    let (mut due, left): (Vec<_>, _) = model.into_iter().partition(is_due);
                    model = left;
                    due.sort_by_key(|timer| timer.0);
                    for (_, key) in &due {
                        let task = timers.get_mut(*key).expect("it is armed").task();
                        prop_assert_eq!(timers.expire(now).expect("it is due").task(), task);
                    }
                    prop_assert!(timers.expire(now).is_none());
                    prop_assert!(due.iter().all(|timer| timers.is_past(timer.1, timer.0)));
                }
            }
            prop_assert!(!model.iter().any(|timer| timers.is_past(timer.1, timer.0)));
            prop_assert!(model.iter().all(|timer| timers.get_mut(timer.1).is_some()));
            prop_assert_eq!((timers.iter().count(), timers.len()), (model.len(), model.len()));
            prop_assert!(timers.nodes.len() <= 2 * model.len() + Timers::FEW);
        }
    }
}

#[test]
fn ever_earlier_deadlines_make_few_steps() {
    let mut timers = Timers::new();
    for earlier in 0..100_000 {
        arm(&mut timers, 1_000_000 - earlier);
        assert_eq!(timers.next(), Some(1_000_000 - earlier));
    }
    assert!(timers.steps.len() <= 17);
}

#[test]
fn a_key_is_stale_after_expiry_even_when_its_slot_is_reused() {
    let mut timers = Timers::new();
    let first = arm(&mut timers, 1);
    assert!(timers.expire(0).is_none());
    assert!(timers.expire(1).is_some());
    let second = arm(&mut timers, 2);
    assert_eq!(first.slot, second.slot);
    assert!(timers.disarm(first).is_none());
    assert_eq!(timers.next(), Some(2));
}

#[test]
fn a_million_timers_are_armed_disarmed_and_expired_in_order() {
    const MANY: u64 = 1_000_000;
    let mut timers = Timers::new();
    let mut random = Rng::with_seed(7);
    let keys: Vec<_> = (0..MANY)
        .map(|_| arm(&mut timers, random.u64(..1 << 24)))
        .collect();
    for key in keys.iter().skip(1).step_by(2) {
        assert!(timers.disarm(*key).is_some());
    }
    let (mut expired, mut last) = (0, 0);
    while let Some(deadline) = timers.next() {
        assert!(deadline >= last && timers.expire(u64::MAX).is_some());
        last = deadline;
        expired += 1;
    }
    assert_eq!(expired, MANY / 2);
    assert!(timers.is_empty());
}
