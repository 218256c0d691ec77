//! The least that safe Rust has to do: boxed futures in a slab, a queue of indices, a waker that does
//! nothing, and primitives that are a queue of indices each.
//!
//! It is no library: no cancellation, no second waker, no reuse of anything after a panic. It says
//! what part of a figure is the work itself.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{Event, Executor, Lock, Oneshot, Queue, Relay, Semaphore, Signal, Timers};

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

/// Those who wait.
#[derive(Default)]
struct Line(RefCell<VecDeque<usize>>);

impl Line {
    fn wait(&self) -> impl Future<Output = ()> {
        let mut parked = false;
        poll_fn(move |_| {
            if std::mem::replace(&mut parked, true) {
                return Poll::Ready(());
            }
            self.0.borrow_mut().push_back(current());
            Poll::Pending
        })
    }

    fn wake_one(&self) -> bool {
        let head = self.0.borrow_mut().pop_front();
        head.inspect(|slot| wake(*slot)).is_some()
    }
}

pub struct Permits {
    free: Cell<usize>,
    line: Line,
}

impl Permits {
    #[inline]
    fn take(&self, parked: &mut bool) -> Poll<Permit<'_>> {
        if !*parked {
            match self.free.get() {
                0 => {
                    *parked = true;
                    self.line.0.borrow_mut().push_back(current());
                    return Poll::Pending;
                }
                free => self.free.set(free - 1),
            }
        }
        Poll::Ready(Permit(self))
    }
}

pub struct Permit<'a>(&'a Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.0.line.wake_one() {
            self.0.free.set(self.0.free.get() + 1);
        }
    }
}

impl Semaphore for Permits {
    type Permit<'a> = Permit<'a>;

    fn new(permits: usize) -> Self {
        Permits {
            free: Cell::new(permits),
            line: Line::default(),
        }
    }

    fn acquire(&self) -> impl Future<Output = Permit<'_>> {
        let mut parked = false;
        poll_fn(move |_| self.take(&mut parked))
    }
}

pub struct Locked {
    value: RefCell<u64>,
    permits: Permits,
}

pub struct Guard<'a> {
    value: RefMut<'a, u64>,
    _permit: Permit<'a>,
}

impl Deref for Guard<'_> {
    type Target = u64;

    fn deref(&self) -> &u64 {
        &self.value
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut u64 {
        &mut self.value
    }
}

impl Lock for Locked {
    type Guard<'a> = Guard<'a>;

    fn new() -> Self {
        Locked {
            value: RefCell::new(0),
            permits: Permits::new(1),
        }
    }

    fn acquire(&self) -> impl Future<Output = Guard<'_>> {
        let mut parked = false;
        poll_fn(move |_| {
            self.permits.take(&mut parked).map(|permit| Guard {
                value: self.value.borrow_mut(),
                _permit: permit,
            })
        })
    }
}

#[derive(Default)]
pub struct Waiters(Line);

impl Event for Waiters {
    fn new() -> Self {
        Waiters::default()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.0.wait()
    }

    fn wake_all(&self) {
        let mut line = self.0.0.borrow_mut();
        MINI.with(|mini| mini.ready.borrow_mut().extend(line.drain(..)));
    }
}

impl Signal for Waiters {
    fn new() -> Self {
        Waiters::default()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.0.wait()
    }

    fn wake_one(&self) {
        self.0.wake_one();
    }
}

/// A flag needs no lock on one thread; the lock is what the others are asked to use.
#[derive(Default)]
pub struct Flag {
    flag: Cell<bool>,
    flipped: [Line; 2],
}

impl Relay for Flag {
    fn new() -> Self {
        Flag::default()
    }

    async fn pass(&self, mine: bool) {
        while self.flag.get() != mine {
            self.flipped[usize::from(mine)].wait().await;
        }
        self.flag.set(!mine);
        self.flipped[usize::from(!mine)].wake_one();
    }
}

pub struct Items {
    items: RefCell<VecDeque<u64>>,
    capacity: usize,
    getters: Line,
    putters: Line,
}

impl Queue for Items {
    type Sender = Rc<Items>;
    type Receiver = Rc<Items>;

    fn new(capacity: usize) -> (Rc<Items>, Rc<Items>) {
        let queue = Rc::new(Items {
            items: RefCell::new(VecDeque::with_capacity(capacity)),
            capacity,
            getters: Line::default(),
            putters: Line::default(),
        });
        (queue.clone(), queue)
    }

    fn put(queue: &mut Rc<Items>, item: u64) -> impl Future<Output = ()> {
        poll_fn(move |_| {
            let mut items = queue.items.borrow_mut();
            if items.len() == queue.capacity {
                queue.putters.0.borrow_mut().push_back(current());
                return Poll::Pending;
            }
            items.push_back(item);
            queue.getters.wake_one();
            Poll::Ready(())
        })
    }

    fn get(queue: &mut Rc<Items>) -> impl Future<Output = u64> {
        poll_fn(move |_| match queue.items.borrow_mut().pop_front() {
            Some(item) => {
                queue.putters.wake_one();
                Poll::Ready(item)
            }
            None => {
                queue.getters.0.borrow_mut().push_back(current());
                Poll::Pending
            }
        })
    }
}

pub struct Slot;

impl Oneshot for Slot {
    type Sender<T: 'static> = Rc<Outcome<T>>;
    type Receiver<T: 'static> = Rc<Outcome<T>>;

    fn new<T: 'static>() -> (Rc<Outcome<T>>, Rc<Outcome<T>>) {
        let slot = Outcome::new();
        (slot.clone(), slot)
    }

    fn send<T: 'static>(sender: Rc<Outcome<T>>, value: T) {
        sender.set(value);
    }

    async fn receive<T: 'static>(receiver: Rc<Outcome<T>>) -> T {
        receiver.get().await
    }
}
