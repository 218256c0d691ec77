//! The order of service beside CPython's own asyncio: the same scripts, interpreted on both.
//!
//! `interpreter.rs` runs a script on turnwise, `asyncio/order.py` on the machine's
//! `python3` (3.11 or later), both on virtual time. The logs must be equal, or `DIFFERENT` says why
//! not and pins what asyncio prints.

use crate::asyncio::interpreter::{Script, here, on_asyncio};

macro_rules! scripts {
    ($($script:ident $(($($setting:tt)*))? { $($task:ident: $ops:literal)+ })+) => {
        &[$(Script {
            name: stringify!($script),
            settings: concat!($($(scripts!(@ $setting),)*)?),
            tasks: &[$((stringify!($task), $ops)),+],
        }),+]
    };
    (@ ,) => { " " };
    (@ $part:tt) => { stringify!($part) };
}

#[rustfmt::skip]
const SCRIPTS: &[Script] = scripts! {
    // Turns.
    turns_round_robin {
        a: "turn; turn; turn"
        b: "turn; turn"
        c: "turn; turn; turn"
    }
    a_spawned_task_runs_after_those_that_are_ready {
        a: "spawn X; turn; turn"
        b: "turn; spawn Y; turn"
        X: "turn; turn"
        Y: "turn"
    }
    timers_of_one_deadline {
        a: "sleep 5"
        b: "sleep 5"
        c: "sleep 5"
        d: "sleep 5"
        e: "sleep 5"
        f: "sleep 5"
        g: "sleep 5"
    }
    timers_of_several_deadlines {
        a: "sleep 3; sleep 3"
        b: "sleep 2; sleep 2; turn"
        c: "sleep 1; turn; sleep 4"
        d: "sleep 7"
    }
    an_awaited_task_wakes_its_waiter {
        a: "turn; turn"
        b: "awaits a"
        c: "turn; turn; turn; turn"
        d: "turn; turn; turn; turn"
    }
    a_finished_task_is_awaited_without_a_turn {
        a: "turn"
        b: "turn; turn; turn; awaits a"
        c: "turn; turn; turn; turn"
    }
    a_gather_of_tasks_wakes_its_waiter {
        a: "turn; turn"
        b: "turn"
        c: "gather a b"
        d: "turn; turn; turn; turn; turn"
    }
    two_gathers_and_an_await_of_the_same_round {
        a: "turn"
        b: "turn; turn"
        c: "turn; turn"
        d: "gather a b; turn"
        e: "awaits c; turn"
        f: "turn; turn; turn; turn; turn; turn"
    }
    a_wait_for_all_wakes_its_waiter {
        a: "turn; turn"
        b: "turn"
        c: "each a b"
        d: "turn; turn; turn; turn; turn"
    }
    // Lock.
    a_lock_goes_round_in_order {
        a: "acquire; turn; turn; release"
        b: "acquire; turn; release"
        c: "acquire; release"
        d: "turn; acquire; turn; release"
    }
    whoever_released_queues_behind_those_who_wait {
        a: "acquire; turn; release; acquire; turn; release; acquire"
        b: "acquire; turn; release; acquire; turn; release; acquire"
    }
    a_newcomer_comes_between_a_release_and_the_woken_waiter {
        a: "acquire; turn; turn; release"
        b: "acquire; turn; release"
        c: "turn; turn; acquire; release"
    }
    a_lock_is_looked_at_between_a_release_and_the_woken_waiter {
        a: "acquire; turn; release; locked"
        b: "acquire; locked; release; locked"
        c: "turn; locked; turn; locked"
    }
    a_waiter_for_a_lock_is_cancelled {
        a: "acquire; turn; cancel b; turn; turn; release"
        b: "acquire; release"
        c: "acquire; turn; release"
        d: "acquire; release"
    }
    a_waiter_is_cancelled_after_it_was_woken {
        a: "acquire; turn; turn; release; cancel b; turn"
        b: "acquire; release"
        c: "acquire; turn; release"
        d: "acquire; release"
        e: "turn; turn; acquire; release"
    }
    a_waiter_is_cancelled_before_the_release_of_the_same_turn {
        a: "acquire; turn; turn; cancel b; release; turn"
        b: "acquire; release"
        c: "acquire; turn; release"
        d: "turn; turn; turn; acquire; release"
    }
    the_holder_is_cancelled {
        a: "acquire; turn; sleep 9; release"
        b: "acquire; release"
        c: "acquire; release"
        d: "turn; turn; cancel a; turn; turn; turn"
    }
    a_task_is_cancelled_before_it_began {
        a: "acquire; cancel b; turn; release"
        b: "acquire; release"
        c: "acquire; release"
    }
    a_newcomer_finds_nobody_but_a_cancelled_waiter {
        a: "acquire; turn; cancel b; release"
        b: "acquire; release"
        c: "turn; acquire; release"
    }
    a_task_cancels_itself {
        a: "cancel a; sleep 9"
        b: "set; turn"
    }
    // Semaphore.
    a_semaphore_lets_in_three_at_a_time (permits=3) {
        a: "enter; turn; leave"
        b: "enter; turn; turn; leave"
        c: "enter; turn; leave"
        d: "enter; turn; leave"
        e: "enter; leave"
        f: "enter; leave"
    }
    a_newcomer_comes_between_a_leaving_and_the_woken_waiter (permits=1) {
        a: "enter; turn; turn; leave; enter; leave"
        b: "enter; leave"
        c: "turn; turn; enter; leave"
    }
    a_waiter_for_a_permit_is_cancelled_after_it_was_woken (permits=1) {
        a: "enter; turn; turn; leave; cancel b"
        b: "enter; leave"
        c: "enter; turn; leave"
        d: "enter; leave"
    }
    two_permits_come_back_in_one_turn_and_one_waiter_is_cancelled (permits=2) {
        a: "enter; enter; turn; leave; leave; cancel c; turn"
        b: "enter; turn; leave"
        c: "enter; turn; leave"
        d: "enter; turn; leave"
        e: "enter; turn; leave"
    }
    a_waiter_for_a_permit_is_cancelled_before_the_leaving_of_the_same_turn (permits=1) {
        a: "enter; turn; cancel b; leave; turn; turn"
        b: "enter; leave"
        c: "enter; leave"
    }
    a_newcomer_finds_a_permit_beside_the_one_of_the_woken_waiter (permits=2) {
        a: "enter; enter; turn; leave; leave"
        b: "enter; leave"
        c: "turn; enter; leave"
    }
    // Event.
    an_event_is_set_and_cleared_before_its_waiters_run {
        a: "see; turn; see"
        b: "see; see"
        c: "see"
        d: "turn; set; clear; turn; turn; turn; set"
    }
    a_waiter_for_an_event_is_cancelled_in_the_turn_of_the_set {
        a: "see"
        b: "see"
        c: "see"
        d: "turn; cancel a; set; cancel b; turn; see"
    }
    // Condition.
    one_notification_for_one_waiter {
        a: "acquire; wait; release"
        b: "acquire; wait; release"
        c: "acquire; wait; release"
        d: "turn; turn; acquire; notify 1; release; turn; turn; turn; acquire; notify 2; turn; release"
    }
    all_are_notified_and_queue_for_the_lock_behind_others {
        a: "acquire; wait; turn; release"
        b: "acquire; wait; turn; release"
        c: "acquire; wait; release"
        d: "turn; turn; acquire; notify_all; turn; turn; release; acquire; release"
        e: "turn; turn; turn; acquire; turn; release"
        f: "turn; turn; turn; turn; turn; acquire; release"
    }
    a_newcomer_to_the_lock_comes_before_the_notified {
        a: "acquire; wait; release"
        b: "turn; acquire; notify 1; release"
        c: "turn; acquire; turn; release"
        d: "turn; turn; acquire; release"
    }
    a_waiter_on_a_condition_is_cancelled {
        a: "acquire; wait; release"
        b: "acquire; wait; release"
        c: "turn; turn; cancel a; turn; turn; acquire; notify 1; release"
    }
    a_waiter_on_a_condition_is_cancelled_while_another_holds_the_lock {
        a: "acquire; wait; release"
        b: "turn; acquire; turn; cancel a; turn; turn; turn; release; turn; turn"
        c: "turn; turn; acquire; turn; release"
    }
    a_waiter_on_a_condition_is_cancelled_before_the_notification_of_the_same_turn {
        a: "acquire; wait; release"
        b: "acquire; wait; release"
        c: "turn; turn; acquire; cancel a; notify 1; release; turn; turn; turn; turn"
    }
    a_notified_waiter_is_cancelled_before_it_runs {
        a: "acquire; wait; release"
        b: "acquire; wait; release"
        c: "turn; turn; acquire; notify 1; release; cancel a; turn; turn; turn; turn"
    }
    a_notified_waiter_is_cancelled_while_it_takes_the_lock {
        a: "acquire; wait; release"
        b: "acquire; wait; release"
        c: "turn; turn; acquire; notify 1; turn; turn; cancel a; turn; turn; release; turn; turn; turn; turn"
    }
    // Queue.
    producers_and_consumers_through_one_place (capacity=1) {
        a: "put 1; put 2; put 3"
        b: "put 11; put 12; put 13"
        c: "get; get; get"
        d: "get; get; get"
    }
    consumers_first (capacity=2) {
        a: "get; get; get"
        b: "get; get; get"
        c: "put 1; put 2; put 3; turn; put 4"
        d: "put 11; put 12"
    }
    a_getter_comes_between_a_put_and_the_woken_getter (capacity=1) {
        a: "get"
        b: "get"
        c: "turn; put 1; get; turn; put 2; turn; turn; put 3"
    }
    try_get_between_a_put_and_the_woken_getter (capacity=2) {
        a: "get"
        b: "turn; put 1; try_get; turn; turn; try_put 2; try_get"
    }
    a_putter_comes_between_a_get_and_the_woken_putter (capacity=1) {
        a: "put 1; turn; try_get; put 2; turn; get; get; get"
        b: "put 11"
        c: "put 21"
    }
    try_put_between_a_get_and_the_woken_putter (capacity=1) {
        a: "put 1; put 2"
        b: "turn; get; try_put 3; turn; turn; try_get; try_get"
    }
    a_getter_is_cancelled_while_it_waits (capacity=1) {
        a: "get"
        b: "get"
        c: "get"
        d: "turn; cancel a; put 1; turn; put 2"
    }
    a_getter_is_cancelled_after_it_was_woken (capacity=1) {
        a: "get"
        b: "get"
        c: "turn; put 1; cancel a; turn; turn; put 2; cancel b; turn; turn; try_get"
    }
    a_putter_is_cancelled_while_it_waits (capacity=1) {
        a: "put 1; turn; cancel b; turn; turn; get; turn; turn; get"
        b: "put 2"
        c: "put 3"
    }
    a_putter_is_cancelled_after_it_was_woken (capacity=1) {
        a: "put 1; turn; get; cancel b; turn; turn; get"
        b: "put 2"
        c: "put 3"
    }
    join_waits_for_the_work (capacity=3) {
        a: "put 1; put 2; put 3; join; turn"
        b: "get; turn; done; get; done; get; turn; turn; done; turn"
        c: "turn; join; turn"
    }
    a_joiner_is_cancelled (capacity=3) {
        a: "put 1; join"
        b: "turn; cancel a; turn; get; done; join"
    }
    the_smallest_comes_first (kind=priority, capacity=9) {
        a: "put 5; put 3; put 4; put 1; turn; put 2; turn; put 0"
        b: "get; get; turn; get; get; get; get"
    }
    a_granted_getter_takes_what_is_smallest_when_it_runs (kind=priority, capacity=9) {
        a: "get"
        b: "get"
        c: "turn; put 5; put 3; put 1; turn; try_get"
    }
    the_last_comes_first (kind=lifo, capacity=3) {
        a: "put 1; put 2; put 3; turn; put 4; turn; put 5"
        b: "get; get; turn; get; get; get"
    }
    // Barrier.
    a_barrier_of_three (parties=3) {
        a: "meet; turn"
        b: "meet; turn"
        c: "turn; meet; turn"
    }
    a_barrier_is_used_again_at_once (parties=2) {
        a: "meet; meet; meet"
        b: "meet; meet; meet"
    }
    a_waiter_at_a_barrier_is_cancelled (parties=3) {
        a: "meet"
        b: "meet"
        c: "turn; cancel a; turn; turn; meet"
        d: "turn; turn; turn; turn; turn; turn; meet"
    }
    more_come_than_a_barrier_has_parties (parties=2) {
        a: "meet"
        b: "meet"
        c: "meet"
        d: "turn; turn; turn; turn; meet"
    }
    a_barrier_is_aborted (parties=3) {
        a: "meet; meet"
        b: "meet"
        c: "turn; abort; turn; meet"
    }
    a_barrier_is_aborted_while_a_round_leaves (parties=3) {
        a: "meet; meet"
        b: "meet"
        c: "meet; abort"
    }
    // Limits of time.
    a_limit_of_zero_on_what_is_ready (capacity=1) {
        a: "put 1; timeout 0 get; try_get"
    }
    wait_for_zero_on_what_is_ready (capacity=1) {
        a: "put 1; wait_for 0 get; try_get"
    }
    wait_for_on_what_is_ready {
        a: "wait_for 5 acquire; release"
        b: "acquire; turn; release"
        c: "turn; acquire; release"
    }
    a_limit_runs_out_while_others_wait_too {
        a: "acquire; sleep 5; release"
        b: "timeout 3 acquire; turn; acquire; release"
        c: "acquire; turn; release"
    }
    a_limit_and_a_hand_over_in_one_instant {
        a: "acquire; sleep 5; release"
        b: "timeout 5 acquire; release"
        c: "acquire; release"
    }
    a_hand_over_before_the_limit {
        a: "acquire; sleep 4; release"
        b: "timeout 5 acquire; turn; release"
        c: "timeout 6 acquire; release; sleep 9"
    }
    a_limit_on_a_getter_and_an_item_in_one_instant (capacity=1) {
        a: "sleep 5; put 1; turn; turn; try_get"
        b: "timeout 5 get; turn"
    }
};

