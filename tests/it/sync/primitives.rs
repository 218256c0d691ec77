//! The review checklist of the primitives (DESIGN.md, rules R1 to R8), seen from outside.
//!
//! Everything that lets one task in at a time goes through one generic suite: a new one is a line
//! in `lock_likes!`. What is particular to `Event` and `Queue` follows.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use futures::future::LocalBoxFuture;
use turnwise::sync::{BoundedSemaphore, Event, Lock, Queue, RwLock, Semaphore, TryGetError};
use turnwise::{Runtime, spawn, yield_now};

use crate::support::{Log, OnDrop, Spy, panic_of, poll_once, poll_with, virtual_runtime, yields};
use crate::sync::explore::{State, System, explore};

type Section = LocalBoxFuture<'static, ()>;

/// Something that lets one task in at a time, in the order of their coming.
trait LockLike: Debug + 'static {
    fn make() -> Rc<Self>;

    /// Waits until it is let in, runs `inside`, and leaves.
    fn section(self: Rc<Self>, inside: Section) -> Section;

    /// Whether somebody who comes now is let in without waiting (and leaves at once).
    fn is_free(&self) -> bool;
}

/// A newtype and its [`LockLike`] for each line: name, how to make one, enter, try to enter.
macro_rules! lock_likes {
    ($($name:ident: $type:ty = $make:expr, |$this:ident| $enter:expr, $try_enter:expr;)+) => {
        $(
            #[derive(Debug)]
            struct $name($type);

            impl LockLike for $name {
                fn make() -> Rc<Self> {
                    Rc::new($name($make))
                }

                fn section(self: Rc<Self>, inside: Section) -> Section {
                    Box::pin(async move {
                        let $this = &self.0;
                        let _guard = $enter.await;
                        inside.await;
                    })
                }

                fn is_free(&self) -> bool {
                    let $this = &self.0;
                    $try_enter.is_some()
                }
            }
        )+

        /// Runs a generic test with each of them.
        macro_rules! for_each_lock_like {
            ($test:ident) => { $( println!(stringify!($name)); $test::<$name>(); )+ };
        }
    };
}

/// A queue of one token, as a lock.
#[derive(Debug)]
struct Token(Queue<()>);

impl Token {
    fn new() -> Self {
        let queue = Queue::bounded(1);
        queue.try_put(()).expect("it is empty");
        Token(queue)
    }

    fn back(&self) -> OnDrop<impl FnMut()> {
        self.0.task_done().expect("the token was taken");
        OnDrop(|| self.0.try_put(()).expect("the token was out"))
    }

    async fn take(&self) -> OnDrop<impl FnMut()> {
        self.0.get().await.expect("it is never closed");
        self.back()
    }

    fn try_take(&self) -> Option<OnDrop<impl FnMut()>> {
        self.0.try_get().ok().map(|()| self.back())
    }
}

lock_likes! {
    TheLock: Lock<()> = Lock::new(()), |lock| lock.acquire(), lock.try_acquire();
    OnePermit: Semaphore = Semaphore::new(1), |one| one.acquire(), one.try_acquire();
    OneBounded: BoundedSemaphore = BoundedSemaphore::new(1), |one| one.acquire(), one.try_acquire();
    AllPermits: Semaphore = Semaphore::new(3), |all| all.acquire_many(3), all.try_acquire_many(3);
    WriteLock: RwLock<()> = RwLock::new(()), |lock| lock.write(), lock.try_write();
    PreferredWriter: RwLock<()> = RwLock::prefer_writers(()), |lock| lock.write(), lock.try_write();
    TokenQueue: Token = Token::new(), |token| token.take(), token.try_take();
}

/// A section that logs its name when it is let in, and stays for `yields` yields.
fn visit<L: LockLike>(lock: &Rc<L>, log: &Log, name: &str, stay: usize) -> Section {
    let (log, name) = (log.clone(), name.to_owned());
    lock.clone().section(Box::pin(async move {
        log.add(name);
        yields(stay).await;
    }))
}

/// A section that stays until it is dropped.
fn stay<L: LockLike>(lock: &Rc<L>) -> Section {
    let mut section = lock.clone().section(Box::pin(std::future::pending()));
    assert!(poll_once(&mut section).is_pending());
    section
}

