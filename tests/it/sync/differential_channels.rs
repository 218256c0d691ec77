//! `Queue` beside tokio's `mpsc` in one hand: any number of puts, one get at a time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use proptest::prelude::*;
use tokio::sync::mpsc;
use turnwise::sync::Queue;

use crate::sync::differential::{Side, same};
use crate::sync::models::{config, leak, steps};

/// What both sides keep count of.
#[derive(Default)]
struct Book {
    next: u32,
    /// A get is under way.
    getting: Rc<Cell<bool>>,
    /// Puts under way.
    putting: Rc<Cell<usize>>,
}

/// Counts itself while it lives.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

struct Flagged(Rc<Cell<bool>>);

impl Drop for Flagged {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

enum Start {
    Put(u32, Counted),
    Get(Flagged),
}

impl Book {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Closing differs for puts that were granted room, and for a get under way.
    fn is_idle(&self) -> bool {
        self.putting.get() == 0 && !self.getting.get()
    }

    fn start(&mut self, ask: u8) -> Start {
        if ask % 2 == 0 && !self.getting.replace(true) {
            return Start::Get(Flagged(self.getting.clone()));
        }
        self.putting.set(self.putting.get() + 1);
        Start::Put(self.number(), Counted(self.putting.clone()))
    }
}

/// The item that was got or refused, if any.
type Out = Result<Option<u32>, u32>;

struct Ours(&'static Queue<u32>, Book);

impl Side for Ours {
    type Out = Out;

    fn start(&mut self, ask: u8) -> Pin<Box<dyn Future<Output = Out>>> {
        let (queue, start) = (self.0, self.1.start(ask));
        Box::pin(async move {
            match start {
                Start::Put(item, _count) => queue.put(item).await.map(|()| None).map_err(|e| e.0),
                Start::Get(_flag) => Ok(queue.get().await.ok()),
            }
        })
    }

    fn keep(&mut self, out: Out) -> String {
        format!("{out:?}")
    }

    fn act(&mut self, what: u8, _: u8) -> String {
        match what % 16 {
            0..=5 => {
                let item = self.1.number();
                format!("tries to put {item}: {}", self.0.try_put(item).is_ok())
            }
            6..=11 if !self.1.getting.get() => format!("tries to get {:?}", self.0.try_get().ok()),
            12 if self.1.is_idle() => {
                self.0.close();
                "closes".into()
            }
            _ => String::new(),
        }
    }

    fn state(&self, _: usize) -> String {
        format!("{} inside, closed {}", self.0.len(), self.0.is_closed())
    }
}

struct Theirs {
    sender: &'static mpsc::Sender<u32>,
    receiver: Rc<RefCell<mpsc::Receiver<u32>>>,
    book: Book,
}

impl Side for Theirs {
    type Out = Out;

    fn start(&mut self, ask: u8) -> Pin<Box<dyn Future<Output = Out>>> {
        let (sender, receiver) = (self.sender, self.receiver.clone());
        match self.book.start(ask) {
            Start::Put(item, count) => Box::pin(async move {
                let _count = count;
                sender.send(item).await.map(|()| None).map_err(|e| e.0)
            }),
            Start::Get(flag) => Box::pin(async move {
                let _flag = flag;
                Ok(poll_fn(|cx| receiver.borrow_mut().poll_recv(cx)).await)
            }),
        }
    }

    fn keep(&mut self, out: Out) -> String {
        format!("{out:?}")
    }

    fn act(&mut self, what: u8, _: u8) -> String {
        match what % 16 {
            0..=5 => {
                let item = self.book.number();
                format!(
                    "tries to put {item}: {}",
                    self.sender.try_send(item).is_ok()
                )
            }
            6..=11 if !self.book.getting.get() => {
                format!(
                    "tries to get {:?}",
                    self.receiver.borrow_mut().try_recv().ok()
                )
            }
            12 if self.book.is_idle() => {
                self.receiver.borrow_mut().close();
                "closes".into()
            }
            _ => String::new(),
        }
    }

    fn state(&self, _: usize) -> String {
        let inside = self.receiver.borrow().len();
        format!("{inside} inside, closed {}", self.sender.is_closed())
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn queue_and_mpsc(steps in steps(), capacity in 1..4_usize) {
        let (sender, receiver) = mpsc::channel(capacity);
        let theirs = Theirs {
            sender: leak(sender),
            receiver: Rc::new(RefCell::new(receiver)),
            book: Book::default(),
        };
        same(Ours(leak(Queue::bounded(capacity)), Book::default()), theirs, &steps);
    }
}

/// The programs above compare something: the hand that polls can see a put wait and a get wait.
#[test]
fn both_sides_wait_for_room_and_for_an_item() {
    let (sender, receiver) = mpsc::channel(1);
    let mut theirs = Theirs {
        sender: leak(sender),
        receiver: Rc::new(RefCell::new(receiver)),
        book: Book::default(),
    };
    let mut ours = Ours(leak(Queue::bounded(1)), Book::default());
    let sides: [&mut dyn FnMut(u8) -> Poll<Out>; 2] = [
        &mut |ask| crate::support::poll_once(&mut ours.start(ask)),
        &mut |ask| crate::support::poll_once(&mut theirs.start(ask)),
    ];
    for poll in sides {
        assert_eq!(poll(0), Poll::Pending);
        assert_eq!((poll(1), poll(1)), (Poll::Ready(Ok(None)), Poll::Pending));
        assert_eq!(poll(0), Poll::Ready(Ok(Some(1))));
    }
}