/// Scripts whose order differs: what asyncio does, and what happens here. The section "An order of
/// service that differs" of docs/asyncio.md says the same.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "timers_of_one_deadline",
        "Equal deadlines",
        "a:sleep-5 b:sleep-5 c:sleep-5 d:sleep-5 e:sleep-5 f:sleep-5 g:sleep-5",
    ),
    (
        "a_wait_for_all_wakes_its_waiter",
        "`wait`",
        "a:turn b:turn d:turn a:turn d:turn c:each-a-b=2 d:turn d:turn d:turn",
    ),
    (
        "a_lock_is_looked_at_between_a_release_and_the_woken_waiter",
        "`Lock.locked()`",
        "a:acquire a:turn a:release a:locked=yes c:turn c:locked=yes b:acquire b:locked=yes b:release b:locked=no c:turn c:locked=no",
    ),
    (
        "a_newcomer_finds_nobody_but_a_cancelled_waiter",
        "Cancelled while it waits",
        "a:acquire a:turn a:cancel-b a:release c:turn b:cancelled c:acquire c:release",
    ),
    (
        "a_task_cancels_itself",
        "Cancelled by itself",
        "a:cancel-a a:cancelled b:set b:turn",
    ),
    (
        "a_waiter_for_a_permit_is_cancelled_before_the_leaving_of_the_same_turn",
        "Cancelled while it waits",
        "a:enter a:turn a:cancel-b a:leave b:cancelled a:turn c:enter c:leave a:turn",
    ),
    (
        "a_newcomer_finds_a_permit_beside_the_one_of_the_woken_waiter",
        "Semaphore",
        "a:enter a:enter a:turn a:leave a:leave c:turn c:enter c:leave b:enter b:leave",
    ),
    (
        "a_waiter_on_a_condition_is_cancelled_while_another_holds_the_lock",
        "Condition, cancelled",
        "a:acquire b:turn b:acquire c:turn b:turn b:cancel-a c:turn a:cancelled b:turn b:turn b:turn b:release c:acquire b:turn c:turn c:release b:turn",
    ),
    (
        "a_waiter_on_a_condition_is_cancelled_before_the_notification_of_the_same_turn",
        "Cancelled while it waits",
        "a:acquire b:acquire c:turn c:turn c:acquire c:cancel-a c:notify-1 c:release a:cancelled c:turn b:wait b:release c:turn c:turn c:turn",
    ),
    (
        "a_notified_waiter_is_cancelled_before_it_runs",
        "Condition, cancelled",
        "a:acquire b:acquire c:turn c:turn c:acquire c:notify-1 c:release c:cancel-a a:cancelled c:turn b:wait b:release c:turn c:turn c:turn",
    ),
    (
        "a_notified_waiter_is_cancelled_while_it_takes_the_lock",
        "Condition, cancelled",
        "a:acquire b:acquire c:turn c:turn c:acquire c:notify-1 c:turn c:turn c:cancel-a a:cancelled c:turn c:turn c:release b:wait b:release c:turn c:turn c:turn c:turn",
    ),
    (
        "consumers_first",
        "Queue",
        "c:put-1 c:put-2 a:get=1 b:get=2 c:put-3 d:put-11 a:get=3 c:turn b:get=11 d:put-12 c:put-4 a:get=12 b:get=4",
    ),
    (
        "a_getter_comes_between_a_put_and_the_woken_getter",
        "Queue",
        "c:turn c:put-1 a:get=1 stuck:b,c",
    ),
    (
        "try_get_between_a_put_and_the_woken_getter",
        "Queue",
        "b:turn b:put-1 b:try_get=empty a:get=1 b:turn b:turn b:try_put-2 b:try_get=2",
    ),
    (
        "a_putter_comes_between_a_get_and_the_woken_putter",
        "Queue",
        "a:put-1 a:turn a:try_get=1 b:put-11 stuck:a,c",
    ),
    (
        "try_put_between_a_get_and_the_woken_putter",
        "Queue",
        "a:put-1 b:turn b:get=1 b:try_put-3=full a:put-2 b:turn b:turn b:try_get=2 b:try_get=empty",
    ),
    (
        "a_getter_is_cancelled_while_it_waits",
        "Cancelled while it waits",
        "d:turn d:cancel-a d:put-1 a:cancelled d:turn b:get=1 d:put-2 c:get=2",
    ),
    (
        "a_barrier_is_used_again_at_once",
        "Barrier",
        "b:meet=1 a:meet=0 a:meet=1 b:meet=0 b:meet=1 a:meet=0",
    ),
    (
        "a_waiter_at_a_barrier_is_cancelled",
        "Barrier",
        "c:turn c:cancel-a d:turn a:cancelled c:turn d:turn c:turn d:turn d:turn d:turn d:turn d:meet=2 b:meet=0 c:meet=1",
    ),
    (
        "a_barrier_is_aborted_while_a_round_leaves",
        "Barrier",
        "c:meet=2 c:abort a:meet=0 a:meet=broken b:meet=1",
    ),
    (
        "wait_for_zero_on_what_is_ready",
        "`wait_for`",
        "a:put-1 a:wait_for-0-get=1 a:try_get=empty",
    ),
    (
        "wait_for_on_what_is_ready",
        "`wait_for`",
        "a:wait_for-5-acquire a:release b:acquire b:turn b:release c:turn c:acquire c:release",
    ),
    (
        "a_limit_and_a_hand_over_in_one_instant",
        "A limit in the same instant",
        "a:acquire a:sleep-5 a:release b:timeout-5-acquire b:release c:acquire c:release",
    ),
    (
        "a_limit_on_a_getter_and_an_item_in_one_instant",
        "A limit in the same instant",
        "a:sleep-5 a:put-1 b:timeout-5-get=1 a:turn b:turn a:turn a:try_get=empty",
    ),
];

