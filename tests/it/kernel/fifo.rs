//! Order: what becomes ready first runs first, and nobody who is always ready keeps others waiting.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant as RealInstant};

use futures::future::LocalBoxFuture;
use proptest::prelude::*;
use turnwise::io::AsyncFd;
use turnwise::sync::Event;
use turnwise::time::{self, Instant};
use turnwise::{Runtime, sleep, spawn, yield_now};

use crate::support::{Log, bounded, virtual_runtime, yields};

/// A task that logs its name and a number `rounds` times, yielding in between.
async fn chant(log: Log, name: &'static str, rounds: usize) {
    for round in 0..rounds {
        log.add(format!("{name}{round}"));
        yield_now().await;
    }
}

#[test]
fn main_and_tasks_take_turns_in_the_order_they_became_ready() {
    let (log, runtime) = (Log::new(), Runtime::new());
    drop(runtime.spawn(chant(log.clone(), "a", 3)));
    drop(runtime.spawn(chant(log.clone(), "b", 3)));
    runtime.block_on(async {
        log.add("m0");
        drop(spawn(chant(log.clone(), "c", 2)));
        yield_now().await;
        log.add("m1");
        drop(spawn(chant(log.clone(), "d", 2)));
        yields(3).await;
        log.add("m2");
    });
    // `c` was spawned during the poll after which main went to the tail, so it is before main.
    assert_eq!(
        log.text(),
        "a0 b0 m0 a1 b1 c0 m1 a2 b2 c1 d0 d1 m2".to_owned()
    );
}

#[test]
fn main_of_the_next_block_on_queues_behind_what_is_ready() {
    let (log, runtime) = (Log::new(), Runtime::new());
    drop(runtime.spawn(chant(log.clone(), "a", 4)));
    runtime.block_on(async { log.add("first") });
    runtime.block_on(async { log.add("second") });
    drop(runtime.spawn(chant(log.clone(), "b", 1)));
    runtime.block_on(async { log.add("third") });
    assert_eq!(log.text(), "a0 first a1 second a2 b0 third");
}

#[test]
fn woken_tasks_run_in_the_order_of_the_wakes_not_of_the_spawns() {
    let (log, runtime) = (Log::new(), Runtime::new());
    let events: Rc<[Event; 4]> = Rc::new([const { Event::new() }; 4]);
    for name in 0..4 {
        let (log, events) = (log.clone(), events.clone());
        drop(runtime.spawn(async move {
            events[name].wait().await;
            log.add(name.to_string());
        }));
    }
    runtime.block_on(async {
        yield_now().await;
        for name in [2, 0, 3] {
            events[name].set();
        }
        // Spawned after those wakes, before the last one.
        drop(spawn(chant(log.clone(), "late", 1)));
        events[1].set();
        log.add("main");
        yield_now().await;
    });
    assert_eq!(log.text(), "main 2 0 3 late0 1");
}

