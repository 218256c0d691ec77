//! One suite over everything that lets in one at a time. What wakers may do to it is in
//! `lock_like_wakers.rs`.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use turnwise::sync::{
    BoundedSemaphore, Channel, Condition, LifoQueue, Lock, PriorityQueue, Queue, RwLock, Semaphore,
    Store,
};
use turnwise::{Runtime, spawn, yield_now};

use crate::support::{Spy, panics, poll_once, poll_with};
use crate::sync::models::leak;

/// Whatever is released by its drop.
pub(crate) trait Hold {}
impl<T> Hold for T {}

pub(crate) type Guard = Box<dyn Hold>;
pub(crate) type Acquire = Pin<Box<dyn Future<Output = Guard>>>;

/// Something that one at a time may hold. It is never freed: guards and waiters borrow it for ever.
pub(crate) trait LockLike: Debug {
    fn acquire(&'static self) -> Acquire;
    fn try_acquire(&'static self) -> Option<Guard>;
    /// What its `Debug` shows while it is held or free and so many wait.
    fn shows(&self, held: bool, waiters: usize) -> [String; 2];
}

pub(crate) type Subject = &'static dyn LockLike;

fn boxed<T: 'static>(future: impl Future<Output = T> + 'static) -> Acquire {
    Box::pin(async move { Box::new(future.await) as Guard })
}

fn held<T: 'static>(guard: Option<T>) -> Option<Guard> {
    Some(Box::new(guard?))
}

macro_rules! lock_like {
    ($type:ty, $state:literal when $when:expr; $this:ident: $acquire:expr, $try_acquire:expr) => {
        impl LockLike for $type {
            fn acquire(&'static self) -> Acquire {
                let $this = self;
                boxed($acquire)
            }

            fn try_acquire(&'static self) -> Option<Guard> {
                let $this = self;
                held($try_acquire)
            }

            fn shows(&self, held: bool, waiters: usize) -> [String; 2] {
                let state: fn(bool) -> String = $when;
                let state = format!("{}: {}", $state, state(held));
                [state, format!("waiters: {waiters} ")]
            }
        }
    };
}

fn as_flag(held: bool) -> String {
    held.to_string()
}

fn as_rest(held: bool) -> String {
    usize::from(!held).to_string()
}

lock_like!(Lock<()>, "locked" when as_flag; this: this.acquire(), this.try_acquire());
lock_like!(RwLock<()>, "writing" when as_flag; this: this.write(), this.try_write());
lock_like!(Semaphore, "available" when as_rest; this: this.acquire(), this.try_acquire());
lock_like!(BoundedSemaphore, "available" when as_rest;
    this: this.acquire_many(1), this.try_acquire_many(1));

/// Guards and permits that own what they hold.
#[derive(Debug)]
struct Owned<S>(Rc<S>);

lock_like!(Owned<Semaphore>, "available" when as_rest;
    this: this.0.acquire_owned(), this.0.try_acquire_owned());
lock_like!(Owned<BoundedSemaphore>, "available" when as_rest;
    this: this.0.acquire_many_owned(1), this.0.try_acquire_many_owned(1));
lock_like!(Owned<Lock<()>>, "locked" when as_flag;
    this: this.0.acquire_owned(), this.0.try_acquire_owned());
lock_like!(Owned<RwLock<()>>, "writing" when as_flag;
    this: this.0.write_owned(), this.0.try_write_owned());

/// The lock of a condition, taken by waiting for what holds already.
#[derive(Debug)]
struct Conditional(Lock<()>, Condition);

lock_like!(Conditional, "locked" when as_flag;
    this: async { this.1.wait_for(this.0.acquire().await, |()| true).await },
    this.0.try_acquire());

/// A lock that is a read lock to those outside: a writer that has stepped down keeps writers out.
#[derive(Debug)]
struct Downgraded<L>(L);

lock_like!(Downgraded<RwLock<()>>, "readers" when |held| usize::from(held).to_string();
    this: async { this.0.write().await.downgrade() },
    this.0.try_write().map(|guard| guard.downgrade()));
lock_like!(Downgraded<Rc<RwLock<()>>>, "readers" when |held| usize::from(held).to_string();
    this: async { this.0.write_owned().await.downgrade() },
    this.0.try_write_owned().map(|guard| guard.downgrade()));

