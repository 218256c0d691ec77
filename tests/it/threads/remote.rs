//! Other threads: `Remote`, its handles, `expect_external`, and all of them outliving the runtime.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use turnwise::thread::{Remote, RemoteHandle, expect_external, remote};
use turnwise::{JoinError, Runtime, block_on, sleep, spawn, task, yield_now};

use crate::support::{bounded, panic_of, virtual_runtime};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

/// Runs `work` on another thread beside a runtime that does nothing else, and returns its result.
fn beside<R: Send + 'static>(work: impl FnOnce(Remote) -> R + Send + 'static) -> R {
    let runtime = Runtime::new();
    let remote = runtime.remote();
    let (done, is_done) = oneshot::channel();
    let thread = thread::spawn(move || drop(done.send(work(remote))));
    let result = runtime.block_on(is_done);
    thread.join().expect("the work does not panic");
    result.expect("the work gives a result")
}

#[test]
fn a_thread_starts_tasks_and_gets_their_outputs() {
    let sum = beside(|remote| {
        let one = remote.spawn(|| async {
            // The future need not be `Send`.
            let shared = Rc::new(Cell::new(40));
            yield_now().await;
            shared.get()
        });
        let two = remote.spawn(|| async { 2 });
        one.blocking_wait().expect("it returns") + two.blocking_wait().expect("it returns")
    });
    assert_eq!(sum, 42);
}

#[test]
fn a_panic_of_the_task_comes_through() {
    let texts = beside(|remote| {
        let inside: RemoteHandle<()> = remote.spawn(|| async { panic!("inside") });
        let making: RemoteHandle<()> =
            remote.spawn(|| -> std::future::Ready<()> { panic!("making") });
        [inside, making].map(|handle| match handle.blocking_wait() {
            Err(JoinError::Panicked(panic)) => crate::support::text_of(&*panic.into_payload()),
            other => panic!("{other:?}"),
        })
    });
    assert_eq!(texts, ["inside", "making"]);
}

#[test]
fn a_wait_with_a_limit_gives_the_handle_back() {
    let result = beside(|remote| {
        let (go, gone) = oneshot::channel::<u32>();
        let handle = remote.spawn(|| async { gone.await.expect("it is sent") });
        let handle = handle
            .blocking_wait_timeout(SHORT)
            .expect_err("nothing was sent");
        let handle = handle
            .blocking_wait_timeout(Duration::ZERO)
            .expect_err("nothing was sent");
        assert!(!handle.is_finished());
        go.send(7).expect("the task waits");
        handle
            .blocking_wait_timeout(LONG)
            .expect("it is in time")
            .expect("it returns")
    });
    assert_eq!(result, 7);
    // The longest limit is no limit, and overflows nothing.
    let result = beside(|remote| {
        remote
            .spawn(|| async { 8 })
            .blocking_wait_timeout(Duration::MAX)
            .expect("in time")
    });
    assert_eq!(result.expect("it returns"), 8);
}

