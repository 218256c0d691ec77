//! The plays of `cancel_everywhere.rs` in which tasks meet: conditions, barriers, cells, oneshots.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use turnwise::sync::{Barrier, Condition, Lock, OnceCell, oneshot};
use turnwise::{sleep, yield_now};

use crate::support::{Log, poll_once, yields};
use crate::sync::cancel_everywhere::{Fate, Play, Tally, assert_no_waiters, everywhere};

#[test]
fn condition_with_a_predicate() {
    everywhere(|| {
        let shared = Rc::new((Lock::new(0), Condition::new()));
        let taken = Tally::default();
        let consume = || {
            let (shared, taken) = (shared.clone(), taken.clone());
            async move {
                let (stock, arrived) = &*shared;
                let stock = stock.acquire().await;
                let mut stock = arrived.wait_for(stock, |stock| *stock > 0).await;
                *stock -= 1;
                taken.add();
                yield_now().await;
            }
        };
        let produce = {
            let shared = shared.clone();
            async move {
                for _ in 0..3 {
                    *shared.0.acquire().await += 1;
                    shared.1.notify_one();
                    yield_now().await;
                }
            }
        };
        let disturb = {
            let shared = shared.clone();
            async move {
                for _ in 0..3 {
                    let _stock = shared.0.acquire().await;
                    yields(2).await;
                }
            }
        };
        let play = Play::default().task("a", consume()).task("b", consume());
        let play = play.task("c", consume()).vital("produce", produce);
        play.task("disturb", disturb).check(move |_| {
            assert_eq!(*shared.0.try_acquire().unwrap() + taken.get(), 3);
            assert_no_waiters(&shared);
        })
    });
}

#[test]
fn condition_that_is_notified_twice_for_three_waiters() {
    everywhere(|| {
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let returned = Tally::default();
        let wait = || {
            let (shared, returned) = (shared.clone(), returned.clone());
            async move {
                let _guard = shared.1.wait(shared.0.acquire().await).await;
                returned.add();
                yield_now().await;
            }
        };
        let notify = {
            let shared = shared.clone();
            async move {
                yields(4).await;
                let _guard = shared.0.acquire().await;
                shared.1.notify_one();
                yield_now().await;
                shared.1.notify(1);
                // Those notified queue for the lock meanwhile.
                yields(3).await;
            }
        };
        let play = Play::default().patient("a", wait()).patient("b", wait());
        let play = play.patient("c", wait()).vital("notify", notify);
        play.check(move |play| {
            let running = play.count(Fate::Running);
            let waiters = 3 - play.cancelled();
            // A waiter that was cancelled after it had returned has used up its notification.
            assert!(returned.get() >= waiters.min(2), "a notification is lost");
            assert!(returned.get() <= 2, "a notification came twice");
            assert!(shared.0.try_acquire().is_some());
            let waiting = format!("{:?}", shared.1);
            assert_eq!(waiting, format!("Condition {{ waiters: {running} }}"));
        })
    });
}

#[test]
fn condition_with_a_limit_of_time() {
    everywhere(|| {
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let (notified, late) = (Tally::default(), Tally::default());
        let wait = |limit| {
            let (shared, notified, late) = (shared.clone(), notified.clone(), late.clone());
            async move {
                let guard = shared.0.acquire().await;
                let limit = Duration::from_secs(limit);
                let (_guard, is_late) = shared.1.wait(guard).within(limit).await;
                if is_late {
                    late.add()
                } else {
                    notified.add()
                }
                yield_now().await;
            }
        };
        let notify = {
            let shared = shared.clone();
            async move {
                sleep(Duration::from_secs(5)).await;
                let _guard = shared.0.acquire().await;
                shared.1.notify(2);
                yields(2).await;
            }
        };
        let play = Play::default().task("a", wait(9)).task("b", wait(6));
        let play = play.task("c", wait(3)).task("d", wait(7));
        play.vital("notify", notify)
            .needs_time()
            .check(move |play| {
                // `c` is late before anybody notifies; of the others, two are not.
                let waiters = 4 - play.cancelled();
                assert!(notified.get() <= 2);
                assert!(
                    notified.get() >= waiters.saturating_sub(1).min(2),
                    "a notification is lost"
                );
                assert!(shared.0.try_acquire().is_some());
                assert_no_waiters(&shared);
            })
    });
}

#[test]
fn two_conditions_on_one_lock() {
    struct Buffer {
        items: Lock<Vec<u32>>,
        not_empty: Condition,
        not_full: Condition,
    }
    everywhere(|| {
        let buffer = Rc::new(Buffer {
            items: Lock::new(Vec::new()),
            not_empty: Condition::new(),
            not_full: Condition::new(),
        });
        let (put, got) = (Tally::default(), Tally::default());
        let produce = |first| {
            let (buffer, put) = (buffer.clone(), put.clone());
            async move {
                for item in first..first + 2 {
                    let items = buffer.items.acquire().await;
                    let mut items = buffer
                        .not_full
                        .wait_for(items, |items| items.is_empty())
                        .await;
                    items.push(item);
                    put.add();
                    buffer.not_empty.notify_one();
                }
            }
        };
        let consume = || {
            let (buffer, got) = (buffer.clone(), got.clone());
            async move {
                loop {
                    let items = buffer.items.acquire().await;
                    let wait = buffer.not_empty.wait_for(items, |items| !items.is_empty());
                    let mut items = wait.await;
                    items.clear();
                    got.add();
                    buffer.not_full.notify_one();
                    drop(items);
                    yield_now().await;
                }
            }
        };
        let play = Play::default().task("a", produce(1)).task("b", produce(3));
        let play = play.patient("c", consume()).patient("d", consume());
        play.patient("e", consume()).check(move |_| {
            assert_eq!(
                (put.get(), buffer.items.try_acquire().unwrap().len()),
                (got.get(), 0)
            );
            assert_no_waiters(&buffer.not_full);
        })
    });
}

