//! `Sender`: items from other threads for a handler that stays at home.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use turnwise::report::Verdict;
use turnwise::sync::Queue;
use turnwise::task::wait_quiescent;
use turnwise::thread::{Sender, expect_external, sender};
use turnwise::time::Instant;
use turnwise::{Runtime, block_on, sleep, spawn, task, yield_now};

use crate::support::{bounded, panic_of, place_of_panic, virtual_runtime};
use crate::sync::trace::Trace;

/// Says that a handler owns a value.
trait Stay {
    fn stay(&self) {}
}
impl<T> Stay for T {}

/// An inlet into a queue.
fn into_queue<T: Send + 'static>() -> (Sender<T>, Rc<Queue<T>>) {
    let queue = Rc::new(Queue::unbounded());
    let arrived = queue.clone();
    let put = move |item| arrived.try_put(item).expect("the queue is open");
    (sender(put), queue)
}

#[test]
fn items_of_many_threads_all_arrive_and_those_of_one_in_order() {
    const THREADS: usize = 4;
    const EACH: usize = 20_000;
    bounded(|| {
        block_on(async {
            let (inlet, queue) = into_queue::<(usize, usize)>();
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let inlet = inlet.clone();
                    thread::spawn(move || {
                        (0..EACH).for_each(|n| inlet.send((thread, n)).expect("the loop runs"));
                    })
                })
                .collect();
            drop(inlet);
            let mut next = [0; THREADS];
            for _ in 0..THREADS * EACH {
                let (thread, n) = queue.get().await.expect("it is open");
                assert_eq!(n, next[thread]);
                next[thread] += 1;
            }
            threads
                .into_iter()
                .for_each(|thread| thread.join().expect("no panic"));
            assert!(queue.is_empty());
        });
    });
}

#[test]
fn a_loop_asleep_is_woken_for_a_first_item_and_for_every_later_batch() {
    bounded(|| {
        block_on(async {
            let (inlet, queue) = into_queue();
            let (seen, has_seen) = mpsc::channel();
            let thread = thread::spawn(move || {
                for n in 0..100 {
                    inlet.send(n).expect("the loop runs");
                    // The loop has taken this item, and goes to sleep.
                    has_seen.recv().expect("the loop answers");
                }
            });
            for n in 0..100 {
                assert_eq!(queue.get().await, Ok(n));
                seen.send(()).expect("the thread waits");
            }
            thread.join().expect("no panic");
        });
    });
}

#[test]
fn the_handler_runs_between_two_polls_on_the_loop_s_thread() {
    let home = thread::current().id();
    let inside = block_on(async {
        let (tell, told) = turnwise::sync::oneshot::channel();
        let mut tell = Some(tell);
        let inlet = sender(move |()| {
            let tell = tell.take().expect("there is one item");
            tell.send((thread::current().id(), task::current()))
                .expect("main waits");
        });
        let thread = thread::spawn(move || inlet.send(()).expect("the loop runs"));
        let inside = told.await.expect("the handler tells");
        thread.join().expect("no panic");
        (inside.0, inside.1.is_none())
    });
    assert_eq!(inside, (home, true));
}

#[test]
fn what_is_sent_at_home_waits_for_the_next_look() {
    let runtime = Runtime::new();
    let trace = Trace::default();
    runtime.block_on(async {
        let told = trace.clone();
        let inlet = sender(move |n: u32| told.say(n.to_string()));
        inlet.send(1).expect("it is alive");
        inlet.send(2).expect("it is alive");
        trace.say("not within the call");
    });
    runtime.run_until_stalled();
    assert_eq!(trace.take(), ["not within the call", "1", "2"]);
}

#[test]
fn a_handler_may_send_to_itself_and_starves_nobody() {
    bounded(|| {
        block_on(async {
            let count = Rc::new(Cell::new(0));
            let own: Rc<RefCell<Option<Sender<u32>>>> = Rc::default();
            let (counted, again) = (count.clone(), own.clone());
            *own.borrow_mut() = Some(sender(move |n: u32| {
                counted.set(counted.get() + 1);
                let inlet = again.borrow();
                inlet
                    .iter()
                    .for_each(|inlet| inlet.send(n + 1).expect("it is alive"));
            }));
            own.borrow()
                .iter()
                .for_each(|inlet| inlet.send(0).expect("it is alive"));
            for _ in 0..1000 {
                yield_now().await;
            }
            assert!(
                count.get() > 5,
                "the handler has its turns: {}",
                count.get()
            );
            // The cycle is broken, and with it the handler goes.
            drop(own.take());
            while Rc::strong_count(&count) > 1 {
                yield_now().await;
            }
        });
    });
}

#[test]
fn the_handler_goes_with_the_last_clone_and_after_the_last_item() {
    bounded(|| {
        block_on(async {
            let trace = Trace::default();
            let (told, dropped) = (trace.clone(), trace.on_drop("handler"));
            let inlet = sender(move |n: u32| {
                let _ = &dropped;
                told.say(n.to_string());
            });
            let clone = inlet.clone();
            drop(inlet);
            let expected = expect_external("three items");
            let thread = thread::spawn(move || {
                (1..=3).for_each(|n| clone.send(n).expect("the loop runs"));
                drop(clone);
                drop(expected);
            });
            thread.join().expect("no panic");
            wait_quiescent().await;
            assert_eq!(trace.take(), ["1", "2", "3", "handler"]);
        });
    });
}