/// A queue with one item: whoever has it is inside.
#[derive(Debug)]
struct Token<Q>(Q);

/// Puts the item back.
struct PutBack<S: Store<Item = ()> + 'static>(&'static Channel<S>);

impl<S: Store<Item = ()>> Drop for PutBack<S> {
    fn drop(&mut self) {
        self.0.try_put(()).expect("there is one item only");
    }
}

impl<Q, S> LockLike for Token<Q>
where
    Q: Deref<Target = Channel<S>> + Debug,
    S: Store<Item = ()> + 'static,
{
    fn acquire(&'static self) -> Acquire {
        boxed(async {
            self.0.get().await.expect("it is never closed");
            PutBack(&self.0)
        })
    }

    fn try_acquire(&'static self) -> Option<Guard> {
        held(self.0.try_get().ok().map(|()| PutBack(&self.0)))
    }

    fn shows(&self, held: bool, waiters: usize) -> [String; 2] {
        let len = usize::from(!held);
        [format!("len: {len},"), format!("getters: {waiters},")]
    }
}

/// The queue, with its one item.
fn token<Q: Deref<Target = Channel<S>>, S: Store<Item = ()>>(queue: Q) -> Token<Q> {
    queue.try_put(()).unwrap();
    Token(queue)
}

/// A fresh one of each kind.
pub(crate) fn subject(kind: &str) -> Subject {
    match kind {
        "lock" => leak(Lock::new(())),
        "semaphore" => leak(Semaphore::new(1)),
        "bounded_semaphore" => leak(BoundedSemaphore::new(1)),
        "rwlock_write" => leak(RwLock::new(())),
        "rwlock_write_preferred" => leak(RwLock::prefer_writers(())),
        "rwlock_downgraded" => leak(Downgraded(RwLock::new(()))),
        "owned_permit" => leak(Owned(Rc::new(Semaphore::new(1)))),
        "owned_lock" => leak(Owned(Rc::new(Lock::new(())))),
        "owned_write" => leak(Owned(Rc::new(RwLock::new(())))),
        "owned_write_preferred" => leak(Owned(Rc::new(RwLock::prefer_writers(())))),
        "owned_downgraded" => leak(Downgraded(Rc::new(RwLock::new(())))),
        "owned_bounded_permit" => leak(Owned(Rc::new(BoundedSemaphore::new(1)))),
        "lock_of_a_condition" => leak(Conditional(Lock::new(()), Condition::new())),
        "queue_token" => leak(token(Queue::bounded(1))),
        "lifo_queue_token" => leak(token(LifoQueue::bounded(1))),
        "priority_queue_token" => leak(token(PriorityQueue::bounded(1))),
        _ => unreachable!("there is no {kind}"),
    }
}

/// Makes a test of every kind out of each function.
macro_rules! for_everything_lock_like {
    ($($test:ident)+) => {
        crate::sync::lock_like::for_everything_lock_like! { @ [$($test)+]
            lock semaphore bounded_semaphore rwlock_write rwlock_write_preferred rwlock_downgraded
            owned_permit owned_bounded_permit owned_lock owned_write owned_write_preferred owned_downgraded lock_of_a_condition queue_token lifo_queue_token
            priority_queue_token
        }
    };
    (@ $tests:tt $($kind:ident)+) => {
        $(crate::sync::lock_like::for_everything_lock_like! { @@ $tests $kind })+
    };
    (@@ [$($test:ident)+] $kind:ident) => {
        mod $kind {
            $(
                #[test]
                fn $test() {
                    super::$test(crate::sync::lock_like::subject(stringify!($kind)));
                }
            )+
        }
    };
}

pub(crate) use for_everything_lock_like;

for_everything_lock_like! {
    uncontended_is_taken_at_once_and_free_after
    waiters_are_served_in_order_and_a_latecomer_last
    dropped_before_its_first_poll_was_never_there
    dropped_while_queued_or_after_the_grant_in_both_orders_with_the_release
    dropped_in_every_order_with_the_release
    a_newcomer_does_not_barge_in_between_the_release_and_the_turn_of_the_woken
    try_acquire_robs_nobody
    polled_again_and_again_it_keeps_its_place_and_wakes_once
    the_waker_of_the_last_poll_is_woken_and_no_other
    debug_shows_state_and_waiters
    under_join
    under_join_all
    under_join_all_of_many
    under_futures_unordered
    under_tokio
    under_async_executor
    under_turnwise
    cancelled_tasks_in_the_turn_of_the_release_leave_it_to_the_next
    a_task_that_panics_inside_releases
}