#[test]
fn a_thread_cancels_a_task_even_before_it_was_started() {
    struct Tells(mpsc::Sender<&'static str>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    let (tell, told) = mpsc::channel();
    let ended = beside(move |remote| {
        let tells = Tells(tell);
        let handle = remote.spawn(move || async move {
            let _tells = tells;
            pending::<()>().await
        });
        handle.cancel();
        handle.blocking_wait()
    });
    assert!(ended.expect_err("it was cancelled").is_cancelled());
    assert_eq!(told.try_recv(), Ok("dropped"));
}

#[test]
fn a_cancelled_task_ends_for_the_reason_that_was_given() {
    let reasons = beside(|remote| {
        let never = || remote.spawn(|| async { pending::<()>().await });
        let (plain, told) = (never(), never());
        plain.cancel();
        told.cancel_because("the user left");
        [plain, told].map(|task| {
            task.blocking_wait()
                .expect_err("it was cancelled")
                .to_string()
        })
    });
    assert_eq!(reasons, ["task cancelled", "task cancelled: the user left"]);
}

#[test]
fn a_cancel_after_the_end_changes_nothing() {
    let result = beside(|remote| {
        let handle = remote.spawn(|| async { 7 });
        remote
            .spawn(|| async { yield_now().await })
            .blocking_wait()
            .expect("it returns");
        handle.cancel();
        handle.blocking_wait()
    });
    assert_eq!(result.expect("it had ended"), 7);
}

#[test]
fn a_dropped_handle_detaches_the_task() {
    let sent = beside(|remote| {
        let (tell, told) = mpsc::channel();
        drop(remote.spawn(move || async move {
            yield_now().await;
            tell.send(7).expect("somebody listens");
        }));
        told.recv_timeout(LONG).expect("the task runs on")
    });
    assert_eq!(sent, 7);
}

#[test]
fn a_handle_is_awaited_in_another_runtime_and_under_another_executor() {
    let sum = beside(|remote| {
        let (other, again) = (remote.clone(), remote.clone());
        let here = block_on(async move {
            let (open, gate) = futures::channel::oneshot::channel();
            let mut handle = other.spawn(|| async { gate.await.expect("it is opened") });
            // Polled, dropped and awaited again.
            let early = turnwise::timeout(Duration::ZERO, &mut handle).await;
            assert!(early.is_err());
            open.send(1).expect("somebody waits for it");
            handle.await.expect("it returns")
        });
        let there = futures::executor::block_on(again.spawn(|| async { 2 }));
        here + there.expect("it returns")
    });
    assert_eq!(sum, 3);
}

#[test]
fn a_handle_is_awaited_on_the_runtime_s_own_thread() {
    let result = block_on(async {
        let remote = remote();
        remote.spawn(|| async { 7 }).await
    });
    assert_eq!(result.expect("it returns"), 7);
}

#[test]
fn waiting_on_the_runtime_s_own_thread_panics_with_the_cure() {
    let runtime = Runtime::new();
    let remote = runtime.remote();
    let waits: [fn(RemoteHandle<()>); 2] = [
        |handle| drop(handle.blocking_wait()),
        |handle| drop(handle.blocking_wait_timeout(LONG)),
    ];
    for wait in waits {
        let inside = remote.clone();
        let text = panic_of(|| runtime.block_on(async move { wait(inside.spawn(|| async {})) }));
        assert!(text.contains("`.await` the handle instead"), "{text}");
        let text = panic_of(|| wait(remote.spawn(|| async {})));
        assert!(text.contains("`.await` the handle instead"), "{text}");
    }
    // What has ended can be asked for anywhere.
    let handle = remote.spawn(|| async { 7 });
    runtime.run_until_stalled();
    assert_eq!(handle.blocking_wait().expect("it returns"), 7);
}

#[test]
fn calls_arrive_in_order_whoever_of_one_thread_sends_them() {
    let order = beside(|remote| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let clone = remote.clone();
        for n in 0..1000 {
            let order = order.clone();
            let call = move || order.lock().expect("nobody panics").push(n);
            match n % 3 {
                0 => remote.call(call).expect("it is alive"),
                1 => clone.call(call).expect("it is alive"),
                _ => remote.clone().call(call).expect("it is alive"),
            }
        }
        remote
            .spawn(|| async {})
            .blocking_wait()
            .expect("it returns");
        std::mem::take(&mut *order.lock().expect("nobody panics"))
    });
    assert_eq!(order, (0..1000).collect::<Vec<_>>());
}

#[test]
fn no_update_of_many_threads_is_lost() {
    const THREADS: usize = 4;
    const EACH: usize = 2500;
    let (total, sum) = beside(|remote| {
        let total = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (remote, total) = (remote.clone(), total.clone());
                thread::spawn(move || {
                    let handles: Vec<_> = (0..EACH)
                        .map(|n| {
                            let total = total.clone();
                            remote
                                .call(move || drop(total.fetch_add(1, Ordering::Relaxed)))
                                .expect("it is alive");
                            remote.spawn(move || async move { n })
                        })
                        .collect();
                    handles
                        .into_iter()
                        .map(|handle| handle.blocking_wait().expect("it returns"))
                        .sum::<usize>()
                })
            })
            .collect();
        let sum: usize = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum();
        (total.load(Ordering::Relaxed), sum)
    });
    assert_eq!(total, THREADS * EACH);
    assert_eq!(sum, THREADS * EACH * (EACH - 1) / 2);
}

#[test]
fn a_call_runs_between_two_polls_outside_any_task() {
    let inside = beside(|remote| {
        let (tell, told) = mpsc::channel();
        remote
            .call(move || {
                tell.send(task::current().is_some())
                    .expect("somebody listens")
            })
            .expect("it is alive");
        told.recv_timeout(LONG).expect("the call runs")
    });
    assert!(!inside);
}

