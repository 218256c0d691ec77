//! Programs that hang only while the loop sleeps already: the last one outside who could have woken
//! them goes away without doing so.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::poll;
use turnwise::report::Verdict;
use turnwise::sync::Event;
use turnwise::thread::{expect_external, remote, sender};
use turnwise::{Runtime, spawn, spawn_blocking, yield_now};

use crate::support::bounded;

const ROUNDS: usize = 1_000;

/// Says so once it suspects that nobody will wake it, and sleeps on.
fn suspicious(tell: impl Fn() + 'static) -> Runtime {
    let builder = Runtime::builder().suspect_after(Duration::ZERO);
    builder.on_suspected(move |_| tell()).build()
}

/// Gives clones of its waker away and is never ready.
async fn keep(by: Vec<mpsc::Sender<Waker>>) {
    poll_fn(|cx| {
        by.iter()
            .for_each(|by| by.send(cx.waker().clone()).unwrap());
        Poll::<()>::Pending
    })
    .await
}

/// A thread that is sent wakers, and does with each what `act` does once it is told to.
fn keeper(mut act: impl FnMut(Waker) + Send + 'static) -> (mpsc::Sender<Waker>, mpsc::Sender<()>) {
    let (give, wakers) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || told.iter().for_each(|()| act(wakers.recv().unwrap())));
    (give, tell)
}

#[test]
fn the_last_waker_that_another_thread_drops_makes_a_suspicion_certain() {
    bounded(|| {
        let (give, tell) = keeper(drop);
        for round in 0..ROUNDS {
            let tell = tell.clone();
            let runtime = suspicious(move || tell.send(()).unwrap());
            let deadlock = runtime.try_block_on(keep(vec![give.clone()]));
            let verdict = deadlock.unwrap_err().report().verdict();
            assert_eq!(verdict, Verdict::Certain, "round {round}");
        }
    });
}

#[test]
fn a_last_waker_dropped_just_before_the_loop_sleeps_is_not_slept_over() {
    bounded(|| {
        // The drop meets every moment between the verdict and the sleep, sooner or later.
        let mut round = 0;
        let (give, tell) = keeper(move |waker| {
            round += 1;
            (0..round % 500).for_each(|_| std::hint::spin_loop());
            drop(waker);
        });
        for round in 0..20 * ROUNDS {
            let tell = tell.clone();
            let runtime = suspicious(move || tell.send(()).unwrap());
            let deadlock = runtime.try_block_on(keep(vec![give.clone()]));
            let verdict = deadlock.unwrap_err().report().verdict();
            assert_eq!(verdict, Verdict::Certain, "round {round}");
        }
    });
}

#[test]
fn one_of_two_wakers_dropped_proves_nothing() {
    bounded(|| {
        let (give, tell) = keeper(drop);
        let (give_late, tell_late) = keeper(Waker::wake);
        for round in 0..ROUNDS {
            let (tell, tell_late) = (tell.clone(), tell_late.clone());
            let runtime = suspicious(move || {
                tell.send(()).unwrap();
                tell_late.send(()).unwrap();
            });
            let mut polls = 0;
            let program = poll_fn(|cx| {
                polls += 1;
                if polls == 1 {
                    give.send(cx.waker().clone()).unwrap();
                    give_late.send(cx.waker().clone()).unwrap();
                    return Poll::Pending;
                }
                Poll::Ready(())
            });
            let alive = runtime.try_block_on(program);
            alive.unwrap_or_else(|deadlock| panic!("round {round}: {deadlock}"));
        }
    });
}

#[test]
fn a_task_whose_waker_was_let_go_of_is_polled_with_one_that_works() {
    bounded(|| {
        let (give, tell) = keeper(Waker::wake);
        let runtime = suspicious(move || {
            tell.send(()).unwrap();
            tell.send(()).unwrap();
        });
        // The first wake uses the last clone up while the loop sleeps; the second needs a new one.
        let mut polls = 0;
        let program = poll_fn(|cx| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(());
            }
            give.send(cx.waker().clone()).unwrap();
            Poll::Pending
        });
        runtime.try_block_on(program).expect("it is woken twice");
        assert_eq!(polls, 3);
    });
}