fn alone_it_is_let_in_at_once<L: LockLike>() {
    let (lock, log) = (L::make(), Log::new());
    let (spy, waker) = Spy::new();
    for _ in 0..3 {
        assert!(lock.is_free());
        assert!(poll_with(&mut visit(&lock, &log, "in", 0), &waker).is_ready());
    }
    assert_eq!((log.len(), spy.wakes()), (3, 0));
    // Made and never polled: nothing happened.
    drop(visit(&lock, &log, "never", 0));
    assert!(lock.is_free());
}

#[test]
fn alone_one_is_let_in_at_once() {
    for_each_lock_like!(alone_it_is_let_in_at_once);
}

fn waiters_and_a_latecomer<L: LockLike>() {
    let (lock, log) = (L::make(), Log::new());
    virtual_runtime().block_on(async {
        let tasks: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|name| spawn(visit(&lock, &log, name, 2)))
            .collect();
        yields(2).await;
        // `a` is in, the others wait; the latecomer is spawned while `a` leaves.
        let late = spawn(visit(&lock, &log, "late", 0));
        for task in tasks {
            task.await.unwrap();
        }
        late.await.unwrap();
    });
    assert_eq!(log.text(), "a b c late");
    assert!(lock.is_free());
}

#[test]
fn first_come_first_served_with_a_latecomer() {
    for_each_lock_like!(waiters_and_a_latecomer);
}

fn newcomer<L: LockLike>() {
    let (lock, log) = (L::make(), Log::new());
    let holder = stay(&lock);
    let (spy, waker) = Spy::new();
    let mut waiter = visit(&lock, &log, "waiter", 0);
    assert!(poll_with(&mut waiter, &waker).is_pending());
    drop(holder);
    // It is the waiter's from that instant, although the waiter has not run.
    assert_eq!(spy.wakes(), 1);
    assert!(!lock.is_free());
    let mut barger = visit(&lock, &log, "barger", 0);
    assert!(poll_once(&mut barger).is_pending());
    assert!(poll_with(&mut waiter, &waker).is_ready());
    assert!(poll_once(&mut barger).is_ready());
    assert_eq!(log.text(), "waiter barger");
    assert!(lock.is_free());
}

#[test]
fn a_newcomer_never_barges() {
    for_each_lock_like!(newcomer);
}

fn dropped_while_queued<L: LockLike>() {
    for gone in 0..3 {
        let (lock, log) = (L::make(), Log::new());
        let holder = stay(&lock);
        let mut waiters: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|name| Some((visit(&lock, &log, name, 0), Spy::new())))
            .collect();
        for waiter in waiters.iter_mut().flatten() {
            assert!(poll_with(&mut waiter.0, &waiter.1.1).is_pending());
        }
        waiters[gone] = None;
        assert!(
            waiters
                .iter()
                .flatten()
                .all(|waiter| waiter.1.0.wakes() == 0)
        );
        drop(holder);
        for waiter in waiters.iter_mut().flatten() {
            assert_eq!(waiter.1.0.wakes(), 1, "waiter {gone} is gone");
            assert!(poll_with(&mut waiter.0, &waiter.1.1).is_ready());
        }
        assert_eq!(log.text(), ["b c", "a c", "a b"][gone]);
        assert!(lock.is_free());
    }
}

#[test]
fn dropped_while_queued_head_middle_or_tail_it_leaves_the_others_in_order() {
    for_each_lock_like!(dropped_while_queued);
}

fn dropped_around_the_release<L: LockLike>() {
    for release_first in [true, false] {
        for gone in 0..3 {
            let (lock, log) = (L::make(), Log::new());
            let holder = stay(&lock);
            let mut waiters: Vec<_> = ["a", "b", "c"]
                .into_iter()
                .map(|name| Some(visit(&lock, &log, name, 0)))
                .collect();
            for waiter in waiters.iter_mut().flatten() {
                assert!(poll_once(waiter).is_pending());
            }
            if release_first {
                drop(holder);
                waiters[gone] = None;
            } else {
                waiters[gone] = None;
                drop(holder);
            }
            assert!(!lock.is_free(), "two still wait");
            for waiter in waiters.iter_mut().flatten() {
                assert!(poll_once(waiter).is_ready(), "{release_first}, {gone}");
            }
            assert!(lock.is_free());
        }
    }
}

