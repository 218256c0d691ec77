//! The end of tasks and runtimes: panics and cancels wherever they can come, destructors that do
//! everything they may, and a thread that works afterwards.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use turnwise::sync::{Event, Lock, Queue};
use turnwise::task::Unobserved;
use turnwise::{JoinError, JoinHandle, Runtime, block_on, sleep, spawn, yield_now};

use crate::support::{Census, Log, OnDrop, Token, here, panic_of, panics, virtual_runtime, yields};

/// Where a task of the grid panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panics {
    Never,
    InPoll,
    InFutureDrop,
    InPollAndFutureDrop,
    InOutputDrop,
    InFutureAndOutputDrop,
}

/// What happens to its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handle {
    Awaited,
    DroppedEarly,
    DroppedLate,
    KeptBeyondTheRuntime,
}

/// When it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    Never,
    BeforeFirstPoll,
    AfterFirstPoll,
    FromItself,
    FromItselfAtTheEnd,
    AfterTheEnd,
}

/// An output that may panic when it is dropped.
struct Output {
    _token: Token,
    panics: bool,
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.panics {
            self.panics = false;
            panic!("in the output's drop");
        }
    }
}

/// A future that yields once and then gives its output.
struct Probe {
    panics: Panics,
    polls: Rc<Cell<usize>>,
    cancel: Cancel,
    own_handle: Rc<RefCell<Option<JoinHandle<Output>>>>,
    outputs: Census,
    _token: Token,
    _pinned: std::marker::PhantomPinned,
}

impl Future for Probe {
    type Output = Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        self.polls.set(self.polls.get() + 1);
        let last = self.polls.get() == 2;
        let cancel = if last {
            Cancel::FromItselfAtTheEnd
        } else {
            Cancel::FromItself
        };
        if self.cancel == cancel
            && let Some(handle) = &*self.own_handle.borrow()
        {
            handle.cancel();
        }
        if !last {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if matches!(self.panics, Panics::InPoll | Panics::InPollAndFutureDrop) {
            panic!("in poll");
        }
        Poll::Ready(Output {
            _token: self.outputs.token(),
            panics: matches!(
                self.panics,
                Panics::InOutputDrop | Panics::InFutureAndOutputDrop
            ),
        })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if matches!(
            self.panics,
            Panics::InFutureDrop | Panics::InPollAndFutureDrop | Panics::InFutureAndOutputDrop
        ) {
            panic!("in the future's drop");
        }
    }
}

/// How a task of the grid ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Output,
    Cancelled,
    Panicked(&'static str),
}

fn expected(panics: Panics, cancel: Cancel) -> End {
    let cancelled = match cancel {
        Cancel::BeforeFirstPoll | Cancel::AfterFirstPoll | Cancel::FromItself => true,
        // What it returned before it would have ended is delivered.
        Cancel::Never | Cancel::FromItselfAtTheEnd | Cancel::AfterTheEnd => false,
    };
    let drop = matches!(
        panics,
        Panics::InFutureDrop | Panics::InPollAndFutureDrop | Panics::InFutureAndOutputDrop
    );
    let poll = matches!(panics, Panics::InPoll | Panics::InPollAndFutureDrop);
    match (cancelled, poll, drop) {
        (false, true, _) => End::Panicked("in poll"),
        (_, _, true) => End::Panicked("in the future's drop"),
        (true, _, false) => End::Cancelled,
        (false, false, false) => End::Output,
    }
}