/// A waiter that has been polled, and its waker.
pub(crate) struct Queued {
    pub(crate) acquire: Acquire,
    pub(crate) spy: Arc<Spy>,
}

impl Queued {
    #[track_caller]
    pub(crate) fn new(lock: Subject) -> Queued {
        let (mut acquire, (spy, waker)) = (lock.acquire(), Spy::new());
        assert!(poll_with(&mut acquire, &waker).is_pending());
        Queued { acquire, spy }
    }

    fn is_granted(&self) -> bool {
        self.spy.wakes() > 0
    }
}

/// The guard of a future that must be ready.
#[track_caller]
pub(crate) fn now(acquire: &mut Acquire) -> Guard {
    match poll_once(acquire) {
        std::task::Poll::Ready(guard) => guard,
        std::task::Poll::Pending => panic!("it should have been granted"),
    }
}

/// Asserts that nobody holds it and nobody waits.
#[track_caller]
pub(crate) fn assert_free(lock: Subject) {
    assert!(lock.try_acquire().is_some(), "it is free for nobody");
    let shown = format!("{lock:?} ");
    for part in lock.shows(false, 0) {
        assert!(shown.contains(&part), "no `{part}` in {shown}");
    }
}

fn uncontended_is_taken_at_once_and_free_after(lock: Subject) {
    for _ in 0..3 {
        let guard = now(&mut lock.acquire());
        assert!(lock.try_acquire().is_none(), "two are inside");
        drop(guard);
        let guard = lock.try_acquire().expect("it is free");
        assert!(poll_once(&mut lock.acquire()).is_pending());
        drop(guard);
        assert_free(lock);
    }
}

fn waiters_are_served_in_order_and_a_latecomer_last(lock: Subject) {
    let mut guard = now(&mut lock.acquire());
    let mut line: Vec<_> = (0..4).map(|_| Queued::new(lock)).collect();
    for served in 0..4 {
        drop(guard);
        let granted: Vec<_> = line.iter().map(Queued::is_granted).collect();
        let expected: Vec<_> = (0..line.len()).map(|n| n == 0).collect();
        assert_eq!(granted, expected, "after {served}");
        if served == 1 {
            line.push(Queued::new(lock));
        }
        guard = now(&mut line.remove(0).acquire);
    }
    drop(guard);
    drop(now(&mut line.remove(0).acquire));
    assert_free(lock);
}

fn dropped_before_its_first_poll_was_never_there(lock: Subject) {
    drop(lock.acquire());
    let guard = now(&mut lock.acquire());
    let early = lock.acquire();
    let mut queued = Queued::new(lock);
    drop(early);
    drop(guard);
    drop(lock.acquire());
    drop(now(&mut queued.acquire));
    assert_free(lock);
}

fn dropped_while_queued_or_after_the_grant_in_both_orders_with_the_release(lock: Subject) {
    for victim in 0..4 {
        for release_first in [true, false] {
            let guard = now(&mut lock.acquire());
            let mut line: Vec<_> = (0..4).map(|_| Queued::new(lock)).collect();
            if release_first {
                drop(guard);
                drop(line.remove(victim));
            } else {
                drop(line.remove(victim));
                assert!(line.iter().all(|queued| !queued.is_granted()));
                drop(guard);
            }
            for next in 0..3 {
                let granted = line.iter().filter(|queued| queued.is_granted()).count();
                assert_eq!(granted, next + 1, "{victim} {release_first}");
                assert!(
                    lock.try_acquire().is_none(),
                    "a newcomer robs the granted one"
                );
                drop(now(&mut line[next].acquire));
            }
            assert_free(lock);
        }
    }
}

fn dropped_in_every_order_with_the_release(lock: Subject) {
    const RELEASE: usize = 3;
    let orders = (0..256).map(|n| [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6]);
    let orders = orders.filter(|order| (0..4).all(|step| order.contains(&step)));
    for (order, last) in orders.flat_map(|order| (1..=4).map(move |last| (order, last))) {
        let mut guard = Some(now(&mut lock.acquire()));
        let mut line: Vec<_> = (0..3).map(|_| Some(Queued::new(lock))).collect();
        // Only the first steps, so that some waiters survive.
        for &step in &order[..last] {
            match step {
                RELEASE => drop(guard.take()),
                waiter => drop(line[waiter].take()),
            }
        }
        drop(guard);
        for queued in line.iter_mut().flatten() {
            drop(now(&mut queued.acquire));
        }
        assert_free(lock);
    }
}

