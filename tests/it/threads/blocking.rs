//! `spawn_blocking`: results, order, limits, the end of the runtime, and no false deadlock.

use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use turnwise::thread::{TrySpawnError, try_spawn_blocking};
use turnwise::{
    JoinError, JoinHandle, Runtime, as_completed, block_on, gather_spawned, sleep, spawn,
    spawn_blocking, timeout, try_task_group, yield_now,
};

use crate::support::{OnDrop, bounded, panic_of, rerun, virtual_runtime};

/// Blocks threads until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().expect("no panic") = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().expect("no panic");
        drop(self.0.1.wait_while(open, |open| !*open).expect("no panic"));
    }
}

#[test]
fn a_call_gives_its_result_from_another_thread() {
    let here = thread::current().id();
    let (there, name) = block_on(spawn_blocking_in_task()).expect("it returns");
    assert_ne!(here, there);
    assert_eq!(name.as_deref(), Some("turnwise-blocking"));
}

async fn spawn_blocking_in_task() -> Result<(thread::ThreadId, Option<String>), JoinError> {
    spawn_blocking(|| {
        let thread = thread::current();
        (thread.id(), thread.name().map(str::to_owned))
    })
    .await
}

#[test]
fn a_panic_of_a_call_is_the_task_s() {
    block_on(async {
        let ended = spawn_blocking(|| -> u8 { panic!("in a call") }).await;
        match ended {
            Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), Some("in a call")),
            other => panic!("{other:?}"),
        }
        // The thread that it panicked on goes on.
        assert_eq!(spawn_blocking(|| 7).await.expect("it returns"), 7);
    });
}

#[test]
fn a_dropped_handle_detaches_the_call() {
    let (tell, told) = mpsc::channel();
    block_on(async {
        drop(spawn_blocking(move || {
            tell.send(7).expect("somebody listens")
        }));
        yield_now().await;
    });
    // The end of the runtime waits for a call that runs, and drops one that has not started.
    assert!(matches!(
        told.try_recv(),
        Ok(7) | Err(mpsc::TryRecvError::Disconnected)
    ));

    let (tell, told) = mpsc::channel();
    block_on(async {
        drop(spawn_blocking(move || {
            tell.send(7).expect("somebody listens")
        }));
        spawn_blocking(move || told.recv().expect("the call runs on"))
            .await
            .expect("it returns")
    });
}