#[test]
fn a_task_woken_many_times_is_polled_once() {
    let polls = Rc::new(Cell::new(0));
    let event = Rc::new(Event::new());
    Runtime::new().block_on(async {
        let task = spawn({
            let (polls, event) = (polls.clone(), event.clone());
            async move {
                let mut wait = event.wait();
                poll_fn(|cx| {
                    polls.set(polls.get() + 1);
                    std::pin::Pin::new(&mut wait).poll(cx)
                })
                .await;
                let mut left = 1;
                poll_fn(|cx| {
                    polls.set(polls.get() + 1);
                    for _ in 0..5 {
                        cx.waker().wake_by_ref();
                    }
                    left -= 1;
                    if left < 0 {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
        });
        yield_now().await;
        event.set();
        event.clear();
        event.set();
        task.await.unwrap();
    });
    // Once to wait, once for both sets, once for the five wakes.
    assert_eq!(polls.get(), 3 + 1);
}

#[test]
fn a_cancelled_task_is_dropped_in_its_own_turn() {
    let (log, runtime) = (Log::new(), Runtime::new());
    runtime.block_on(async {
        let dropped = log.on_drop("dropped");
        let task = spawn(async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        drop(spawn(chant(log.clone(), "before", 1)));
        task.cancel();
        log.add("cancelled");
        drop(spawn(chant(log.clone(), "after", 1)));
        yield_now().await;
    });
    assert_eq!(log.text(), "cancelled before0 dropped after0");
}

#[test]
fn a_self_waking_task_gets_one_poll_per_pass() {
    let (polls, others) = (Rc::new(Cell::new(0u32)), Rc::new(Cell::new(0u32)));
    Runtime::new().block_on(async {
        let spinner = {
            let polls = polls.clone();
            poll_fn::<(), _>(move |cx| {
                polls.set(polls.get() + 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            })
        };
        drop(spawn(spinner));
        for _ in 0..1000 {
            yield_now().await;
            others.set(others.get() + 1);
        }
    });
    assert_eq!(others.get(), 1000);
    assert_eq!(polls.get(), 1000);
}

/// Spawns a task that is always ready, by yielding or by waking itself.
fn spin(by_yield: bool) {
    if by_yield {
        drop(spawn(async {
            loop {
                yield_now().await;
            }
        }));
    } else {
        drop(spawn(poll_fn::<(), _>(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        })));
    }
}

#[test]
fn a_spinning_task_does_not_starve_real_timers() {
    bounded(|| {
        for by_yield in [true, false] {
            Runtime::new().block_on(async {
                spin(by_yield);
                spin(!by_yield);
                for _ in 0..3 {
                    sleep(Duration::from_millis(1)).await;
                }
            });
        }
    });
}

#[test]
fn slow_polls_do_not_make_timers_late_by_a_whole_stride() {
    bounded(|| {
        Runtime::new().block_on(async {
            let polls = Rc::new(Cell::new(0u32));
            let counted = polls.clone();
            drop(spawn(async move {
                loop {
                    let start = RealInstant::now();
                    while start.elapsed() < Duration::from_micros(300) {
                        std::hint::spin_loop();
                    }
                    counted.set(counted.get() + 1);
                    yield_now().await;
                }
            }));
            // The pace has to be learnt once; from then on it follows the length of the polls.
            while polls.get() < 200 {
                yield_now().await;
            }
            let deadline = Instant::now() + Duration::from_millis(3);
            let before = polls.get();
            time::sleep_until(deadline).await;
            let waited = polls.get() - before;
            assert!(
                waited <= 20,
                "{waited} polls of 300 µs passed for a sleep of 3 ms"
            );
        });
    });
}

#[test]
fn a_spinning_task_does_not_starve_timers_that_are_due_on_the_virtual_clock() {
    bounded(|| {
        for by_yield in [true, false] {
            virtual_runtime().block_on(async {
                spin(by_yield);
                time::sleep_until(Instant::now()).await;
            });
        }
    });
}

#[test]
fn virtual_time_stands_still_while_a_task_is_ready() {
    let log = Log::new();
    virtual_runtime().block_on(async {
        let start = Instant::now();
        let sleeper = spawn({
            let log = log.clone();
            async move {
                sleep(Duration::from_nanos(1)).await;
                log.add("slept");
            }
        });
        yields(1000).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        log.add("yielded");
        sleeper.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_nanos(1));
    });
    assert_eq!(log.text(), "yielded slept");
}

fn socket_pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

#[test]
fn a_spinning_task_does_not_starve_readiness() {
    bounded(|| {
        for virtual_clock in [true, false] {
            let runtime = if virtual_clock {
                virtual_runtime()
            } else {
                Runtime::new()
            };
            runtime.block_on(async {
                let (mut near, far) = socket_pair();
                let far = AsyncFd::from_fd(far).unwrap();
                let reader = spawn(async move {
                    let mut byte = [0];
                    far.read_with(|far| (&far.0).read(&mut byte)).await.unwrap();
                    byte[0]
                });
                // The reader waits already when the spinning begins.
                yields(3).await;
                spin(true);
                spin(false);
                near.write_all(b"x").unwrap();
                assert_eq!(reader.await.unwrap(), b'x');
            });
        }
    });
}

#[test]
fn a_source_that_is_always_ready_does_not_starve_tasks_and_timers() {
    bounded(|| {
        let operations = Rc::new(Cell::new(0u64));
        let counted = operations.clone();
        Runtime::new().block_on(async move {
            let (near, _far) = socket_pair();
            let near = AsyncFd::from_fd(near).unwrap();
            let greedy = counted.clone();
            drop(spawn(async move {
                loop {
                    near.write_with(|_| Ok(())).await.unwrap();
                    greedy.set(greedy.get() + 1);
                }
            }));
            yields(10).await;
            let per_turn = counted.get() / 10;
            assert!(
                (1..=256).contains(&per_turn),
                "{per_turn} operations per turn"
            );
            sleep(Duration::from_millis(1)).await;
        });
        assert!(operations.get() > 10);
    });
}

/// One step of a scripted task.
#[derive(Clone, Copy, Debug)]
enum Op {
    Yield,
    Spawn(usize),
    Set(usize),
    Clear(usize),
    Wait(usize),
    Cancel(usize),
}

type Program = Vec<Vec<Op>>;
const EVENTS: usize = 3;
const SCRIPTS: usize = 6;

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Yield),
        3 => (0..SCRIPTS).prop_map(Op::Spawn),
        2 => (0..EVENTS).prop_map(Op::Set),
        1 => (0..EVENTS).prop_map(Op::Clear),
        3 => (0..EVENTS).prop_map(Op::Wait),
        1 => (0..8usize).prop_map(Op::Cancel),
    ]
}

/// The rules on one page: a queue of ready tasks, and a queue of waiters per event.
fn reference(program: &Program) -> Vec<(usize, usize)> {
    struct Task {
        script: usize,
        next: usize,
        scheduled: bool,
        cancelled: bool,
        over: bool,
    }
    let mut log = Vec::new();
    let mut tasks = Vec::new();
    let mut ready = VecDeque::new();
    let mut waiters: [VecDeque<usize>; EVENTS] = Default::default();
    let mut set = [false; EVENTS];
    let spawn = |tasks: &mut Vec<Task>, ready: &mut VecDeque<usize>, script| {
        ready.push_back(tasks.len());
        tasks.push(Task {
            script,
            next: 0,
            scheduled: true,
            cancelled: false,
            over: false,
        });
    };
    spawn(&mut tasks, &mut ready, 0);
    while let Some(id) = ready.pop_front() {
        if tasks[id].over {
            continue;
        }
        tasks[id].scheduled = false;
        let mut pending = tasks[id].cancelled;
        let mut yielded = false;
        while !pending {
            let script = tasks[id].script;
            let Some(&op) = program[script].get(tasks[id].next) else {
                break;
            };
            log.push((id, tasks[id].next));
            tasks[id].next += 1;
            match op {
                Op::Yield => (pending, yielded) = (true, true),
                // A script starts later ones only, so that every program ends.
                Op::Spawn(other) if other > script => spawn(&mut tasks, &mut ready, other),
                Op::Spawn(_) => {}
                Op::Set(event) => {
                    if !std::mem::replace(&mut set[event], true) {
                        for waiter in waiters[event].drain(..) {
                            if !tasks[waiter].scheduled {
                                tasks[waiter].scheduled = true;
                                ready.push_back(waiter);
                            }
                        }
                    }
                }
                Op::Clear(event) => set[event] = false,
                Op::Wait(event) => {
                    if !set[event] {
                        waiters[event].push_back(id);
                        pending = true;
                    }
                }
                Op::Cancel(other) => {
                    if other > 0 && other < tasks.len() && !tasks[other].over {
                        tasks[other].cancelled = true;
                        if !tasks[other].scheduled {
                            tasks[other].scheduled = true;
                            ready.push_back(other);
                        }
                    }
                }
            }
        }
        if !pending || tasks[id].cancelled {
            tasks[id].over = true;
            waiters
                .iter_mut()
                .for_each(|queue| queue.retain(|waiter| *waiter != id));
            if id == 0 {
                break;
            }
        } else if yielded && !tasks[id].scheduled {
            tasks[id].scheduled = true;
            ready.push_back(id);
        }
    }
    log
}

/// What the tasks of a scripted program share.
struct Stage {
    program: Program,
    log: RefCell<Vec<(usize, usize)>>,
    handles: RefCell<Vec<Option<turnwise::JoinHandle<()>>>>,
    events: [Event; EVENTS],
}

fn play(stage: Rc<Stage>, id: usize, script: usize) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        for (step, &op) in stage.program[script].iter().enumerate() {
            stage.log.borrow_mut().push((id, step));
            match op {
                Op::Yield => yield_now().await,
                Op::Spawn(other) if other > script => {
                    let child = stage.handles.borrow().len();
                    let handle = spawn(play(stage.clone(), child, other));
                    stage.handles.borrow_mut().push(Some(handle));
                }
                Op::Spawn(_) => {}
                Op::Set(event) => stage.events[event].set(),
                Op::Clear(event) => stage.events[event].clear(),
                Op::Wait(event) => stage.events[event].wait().await,
                Op::Cancel(other) => {
                    if let Some(Some(handle)) = stage.handles.borrow().get(other) {
                        handle.cancel();
                    }
                }
            }
        }
    })
}

fn real(program: &Program) -> Vec<(usize, usize)> {
    let stage = Rc::new(Stage {
        program: program.clone(),
        log: RefCell::default(),
        handles: RefCell::new(vec![None]),
        events: [const { Event::new() }; EVENTS],
    });
    // A deadlock is a result like any other here: both stop at the same step.
    let _ = virtual_runtime().try_block_on(play(stage.clone(), 0, 0));
    stage.log.take()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_program_runs_in_the_order_of_the_reference_model(
        program in prop::collection::vec(prop::collection::vec(op(), 0..8), SCRIPTS)
    ) {
        prop_assert_eq!(real(&program), reference(&program));
    }
}