#[test]
fn dropped_after_the_grant_it_passes_it_on_in_both_orders_with_the_release() {
    for_each_lock_like!(dropped_around_the_release);
}

fn all_waiters_dropped_after_the_release<L: LockLike>() {
    let (lock, log) = (L::make(), Log::new());
    let holder = stay(&lock);
    let mut waiters: Vec<_> = (0..4).map(|_| visit(&lock, &log, "never", 0)).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter).is_pending());
    }
    drop(holder);
    drop(waiters);
    assert!(lock.is_free(), "the grant went down with its waiters");
    assert_eq!(log.len(), 0);
}

#[test]
fn a_grant_survives_the_death_of_every_waiter() {
    for_each_lock_like!(all_waiters_dropped_after_the_release);
}

fn debug<L: LockLike>() {
    let (lock, log) = (L::make(), Log::new());
    let free = format!("{lock:?}");
    let holder = stay(&lock);
    let held = format!("{lock:?}");
    let mut waiters = [visit(&lock, &log, "a", 0), visit(&lock, &log, "b", 0)];
    for waiter in &mut waiters {
        assert!(poll_once(waiter).is_pending());
    }
    let contended = format!("{lock:?}");
    assert_ne!(free, held, "the state shows");
    assert!(
        contended.contains(": 2"),
        "the number of waiters shows: {contended}"
    );
    drop(waiters);
    drop(holder);
    assert_eq!(format!("{lock:?}"), free);
}

#[test]
fn debug_shows_state_and_waiters() {
    for_each_lock_like!(debug);
}

/// Three sections over one lock, each staying for a yield.
fn contenders<L: LockLike>(count: usize) -> System {
    let lock = L::make();
    let (came, entered) = (
        Rc::new(RefCell::new(Vec::new())),
        Rc::new(RefCell::new(Vec::new())),
    );
    let inside = Rc::new(Cell::new(None));
    let section = |n: usize| -> Section {
        let (lock, inside) = (lock.clone(), inside.clone());
        let (came, entered) = (came.clone(), entered.clone());
        Box::pin(async move {
            came.borrow_mut().push(n);
            let visit = async move {
                assert_eq!(inside.replace(Some(n)), None, "two are inside");
                entered.borrow_mut().push(n);
                let _leave = OnDrop(move || inside.set(None));
                yield_now().await;
            };
            lock.section(Box::pin(visit)).await;
        })
    };
    let futures = (0..count).map(section).collect();
    let always = {
        let (lock, came, entered) = (lock.clone(), came.clone(), entered.clone());
        move |states: &[State]| {
            let waits = |n: &usize| {
                matches!(states[*n], State::Waiting | State::Woken) && !entered.borrow().contains(n)
            };
            let somebody_waits = came.borrow().iter().any(waits);
            let free = lock.is_free();
            assert_eq!(
                free,
                inside.get().is_none() && !somebody_waits,
                "{states:?}"
            );
        }
    };
    let at_rest = move |states: &[State]| {
        assert!(
            !states.contains(&State::Waiting),
            "a waiter is stranded: {states:?}"
        );
        let entered = entered.borrow();
        let in_order: Vec<_> = came
            .borrow()
            .iter()
            .copied()
            .filter(|n| entered.contains(n))
            .collect();
        assert_eq!(*entered, in_order, "first come, first served");
    };
    System {
        alike: true,
        futures,
        always: Box::new(always),
        at_rest: Box::new(at_rest),
        at_end: Box::new(move |_| assert!(lock.is_free())),
    }
}

fn cancelled_everywhere<L: LockLike>() {
    let name = std::any::type_name::<L>();
    assert!(explore(name, 2, || contenders::<L>(3)) > 100);
    assert!(explore(name, 1, || contenders::<L>(4)) > 100);
}

#[test]
fn however_polls_and_drops_interleave_nobody_is_stranded_and_order_is_kept() {
    for_each_lock_like!(cancelled_everywhere);
}