#[test]
fn no_more_calls_run_than_threads_and_the_rest_wait_in_line() {
    for limit in [1, 2, 5] {
        let runtime = Runtime::builder().blocking_threads(limit).build();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let order = Arc::new(Mutex::new(Vec::new()));
        let calls: Vec<_> = (0..20)
            .map(|n| {
                let (running, most, order) = (running.clone(), most.clone(), order.clone());
                move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    order.lock().expect("no panic").push(n);
                    thread::sleep(Duration::from_millis(2));
                    running.fetch_sub(1, Ordering::SeqCst);
                    n
                }
            })
            .collect();
        let results =
            runtime.block_on(async { gather_spawned(calls.into_iter().map(spawn_blocking)).await });
        let results: Vec<_> = results
            .into_iter()
            .map(|result| result.expect("it returns"))
            .collect();
        assert_eq!(results, (0..20).collect::<Vec<_>>());
        assert_eq!(
            most.load(Ordering::SeqCst),
            limit,
            "all threads are used, and no more"
        );
        if limit == 1 {
            assert_eq!(
                *order.lock().expect("no panic"),
                (0..20).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn a_limit_of_zero_is_refused() {
    let text = panic_of(|| Runtime::builder().blocking_threads(0));
    assert!(text.contains("choose a limit above zero"), "{text}");
}

#[test]
fn a_call_cancelled_before_its_start_never_runs() {
    let ran = Arc::new(AtomicBool::new(false));
    let gate = Gate::default();
    Runtime::builder()
        .blocking_threads(1)
        .build()
        .block_on(async {
            let first = spawn_blocking({
                let gate = gate.clone();
                move || gate.pass()
            });
            let second = spawn_blocking({
                let ran = ran.clone();
                move || ran.store(true, Ordering::SeqCst)
            });
            second.cancel_because("not needed");
            let ended = second.await.expect_err("it was cancelled");
            assert_eq!(ended.to_string(), "task cancelled: not needed");
            gate.open();
            first.await.expect("it returns");
            // The thread has come to the second call by the time that it does the third.
            spawn_blocking(|| ()).await.expect("it returns");
        });
    assert!(!ran.load(Ordering::SeqCst));
}

#[test]
fn a_call_cancelled_after_its_start_runs_on_unheard() {
    let gate = Gate::default();
    let (tell, told) = mpsc::channel();
    block_on(async {
        let (started, has_started) = futures::channel::oneshot::channel();
        let inside = gate.clone();
        let call = spawn_blocking(move || {
            started.send(()).expect("main waits");
            inside.pass();
            tell.send("ran on").expect("somebody listens");
        });
        has_started.await.expect("it starts");
        call.cancel();
        assert!(call.await.is_err_and(|error| error.is_cancelled()));
        gate.open();
    });
    assert_eq!(told.recv(), Ok("ran on"));
}

#[test]
fn ten_thousand_calls_in_a_row_and_at_once() {
    block_on(async {
        let mut sum = 0;
        let mut results = as_completed((0..10_000).map(|n| spawn_blocking(move || n)));
        while let Some((_, result)) = results.next().await {
            sum += result.expect("it returns");
        }
        assert_eq!(sum, 9_999 * 10_000 / 2);
    });
}

#[test]
fn a_call_that_ends_during_the_check_is_no_deadlock() {
    bounded(|| {
        let runtime = Runtime::builder().build();
        for n in 0..1000_u64 {
            let result = runtime.try_block_on(async {
                let call = spawn_blocking(move || {
                    // Ends now a little earlier, now a little later.
                    for _ in 0..(n % 50) * 20 {
                        std::hint::spin_loop();
                    }
                    n
                });
                call.await.expect("it returns")
            });
            assert_eq!(result.expect("no deadlock"), n);
        }
    });
}

#[test]
fn the_verdict_comes_when_the_last_call_has_ended() {
    bounded(|| {
        let verdict = Runtime::new().try_block_on(async {
            drop(spawn_blocking(|| thread::sleep(Duration::from_millis(5))));
            pending::<()>().await
        });
        verdict.expect_err("nothing can wake it any more");
    });
}

#[test]
fn the_virtual_clock_stands_still_while_a_call_runs() {
    virtual_runtime().block_on(async {
        let start = turnwise::time::Instant::now();
        let gate = Gate::default();
        let inside = gate.clone();
        let call = spawn_blocking(move || inside.pass());
        let opener = thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            gate.open();
        });
        timeout(Duration::from_millis(1), call)
            .await
            .expect("no virtual time passes")
            .expect("it returns");
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3600));
        opener.join().expect("no panic");
    });
}

#[test]
fn calls_work_in_groups_and_under_combinators() {
    block_on(async {
        let mut calls: FuturesUnordered<_> = (0..10).map(|n| spawn_blocking(move || n)).collect();
        let mut sum = 0;
        while let Some(result) = calls.next().await {
            sum += result.expect("it returns");
        }
        assert_eq!(sum, 45);
        let failed: Result<(), _> = try_task_group(async |group: turnwise::TaskGroup<String>| {
            drop(group.try_spawn(async {
                let text = spawn_blocking(|| "from a call".to_owned()).await;
                Err::<(), _>(text.expect("it returns"))
            }));
            pending().await
        })
        .await;
        assert_eq!(failed.expect_err("it fails").errors(), ["from a call"]);
    });
}

#[test]
fn a_call_may_run_a_loop_of_its_own() {
    let sum = block_on(async {
        let nested =
            spawn_blocking(|| block_on(async { spawn(async { 40 }).await.expect("it returns") }));
        nested.await.expect("it returns") + 2
    });
    assert_eq!(sum, 42);
}

#[test]
fn the_end_of_a_runtime_waits_for_a_short_call() {
    let done = Arc::new(AtomicBool::new(false));
    block_on(async {
        let (started, has_started) = futures::channel::oneshot::channel();
        let done = done.clone();
        drop(spawn_blocking(move || {
            started.send(()).expect("main waits");
            thread::sleep(Duration::from_millis(50));
            done.store(true, Ordering::SeqCst);
        }));
        has_started.await.expect("it starts");
    });
    assert!(done.load(Ordering::SeqCst));
}

#[test]
fn a_call_that_outlives_its_runtime_troubles_nobody() {
    let gate = Gate::default();
    let (tell, told) = mpsc::channel();
    let runtime = Runtime::new();
    let inside = gate.clone();
    let handle = runtime.spawn(async move {
        spawn_blocking(move || {
            tell.send("started").expect("somebody listens");
            inside.pass();
            tell.send("ended").expect("somebody listens");
            7
        })
        .await
    });
    runtime.run_until_stalled();
    assert_eq!(told.recv(), Ok("started"));
    let ending = Instant::now();
    drop(runtime);
    assert!(
        ending.elapsed() < Duration::from_secs(3),
        "{:?}",
        ending.elapsed()
    );
    assert!(handle.is_finished());
    // The next runtime of the thread has a pool of its own.
    let next = Runtime::builder().blocking_threads(1).build();
    assert_eq!(
        next.block_on(async { spawn_blocking(|| 8).await })
            .expect("it returns"),
        8
    );
    gate.open();
    assert_eq!(told.recv(), Ok("ended"));
    assert!(told.recv().is_err(), "the call is gone");
    assert_eq!(
        next.block_on(async { spawn_blocking(|| 9).await })
            .expect("it returns"),
        9
    );
}