#[test]
fn a_consumer_learns_of_the_end_through_what_the_handler_owns() {
    struct Closes(Rc<Queue<u32>>);
    impl Drop for Closes {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    bounded(|| {
        let items = block_on(async {
            let queue = Rc::new(Queue::unbounded());
            let closes = Closes(queue.clone());
            let inlet = sender(move |n| closes.0.try_put(n).expect("it is open"));
            thread::spawn(move || (0..5).for_each(|n| inlet.send(n).expect("the loop runs")));
            let mut items = Vec::new();
            while let Ok(n) = queue.get().await {
                items.push(n);
            }
            items
        });
        assert_eq!(items, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_dead_runtime_gives_the_item_back() {
    let runtime = Runtime::new();
    let (inlet, queue) = into_queue();
    drop(runtime);
    let gone = inlet.send(String::from("late")).expect_err("it is gone");
    assert_eq!(gone.to_string(), "the runtime of this handle has ended");
    assert_eq!(gone.into_inner(), "late");
    assert_eq!(Rc::strong_count(&queue), 1, "the handler is gone");
    // A later runtime of the thread has nothing to do with it.
    block_on(async {
        let (other, arrived) = into_queue();
        assert!(inlet.send(String::from("later")).is_err());
        other.send(1).expect("it is alive");
        assert_eq!(arrived.get().await, Ok(1));
    });
    drop(inlet);
}

#[test]
fn a_runtime_that_ends_drops_handler_and_items_and_survives_their_panics() {
    struct Panics {
        _kept: Arc<()>,
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in the destructor of an item");
        }
    }
    let (kept, trace) = (Arc::new(()), Trace::default());
    let runtime = Runtime::new();
    let (first, second) = (trace.on_drop("first"), trace.on_drop("second"));
    let one: Sender<Panics> = sender(move |_| first.stay());
    let two: Sender<Arc<()>> = sender(move |_| second.stay());
    one.send(Panics {
        _kept: kept.clone(),
    })
    .expect("it is alive");
    two.send(kept.clone()).expect("it is alive");
    assert_eq!(panic_of(|| drop(runtime)), "in the destructor of an item");
    assert_eq!(trace.take(), ["first", "second"]);
    assert!(two.send(kept.clone()).is_err());
    assert_eq!(Arc::strong_count(&kept), 1);
    assert_eq!(block_on(async { 7 }), 7);
}

#[test]
fn destructors_of_handlers_and_items_may_use_the_crate() {
    struct Uses(Sender<u32>, Rc<Queue<u32>>);
    impl Drop for Uses {
        fn drop(&mut self) {
            let _ = self.1.try_put(1);
            let _ = self.0.send(1);
            // One that is made by a runtime that ends is dead from the beginning.
            let (late, _) = into_queue::<u32>();
            assert!(late.send(7).is_err());
            drop(spawn(async {}));
        }
    }
    let runtime = Runtime::new();
    let (other, queue) = into_queue();
    let uses = Uses(other, queue.clone());
    let inlet = sender(move |()| uses.stay());
    inlet.send(()).expect("it is alive");
    drop(runtime);
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(Rc::strong_count(&queue), 1);
}

#[test]
fn a_handler_that_panics_is_the_loop_s_and_loses_no_item() {
    let runtime = Runtime::new();
    let trace = Trace::default();
    let told = trace.clone();
    let inlet = sender(move |n: u32| {
        assert!(n % 2 == 0, "{n} is odd");
        told.say(n.to_string());
    });
    (0..4).for_each(|n| inlet.send(n).expect("it is alive"));
    let called = trace.clone();
    drop(runtime.spawn(async move { called.say("task") }));
    assert_eq!(panic_of(|| runtime.run_until_stalled()), "1 is odd");
    inlet.send(4).expect("it is alive");
    runtime.run_until_stalled();
    assert_eq!(trace.take(), ["0", "2", "4", "task"]);
}

#[test]
fn a_living_inlet_is_listening_and_its_end_brings_the_verdict() {
    bounded(|| {
        let runtime = virtual_runtime();
        let (inlet, queue) = into_queue::<u32>();
        // Virtual time does not wait for it: nobody says that something will come.
        let start = runtime.block_on(async { Instant::now() });
        runtime.block_on(sleep(Duration::from_secs(3600)));
        assert_eq!(
            runtime.block_on(async { start.elapsed() }),
            Duration::from_secs(3600)
        );
        runtime.block_on(async {
            assert_eq!(turnwise::report::dump().verdict(), Verdict::Idle);
        });
        let holder = thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            inlet.send(7).expect("the loop runs");
            drop(inlet);
        });
        let verdict = runtime.try_block_on(async {
            assert_eq!(queue.get().await, Ok(7));
            pending::<()>().await
        });
        assert_eq!(
            verdict.expect_err("nobody is left").report().verdict(),
            Verdict::Certain
        );
        holder.join().expect("no panic");
        assert_eq!(
            Rc::strong_count(&queue),
            1,
            "the handler went with the inlet"
        );
    });
}

#[test]
fn a_host_sees_items_on_its_descriptor() {
    bounded(|| {
        let runtime = Runtime::new();
        let (inlet, queue) = into_queue();
        let fd = runtime.embed().expect("a descriptor");
        let thread = thread::spawn(move || inlet.send(7).expect("the loop runs"));
        let mut fds = [rustix::event::PollFd::new(
            &fd,
            rustix::event::PollFlags::IN,
        )];
        rustix::event::poll(&mut fds, None).expect("poll works");
        while queue.is_empty() {
            runtime.turn(Some(Duration::ZERO));
        }
        assert_eq!(queue.try_get(), Ok(7));
        thread.join().expect("no panic");
    });
}

#[test]
fn without_a_runtime_there_is_no_inlet() {
    let text = panic_of(|| sender(|()| ()));
    assert!(
        text.contains("no runtime on this thread: thread::sender"),
        "{text}"
    );
    let line = line!() + 1;
    let place = place_of_panic(|| drop(sender(|()| ())));
    assert_eq!(place, (file!().to_owned(), line));
}