/// The passes through a barrier: index and whether it was the leader.
type Passes = Rc<RefCell<Vec<(usize, bool)>>>;

fn meet(barrier: &Rc<Barrier>, passes: &Passes) -> impl Future<Output = ()> + use<> {
    let (barrier, passes) = (barrier.clone(), passes.clone());
    async move {
        if let Ok(pass) = barrier.wait().await {
            passes.borrow_mut().push((pass.index, pass.is_leader));
        }
    }
}

#[test]
fn barrier_of_three_for_four() {
    everywhere(|| {
        let (barrier, passes) = (Rc::new(Barrier::new(3)), Passes::default());
        let come = || {
            let meet = meet(&barrier, &passes);
            async move {
                yield_now().await;
                meet.await;
            }
        };
        let play = Play::default().patient("a", come()).patient("b", come());
        let play = play.patient("c", come()).patient("d", come());
        play.check(move |play| {
            let (running, ended) = (play.count(Fate::Running), play.count(Fate::Ended));
            assert_eq!(barrier.waiting(), running);
            assert!(running < 3, "three wait at a barrier of three");
            // It opened once, for three, of whom some may have been cancelled before they ran.
            assert!(ended <= 3 && (ended == 0 || ended + play.cancelled() >= 3));
            let mut passes = passes.take();
            assert_eq!(passes.len(), ended);
            assert!(
                passes
                    .iter()
                    .all(|&(index, is_leader)| is_leader == (index == 0))
            );
            passes.sort_unstable();
            passes.dedup();
            assert!(passes.len() == ended && passes.iter().all(|pass| pass.0 < 3));
        })
    });
}

#[test]
fn barrier_that_is_aborted_and_reset() {
    everywhere(|| {
        let (barrier, passes) = (Rc::new(Barrier::new(2)), Passes::default());
        let come_twice = || {
            let (first, second) = (meet(&barrier, &passes), meet(&barrier, &passes));
            async move {
                first.await;
                yield_now().await;
                second.await;
            }
        };
        let end = {
            let barrier = barrier.clone();
            async move {
                yields(2).await;
                barrier.reset();
                yields(2).await;
                barrier.abort();
            }
        };
        let play = Play::default()
            .task("a", come_twice())
            .task("b", come_twice());
        let play = play.task("c", come_twice()).vital("end", end);
        play.check(move |_| {
            assert!(barrier.is_broken() && barrier.waiting() == 0);
            barrier.reset();
            assert!(!barrier.is_broken());
        })
    });
}

#[test]
fn once_cell() {
    everywhere(|| {
        let cell = Rc::new(OnceCell::new());
        let made = Tally::default();
        let get = |name: &'static str, fails| {
            let (cell, made) = (cell.clone(), made.clone());
            async move {
                let init = async || {
                    yields(2).await;
                    if fails {
                        return Err(name);
                    }
                    made.add();
                    Ok(())
                };
                let got = cell.get_or_try_init(init).await;
                assert!(got.is_ok() || fails);
            }
        };
        let play = Play::default()
            .task("a", get("a", true))
            .task("b", get("b", false));
        let play = play.task("c", get("c", true)).task("d", get("d", false));
        play.check(move |play| {
            assert!(made.get() <= 1, "it was made twice");
            assert_eq!(cell.get().is_some(), made.get() == 1);
            assert!(made.get() == 1 || play.cancelled() > 1);
            assert_no_waiters(&cell);
            // Nobody is left with the turn.
            assert_eq!(cell.set(()).is_ok(), made.get() == 0);
        })
    });
}

#[test]
fn an_initialiser_that_failed_is_gone_before_the_next_one_begins() {
    /// Fails at once, and is told apart from its output: it drops what it owns when it is dropped.
    struct Fails<D>(D);

    impl<D> Future for Fails<D> {
        type Output = Result<(), ()>;

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Err(()))
        }
    }

    let (cell, log) = (OnceCell::new(), Log::new());
    let fail = || Fails(log.on_drop("gone"));
    let mut first = Box::pin(cell.get_or_try_init(fail));
    assert_eq!(poll_once(&mut first), Poll::Ready(Err(())));
    assert_eq!(
        log.text(),
        "gone",
        "it lives on in the future that has ended"
    );
    assert!(cell.set(()).is_ok());
}

#[test]
fn oneshot_ends() {
    everywhere(|| {
        let (sender, receiver) = oneshot::channel();
        let (idle, dropped) = oneshot::channel::<u8>();
        let received = Rc::new(Cell::new(None));
        let result = received.clone();
        let send = async move {
            yield_now().await;
            let _ = sender.send(7);
        };
        let receive = async move {
            result.set(Some(receiver.await.is_ok()));
        };
        let watch = async move {
            idle.closed().await;
            assert_eq!(idle.send(1), Err(turnwise::sync::Closed(1)));
        };
        let leave = async move {
            yields(2).await;
            drop(dropped);
        };
        let play = Play::default().task("receive", receive).task("send", send);
        let play = play.task("watch", watch).task("leave", leave);
        play.check(move |play| {
            if play.cancelled() == 0 {
                assert_eq!(received.get(), Some(true));
            }
        })
    });
}