#[test]
fn an_event_releases_all_who_wait_in_order_and_no_later_one() {
    let (event, log) = (Rc::new(Event::new()), Log::new());
    virtual_runtime().block_on(async {
        let wait = |name: &'static str| {
            let (event, log) = (event.clone(), log.clone());
            spawn(async move {
                event.wait().await;
                log.add(name);
            })
        };
        let mut tasks = vec![wait("a"), wait("b")];
        yield_now().await;
        event.set();
        event.clear();
        tasks.push(wait("late"));
        yields(3).await;
        assert_eq!(log.text(), "a b");
        assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 1 }");
        event.set();
        assert_eq!(format!("{event:?}"), "Event { set: true, waiters: 0 }");
        assert!(poll_once(&mut event.wait()).is_ready());
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(log.text(), "a b late");
}

/// Two waiters, one who sets and clears, and a waiter after that.
fn around_an_event() -> System {
    let event = Rc::new(Event::new());
    let sets = Rc::new(Cell::new(0));
    // How many sets there were when each waiter came.
    let came = Rc::new(RefCell::new([None; 4]));
    let wait = |n: usize| -> Section {
        let (event, sets, came) = (event.clone(), sets.clone(), came.clone());
        Box::pin(async move {
            came.borrow_mut()[n] = Some(sets.get());
            event.wait().await;
        })
    };
    let set = {
        let (event, sets) = (event.clone(), sets.clone());
        async move {
            yield_now().await;
            event.set();
            sets.set(sets.get() + 1);
            event.clear();
        }
    };
    let futures: Vec<Section> = vec![wait(0), Box::pin(set), wait(2), wait(3)];
    let always = move |states: &[State]| {
        for n in [0, 2, 3] {
            let released = came.borrow()[n].is_some_and(|before| before < sets.get());
            match states[n] {
                State::Waiting => assert!(!released, "{n} is stranded: {states:?}"),
                State::Woken => assert!(released, "{n} was woken for nothing: {states:?}"),
                _ => {}
            }
        }
    };
    let rest = event.clone();
    System {
        alike: false,
        futures,
        always: Box::new(always),
        at_rest: Box::new(move |states| {
            let waiting = states
                .iter()
                .filter(|state| **state == State::Waiting)
                .count();
            assert_eq!(
                format!("{rest:?}"),
                format!("Event {{ set: false, waiters: {waiting} }}")
            );
        }),
        at_end: Box::new(move |_| {
            assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 0 }");
        }),
    }
}

#[test]
fn however_polls_and_drops_interleave_an_event_releases_who_waited() {
    assert!(explore("event", 2, around_an_event) > 100);
}

/// What one future does to a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Put,
    Get,
    Close,
}
use Role::{Close, Get, Put};

/// Putters and getters over a queue of one place, and perhaps one who closes it.
fn around_a_queue(roles: &'static [Role]) -> System {
    let queue = Rc::new(Queue::bounded(1));
    let (put, got) = (
        Rc::new(RefCell::new(Vec::new())),
        Rc::new(RefCell::new(Vec::new())),
    );
    let closing = roles.contains(&Close);
    let future = |(n, role): (usize, &Role)| -> Section {
        let (queue, put, got) = (queue.clone(), put.clone(), got.clone());
        match role {
            Put => Box::pin(async move {
                match queue.put(n).await {
                    Ok(()) => put.borrow_mut().push(n),
                    Err(refused) => assert!(closing && refused.0 == n),
                }
            }),
            Get => Box::pin(async move {
                match queue.get().await {
                    Ok(item) => got.borrow_mut().push(item),
                    Err(_) => assert!(closing),
                }
            }),
            Close => Box::pin(async move {
                yield_now().await;
                queue.close();
            }),
        }
    };
    let futures = roles.iter().enumerate().map(future).collect();
    let always = {
        let queue = queue.clone();
        move |_: &[State]| assert!(queue.len() <= 1)
    };
    let at_rest = {
        let (queue, put, got) = (queue.clone(), put.clone(), got.clone());
        move |states: &[State]| {
            for (n, state) in states.iter().enumerate() {
                if *state == State::Waiting {
                    assert!(
                        !queue.is_closed(),
                        "{n} waits at a closed queue: {states:?}"
                    );
                    if roles[n] == Get {
                        assert!(queue.is_empty(), "getter {n} is stranded: {states:?}");
                    } else {
                        assert!(queue.is_full(), "putter {n} is stranded: {states:?}");
                    }
                }
            }
            assert_eq!(
                put.borrow().len(),
                got.borrow().len() + queue.len(),
                "{states:?}"
            );
        }
    };
    System {
        alike: false,
        futures,
        always: Box::new(always),
        at_rest: Box::new(at_rest),
        at_end: Box::new(move |_| {
            let mut all = got.borrow().clone();
            all.extend(queue.close_now());
            all.sort_unstable();
            let mut put = put.borrow().clone();
            put.sort_unstable();
            assert_eq!(all, put, "an item was lost or came twice");
            assert_eq!(queue.try_get(), Err(TryGetError::Closed));
            assert!(format!("{queue:?}").contains("getters: 0"));
            assert!(format!("{queue:?}").contains("putters: 0"));
        }),
    }
}