#[test]
fn the_same_script_is_served_in_the_same_order_as_on_asyncio_or_a_table_says_why_not() {
    let asyncio = on_asyncio(SCRIPTS);
    if asyncio.is_none() {
        println!("no python3 of version 3.11 or later: only the pinned orders are checked");
    }
    let mut wrong = Vec::new();
    for script in SCRIPTS {
        let here = here(script);
        let different = DIFFERENT.iter().find(|row| row.0 == script.name);
        if let Some((name, _, pinned)) = different
            && here != *pinned
        {
            wrong.push(format!(
                "{name} has changed:\n  here    {here}\n  pinned  {pinned}"
            ));
        }
        let Some((version, asyncio)) = &asyncio else {
            continue;
        };
        let theirs = &asyncio[script.name];
        match (different.is_some(), here == *theirs) {
            (false, false) => wrong.push(format!(
                "{} differs:\n  here    {here}\n  asyncio {theirs}",
                script.name
            )),
            (true, true) if version == "3.11" => {
                wrong.push(format!("{} does not differ", script.name));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_difference_belongs_to_a_script_and_is_documented() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/asyncio.md"));
    let (_, section) = document
        .split_once("An order of service that differs")
        .unwrap();
    for (name, topic, _) in DIFFERENT {
        assert!(
            SCRIPTS.iter().any(|script| script.name == *name),
            "no script {name}"
        );
        let documented = section.contains(&format!("- **{topic}**"));
        assert!(documented, "docs/asyncio.md does not mention {topic}");
    }
}