#[test]
fn a_call_that_panics_is_the_loop_s_and_loses_nothing_behind_it() {
    let runtime = Runtime::new();
    let remote = runtime.remote();
    let (tell, told) = oneshot::channel::<u32>();
    let waits = runtime.spawn(told);
    runtime.run_until_stalled();
    let other = remote.clone();
    let caller = thread::spawn(move || {
        other.call(|| panic!("boom")).expect("it is alive");
        // A wake and a task behind the panic.
        tell.send(7).expect("the task waits");
        other.spawn(|| async { 8 })
    });
    let handle = caller.join().expect("it only sends");
    assert_eq!(panic_of(|| runtime.turn(Some(Duration::ZERO))), "boom");
    assert_eq!(runtime.block_on(waits).expect("it returns"), Ok(7));
    assert_eq!(runtime.block_on(handle).expect("it returns"), 8);
}

/// Compiles: a function is `Send` alone, its refusal also `Sync`.
fn call_or_say(remote: &Remote) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    remote.call(|| ())?;
    Ok(())
}

#[test]
fn a_refused_call_goes_into_a_boxed_error() {
    let runtime = Runtime::new();
    let remote = runtime.remote();
    call_or_say(&remote).expect("the runtime lives");
    drop(runtime);
    let refused = call_or_say(&remote).expect_err("the runtime is gone");
    assert_eq!(refused.to_string(), "the runtime of this handle has ended");
}

#[test]
fn a_burst_of_calls_or_items_leaves_no_room_behind() {
    const MANY: usize = 100_000;
    let runtime = Runtime::new();
    let (remote, count) = (runtime.remote(), Rc::new(Cell::new(0)));
    let called = Arc::new(AtomicUsize::new(0));
    let arrived = count.clone();
    let inlet = runtime.block_on(async {
        turnwise::thread::sender(move |n: usize| arrived.set(arrived.get() + n))
    });
    let used = allocation_counter::measure(|| {
        runtime.block_on(async {
            for _ in 0..MANY {
                let called = called.clone();
                let call = move || drop(called.fetch_add(1, Ordering::Relaxed));
                remote.call(call).expect("the runtime lives");
                inlet.send(1).expect("the runtime lives");
            }
            while called.load(Ordering::Relaxed) < MANY || count.get() < MANY {
                yield_now().await;
            }
        });
    });
    assert!(used.bytes_max > 1_000_000, "{used:?}");
    assert!(used.bytes_current < 100_000, "{used:?}");
}

#[test]
fn a_dead_runtime_gives_the_function_back_and_says_cancelled() {
    let runtime = Runtime::new();
    let remote = runtime.remote();
    drop(runtime);
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    let gone = remote.call(move || drop(count.fetch_add(1, Ordering::Relaxed)));
    let gone = gone.expect_err("the runtime is gone");
    assert_eq!(gone.to_string(), "the runtime of this handle has ended");
    (gone.into_inner())();
    assert_eq!(called.load(Ordering::Relaxed), 1);

    let handle = remote.spawn(|| async { 7 });
    handle.cancel();
    assert!(handle.is_finished());
    assert!(
        handle
            .blocking_wait()
            .is_err_and(|error| error.is_cancelled())
    );
    let ended = remote
        .spawn(|| async { 7 })
        .blocking_wait_timeout(LONG)
        .expect("at once");
    assert!(ended.is_err_and(|error| error.is_cancelled()));
    let ended = block_on(remote.spawn(|| async { 7 }));
    assert!(ended.is_err_and(|error| error.is_cancelled()));
}

#[test]
fn a_runtime_that_ends_meanwhile_says_so_to_those_who_wait() {
    bounded(|| {
        let runtime = Runtime::new();
        let remote = runtime.remote();
        let (started, has_started) = mpsc::channel();
        let waiting = {
            let remote = remote.clone();
            thread::spawn(move || {
                let handle = remote.spawn(move || async move {
                    started.send(()).expect("somebody listens");
                    pending::<()>().await
                });
                handle.blocking_wait()
            })
        };
        while has_started.try_recv().is_err() {
            runtime.turn(Some(SHORT));
        }
        let awaiting = {
            let handle = remote.spawn(pending::<()>);
            thread::spawn(move || futures::executor::block_on(handle))
        };
        let unread = remote.spawn(|| async {});
        drop(runtime);
        for ended in [waiting.join(), awaiting.join(), Ok(unread.blocking_wait())] {
            let error = ended.expect("no panic").expect_err("the runtime has ended");
            assert!(error.is_cancelled(), "{error}");
        }
    });
}