#[test]
fn a_last_waker_dropped_within_the_grace_is_certain_at_once() {
    bounded(|| {
        let (give, wakers) = mpsc::channel::<Waker>();
        thread::spawn(move || wakers.iter().for_each(drop));
        for builder in [Runtime::builder(), Runtime::builder().fail_on_suspected()] {
            let runtime = builder.suspect_after(Duration::from_secs(3600)).build();
            let deadlock = runtime.try_block_on(keep(vec![give.clone()]));
            let verdict = deadlock.unwrap_err().report().verdict();
            assert_eq!(verdict, Verdict::Certain);
        }
    });
}

#[test]
fn a_waker_of_a_task_that_ended_after_the_suspicion_holds_nothing_up() {
    bounded(|| {
        let (give, tell) = keeper(Waker::wake);
        let runtime = suspicious(move || tell.send(()).unwrap());
        let deadlock = runtime.try_block_on(async {
            let other = spawn(poll_fn(|cx| {
                std::mem::forget(cx.waker().clone());
                Poll::<()>::Pending
            }));
            wait_for_thread(&give).await;
            // The loop has let go of both wakers.
            other.cancel();
            assert!(other.await.is_err());
            Event::new().wait().await
        });
        let verdict = deadlock.unwrap_err().report().verdict();
        assert_eq!(verdict, Verdict::Certain);
    });
}

/// Gives a clone of the task's waker away and waits until it is used.
async fn wait_for_thread(by: &mpsc::Sender<Waker>) {
    let mut asked = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        by.send(cx.waker().clone()).unwrap();
        Poll::Pending
    })
    .await
}

#[test]
fn however_often_tasks_are_polled_after_a_suspicion_the_last_waker_is_noticed() {
    bounded(|| {
        let (give, tell) = keeper(Waker::wake);
        let (give_last, wakers) = mpsc::channel::<Waker>();
        thread::spawn(move || wakers.iter().for_each(drop));
        let more = tell.clone();
        let runtime = suspicious(move || tell.send(()).unwrap());
        let deadlock = runtime.try_block_on(async {
            let kept = [(); 3].map(|()| spawn(keep(vec![give_last.clone()])));
            for polls in [0, 1, 2, 3, 4, 5, 6, 7, 8, 50] {
                let waits = wait_for_thread(&give);
                for _ in 0..polls {
                    yield_now().await;
                }
                waits.await;
                more.send(()).unwrap();
            }
            drop(kept);
            Event::new().wait().await
        });
        let verdict = deadlock.unwrap_err().report().verdict();
        assert_eq!(verdict, Verdict::Certain);
    });
}

#[test]
fn the_last_handle_that_another_thread_drops_makes_idleness_certain() {
    bounded(|| {
        let (give, handles) = mpsc::channel();
        thread::spawn(move || handles.into_iter().for_each(drop));
        let runtime = Runtime::new();
        for _ in 0..ROUNDS {
            let deadlock = runtime.try_block_on(async {
                give.send(remote()).unwrap();
                Event::new().wait().await
            });
            let verdict = deadlock.unwrap_err().report().verdict();
            assert_eq!(verdict, Verdict::Certain);
        }
    });
}

#[test]
fn whom_the_hook_of_a_suspicion_wakes_is_not_slept_over() {
    bounded(|| {
        let event = Rc::new(Event::new());
        let told = Rc::new(Cell::new(0));
        let runtime = suspicious({
            let (event, told) = (event.clone(), told.clone());
            move || {
                told.set(told.get() + 1);
                event.set();
            }
        });
        let waits = async {
            drop(spawn(async {
                poll_fn(|cx| {
                    std::mem::forget(cx.waker().clone());
                    Poll::<()>::Pending
                })
                .await
            }));
            event.wait().await;
        };
        runtime.try_block_on(waits).expect("the hook wakes it");
        assert_eq!(told.get(), 1);
    });
}

/// Waits in a way that a thread notices only by the time it takes.
fn spin(times: usize) {
    (0..times).for_each(|_| std::hint::spin_loop());
}

