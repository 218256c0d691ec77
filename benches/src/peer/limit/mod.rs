//! The least that safe Rust has to do: boxed futures in a slab, a queue of indices, a waker that does
//! nothing, and primitives that are a queue of indices each.
//!
//! It is no library: no cancellation, no second waker, no reuse of anything after a panic. It says
//! what part of a figure is the work itself.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{Executor, Timers};

mod sync;

pub use sync::{Flag, Items, Locked, Permits, Slot, Waiters};

type Body = Pin<Box<dyn Future<Output = ()>>>;

struct Mini {
    tasks: RefCell<Vec<Option<Body>>>,
    free: RefCell<Vec<usize>>,
    ready: RefCell<VecDeque<usize>>,
    current: Cell<usize>,
    timers: RefCell<BTreeMap<(Instant, usize), usize>>,
    armed: Cell<usize>,
}

thread_local! {
    static MINI: Mini = const {
        Mini {
            tasks: RefCell::new(Vec::new()),
            free: RefCell::new(Vec::new()),
            ready: RefCell::new(VecDeque::new()),
            current: Cell::new(0),
            timers: RefCell::new(BTreeMap::new()),
            armed: Cell::new(0),
        }
    };
}

impl Mini {
    fn add(&self, body: Body) {
        let slot = match self.free.borrow_mut().pop() {
            Some(slot) => {
                self.tasks.borrow_mut()[slot] = Some(body);
                slot
            }
            None => {
                let mut tasks = self.tasks.borrow_mut();
                tasks.push(Some(body));
                tasks.len() - 1
            }
        };
        self.wake(slot);
    }

    fn wake(&self, slot: usize) {
        self.ready.borrow_mut().push_back(slot);
    }

    /// Polls the tasks in order until `is_over`.
    fn run(&self, is_over: impl Fn() -> bool) {
        let cx = &mut Context::from_waker(Waker::noop());
        while !is_over() {
            let Some(slot) = self.ready.borrow_mut().pop_front() else {
                self.expire();
                continue;
            };
            let Some(mut body) = self.tasks.borrow_mut()[slot].take() else {
                continue;
            };
            self.current.set(slot);
            match body.as_mut().poll(cx) {
                Poll::Pending => self.tasks.borrow_mut()[slot] = Some(body),
                Poll::Ready(()) => self.free.borrow_mut().push(slot),
            }
        }
    }

    fn expire(&self) {
        let Some(next) = self.timers.borrow().keys().next().copied() else {
            panic!("nobody will ever be ready");
        };
        std::thread::sleep(next.0.saturating_duration_since(Instant::now()));
        let later = self.timers.borrow_mut().split_off(&(Instant::now(), 0));
        for slot in self.timers.replace(later).into_values() {
            self.wake(slot);
        }
    }
}

fn current() -> usize {
    MINI.with(|mini| mini.current.get())
}

fn wake(slot: usize) {
    MINI.with(|mini| mini.wake(slot));
}

#[derive(Clone)]
pub struct Limit;

/// What a task leaves behind, and who waits for it.
pub struct Outcome<T> {
    value: Cell<Option<T>>,
    waiter: Cell<Option<usize>>,
}

impl<T> Outcome<T> {
    fn new() -> Rc<Self> {
        Rc::new(Outcome {
            value: Cell::new(None),
            waiter: Cell::new(None),
        })
    }

    fn set(&self, value: T) {
        self.value.set(Some(value));
        if let Some(slot) = self.waiter.take() {
            wake(slot);
        }
    }

    fn get(&self) -> impl Future<Output = T> {
        poll_fn(|_| match self.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                self.waiter.set(Some(current()));
                Poll::Pending
            }
        })
    }
}

impl Executor for Limit {
    type Handle<T: 'static> = Rc<Outcome<T>>;

    fn block_on<F>(main: impl FnOnce(Self) -> F) -> F::Output
    where
        F: Future<Output: 'static> + 'static,
    {
        let over = Rc::new(Cell::new(false));
        let told = over.clone();
        let main = main(Limit);
        let output = Limit.spawn(async move {
            let output = main.await;
            told.set(true);
            output
        });
        MINI.with(|mini| {
            mini.run(|| over.get());
            mini.ready.take();
            mini.free.take();
            drop(mini.tasks.take());
        });
        output.value.take().expect("main is over")
    }

    fn spawn<F>(&self, future: F) -> Rc<Outcome<F::Output>>
    where
        F: Future<Output: 'static> + 'static,
    {
        let outcome = Outcome::new();
        let handle = outcome.clone();
        let body = Box::pin(async move { outcome.set(future.await) });
        MINI.with(|mini| mini.add(body));
        handle
    }

    async fn join<T: 'static>(handle: Rc<Outcome<T>>) -> T {
        handle.get().await
    }

    fn yield_now() -> impl Future<Output = ()> {
        let mut yielded = false;
        poll_fn(move |_| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            wake(current());
            Poll::Pending
        })
    }
}

/// A deadline among the armed ones; gone when dropped.
struct Armed(Option<(Instant, usize)>);

impl Armed {
    fn new(duration: Duration) -> Self {
        let deadline = Instant::now() + duration;
        Armed(Some(MINI.with(|mini| {
            let number = mini.armed.get();
            mini.armed.set(number + 1);
            mini.timers
                .borrow_mut()
                .insert((deadline, number), current());
            (deadline, number)
        })))
    }

    fn is_due(&mut self) -> bool {
        let due = self.0.is_some_and(|key| Instant::now() >= key.0);
        if due {
            self.0 = None;
        }
        due
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(key) = self.0 {
            MINI.with(|mini| mini.timers.borrow_mut().remove(&key));
        }
    }
}

impl Timers for Limit {
    async fn sleep(duration: Duration) {
        let mut armed = Armed::new(duration);
        let mut polled = false;
        poll_fn(|_| match std::mem::replace(&mut polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        armed.0 = None;
    }

    async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let mut armed = None;
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            match armed.get_or_insert_with(|| Armed::new(duration)).is_due() {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        })
        .await
    }
}