/// Plays one cell of the grid and checks everything that must hold whatever happened.
fn play(panics_at: Panics, handling: Handle, cancel: Cancel) {
    let cell = format!("{panics_at:?}, {handling:?}, {cancel:?}");
    let (futures, outputs) = (Census::default(), Census::default());
    let told: Rc<RefCell<Vec<Unobserved>>> = Rc::default();
    let hook = told.clone();
    let runtime = Runtime::builder()
        .virtual_clock()
        .on_unobserved(move |problem| hook.borrow_mut().push(problem.clone()))
        .build();
    let own_handle: Rc<RefCell<Option<JoinHandle<Output>>>> = Rc::default();
    let polls = Rc::new(Cell::new(0));
    let handle = runtime.spawn(Probe {
        panics: panics_at,
        polls: polls.clone(),
        cancel,
        own_handle: own_handle.clone(),
        outputs: outputs.clone(),
        _token: futures.token(),
        _pinned: std::marker::PhantomPinned,
    });
    let spawned = here() - 9;
    *own_handle.borrow_mut() = Some(handle);
    let cancel_now = |when| {
        if when == cancel
            && let Some(handle) = &*own_handle.borrow()
        {
            handle.cancel();
        }
    };
    let mut end = None;
    cancel_now(Cancel::BeforeFirstPoll);
    if handling == Handle::DroppedEarly && cancel == Cancel::BeforeFirstPoll {
        drop(own_handle.take());
    }
    runtime.block_on(async {
        cancel_now(Cancel::AfterFirstPoll);
        if handling == Handle::DroppedEarly {
            drop(own_handle.take());
        }
        yields(5).await;
        assert_eq!(futures.alive(), 0, "{cell}");
        cancel_now(Cancel::AfterTheEnd);
        yields(2).await;
        let handle = own_handle.take();
        match handling {
            Handle::Awaited => {
                let result = handle.expect("it was kept").await;
                end = Some(match &result {
                    Ok(_) => End::Output,
                    Err(JoinError::Cancelled { .. }) => End::Cancelled,
                    Err(error) => match error.panic_message() {
                        Some("in poll") => End::Panicked("in poll"),
                        Some("in the future's drop") => End::Panicked("in the future's drop"),
                        other => panic!("{cell}: {other:?}"),
                    },
                });
                // A destructor of the output panics in the hands of whoever owns it.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(result)));
            }
            // A panic of the output's destructor is the task's, and not of whoever drops the handle.
            Handle::DroppedLate => drop(handle),
            Handle::DroppedEarly => assert!(handle.is_none()),
            Handle::KeptBeyondTheRuntime => *own_handle.borrow_mut() = handle,
        }
        // The runtime goes on working.
        assert_eq!(spawn(async { 6 * 7 }).await.unwrap(), 42, "{cell}");
        assert_eq!(runtime.stats().alive, 1, "{cell}: only main is alive");
    });
    let stats = runtime.stats();
    assert_eq!(
        (stats.alive, stats.waiters, stats.timers),
        (0, 0, 0),
        "{cell}"
    );
    if handling == Handle::KeptBeyondTheRuntime {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
        let handle = own_handle.take().expect("it was kept");
        let late = block_on(handle).map(drop);
        assert!(late.unwrap_err().is_cancelled(), "{cell}");
    } else {
        drop(runtime);
    }
    let expected = expected(panics_at, cancel);
    if let Some(end) = end {
        assert_eq!(end, expected, "{cell}");
    }
    // Every future and every output was dropped, exactly once (a second drop panics).
    assert_eq!((futures.ever(), futures.alive()), (1, 0), "{cell}");
    assert_eq!(outputs.alive(), 0, "{cell}");
    if expected == End::Output {
        assert_eq!(outputs.ever(), 1, "{cell}");
    }
    let most = if expected == End::Cancelled { 1 } else { 2 };
    assert!(polls.get() <= most, "{cell}: polled {} times", polls.get());
    if cancel == Cancel::BeforeFirstPoll {
        assert_eq!(polls.get(), 0, "{cell}");
    }
    // A panic is reported once if nobody can ask for it, and never otherwise.
    let told = told.take();
    let dropped = matches!(handling, Handle::DroppedEarly | Handle::DroppedLate);
    let expected = match (panics_at, expected) {
        (Panics::InOutputDrop, End::Output) if dropped => End::Panicked("in the output's drop"),
        (_, expected) => expected,
    };
    match (handling, expected) {
        (Handle::Awaited, _) | (_, End::Output | End::Cancelled) => {
            assert_eq!(told.len(), 0, "{cell}: {told:?}")
        }
        (_, End::Panicked(message)) => {
            assert_eq!(told.len(), 1, "{cell}: {told:?}");
            assert_eq!(told[0].spawned_at.line(), spawned, "{cell}");
            assert_eq!(told[0].spawned_at.file(), file!(), "{cell}");
            assert!(told[0].problem.contains(message), "{cell}: {told:?}");
        }
    }
    // And so does the thread.
    assert_eq!(
        block_on(async { spawn(async { 1 }).await.unwrap() }),
        1,
        "{cell}"
    );
}