#[test]
fn a_remote_prevents_the_verdict_and_its_end_brings_it() {
    bounded(|| {
        let runtime = Runtime::new();
        let remote = runtime.remote();
        let holder = thread::spawn(move || {
            // The loop sleeps by now, and nobody will ever wake it.
            thread::sleep(3 * SHORT);
            drop(remote.clone());
            drop(remote);
        });
        let verdict = runtime.try_block_on(pending::<()>());
        verdict.expect_err("nothing can wake it any more");
        assert!(holder.is_finished() || holder.join().is_ok());
    });
}

#[test]
fn an_expectation_that_ends_without_a_wake_brings_the_verdict() {
    bounded(|| {
        for _ in 0..20 {
            let runtime = virtual_runtime();
            let verdict = runtime.try_block_on(async {
                let expected = expect_external("a sensor that breaks");
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(2));
                    drop(expected);
                });
                pending::<()>().await
            });
            verdict.expect_err("nothing can wake it any more");
        }
    });
}

#[test]
fn an_expectation_prevents_the_verdict_and_stops_the_virtual_clock() {
    bounded(|| {
        let order = Rc::new(std::cell::RefCell::new(Vec::new()));
        virtual_runtime().block_on(async {
            let (tell, told) = oneshot::channel();
            let expected = expect_external("the sensor");
            let sleeper = spawn({
                let order = order.clone();
                async move {
                    sleep(Duration::from_secs(3600)).await;
                    order.borrow_mut().push("an hour later");
                }
            });
            let thread = thread::spawn(move || {
                thread::sleep(2 * SHORT);
                tell.send(()).expect("main waits");
                drop(expected);
            });
            told.await.expect("it is sent");
            order.borrow_mut().push("told");
            sleeper.await.expect("it returns");
            thread.join().expect("no panic");
        });
        assert_eq!(*order.borrow(), ["told", "an hour later"]);
    });
}

#[test]
fn an_expectation_dropped_at_home_or_after_the_end_is_given_up() {
    let runtime = virtual_runtime();
    let kept = runtime.block_on(async {
        drop(expect_external("at home"));
        let kept = expect_external("for longer");
        drop(expect_external("at home again"));
        kept
    });
    drop(kept);
    runtime
        .try_block_on(pending::<()>())
        .expect_err("nobody is expected any more");
    let kept = runtime.block_on(async { expect_external("for too long") });
    drop(runtime);
    let next = virtual_runtime();
    let verdict = next.block_on(async {
        let mine = expect_external("mine");
        drop(kept); // It was the other runtime's: this one still expects.
        yield_now().await;
        mine
    });
    let report = next.dump().to_string();
    assert!(report.contains("mine"), "{report}");
    drop(verdict);
    next.try_block_on(pending::<()>())
        .expect_err("nobody is expected any more");
}

#[test]
fn a_waker_that_outlives_its_runtime_wakes_nobody() {
    let (runtime, kept) = (Runtime::new(), Arc::new(Mutex::new(None::<Waker>)));
    let keep = kept.clone();
    drop(runtime.spawn(poll_fn(move |cx| {
        *keep.lock().expect("no panic") = Some(cx.waker().clone());
        Poll::<()>::Pending
    })));
    runtime.run_until_stalled();
    drop(runtime);
    let waker = kept.lock().expect("no panic").take().expect("the task ran");
    waker.wake_by_ref();
    let next = Runtime::new();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let _task = next.spawn(poll_fn(move |cx| {
        count.set(count.get() + 1);
        let _kept = cx.waker().clone();
        Poll::<()>::Pending
    }));
    next.run_until_stalled();
    waker.wake_by_ref();
    thread::spawn(move || waker.wake())
        .join()
        .expect("no panic");
    next.run_until_stalled();
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_waker_used_after_its_task_has_ended_wakes_nobody_in_the_slot() {
    block_on(async {
        let kept = Arc::new(Mutex::new(None::<Waker>));
        let keep = kept.clone();
        let first = spawn(poll_fn(move |cx| {
            *keep.lock().expect("no panic") = Some(cx.waker().clone());
            Poll::Ready(())
        }));
        first.await.expect("it returns");
        let waker = kept.lock().expect("no panic").take().expect("the task ran");
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let second = spawn(poll_fn(move |_| {
            count.set(count.get() + 1);
            Poll::<()>::Pending
        }));
        yield_now().await;
        waker.wake_by_ref();
        thread::spawn(move || waker.wake())
            .join()
            .expect("no panic");
        for _ in 0..200 {
            yield_now().await;
        }
        assert_eq!(polls.get(), 1);
        second.cancel();
    });
}

#[test]
fn a_foreign_waker_that_panics_stays_with_who_gives() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a foreign waker")
        }
    }
    let runtime = Runtime::new();
    let remote = runtime.remote();
    let mut handle = remote.spawn(|| async { 7 });
    let waker = Waker::from(Arc::new(Panics));
    assert!(crate::support::poll_with(&mut handle, &waker).is_pending());
    drop(waker);
    // The task that gives the answer panics; the loop and the answer are fine.
    runtime.run_until_stalled();
    assert_eq!(handle.blocking_wait().expect("it returns"), 7);
    assert_eq!(runtime.block_on(async { 8 }), 8);
}