#[test]
fn however_polls_and_drops_interleave_a_queue_loses_no_item() {
    assert!(explore("queue", 2, || around_a_queue(&[Get, Put, Get, Put])) > 100);
    assert!(explore("putters", 2, || around_a_queue(&[Put, Put, Put, Get])) > 100);
    assert!(explore("getters", 2, || around_a_queue(&[Get, Get, Get, Put])) > 100);
}

#[test]
fn however_polls_and_drops_interleave_a_closing_queue_strands_nobody_and_no_item() {
    assert!(explore("close", 2, || around_a_queue(&[Put, Put, Close, Get])) > 100);
    assert!(explore("close", 2, || around_a_queue(&[Get, Get, Put, Close])) > 100);
    assert!(explore("close", 1, || around_a_queue(&[Put, Get, Close, Get, Put])) > 100);
}

#[test]
fn no_getter_is_told_of_the_end_while_an_item_may_come_back() {
    let queue = Queue::bounded(1);
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    queue.try_put(1).unwrap();
    queue.close();
    let told = poll_once(&mut second);
    drop(first);
    match told {
        Poll::Pending => assert_eq!(poll_once(&mut second), Poll::Ready(Ok(1))),
        Poll::Ready(end) => panic!(
            "it learnt of {end:?} and {} item is left behind",
            queue.len()
        ),
    }
}

#[test]
fn items_and_room_go_to_those_who_waited_first() {
    let (queue, log) = (Rc::new(Queue::bounded(1)), Log::new());
    virtual_runtime().block_on(async {
        let get = |name: &'static str| {
            let (queue, log) = (queue.clone(), log.clone());
            spawn(async move {
                let item: i32 = queue.get().await.unwrap();
                log.add(format!("{name}{item}"));
            })
        };
        let getters = [get("a"), get("b")];
        yield_now().await;
        queue.try_put(1).unwrap();
        // The item is a's already: nobody else can take it, and it still takes up the room.
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
        assert!(queue.is_full() && queue.try_put(2).is_err());
        let late = get("late");
        yield_now().await;
        queue.try_put(2).unwrap();
        yield_now().await;
        queue.try_put(3).unwrap();
        for task in getters {
            task.await.unwrap();
        }
        late.await.unwrap();
        assert_eq!(log.text(), "a1 b2 late3");

        let put = |item| {
            let queue = queue.clone();
            spawn(async move { queue.put(item).await.unwrap() })
        };
        let putters = [put(1), put(2), put(3)];
        yield_now().await;
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.try_get(), Ok(1));
        // The room is the second putter's, which has not run.
        assert!(queue.try_put(9).is_err());
        let latest = put(4);
        for item in [2, 3, 4] {
            assert_eq!(queue.get().await, Ok(item));
        }
        for task in putters {
            task.await.unwrap();
        }
        latest.await.unwrap();
    });
}

#[test]
fn a_put_that_is_dropped_takes_its_item_along_and_gives_its_room_back() {
    for granted in [false, true] {
        let queue = Queue::bounded(1);
        queue.try_put(1).unwrap();
        let (mut put, mut next) = (queue.put(2), queue.put(3));
        assert!(poll_once(&mut put).is_pending());
        assert!(poll_once(&mut next).is_pending());
        if granted {
            assert_eq!(queue.try_get(), Ok(1));
            drop(put);
        } else {
            drop(put);
            assert_eq!(queue.try_get(), Ok(1));
        }
        assert!(poll_once(&mut next).is_ready());
        assert_eq!(queue.close_now(), [3]);
    }
}