#[test]
fn calls_that_have_not_started_are_dropped_with_the_runtime_whatever_their_destructors_do() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in the destructor of a call");
        }
    }
    let (gate, dropped) = (Gate::default(), Arc::new(()));
    let runtime = Runtime::builder().blocking_threads(1).build();
    runtime.block_on(async {
        let (started, has_started) = futures::channel::oneshot::channel();
        let inside = gate.clone();
        drop(spawn_blocking(move || {
            started.send(()).expect("main waits");
            inside.pass();
        }));
        has_started.await.expect("it starts");
        for _ in 0..2 {
            let (panics, kept) = (Panics, dropped.clone());
            drop(spawn_blocking(move || drop((kept, panics))));
        }
    });
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        gate.open();
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&dropped), 1);
    // The thread can have a runtime again.
    assert_eq!(
        block_on(async { spawn_blocking(|| 7).await }).expect("it returns"),
        7
    );
}

#[test]
fn a_call_from_a_destructor_at_the_end_of_the_runtime_starts_nothing() {
    struct Calls(Arc<AtomicBool>);
    impl Drop for Calls {
        fn drop(&mut self) {
            let ran = self.0.clone();
            drop(spawn_blocking(move || ran.store(true, Ordering::SeqCst)));
        }
    }
    let ran = Arc::new(AtomicBool::new(false));
    let runtime = Runtime::builder().blocking_threads(3).build();
    let calls = Calls(ran.clone());
    drop(runtime.spawn(async move {
        let _calls = calls;
        pending::<()>().await
    }));
    runtime.run_until_stalled();
    // A message that is not read is dropped last of all.
    let late = Calls(ran.clone());
    runtime
        .remote()
        .call(move || drop(late))
        .expect("it is alive");
    drop(runtime);
    block_on(async { spawn_blocking(|| ()).await }).expect("it returns");
    assert!(!ran.load(Ordering::SeqCst));
    // And no pool is left behind for the next runtime, whose limit is its own.
    let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let running = Arc::new(running);
    Runtime::builder()
        .blocking_threads(1)
        .build()
        .block_on(async {
            gather_spawned((0..5).map(|_| {
                let (running, most) = (running.clone(), most.clone());
                spawn_blocking(move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(1));
                    running.fetch_sub(1, Ordering::SeqCst);
                })
            }))
            .await
        });
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn without_a_runtime_it_panics_with_the_cure() {
    let text = panic_of(|| spawn_blocking(|| ()));
    assert!(
        text.contains("no runtime on this thread: spawn_blocking"),
        "{text}"
    );
}

#[test]
fn a_full_queue_gives_the_call_back_and_takes_one_again_when_there_is_room() {
    for (threads, queue) in [(1, 0), (1, 1), (2, 0), (2, 3), (4, 100)] {
        let runtime = Runtime::builder()
            .blocking_threads(threads)
            .blocking_queue(queue)
            .build();
        runtime.block_on(async {
            let (gate, ran) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
            let call = || {
                let (gate, ran) = (gate.clone(), ran.clone());
                move || {
                    gate.pass();
                    ran.fetch_add(1, Ordering::SeqCst)
                }
            };
            let mut taken = Vec::new();
            let given_back = loop {
                match try_spawn_blocking(call()) {
                    Ok(handle) => taken.push(handle),
                    Err(refused) => break refused,
                }
            };
            // Exact, whether the threads have come to their first call or not.
            assert_eq!(
                taken.len(),
                threads + queue,
                "{threads} threads, {queue} in line"
            );
            assert!(
                matches!(&given_back, TrySpawnError::Full(_)),
                "{given_back:?}"
            );
            assert!(given_back.to_string().contains("too many"), "{given_back}");
            // A call of the other kind is taken all the same, and stands before the next.
            taken.push(spawn_blocking(call()));
            assert!(try_spawn_blocking(call()).is_err());
            gate.open();
            for handle in taken {
                handle.await.expect("it returns");
            }
            assert_eq!(ran.load(Ordering::SeqCst), threads + queue + 1);
            // The one that was refused is as good as new.
            assert_eq!(given_back.into_inner()(), threads + queue + 1);
            let mut again = try_spawn_blocking(call());
            while let Err(refused) = again {
                // The thread that did the last call may not be through with it.
                yield_now().await;
                again = try_spawn_blocking(refused.into_inner());
            }
            let again = again.expect("the loop above ends with it");
            assert_eq!(again.await.expect("it returns"), threads + queue + 2);
        });
    }
}

