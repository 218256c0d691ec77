//! Wakers: from any thread, at any time, however late, and from inside other wakers.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::task::noop_waker;
use turnwise::sync::futures::EventWait;
use turnwise::sync::{Event, Lock, Queue};
use turnwise::{Runtime, sleep, spawn, yield_now};

use crate::support::{Log, Spy, bounded, forever, panics, poll_with, virtual_runtime, yields};

/// A flag that another thread sets before it wakes whoever waits for it.
#[derive(Clone, Default)]
struct Signal(Arc<(AtomicBool, Mutex<Option<Waker>>)>);

impl Signal {
    /// Waits for the flag, leaving a waker where another thread finds it.
    async fn wait(&self) {
        poll_fn(|cx| {
            *self.0.1.lock().unwrap() = Some(cx.waker().clone());
            match self.0.0.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn waker(&self) -> Option<Waker> {
        self.0.1.lock().unwrap().take()
    }

    /// Spins until there is a waker.
    fn waker_soon(&self) -> Waker {
        loop {
            match self.waker() {
                Some(waker) => return waker,
                None => thread::yield_now(),
            }
        }
    }

    fn raise(&self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Keeps the waker of the task that polls it, and never ends.
fn keep(into: &Rc<RefCell<Option<Waker>>>) -> impl Future<Output = ()> + use<> {
    let into = into.clone();
    poll_fn(move |cx| {
        *into.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
}

#[test]
fn another_thread_wakes_by_value_by_reference_and_through_a_clone() {
    bounded(|| {
        let ways: [fn(Waker); 3] = [
            |waker| waker.wake(),
            |waker| waker.wake_by_ref(),
            |waker| waker.wake_by_ref(),
        ];
        for way in ways {
            for in_main in [true, false] {
                let signal = Signal::default();
                let thread = thread::spawn({
                    let signal = signal.clone();
                    move || {
                        let waker = signal.waker_soon();
                        signal.raise();
                        way(waker);
                    }
                });
                Runtime::new().block_on(async move {
                    if in_main {
                        signal.wait().await;
                    } else {
                        spawn(async move { signal.wait().await }).await.unwrap();
                    }
                });
                thread.join().unwrap();
            }
        }
    });
}

#[test]
fn four_threads_times_a_hundred_thousand_wakes_lose_none() {
    const THREADS: usize = 4;
    const WAKES: usize = 100_000;
    /// After so many wakes a thread waits until the last one has had its effect.
    const ROUND: usize = 50;

    bounded(|| {
        let (posted, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (give, take) = mpsc::channel::<Waker>();
        let spawner = thread::spawn({
            let (posted, seen) = (posted.clone(), seen.clone());
            move || {
                let waker = take.recv().unwrap();
                let threads: Vec<_> = (0..THREADS)
                    .map(|_| {
                        let (posted, seen, waker) = (posted.clone(), seen.clone(), waker.clone());
                        thread::spawn(move || {
                            for n in 1..=WAKES {
                                let mine = posted.fetch_add(1, Ordering::SeqCst) + 1;
                                match n % 3 {
                                    0 => waker.wake_by_ref(),
                                    _ => waker.wake_by_ref(),
                                }
                                // Nobody else can be relied on to wake the task: a lost wake of
                                // the last of these threads leaves everything hanging.
                                while n % ROUND == 0 && seen.load(Ordering::SeqCst) < mine {
                                    thread::yield_now();
                                }
                            }
                        })
                    })
                    .collect();
                drop(waker);
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
            }
        });
        let polls = Cell::new(0usize);
        Runtime::new().block_on(poll_fn(|cx| {
            if polls.replace(polls.get() + 1) == 0 {
                give.send(cx.waker().clone()).unwrap();
            }
            let now = posted.load(Ordering::SeqCst);
            seen.store(now, Ordering::SeqCst);
            match now == THREADS * WAKES {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        spawner.join().unwrap();
        // A wake costs at most one poll; coalesced ones cost less.
        assert!(polls.get() <= THREADS * WAKES + 1, "{} polls", polls.get());
    });
}

#[test]
fn a_wake_after_the_task_ended_does_nothing() {
    let kept = Rc::new(RefCell::new(None));
    let runtime = Runtime::new();
    runtime.block_on(async {
        let task = spawn(keep(&kept));
        yield_now().await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        let waker: Waker = kept.take().unwrap();
        let elsewhere = waker.clone();
        waker.wake_by_ref();
        thread::spawn(move || elsewhere.wake()).join().unwrap();
        assert_eq!(runtime.stats().ready, 0);
        yield_now().await;
        assert_eq!((runtime.stats().ready, runtime.stats().alive), (0, 1));
        waker.wake();
    });
}

/// The slot in the text of a task id: `#slot` or `#slot.generation`.
fn slot_of(id: turnwise::task::TaskId) -> String {
    let id = id.to_string();
    id.split('.').next().unwrap().to_owned()
}

#[test]
fn a_late_wake_does_not_wake_the_stranger_in_the_reused_slot() {
    let kept = Rc::new(RefCell::new(None));
    Runtime::new().block_on(async {
        let first = spawn(keep(&kept));
        let first_id = first.id();
        yield_now().await;
        first.cancel();
        first.await.unwrap_err();
        let polls = Rc::new(Cell::new(0));
        let stranger = spawn({
            let polls = polls.clone();
            let mut own = Vec::new();
            poll_fn::<(), _>(move |cx| {
                polls.set(polls.get() + 1);
                // So that it is known to have something that wakes it.
                own.push(cx.waker().clone());
                Poll::Pending
            })
        });
        assert_eq!(slot_of(first_id), slot_of(stranger.id()));
        assert_ne!(first_id, stranger.id());
        yield_now().await;
        assert_eq!(polls.get(), 1);
        let waker: Waker = kept.take().unwrap();
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
        yields(3).await;
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn a_late_wake_of_a_dead_runtime_does_not_touch_the_next_one() {
    let kept = Rc::new(RefCell::new(None));
    Runtime::new().block_on(async {
        drop(spawn(keep(&kept)));
        yield_now().await;
    });
    let main = Rc::new(RefCell::new(None));
    Runtime::new().block_on(async {
        let mut main = Some(keep(&main));
        poll_fn(|cx| {
            let _ = std::pin::Pin::new(main.as_mut().unwrap()).poll(cx);
            Poll::Ready(())
        })
        .await;
    });
    let wakers: Vec<Waker> = vec![kept.take().unwrap(), main.take().unwrap()];
    wakers.iter().for_each(Waker::wake_by_ref);
    let runtime = Runtime::new();
    runtime.block_on(async {
        let polls = Rc::new(Cell::new(0));
        let counted = polls.clone();
        let event = Rc::new(Event::new());
        let waiter = event.clone();
        let task = spawn(async move {
            let mut wait = waiter.wait();
            poll_fn(|cx| {
                counted.set(counted.get() + 1);
                std::pin::Pin::new(&mut wait).poll(cx)
            })
            .await
        });
        yield_now().await;
        for waker in wakers {
            waker.wake_by_ref();
            thread::spawn(move || waker.wake()).join().unwrap();
        }
        yields(3).await;
        assert_eq!(polls.get(), 1);
        event.set();
        task.await.unwrap();
    });
}

#[test]
fn a_waker_kept_by_a_thread_prevents_the_verdict_until_it_is_used() {
    bounded(|| {
        let signal = Signal::default();
        let thread = thread::spawn({
            let signal = signal.clone();
            move || {
                let waker = signal.waker_soon();
                // Long enough for a hasty verdict; nothing depends on how long it is.
                thread::sleep(Duration::from_millis(20));
                signal.raise();
                waker.wake();
            }
        });
        Runtime::new()
            .try_block_on(async { spawn(async move { signal.wait().await }).await.unwrap() })
            .expect("a thread was about to wake it");
        thread.join().unwrap();
    });
}

#[test]
fn a_clone_that_was_dropped_again_does_not_prevent_the_verdict() {
    bounded(|| {
        let kept = Rc::new(RefCell::new(None));
        let verdict = Runtime::new().try_block_on(async {
            drop(spawn(keep(&kept)));
            yield_now().await;
            // The task has a waker of its own from here on; nobody else has.
            drop(kept.take().unwrap());
            pending::<()>().await;
        });
        assert!(verdict.unwrap_err().to_string().contains("deadlock"));
    });
}

#[test]
fn a_task_whose_clone_was_dropped_is_still_polled_with_a_working_waker() {
    let kept = Rc::new(RefCell::new(None));
    let log = Log::new();
    Runtime::new().block_on(async {
        let task = spawn({
            let (kept, log) = (kept.clone(), log.clone());
            async move {
                for round in 0..3 {
                    let mut polls = 0;
                    poll_fn(|cx| {
                        polls += 1;
                        *kept.borrow_mut() = (polls == 1).then(|| cx.waker().clone());
                        if polls == 2 {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    })
                    .await;
                    log.add(round.to_string());
                    // Its own leaves take the short cut with that waker too.
                    yield_now().await;
                }
            }
        });
        while !task.is_finished() {
            yield_now().await;
            if let Some(waker) = kept.take() {
                waker.wake();
            }
        }
        task.await.unwrap();
    });
    assert_eq!(log.text(), "0 1 2");
}

#[test]
fn a_waker_of_one_task_in_the_hands_of_another_wakes_the_first() {
    let log = Log::new();
    Runtime::new().block_on(async {
        let (event, kept) = (Event::new(), Rc::new(RefCell::new(None)));
        let first = spawn({
            let (kept, log) = (kept.clone(), log.clone());
            async move {
                let mut polls = 0;
                poll_fn(|cx| {
                    polls += 1;
                    *kept.borrow_mut() = Some(cx.waker().clone());
                    if polls == 2 {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
                log.add("first");
            }
        });
        yield_now().await;
        // Polled by this task, but on behalf of the first one.
        let mut on_behalf = event.wait();
        let waker: Waker = kept.take().unwrap();
        assert!(poll_with(&mut on_behalf, &waker).is_pending());
        event.set();
        first.await.unwrap();
    });
    assert_eq!(log.text(), "first");
}

#[test]
fn a_wake_during_its_own_poll_means_exactly_one_more_poll() {
    let polls = Cell::new(0);
    Runtime::new().block_on(async {
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        yields(3).await;
    });
    assert_eq!(polls.get(), 2);
}

#[test]
fn a_wake_from_another_thread_during_its_own_poll_is_not_lost() {
    bounded(|| {
        let mut polls = 0;
        Runtime::new().block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 1000 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            thread::scope(|scope| drop(scope.spawn(move || waker.wake())));
            Poll::Pending
        }));
    });
}

thread_local! {
    /// What the next wake of an [`Intruder`] does. A waker must be `Send`, so it lies here.
    static ON_WAKE: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(Vec::new()) };
}

/// A foreign waker that runs code of ours when it is woken, and again when it is dropped.
struct Intruder;

impl Intruder {
    fn intrude() {
        let next = ON_WAKE.with_borrow_mut(Vec::pop);
        if let Some(next) = next {
            next();
        }
    }
}

impl Wake for Intruder {
    fn wake(self: Arc<Self>) {
        Intruder::intrude();
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        Intruder::intrude();
    }
}

fn on_wake(f: impl FnOnce() + 'static) {
    ON_WAKE.with_borrow_mut(|all| all.push(Box::new(f)));
}

#[test]
fn a_foreign_waker_may_use_the_same_primitive_while_it_is_woken() {
    let event: &'static Event = forever(Event::new());
    let late: Rc<RefCell<Option<EventWait<'static>>>> = Rc::default();
    let (spy, counting) = Spy::new();
    let mut first = event.wait();
    let second: Rc<RefCell<Option<EventWait<'static>>>> = Rc::new(RefCell::new(Some(event.wait())));
    let mut third = event.wait();
    assert!(poll_with(&mut first, &Waker::from(Arc::new(Intruder))).is_pending());
    assert!(poll_with(second.borrow_mut().as_mut().unwrap(), &counting).is_pending());
    assert!(poll_with(&mut third, &counting).is_pending());
    let ran = Rc::new(Cell::new(false));
    on_wake({
        let (ran, late, second, counting) =
            (ran.clone(), late.clone(), second.clone(), counting.clone());
        move || {
            ran.set(true);
            event.clear();
            event.set();
            event.clear();
            let mut newcomer = event.wait();
            assert!(poll_with(&mut newcomer, &counting).is_pending());
            *late.borrow_mut() = Some(newcomer);
            // A waiter that was granted in the same batch goes away before its own wake.
            drop(second.borrow_mut().take());
        }
    });
    event.set();
    assert!(ran.get());
    assert!(poll_with(&mut first, &counting).is_ready());
    assert!(poll_with(&mut third, &counting).is_ready());
    let mut newcomer = late.borrow_mut().take().unwrap();
    assert!(
        poll_with(&mut newcomer, &counting).is_pending(),
        "a newcomer was included"
    );
    // The second and the third one were woken; the newcomer was not.
    assert_eq!(spy.wakes(), 2);
}

#[test]
fn a_foreign_waker_may_take_and_release_a_lock_while_it_is_granted_that_lock() {
    let lock: &'static Lock<u32> = forever(Lock::new(0));
    let guard = lock.try_acquire().unwrap();
    let mut wait = lock.acquire();
    assert!(poll_with(&mut wait, &Waker::from(Arc::new(Intruder))).is_pending());
    let robbed = Rc::new(Cell::new(false));
    on_wake({
        let robbed = robbed.clone();
        move || robbed.set(lock.try_acquire().is_some() || !lock.is_locked())
    });
    drop(guard);
    assert!(
        !robbed.get(),
        "the waker took the lock from the waiter it woke"
    );
    match poll_with(&mut wait, &noop_waker()) {
        Poll::Ready(mut guard) => *guard += 1,
        Poll::Pending => panic!("the lock was granted"),
    }
    assert_eq!(*lock.try_acquire().unwrap(), 1);
}

#[test]
fn dropping_a_foreign_waker_may_use_the_kernel() {
    Runtime::new().block_on(async {
        let event = Rc::new(Event::new());
        let queue = Rc::new(Queue::unbounded());
        let put = || {
            let (event, queue) = (event.clone(), queue.clone());
            on_wake(move || {
                event.set();
                queue.try_put(1).unwrap();
                drop(spawn(async {}));
            });
        };
        // Replaced by the waker of another poll; dropped with the wait; dropped with a timer.
        let other = Event::new();
        let mut wait = other.wait();
        assert!(poll_with(&mut wait, &Waker::from(Arc::new(Intruder))).is_pending());
        put();
        assert!(poll_with(&mut wait, &noop_waker()).is_pending());
        assert_eq!(queue.len(), 1);
        let mut wait = other.wait();
        assert!(poll_with(&mut wait, &Waker::from(Arc::new(Intruder))).is_pending());
        put();
        drop(wait);
        assert_eq!(queue.len(), 2);
        let mut timer = sleep(Duration::from_secs(1));
        assert!(poll_with(&mut timer, &Waker::from(Arc::new(Intruder))).is_pending());
        put();
        drop(timer);
        assert_eq!(queue.len(), 3);
        let mut join = spawn(pending::<()>());
        assert!(poll_with(&mut join, &Waker::from(Arc::new(Intruder))).is_pending());
        put();
        drop(join);
        assert_eq!(queue.len(), 4);
    });
}

#[test]
fn a_panicking_call_of_a_remote_loses_no_other_message() {
    bounded(|| {
        for while_busy in [false, true] {
            let runtime = Runtime::new();
            let signal = Signal::default();
            let task = runtime.spawn({
                let signal = signal.clone();
                async move { signal.wait().await }
            });
            runtime.block_on(yields(2));
            let remote = runtime.remote();
            let waker = signal.waker().unwrap();
            let called = Arc::new(AtomicBool::new(false));
            let also = called.clone();
            thread::spawn(move || {
                remote.call(|| panic!("a bad message")).unwrap();
                signal.raise();
                waker.wake();
                remote
                    .call(move || also.store(true, Ordering::SeqCst))
                    .unwrap();
            })
            .join()
            .unwrap();
            assert!(panics(|| runtime.block_on(async {
                match while_busy {
                    true => yields(1000).await,
                    false => pending().await,
                }
            })));
            runtime.block_on(async {
                yields(1000).await;
                task.await.unwrap();
            });
            assert!(called.load(Ordering::SeqCst));
        }
    });
}

/// Runs what it was given when the thread's locals are destroyed.
#[derive(Default)]
struct AtExit(RefCell<Vec<Box<dyn FnOnce()>>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        for last in self.0.take() {
            last();
        }
    }
}

thread_local! {
    static AT_EXIT: AtExit = AtExit::default();
}

fn at_exit(last: impl FnOnce() + 'static) {
    AT_EXIT.with(|all| all.0.borrow_mut().push(Box::new(last)));
}

/// Runs `f` on a fresh thread, once with the test's thread-local made before the kernel's (and
/// destroyed after it) and once the other way round. A panic in there would abort the process.
#[track_caller]
fn in_both_orders(f: fn()) {
    for ours_first in [true, false] {
        let ended = thread::spawn(move || {
            if ours_first {
                AT_EXIT.with(|_| ());
            } else {
                turnwise::block_on(yield_now());
            }
            f();
        })
        .join();
        ended.unwrap();
    }
}

#[test]
fn wakers_work_in_a_thread_local_destructor() {
    static EXITS: AtomicUsize = AtomicUsize::new(0);
    in_both_orders(|| {
        let kept = Rc::new(RefCell::new(None));
        Runtime::new().block_on(async {
            drop(spawn(keep(&kept)));
            yield_now().await;
        });
        let waker: Waker = kept.take().unwrap();
        at_exit(move || {
            waker.wake_by_ref();
            waker.wake_by_ref();
            drop(waker);
            EXITS.fetch_add(1, Ordering::SeqCst);
        });
    });
    assert_eq!(EXITS.load(Ordering::SeqCst), 2);
}

#[test]
fn primitives_guards_and_handles_may_be_dropped_in_a_thread_local_destructor() {
    in_both_orders(|| {
        let lock: &'static Lock<()> = forever(Lock::new(()));
        let event: &'static Event = forever(Event::new());
        let queue: &'static Queue<u8> = forever(Queue::bounded(1));
        let owned = Event::new();
        let guard = lock.try_acquire().unwrap();
        let (mut acquire, mut wait) = (lock.acquire(), event.wait());
        let (mut get, mut spare) = (queue.get(), queue.get());
        assert!(poll_with(&mut acquire, Waker::noop()).is_pending());
        assert!(poll_with(&mut wait, &noop_waker()).is_pending());
        assert!(poll_with(&mut get, Waker::noop()).is_pending());
        assert!(poll_with(&mut spare, Waker::noop()).is_pending());
        {
            let mut forgotten = owned.wait();
            assert!(poll_with(&mut forgotten, Waker::noop()).is_pending());
            std::mem::forget(forgotten);
        }
        queue.try_put(1).unwrap();
        let runtime = Runtime::new();
        let handle = runtime.spawn(async { 1 });
        let panicked = runtime.spawn(async { panic!("seen by nobody") });
        let waiting = runtime.spawn(event.wait());
        let timer = runtime.block_on(async {
            yield_now().await;
            let mut timer = sleep(Duration::from_secs(1));
            assert!(poll_with(&mut timer, Waker::noop()).is_pending());
            timer
        });
        at_exit(move || {
            handle.cancel();
            assert!(handle.is_finished());
            drop((handle, panicked, waiting, timer));
            drop(guard);
            drop(acquire);
            assert!(!lock.is_locked() || lock.try_acquire().is_none());
            event.set();
            drop((wait, get, spare));
            let _ = queue.try_put(2);
            queue.close();
            drop(owned);
            let _ = format!("{lock:?} {event:?} {queue:?}");
            drop(runtime);
        });
    });
}

#[test]
fn a_runtime_with_live_tasks_may_be_dropped_in_a_thread_local_destructor() {
    in_both_orders(|| {
        let runtime = virtual_runtime();
        let lock = Rc::new(Lock::new(()));
        for _ in 0..3 {
            let lock = lock.clone();
            drop(runtime.spawn(async move {
                let _guard = lock.acquire().await;
                sleep(Duration::from_secs(1)).await;
                pending::<()>().await;
            }));
        }
        runtime.block_on(sleep(Duration::from_secs(2)));
        let remote = runtime.remote();
        at_exit(move || {
            let _ = remote.call(|| ());
            drop(runtime);
            let _ = remote.call(|| ());
        });
    });
}

#[test]
fn waiting_without_a_kernel_says_so_instead_of_aborting() {
    static EXITS: AtomicUsize = AtomicUsize::new(0);
    thread::spawn(|| {
        AT_EXIT.with(|_| ());
        // The kernel is made after the test's thread-local and is gone before it.
        turnwise::block_on(yield_now());
        at_exit(|| {
            let event = Event::new();
            let mut wait = event.wait();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                std::pin::Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop()))
            }));
            let text = crate::support::text_of(&*result.map(drop).unwrap_err());
            assert!(text.contains("before the thread ends"), "{text}");
            EXITS.fetch_add(1, Ordering::SeqCst);
        });
    })
    .join()
    .unwrap();
    assert_eq!(EXITS.load(Ordering::SeqCst), 1);
}

#[test]
fn wakes_from_another_thread_are_one_letter_until_it_is_read() {
    turnwise::block_on(async {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls > 5 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            let wakes = move || (0..100_000).for_each(|_| waker.wake_by_ref());
            let thread = thread::spawn(|| allocation_counter::measure(wakes));
            let used = thread.join().expect("waking does not panic");
            // Each round needs a message of its own, and no more: the next poll has no other cause.
            assert!(used.bytes_max < 1_000, "{used:?}");
            Poll::Pending
        })
        .await;
        assert_eq!(polls, 6);
    });
}