#[test]
fn the_grid_of_panics_handles_and_cancels_leaks_nothing_and_aborts_nothing() {
    let mut cells = 0;
    for panics in [
        Panics::Never,
        Panics::InPoll,
        Panics::InFutureDrop,
        Panics::InPollAndFutureDrop,
        Panics::InOutputDrop,
        Panics::InFutureAndOutputDrop,
    ] {
        for handle in [
            Handle::Awaited,
            Handle::DroppedEarly,
            Handle::DroppedLate,
            Handle::KeptBeyondTheRuntime,
        ] {
            for cancel in [
                Cancel::Never,
                Cancel::BeforeFirstPoll,
                Cancel::AfterFirstPoll,
                Cancel::FromItself,
                Cancel::FromItselfAtTheEnd,
                Cancel::AfterTheEnd,
            ] {
                // Without a handle nobody can ask for the end any more.
                let too_late = matches!(cancel, Cancel::FromItselfAtTheEnd | Cancel::AfterTheEnd);
                if handle != Handle::DroppedEarly || !too_late {
                    play(panics, handle, cancel);
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 6 * (3 * 6 + 4));
}

#[test]
fn a_destructor_runs_as_the_task_it_belongs_to_and_may_cancel_and_drop_its_own_handle() {
    let census = Census::default();
    block_on(async {
        let own: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
        let token = census.token();
        let in_drop = OnDrop({
            let own = own.clone();
            move || {
                if let Some(handle) = own.take() {
                    handle.cancel();
                    assert!(!handle.is_finished());
                    drop(handle);
                }
            }
        });
        let handle = spawn(async move {
            let _both = (token, in_drop);
            pending::<()>().await;
        });
        yield_now().await;
        handle.cancel();
        *own.borrow_mut() = Some(handle);
        yields(3).await;
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn tasks_are_torn_down_in_the_order_of_their_spawning() {
    let log = Log::new();
    let runtime = virtual_runtime();
    let mut early = Vec::new();
    for n in 0..6 {
        let dropped = log.on_drop(&n.to_string());
        early.push(runtime.spawn(async move {
            let _dropped = dropped;
            sleep(Duration::from_secs(10 - n)).await;
        }));
    }
    // Slots 1 and 4 are used again by tasks that were spawned last.
    early[1].cancel();
    early[4].cancel();
    runtime.block_on(yields(2));
    drop(early);
    for n in [6, 7] {
        let dropped = log.on_drop(&n.to_string());
        drop(runtime.spawn(async move {
            let _dropped = dropped;
            pending::<()>().await;
        }));
    }
    runtime.block_on(yield_now());
    log.add("down:");
    drop(runtime);
    assert_eq!(log.text(), "1 4 down: 0 2 3 5 6 7");
}

#[test]
fn destructors_may_spawn_wake_cancel_release_and_put_during_teardown() {
    let (log, census) = (Log::new(), Census::default());
    let lock = Rc::new(Lock::new(()));
    let queue = Rc::new(Queue::bounded(1));
    let event = Rc::new(Event::new());
    let runtime = virtual_runtime();
    let others: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();

    // The first task to go holds the lock and does all that a destructor may do.
    let everything = OnDrop({
        let (log, census, queue, event) =
            (log.clone(), census.clone(), queue.clone(), event.clone());
        let others = others.clone();
        move || {
            let token = census.token();
            let late = spawn(async move {
                let _token = token;
                panic!("a runtime in teardown ran a task");
            });
            assert_eq!(
                census.alive(),
                0,
                "the future of a late spawn is dropped at once"
            );
            assert!(late.is_finished());
            late.cancel();
            drop(late);
            event.set();
            assert!(queue.try_get().is_ok());
            queue.close();
            others
                .borrow()
                .iter()
                .for_each(|other| drop(other.cancel()));
            log.add("everything");
        }
    });
    let holder = {
        let lock = lock.clone();
        async move {
            let _everything = everything;
            let _guard = lock.acquire().await;
            pending::<()>().await;
        }
    };
    drop(runtime.spawn(holder));
    queue.try_put(0).unwrap();
    for name in ["lock", "put", "event", "sleep"] {
        let (lock, queue, event) = (lock.clone(), queue.clone(), event.clone());
        let dropped = log.on_drop(name);
        let log = log.clone();
        let task = runtime.spawn(async move {
            let _dropped = dropped;
            match name {
                "lock" => drop(lock.acquire().await),
                "put" => drop(queue.put(1).await),
                "event" => event.wait().await,
                _ => sleep(Duration::from_secs(1)).await,
            }
            log.add("a task ran on");
        });
        others.borrow_mut().push(task);
    }
    runtime.block_on(yields(2));
    drop(runtime);
    assert_eq!(log.text(), "everything lock put event sleep");
    assert!(!lock.is_locked(), "a grant was lost in teardown");
    assert_eq!((census.ever(), census.alive()), (1, 0));
    let leftovers = others.take();
    for task in leftovers {
        assert!(block_on(task).unwrap_err().is_cancelled());
    }
    let probe = Runtime::new();
    assert_eq!((probe.stats().waiters, probe.stats().timers), (0, 0));
}

#[test]
fn a_panicking_destructor_does_not_keep_the_rest_from_being_dropped() {
    let census = Census::default();
    let runtime = Runtime::new();
    for n in 0..5 {
        let token = census.token();
        let bad = OnDrop(move || assert!(n % 2 == 0, "destructor {n}"));
        drop(runtime.spawn(async move {
            let _both = (token, bad);
            pending::<()>().await;
        }));
    }
    runtime.block_on(yield_now());
    assert_eq!(census.alive(), 5);
    // The first panic goes on when everything is gone.
    assert_eq!(panic_of(|| drop(runtime)), "destructor 1");
    assert_eq!(census.alive(), 0);
    assert_eq!(block_on(async { 1 }), 1);
}

#[test]
fn teardown_while_main_panics_drops_everything_and_aborts_nothing() {
    let census = Census::default();
    let token = census.token();
    let text = panic_of(|| {
        block_on(async move {
            let _bad = OnDrop(|| drop(spawn(async {})));
            drop(spawn(async move {
                let _token = token;
                let _bad = OnDrop(|| panic!("while it panics"));
                pending::<()>().await;
            }));
            yield_now().await;
            panic!("main");
        })
    });
    assert_eq!(text, "main");
    assert_eq!(census.alive(), 0);
    assert_eq!(block_on(async { spawn(async { 1 }).await.unwrap() }), 1);
}

#[test]
fn a_hook_that_panics_does_no_harm_wherever_it_is_called() {
    let (census, calls) = (Census::default(), Rc::new(Cell::new(0)));
    let counted = calls.clone();
    let runtime = Runtime::builder()
        .on_unobserved(move |_| {
            counted.set(counted.get() + 1);
            panic!("in the hook")
        })
        .build();
    let bad = || runtime.spawn(async { panic!("seen by nobody") });
    // Called by the executor, by the drop of a handle, by teardown.
    drop::<JoinHandle<()>>(bad());
    let (dropped, kept): (JoinHandle<()>, JoinHandle<()>) = (bad(), bad());
    let token = census.token();
    drop(runtime.spawn(async move {
        let _token = token;
        sleep(Duration::from_secs(1)).await;
    }));
    runtime.block_on(yields(2));
    assert_eq!(calls.get(), 1);
    drop(dropped);
    assert_eq!(calls.get(), 2);
    drop(runtime);
    assert_eq!((calls.get(), census.alive()), (3, 0));
    drop(kept);
    assert_eq!(calls.get(), 3);
    assert_eq!(block_on(async { spawn(async { 1 }).await.unwrap() }), 1);
}

#[test]
fn a_panic_nobody_awaits_is_reported_once_with_name_and_place() {
    let told: Rc<RefCell<Vec<Unobserved>>> = Rc::default();
    let hook = told.clone();
    let runtime = Runtime::builder()
        .on_unobserved(move |problem| hook.borrow_mut().push(problem.clone()))
        .build();
    let task = runtime.spawn(async { panic!("boom") }).named("careless");
    let (spawned, id) = (here() - 1, task.id());
    drop::<JoinHandle<()>>(task);
    runtime.block_on(yields(3));
    drop(runtime);
    let told = told.take();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].id, told[0].name.as_deref()),
        (id, Some("careless"))
    );
    assert_eq!(
        (told[0].spawned_at.file(), told[0].spawned_at.line()),
        (file!(), spawned)
    );
    assert!(told[0].to_string().contains("boom"), "{}", told[0]);
}

#[test]
fn a_thread_takes_another_runtime_after_the_destructor_of_any_hook_panicked() {
    let make: [fn(OnDrop<fn()>) -> turnwise::RuntimeBuilder; 3] = [
        |bomb| Runtime::builder().on_unobserved(move |_| _ = &bomb),
        |bomb| Runtime::builder().on_suspected(move |_| _ = &bomb),
        |bomb| {
            let builder = Runtime::builder().on_stall(move |_| _ = &bomb);
            builder.watchdog(Duration::from_secs(9))
        },
    ];
    for make in make {
        let runtime = make(OnDrop(|| panic!("bomb"))).build();
        assert_eq!(panic_of(|| drop(runtime)), "bomb");
        assert_eq!(block_on(async { spawn(async { 7 }).await.unwrap() }), 7);
    }
}

#[test]
fn a_handle_that_outlives_its_runtime_is_cancelled() {
    let runtime = Runtime::new();
    let (pending_one, finished, never_run) = (
        runtime.spawn(pending::<()>()),
        runtime.spawn(async { 1 }),
        Rc::new(Cell::new(None)),
    );
    runtime.block_on(yields(2));
    never_run.set(Some(runtime.spawn(async {})));
    drop(runtime);
    assert!(pending_one.is_finished());
    pending_one.cancel();
    // Under a foreign executor without any runtime, and under the next runtime of the thread.
    let error = futures::executor::block_on(pending_one).unwrap_err();
    assert_eq!(error.to_string(), "task cancelled: its runtime has ended");
    assert!(block_on(finished).unwrap_err().is_cancelled());
    assert!(
        block_on(never_run.take().unwrap())
            .unwrap_err()
            .is_cancelled()
    );
}

#[test]
fn a_nested_loop_is_refused_naming_the_outer_one() {
    let runtime = Runtime::new();
    let outer = here() + 1;
    runtime.block_on(async {
        for text in [
            panic_of(|| block_on(async {})),
            panic_of(|| runtime.block_on(async {})),
            panic_of(|| runtime.try_block_on(async {}).is_ok()),
            panic_of(|| runtime.turn(Some(Duration::ZERO))),
        ] {
            assert!(text.contains(&format!("{}:{outer}:", file!())), "{text}");
            assert!(text.contains(".await"), "{text}");
        }
        // It did no harm.
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
    drop(runtime);
    let outer = here() + 1;
    let text = block_on(async { panic_of(|| block_on(async {})) });
    assert!(text.contains(&format!("{}:{outer}:", file!())), "{text}");
}

#[test]
fn a_second_runtime_is_refused_naming_the_first() {
    let runtime = Runtime::new();
    let first = here() - 1;
    for text in [
        panic_of(Runtime::new),
        panic_of(|| Runtime::builder().build()),
        panic_of(|| block_on(async {})),
    ] {
        assert!(text.contains(&format!("{}:{first}:", file!())), "{text}");
    }
    drop(runtime);
    drop(Runtime::new());
}

#[test]
fn a_runtime_goes_on_after_its_main_panicked() {
    let runtime = virtual_runtime();
    let log = Log::new();
    let task = runtime.spawn({
        let log = log.clone();
        async move {
            for n in 0..3 {
                log.add(n.to_string());
                sleep(Duration::from_secs(1)).await;
            }
        }
    });
    for depth in 0..3 {
        let text = panic_of(|| {
            runtime.block_on(async {
                yields(depth).await;
                let kept = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                sleep(Duration::from_nanos(1)).await;
                kept.wake();
                panic!("main {depth}")
            })
        });
        assert_eq!(text, format!("main {depth}"));
        assert_eq!(runtime.stats().alive, 1);
    }
    runtime.block_on(task).unwrap();
    assert_eq!(log.text(), "0 1 2");
    assert_eq!((runtime.stats().alive, runtime.stats().timers), (0, 0));
}

#[test]
fn the_future_of_a_dead_main_is_dropped_and_its_tasks_stay() {
    let (census, lock) = (Census::default(), Rc::new(Lock::new(())));
    let runtime = virtual_runtime();
    let task = runtime.spawn({
        let lock = lock.clone();
        async move { drop(lock.acquire().await) }
    });
    let verdict = runtime.try_block_on({
        let (token, lock) = (census.token(), lock.clone());
        async move {
            let _token = token;
            let _guard = lock.acquire().await;
            std::mem::forget(lock.try_acquire());
            pending::<()>().await;
        }
    });
    // The task got the lock first; then main held it for ever.
    assert!(verdict.is_err());
    assert_eq!(census.alive(), 0);
    assert!(!lock.is_locked());
    runtime.block_on(task).unwrap();
}

#[test]
fn a_task_dropped_by_teardown_passes_no_turn_to_others() {
    let ran = Rc::new(Cell::new(false));
    let runtime = Runtime::new();
    let event = Rc::new(Event::new());
    let setter = OnDrop({
        let event = event.clone();
        move || event.set()
    });
    drop(runtime.spawn(async move {
        let _setter = setter;
        pending::<()>().await;
    }));
    let (ran_too, waited) = (ran.clone(), event.clone());
    drop(runtime.spawn(async move {
        waited.wait().await;
        ran_too.set(true);
    }));
    runtime.block_on(yields(2));
    drop(runtime);
    block_on(yields(3));
    assert!(event.is_set() && !ran.get());
}

#[test]
fn a_panic_in_a_destructor_of_mains_future_is_mains_panic() {
    assert!(panics(|| block_on(async {
        let _bad = OnDrop(|| panic!("in a local of main"));
        yield_now().await;
    })));
    assert_eq!(block_on(async { 1 }), 1);
}