fn a_newcomer_does_not_barge_in_between_the_release_and_the_turn_of_the_woken(lock: Subject) {
    let guard = now(&mut lock.acquire());
    let (mut first, mut second) = (Queued::new(lock), Queued::new(lock));
    drop(guard);
    let mut newcomer = Queued::new(lock);
    let guard = now(&mut first.acquire);
    assert!(!second.is_granted(), "two are inside");
    drop(guard);
    assert!(!newcomer.is_granted() && second.is_granted());
    drop(now(&mut second.acquire));
    drop(now(&mut newcomer.acquire));
    assert_free(lock);
}

fn try_acquire_robs_nobody(lock: Subject) {
    let guard = now(&mut lock.acquire());
    assert!(lock.try_acquire().is_none());
    let (mut first, mut second) = (Queued::new(lock), Queued::new(lock));
    assert!(lock.try_acquire().is_none());
    drop(guard);
    assert!(lock.try_acquire().is_none(), "it belongs to the first");
    drop(now(&mut first.acquire));
    assert!(lock.try_acquire().is_none(), "it belongs to the second");
    drop(now(&mut second.acquire));
    assert_free(lock);
}

fn polled_again_and_again_it_keeps_its_place_and_wakes_once(lock: Subject) {
    let guard = now(&mut lock.acquire());
    let (first_spy, first_waker) = Spy::new();
    let mut first = lock.acquire();
    let mut second = None;
    for _ in 0..5 {
        assert!(poll_with(&mut first, &first_waker).is_pending());
        second.get_or_insert_with(|| Queued::new(lock));
    }
    let mut second = second.unwrap();
    drop(guard);
    assert_eq!((first_spy.wakes(), second.spy.wakes()), (1, 0));
    assert!(poll_once(&mut second.acquire).is_pending(), "it overtakes");
    drop(now(&mut first));
    drop(now(&mut second.acquire));
    assert_eq!(first_spy.wakes(), 1);
    assert_free(lock);
}

fn the_waker_of_the_last_poll_is_woken_and_no_other(lock: Subject) {
    let guard = now(&mut lock.acquire());
    let mut queued = Queued::new(lock);
    let (spy, waker) = Spy::new();
    assert!(poll_with(&mut queued.acquire, &waker).is_pending());
    assert_eq!(Arc::strong_count(&queued.spy), 1, "the old waker is kept");
    drop(guard);
    assert_eq!((queued.spy.wakes(), spy.wakes()), (0, 1));
    drop(now(&mut queued.acquire));
    drop(waker);
    assert_eq!(Arc::strong_count(&spy), 1, "the waker is kept");
    assert_free(lock);
}

fn debug_shows_state_and_waiters(lock: Subject) {
    assert_free(lock);
    let guard = now(&mut lock.acquire());
    let mut line = Vec::new();
    for waiters in 0..3 {
        let shown = format!("{lock:?} ");
        for part in lock.shows(true, waiters) {
            assert!(shown.contains(&part), "no `{part}` in {shown}");
        }
        line.push(Queued::new(lock));
    }
    drop((line, guard));
    assert_free(lock);
}

/// Goes to the tail of whichever executor polls.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// What tasks that go through a lock do: who asked, who got in, and whether somebody was there.
#[derive(Clone, Default)]
struct Visits {
    asked: Rc<RefCell<Vec<usize>>>,
    entered: Rc<RefCell<Vec<usize>>>,
    inside: Rc<Cell<usize>>,
}

impl Visits {
    /// Comes three times, and stays for some turns.
    async fn visit(self, lock: Subject, name: usize) {
        for round in 0..3 {
            let visit = name + 100 * round;
            self.asked.borrow_mut().push(visit);
            let guard = lock.acquire().await;
            self.entered.borrow_mut().push(visit);
            assert_eq!(self.inside.replace(1), 0, "two are inside");
            for _ in 0..visit % 3 {
                pause().await;
            }
            self.inside.set(0);
            drop(guard);
            if name % 2 == 0 {
                pause().await;
            }
        }
    }