#[test]
fn under_load_every_call_is_either_run_once_or_given_back() {
    const CALLS: usize = 20_000;
    let runtime = Runtime::builder()
        .blocking_threads(3)
        .blocking_queue(16)
        .build();
    runtime.block_on(async {
        let ran = Arc::new(AtomicUsize::new(0));
        let (mut handles, mut refused) = (Vec::new(), 0);
        for n in 0..CALLS {
            let count = ran.clone();
            match try_spawn_blocking(move || drop(count.fetch_add(1, Ordering::Relaxed))) {
                Ok(handle) => handles.push(handle),
                Err(TrySpawnError::Full(call)) => {
                    refused += 1;
                    drop(call);
                }
                Err(other) => panic!("{other}"),
            }
            if n % 50 == 0 {
                yield_now().await;
            }
        }
        let taken = handles.len();
        for handle in handles {
            handle.await.expect("it returns");
        }
        assert_eq!(taken + refused, CALLS);
        assert_eq!(ran.load(Ordering::Relaxed), taken);
        assert_eq!(Arc::strong_count(&ran), 1, "what was given back is gone");
    });
}

#[test]
fn without_a_bound_no_call_is_refused() {
    block_on(async {
        let gate = Gate::default();
        let calls: Vec<_> = (0..2000)
            .map(|n| {
                let gate = gate.clone();
                try_spawn_blocking(move || {
                    gate.pass();
                    n
                })
                .expect("any number may wait")
            })
            .collect();
        gate.open();
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.expect("it returns"), n);
        }
    });
}

#[test]
fn a_runtime_that_ends_gives_the_call_back() {
    struct Tries(mpsc::Sender<String>);
    impl Drop for Tries {
        fn drop(&mut self) {
            let refused = try_spawn_blocking(|| 7).expect_err("the runtime ends");
            let text = refused.to_string();
            let seven = refused.into_inner()();
            self.0
                .send(format!("{text}: {seven}"))
                .expect("somebody listens");
        }
    }
    let (tell, told) = mpsc::channel();
    let runtime = Runtime::new();
    let tries = Tries(tell);
    drop(runtime.spawn(async move {
        let _tries = tries;
        pending::<()>().await
    }));
    runtime.run_until_stalled();
    drop(runtime);
    assert_eq!(
        told.recv().expect("it was dropped"),
        "the runtime is ending: 7"
    );
}

/// Keeps the only thread of a runtime busy until the gate is opened.
async fn occupied() -> (JoinHandle<()>, Gate) {
    let gate = Gate::default();
    let (started, has_started) = futures::channel::oneshot::channel();
    let inside = gate.clone();
    let call = spawn_blocking(move || {
        started.send(()).expect("main waits");
        inside.pass();
    });
    has_started.await.expect("it starts");
    (call, gate)
}

/// Counts its drops on the thread that made it, and fails on another.
struct Counted(thread::ThreadId, Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.0);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_call_that_is_given_up_leaves_nothing_in_the_line() {
    let runtime = Runtime::builder().blocking_threads(1).build();
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut lengths = Vec::new();
    let used = allocation_counter::measure(|| {
        runtime.block_on(async {
            let (first, gate) = occupied().await;
            for n in 0..3_000 {
                let mark = Counted(thread::current().id(), dropped.clone());
                let large = [n as u8; 100_000];
                let mut call = spawn_blocking(move || (mark, large).1[7]);
                let limit = timeout(Duration::ZERO, &mut call).await;
                limit.expect_err("the thread is taken");
                call.cancel();
                let ended = call.await.expect_err("it was cancelled");
                assert!(ended.is_cancelled());
                lengths.push(dropped.load(Ordering::SeqCst));
            }
            gate.open();
            first.await.expect("it returns");
        });
    });
    assert_eq!(lengths, (1..=3_000).collect::<Vec<_>>());
    // Without that, 300 megabytes wait for the thread.
    assert!(used.bytes_max < 2_000_000, "{used:?}");
}