/// Runs a program over and over on each kind of runtime. Each time `make` makes the last thing by which
/// somebody outside could come back, and a thread gives it up a little later than the time before: so
/// that meets every moment between the verdict and the sleep, sooner or later.
fn sweep<T: Send + 'static>(make: impl Fn() -> T + Copy + Send + 'static) {
    bounded(move || {
        let (give, things) = mpsc::channel::<(usize, T)>();
        thread::spawn(move || {
            things.into_iter().for_each(|(round, thing)| {
                spin(round % 500);
                drop(thing);
            });
        });
        let builders = [
            Runtime::builder(),
            Runtime::builder().fail_on_suspected(),
            Runtime::builder().virtual_clock(),
        ];
        for builder in builders {
            let runtime = builder.build();
            for round in 0..2 * ROUNDS {
                let deadlock = runtime.try_block_on(async {
                    give.send((round, make())).unwrap();
                    Event::new().wait().await
                });
                let verdict = deadlock.unwrap_err().report().verdict();
                assert_eq!(verdict, Verdict::Certain, "round {round}");
            }
        }
    });
}

#[test]
fn a_last_remote_dropped_just_before_the_loop_sleeps_is_not_slept_over() {
    sweep(remote);
}

#[test]
fn a_last_guard_dropped_just_before_the_loop_sleeps_is_not_slept_over() {
    sweep(|| expect_external("the thread"));
}

#[test]
fn a_last_inlet_dropped_just_before_the_loop_sleeps_is_not_slept_over() {
    sweep(|| sender(|_: u32| {}));
}

#[test]
fn all_of_them_dropped_just_before_the_loop_sleeps_are_not_slept_over() {
    sweep(|| {
        (
            sender(|_: u32| {}),
            remote(),
            expect_external("the thread"),
            remote(),
        )
    });
}

#[test]
fn a_last_blocking_call_that_ends_just_before_the_loop_sleeps_is_not_slept_over() {
    bounded(|| {
        for builder in [
            Runtime::builder(),
            Runtime::builder().fail_on_suspected(),
            Runtime::builder().virtual_clock(),
        ] {
            let runtime = builder.build();
            for round in 0..2 * ROUNDS {
                let deadlock = runtime.try_block_on(async {
                    drop(spawn_blocking(move || spin(round % 500)));
                    Event::new().wait().await
                });
                let verdict = deadlock.unwrap_err().report().verdict();
                assert_eq!(verdict, Verdict::Certain, "round {round}");
            }
        }
    });
}

#[test]
fn the_waker_of_a_task_that_has_ended_does_not_change_what_is_certain() {
    bounded(|| {
        let (give, wakers) = mpsc::channel::<Waker>();
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let over = ended.clone();
        let wakes = thread::spawn(move || {
            let mut round = 0;
            let waker = wakers.recv().unwrap();
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                round += 1;
                spin(round * 7 % 500);
                waker.wake_by_ref();
            }
        });
        let runtime = Runtime::builder().build();
        let mut late = runtime.spawn(keep(vec![give]));
        runtime.block_on(async { assert!(poll!(&mut late).is_pending()) });
        runtime.run_until_stalled();
        late.cancel();
        assert!(runtime.block_on(late).is_err());
        for round in 0..20 * ROUNDS {
            let deadlock = runtime.try_block_on(Event::new().wait()).unwrap_err();
            let report = deadlock.report();
            assert_eq!(
                report.verdict(),
                Verdict::Certain,
                "round {round}: {report}"
            );
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        wakes.join().unwrap();
    });
}

#[test]
fn a_letter_sent_just_before_an_embedded_loop_is_armed_is_seen_by_its_host() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    bounded(|| {
        let (give, remotes) = mpsc::channel::<(usize, turnwise::thread::Remote, Waker)>();
        thread::spawn(move || {
            remotes.into_iter().for_each(|(round, remote, waker)| {
                spin(round % 500);
                match round % 2 {
                    0 => remote.call(move || waker.wake()).unwrap(),
                    _ => waker.wake(),
                }
            });
        });
        let runtime = Runtime::new();
        let fd = runtime.embed().expect("there is a descriptor left");
        for round in 0..10 * ROUNDS {
            let (give, mut asked) = (give.clone(), false);
            let task = runtime.spawn(poll_fn(move |cx| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                give.send((round, remote(), cx.waker().clone())).unwrap();
                Poll::Pending
            }));
            while !task.is_finished() {
                let limit = Timespec {
                    tv_sec: 20,
                    tv_nsec: 0,
                };
                let ready = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit));
                assert_eq!(ready, Ok(1), "round {round}: nobody rings");
                runtime.turn(Some(Duration::ZERO));
            }
            drop(task);
        }
    });
}