#[test]
fn a_queue_counts_unfinished_work_and_refuses_one_report_too_many() {
    let queue = Queue::unbounded();
    virtual_runtime().block_on(async {
        queue.join().await;
        queue.put(1).await.unwrap();
        queue.put(2).await.unwrap();
        let mut join = queue.join();
        assert!(poll_once(&mut join).is_pending());
        assert_eq!(queue.get().await, Ok(1));
        queue.task_done().unwrap();
        assert!(poll_once(&mut join).is_pending());
        let taken = queue.take().await.unwrap();
        assert_eq!(*taken, 2);
        drop(taken);
        assert!(poll_once(&mut join).is_ready());
        let error = queue.task_done().unwrap_err();
        assert!(error.to_string().contains("once per get"), "{error}");
    });
    assert_eq!(queue.capacity(), None);
}

#[test]
fn a_lock_gives_its_value_only_to_the_one_inside() {
    let mut lock = Lock::new(vec![1]);
    {
        let mut guard = lock.try_acquire().unwrap();
        guard.push(2);
        assert!(lock.try_acquire().is_none());
        assert_eq!(format!("{guard:?}"), "[1, 2]");
        assert!(
            !format!("{lock:?}").contains("[1, 2]"),
            "Debug does not look inside"
        );
    }
    lock.get_mut().push(3);
    assert_eq!(lock.into_inner(), [1, 2, 3]);
}

#[test]
fn a_panic_inside_a_section_releases_the_lock() {
    let lock = Rc::new(Lock::new(0));
    Runtime::new().block_on(async {
        let bad = spawn({
            let lock = lock.clone();
            async move {
                let mut guard = lock.acquire().await;
                *guard = 1;
                yield_now().await;
                panic!("inside");
            }
        });
        yield_now().await;
        let waiter = spawn({
            let lock = lock.clone();
            async move { *lock.acquire().await }
        });
        assert!(bad.await.unwrap_err().is_panic());
        assert_eq!(waiter.await.unwrap(), 1);
    });
    assert!(!lock.is_locked());
}

#[test]
fn primitives_are_made_in_constant_thread_locals() {
    thread_local! {
        static LOCK: Lock<u8> = const { Lock::new(1) };
        static EVENT: Event = const { Event::new() };
        static QUEUE: Queue<u8> = const { Queue::bounded(1) };
    }
    assert_eq!(LOCK.with(|lock| *lock.try_acquire().unwrap()), 1);
    EVENT.with(Event::set);
    QUEUE.with(|queue| queue.try_put(1).unwrap());
    assert!(EVENT.with(Event::is_set));
    assert_eq!(QUEUE.with(|queue| queue.try_get()), Ok(1));
    let text = panic_of(|| Queue::<u8>::bounded(0));
    assert!(text.contains("above zero"), "{text}");
}

#[test]
fn a_wait_that_is_polled_without_need_keeps_its_place() {
    let (lock, log) = (Rc::new(Lock::new(())), Log::new());
    Runtime::new().block_on(async {
        let guard = lock.try_acquire().unwrap();
        let first = spawn({
            let (lock, log) = (lock.clone(), log.clone());
            async move {
                let mut acquire = lock.acquire();
                // Woken in every pass by itself, as by a combinator with other business.
                poll_fn(|cx| match std::pin::Pin::new(&mut acquire).poll(cx) {
                    Poll::Ready(guard) => {
                        let _: () = drop(guard);
                        Poll::Ready(())
                    }
                    Poll::Pending => {
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                })
                .await;
                log.add("first");
            }
        });
        let second = spawn({
            let (lock, log) = (lock.clone(), log.clone());
            async move {
                drop(lock.acquire().await);
                log.add("second");
            }
        });
        yields(5).await;
        drop(guard);
        first.await.unwrap();
        second.await.unwrap();
    });
    assert_eq!(log.text(), "first second");
}