    fn futures(&self, lock: Subject, count: usize) -> Vec<impl Future<Output = ()> + use<>> {
        let name = |name| self.clone().visit(lock, name);
        (0..count).map(name).collect()
    }

    /// Asserts that all came in, in the order in which they asked.
    #[track_caller]
    fn check(&self, lock: Subject, count: usize) {
        assert_eq!(*self.asked.borrow(), *self.entered.borrow());
        assert_eq!(self.asked.borrow().len(), 3 * count);
        assert_free(lock);
    }
}

fn under_join(lock: Subject) {
    let visits = Visits::default();
    let visit = |name| visits.clone().visit(lock, name);
    turnwise::block_on(async {
        futures::join!(visit(0), visit(1), visit(2), visit(3));
    });
    visits.check(lock, 4);
}

fn under_join_all(lock: Subject) {
    let visits = Visits::default();
    turnwise::block_on(join_all(visits.futures(lock, 7)));
    visits.check(lock, 7);
}

/// So many that `join_all` gives each a waker of its own.
fn under_join_all_of_many(lock: Subject) {
    let visits = Visits::default();
    turnwise::block_on(join_all(visits.futures(lock, 50)));
    visits.check(lock, 50);
}

fn under_futures_unordered(lock: Subject) {
    let visits = Visits::default();
    let all: FuturesUnordered<_> = visits.futures(lock, 7).into_iter().collect();
    let ended = turnwise::block_on(all.collect::<Vec<()>>());
    assert_eq!(ended.len(), 7);
    visits.check(lock, 7);
}

fn under_tokio(lock: Subject) {
    let visits = Visits::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let tasks = visits
            .futures(lock, 7)
            .into_iter()
            .map(tokio::task::spawn_local);
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    visits.check(lock, 7);
}

fn under_async_executor(lock: Subject) {
    let visits = Visits::default();
    let executor = async_executor::LocalExecutor::new();
    let tasks = visits
        .futures(lock, 7)
        .into_iter()
        .map(|visit| executor.spawn(visit));
    let tasks: Vec<_> = tasks.collect();
    // No runtime of ours on this thread.
    futures::executor::block_on(executor.run(join_all(tasks)));
    visits.check(lock, 7);
}

fn under_turnwise(lock: Subject) {
    let visits = Visits::default();
    turnwise::block_on(async {
        let tasks = visits.futures(lock, 7).into_iter().map(spawn);
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    visits.check(lock, 7);
}

fn cancelled_tasks_in_the_turn_of_the_release_leave_it_to_the_next(lock: Subject) {
    for victims in [&[0][..], &[1], &[2], &[0, 1], &[1, 0], &[2, 0]] {
        for release_first in [true, false] {
            Runtime::new().block_on(async {
                let guard = lock.acquire().await;
                let order = Rc::new(RefCell::new(Vec::new()));
                let task = |name| {
                    let order = order.clone();
                    spawn(async move {
                        let _guard = lock.acquire().await;
                        order.borrow_mut().push(name);
                        yield_now().await;
                    })
                };
                let tasks = [0, 1, 2].map(task);
                yield_now().await;
                let mut guard = Some(guard).filter(|_| !release_first);
                for &victim in victims {
                    tasks[victim].cancel();
                }
                drop(guard.take());
                for (name, task) in tasks.into_iter().enumerate() {
                    assert_eq!(task.await.is_err(), victims.contains(&name));
                }
                let expected: Vec<_> = (0..3).filter(|name| !victims.contains(name)).collect();
                assert_eq!(*order.borrow(), expected);
            });
            assert_free(lock);
        }
    }
}

fn a_task_that_panics_inside_releases(lock: Subject) {
    Runtime::new().block_on(async {
        let inside = spawn(async move {
            let _guard = lock.acquire().await;
            yield_now().await;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        let next = spawn(async move { drop(lock.acquire().await) });
        assert!(inside.await.unwrap_err().is_panic());
        next.await.unwrap();
    });
    let guard = now(&mut lock.acquire());
    let mut queued = Queued::new(lock);
    let unwound = panics(|| {
        let _guard = guard;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(unwound && queued.is_granted());
    drop(now(&mut queued.acquire));
    assert_free(lock);
}