#[test]
fn a_call_that_is_given_up_frees_its_place_in_the_line() {
    let runtime = Runtime::builder()
        .blocking_threads(1)
        .blocking_queue(1)
        .build();
    runtime.block_on(async {
        let (first, gate) = occupied().await;
        let second = try_spawn_blocking(|| 2).expect("one may wait");
        try_spawn_blocking(|| 3).expect_err("two may not");
        second.cancel();
        yield_now().await;
        let third = try_spawn_blocking(|| 3).expect("one may wait");
        gate.open();
        first.await.expect("it returns");
        assert_eq!(third.await.expect("it returns"), 3);
    });
}

/// The destructor of a closure uses the pool that it leaves.
#[test]
fn a_call_that_is_given_up_may_call_in_its_destructor() {
    let runtime = Runtime::builder().blocking_threads(1).build();
    runtime.block_on(async {
        let (first, gate) = occupied().await;
        let (made, make) = mpsc::channel();
        let on_drop = OnDrop(move || {
            let again = made.clone();
            drop(spawn_blocking(move || again.send(8)));
        });
        let call = spawn_blocking(move || drop(on_drop));
        call.cancel();
        yield_now().await;
        make.try_recv().expect_err("the thread is taken");
        gate.open();
        first.await.expect("it returns");
        assert_eq!(make.recv(), Ok(8));
        assert_eq!(spawn_blocking(|| 9).await.expect("it returns"), 9);
    });
}

/// Run by the test below in a process of its own, which it leaves no memory for a thread's stack.
#[test]
#[ignore = "is run by a_thread_that_cannot_be_started_is_a_clear_outcome"]
fn starved() {
    let used = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages: u64 = used
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .expect("a number");
    let size = pages * rustix::param::page_size() as u64;
    let before = rustix::process::getrlimit(rustix::process::Resource::As);
    let starve = |room: u64| {
        let current = Some(size + room);
        let limit = rustix::process::Rlimit { current, ..before };
        rustix::process::setrlimit(rustix::process::Resource::As, limit).expect("it may shrink");
    };
    let runtime = Runtime::new();
    starve(1 << 20);
    runtime.block_on(async {
        let ended = spawn_blocking(|| 7).await.expect_err("no thread");
        println!("handle: {ended}");
        assert!(ended.is_cancelled());
        match try_spawn_blocking(|| 7) {
            Err(refused @ TrySpawnError::NoThread(..)) => {
                let cause = refused.source().expect("the system said why");
                println!("error: {refused}: {cause}");
                assert!(cause.is::<std::io::Error>());
                assert!(format!("{refused:?}").contains(&cause.to_string()));
                assert_eq!(refused.into_inner()(), 7);
            }
            other => panic!("{other:?}"),
        }
    });
    // With one thread there, a call waits for it when the system gives no second.
    starve(1 << 30);
    let gate = Gate::default();
    let inside = gate.clone();
    runtime.block_on(async {
        let (started, has_started) = futures::channel::oneshot::channel();
        let first = spawn_blocking(move || {
            started.send(()).expect("main waits");
            inside.pass();
        });
        has_started.await.expect("it starts");
        starve(0);
        let second = spawn_blocking(|| 8);
        gate.open();
        first.await.expect("it returns");
        println!(
            "behind: {}",
            second.await.expect("the first thread comes to it")
        );
    });
}

#[test]
fn a_thread_that_cannot_be_started_is_a_clear_outcome() {
    let output = rerun("threads::blocking::starved")
        .output()
        .expect("the test runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let reason = "no thread for blocking calls can be started: ";
    assert!(
        text.contains(&format!("handle: task cancelled: {reason}")),
        "{text}"
    );
    assert!(text.contains(&format!("error: {reason}")), "{text}");
    assert!(text.contains("behind: 8"), "{text}");
    assert!(errors.contains(&format!("turnwise: {reason}")), "{errors}");
}

/// Run by the test below in a process of its own.
#[test]
#[ignore = "is run by a_stuck_call_does_not_hang_the_exit_and_is_named"]
fn stuck() {
    block_on(async {
        let (started, has_started) = futures::channel::oneshot::channel();
        drop(spawn_blocking(move || {
            started.send(()).expect("main waits");
            loop {
                thread::park();
            }
        }));
        has_started.await.expect("it starts");
    });
}

#[test]
fn a_stuck_call_does_not_hang_the_exit_and_is_named() {
    let start = Instant::now();
    let output = rerun("threads::blocking::stuck")
        .output()
        .expect("the test runs");
    let took = start.elapsed();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let place = format!("the blocking call at {}:", file!());
    assert!(
        errors.contains(&place) && errors.contains("still runs"),
        "{errors}"
    );
    assert!(
        took >= Duration::from_secs(1),
        "it was given no time: {took:?}"
    );
    assert!(took < Duration::from_secs(3), "{took:?}");
}