#[test]
fn a_handle_awaited_again_panics_with_the_cure() {
    let text = panic_of(|| {
        block_on(async {
            let mut handle = remote().spawn(|| async { 7 });
            (&mut handle).await.expect("it returns");
            handle.await
        })
    });
    assert!(text.contains("awaited again after it was taken"), "{text}");
}

#[test]
fn without_a_runtime_there_is_no_remote() {
    for text in [panic_of(remote), panic_of(|| expect_external("nobody"))] {
        assert!(text.contains("no runtime on this thread"), "{text}");
    }
}

#[test]
fn a_busy_loop_hears_other_threads() {
    bounded(|| {
        let runtime = Runtime::builder().build();
        let remote = runtime.remote();
        let heard = Rc::new(Cell::new(false));
        thread_local! {
            static HEARD: Cell<bool> = const { Cell::new(false) };
        }
        let thread = thread::spawn(move || remote.call(|| HEARD.set(true)).expect("it is alive"));
        runtime.block_on(async {
            while !HEARD.get() {
                yield_now().await;
            }
            heard.set(true);
        });
        thread.join().expect("no panic");
        assert!(heard.get());
    });
}

#[test]
fn a_task_of_another_runtime_that_is_awaited_here_is_at_work() {
    bounded(|| {
        for virtual_clock in [true, false] {
            let (give, given) = mpsc::channel();
            let (end, ended) = oneshot::channel::<()>();
            let other = thread::spawn(move || {
                let runtime = Runtime::new();
                give.send(runtime.remote()).expect("somebody waits");
                runtime.block_on(ended).expect("it is sent");
            });
            let remote = given.recv().expect("it is sent");
            let builder = Runtime::builder()
                .fail_on_suspected()
                .suspect_after(Duration::from_millis(1));
            let here = match virtual_clock {
                true => builder.virtual_clock().build(),
                false => builder.build(),
            };
            let task = remote.spawn(|| async {
                sleep(3 * SHORT).await;
                7
            });
            drop(remote);
            here.block_on(async {
                // Neither is a deadlock suspected nor, on a virtual clock, does an hour pass.
                let mut task = task;
                let task = async {
                    let told = spawn(async { yield_now().await });
                    told.await.expect("it returns");
                    assert!(crate::support::poll_once(&mut task).is_pending());
                    assert!(
                        turnwise::report::dump()
                            .to_string()
                            .contains("task of another runtime"),
                        "{}",
                        turnwise::report::dump()
                    );
                    task.await
                };
                let result = turnwise::timeout(Duration::from_secs(3600), task).await;
                assert_eq!(result.expect("in time").expect("it returns"), 7);
            });
            // Nothing is expected any more.
            here.try_block_on(pending::<()>())
                .expect_err("nobody is left");
            end.send(()).expect("the other one waits");
            other.join().expect("no panic");
        }
    });
}

#[test]
fn a_task_of_one_s_own_runtime_is_not_outside() {
    let runtime = virtual_runtime();
    runtime.block_on(async {
        let handle = remote().spawn(|| async { sleep(Duration::from_secs(3600)).await });
        // On the virtual clock the hour passes at once.
        handle.await.expect("it returns");
    });
}

#[test]
fn a_remote_task_is_one_task() {
    let runtime = Runtime::new();
    let before = runtime.stats().spawned;
    let handle = runtime.remote().spawn(pending::<()>);
    runtime.run_until_stalled();
    assert_eq!(runtime.stats().spawned, before + 1);
    assert_eq!(runtime.stats().alive, 1);
    drop(handle);
}
