//! The primitives of the limit: a queue of indices each.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::super::{Event, Lock, Oneshot, Queue, Relay, Semaphore, Signal};
use super::{MINI, Outcome, current, wake};

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

    #[inline]
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
    #[inline]
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
        AcquireLocked {
            lock: self,
            parked: false,
        }
    }
}

/// Named, because a `poll_fn` is not inlined here and its guard then takes the long way.
struct AcquireLocked<'a> {
    lock: &'a Locked,
    parked: bool,
}

impl<'a> Future for AcquireLocked<'a> {
    type Output = Guard<'a>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Guard<'a>> {
        let lock = self.lock;
        lock.permits.take(&mut self.parked).map(|permit| Guard {
            value: lock.value.borrow_mut(),
            _permit: permit,
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
