//! The model of `models.rs` for what happens once: a value that is made, a latch that opens, a
//! channel for one value.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use proptest::prelude::*;
use turnwise::sync::oneshot::{self, Receiver, Sender};
use turnwise::sync::{CountDownLatch, OnceCell};

use crate::sync::models::{World, assert_waiters, config, drive, has, leak, pick, steps, take};

/// How an initialiser ends, once it has been told; and whom to tell.
#[derive(Default)]
struct Script {
    outcome: Cell<Option<Result<usize, usize>>>,
    waker: Cell<Option<Waker>>,
}

impl Script {
    fn tell(&self, outcome: Result<usize, usize>) {
        self.outcome.set(Some(outcome));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

struct OnceWorld {
    cell: &'static OnceCell<usize>,
    /// One for every caller, by its number.
    scripts: Vec<Rc<Script>>,
    value: Option<usize>,
    /// Somebody has the turn, or was granted it.
    busy: bool,
    /// Who runs its initialiser, and the number of that.
    running: Option<(usize, usize)>,
    waiting: Vec<(usize, ())>,
    /// Whether the value is there; else it is the turn.
    granted: Vec<(usize, bool)>,
}

impl OnceWorld {
    fn hand_on(&mut self) {
        self.busy = !self.waiting.is_empty();
        if self.busy {
            let (id, ()) = self.waiting.remove(0);
            self.granted.push((id, false));
        }
    }

    /// Goes on with the initialiser of this caller, which has the turn.
    fn run(&mut self, id: usize, number: usize) -> Option<Result<usize, usize>> {
        self.running = Some((id, number));
        let outcome = self.scripts[number].outcome.get()?;
        self.running = None;
        match outcome {
            Ok(value) => {
                self.value = Some(value);
                self.busy = false;
                let told = self.waiting.drain(..).map(|(id, ())| (id, true));
                self.granted.extend(told);
            }
            Err(_) => self.hand_on(),
        }
        Some(outcome)
    }
}

impl World for OnceWorld {
    type Ask = usize;
    type Out = Result<&'static usize, usize>;
    type Expected = Result<usize, usize>;

    fn ask(&mut self, dice: u8) -> usize {
        let number = self.scripts.len();
        let script = Script::default();
        match dice % 6 {
            0 => script.tell(Ok(number)),
            1 | 2 => script.tell(Err(number)),
            _ => {}
        }
        self.scripts.push(Rc::new(script));
        number
    }

    fn start(&self, number: usize) -> Pin<Box<dyn Future<Output = Self::Out>>> {
        let script = self.scripts[number].clone();
        Box::pin(self.cell.get_or_try_init(async move || {
            poll_fn(|cx| match script.outcome.get() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    script.waker.set(Some(cx.waker().clone()));
                    Poll::Pending
                }
            })
            .await
        }))
    }

    fn polled(&mut self, id: usize, number: usize, first: bool) -> Option<Self::Expected> {
        if self.running == Some((id, number)) {
            return self.run(id, number);
        }
        let is_set = match first {
            true if self.value.is_some() => true,
            true if self.busy => {
                self.waiting.push((id, ()));
                return None;
            }
            true => {
                self.busy = true;
                false
            }
            false => take(&mut self.granted, id)?,
        };
        match is_set {
            true => self.value.map(Ok),
            false => self.run(id, number),
        }
    }

    fn got(&mut self, out: Self::Out, expected: Self::Expected) {
        assert_eq!(out.copied(), expected);
    }

    fn left(&mut self, id: usize) {
        if self.running.is_some_and(|running| running.0 == id) {
            self.running = None;
            return self.hand_on();
        }
        match take(&mut self.granted, id) {
            Some(true) => {}
            Some(false) => self.hand_on(),
            None => take(&mut self.waiting, id).expect("it waits"),
        }
    }

    fn is_granted(&self, id: usize) -> bool {
        let told = |number: usize| self.scripts[number].outcome.get().is_some();
        let running = self.running.filter(|running| running.0 == id);
        has(&self.granted, id) || running.is_some_and(|(_, number)| told(number))
    }

    fn act(&mut self, what: u8, which: u8) {
        if what % 8 == 0 {
            let value = usize::from(which) + 1000;
            let set = self.cell.set(value);
            assert_eq!(set.is_ok(), self.value.is_none() && !self.busy);
            if set.is_ok() {
                self.value = Some(value);
            }
        } else if let Some((_, number)) = self.running {
            let script = &self.scripts[number];
            if script.outcome.get().is_none() {
                script.tell(if which % 3 == 0 {
                    Ok(number)
                } else {
                    Err(number)
                });
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.cell.get().copied(), self.value);
        assert!(self.busy || self.waiting.is_empty(), "nobody works");
        assert_waiters(self.cell, self.waiting.len());
    }

    fn end(&mut self) {
        assert!(!self.busy);
        assert_eq!(self.cell.set(7).is_ok(), self.value.is_none());
        self.value = self.value.or(Some(7));
    }
}

struct LatchWorld {
    latch: &'static CountDownLatch,
    count: usize,
    waiting: Vec<(usize, ())>,
    granted: Vec<(usize, ())>,
}

impl World for LatchWorld {
    type Ask = ();
    type Out = ();
    type Expected = ();

    fn ask(&mut self, _: u8) {}

    fn start(&self, (): ()) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(self.latch.wait())
    }

    fn polled(&mut self, id: usize, (): (), first: bool) -> Option<()> {
        match first {
            false => take(&mut self.granted, id),
            true if self.count == 0 => Some(()),
            true => {
                self.waiting.push((id, ()));
                None
            }
        }
    }

    fn got(&mut self, (): (), (): ()) {}

    fn left(&mut self, id: usize) {
        let waited = take(&mut self.waiting, id).or_else(|| take(&mut self.granted, id));
        waited.expect("it waits");
    }

    fn is_granted(&self, id: usize) -> bool {
        has(&self.granted, id)
    }

    fn act(&mut self, _: u8, _: u8) {
        self.latch.count_down();
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            self.granted.append(&mut self.waiting);
        }
    }

    fn check(&self) {
        assert_eq!(self.latch.count(), self.count);
        assert_waiters(self.latch, self.waiting.len());
    }

    fn end(&mut self) {
        assert!(self.waiting.is_empty() && self.granted.is_empty());
    }
}

/// What is sent: each is counted as long as it lives.
type Value = Rc<()>;

#[derive(Clone, Copy)]
enum Ask {
    /// Waits for the value of this channel, which is new.
    Receive(usize),
    /// Waits, with its sender, for the end of this channel's receiver.
    Closed(usize),
}

enum Out {
    Received(Result<Value, turnwise::sync::Closed>),
    Closed(usize, Sender<Value>),
}

#[derive(Default)]
struct Line {
    sent: bool,
    sender_gone: bool,
    receiver_gone: bool,
}

struct OneshotWorld {
    value: Value,
    /// Those that nobody waits with, by their channel.
    senders: RefCell<Vec<(usize, Sender<Value>)>>,
    lines: Vec<Line>,
    waiting: Vec<(usize, Ask)>,
}

impl OneshotWorld {
    /// Whether a wait for this is over: the receiver with a value or without, or the sender.
    fn is_over(&self, ask: Ask) -> bool {
        match ask {
            Ask::Receive(line) => self.lines[line].sent || self.lines[line].sender_gone,
            Ask::Closed(line) => self.lines[line].receiver_gone,
        }
    }

    fn end_of(&mut self, ask: Ask) {
        match ask {
            Ask::Receive(line) => {
                self.lines[line].receiver_gone = true;
                self.lines[line].sent = false;
            }
            Ask::Closed(line) => self.lines[line].sender_gone = true,
        }
    }
}

impl World for OneshotWorld {
    type Ask = Ask;
    type Out = Out;
    type Expected = bool;

    fn ask(&mut self, dice: u8) -> Ask {
        let senders = self.senders.borrow();
        match senders.get(usize::from(dice / 4)) {
            Some((line, _)) if dice % 4 == 0 => Ask::Closed(*line),
            _ => {
                self.lines.push(Line::default());
                Ask::Receive(self.lines.len() - 1)
            }
        }
    }

    fn start(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Out>>> {
        let mut senders = self.senders.borrow_mut();
        match ask {
            Ask::Receive(line) => {
                let (sender, receiver): (_, Receiver<Value>) = oneshot::channel();
                senders.push((line, sender));
                Box::pin(async { Out::Received(receiver.await) })
            }
            Ask::Closed(line) => {
                let sender = take(&mut senders, line).expect("nobody waits with it");
                Box::pin(async move {
                    sender.closed().await;
                    Out::Closed(line, sender)
                })
            }
        }
    }

    fn dropped_unpolled(&mut self, _: usize, ask: Ask) {
        self.end_of(ask);
    }

    fn polled(&mut self, id: usize, ask: Ask, first: bool) -> Option<bool> {
        if !self.is_over(ask) {
            if first {
                self.waiting.push((id, ask));
            }
            return None;
        }
        take(&mut self.waiting, id);
        let Ask::Receive(line) = ask else {
            return Some(true);
        };
        let sent = self.lines[line].sent;
        self.end_of(ask);
        Some(sent)
    }

    fn got(&mut self, out: Out, expected: bool) {
        match out {
            Out::Received(result) => assert_eq!(result.is_ok(), expected),
            Out::Closed(line, sender) => self.senders.borrow_mut().push((line, sender)),
        }
    }

    fn left(&mut self, id: usize) {
        let ask = take(&mut self.waiting, id).expect("it waits");
        self.end_of(ask);
    }

    fn is_granted(&self, id: usize) -> bool {
        let mut waiting = self.waiting.iter().filter(|entry| entry.0 == id);
        waiting.any(|entry| self.is_over(entry.1))
    }

    fn act(&mut self, what: u8, which: u8) {
        let Some((line, sender)) = pick(&mut self.senders.borrow_mut(), which) else {
            return;
        };
        let line = &mut self.lines[line];
        line.sender_gone = true;
        if what % 3 == 0 {
            return drop(sender);
        }
        let sent = sender.send(self.value.clone());
        assert_eq!(
            sent.is_err(),
            line.receiver_gone,
            "a refused value comes back"
        );
        line.sent = sent.is_ok();
    }

    fn check(&self) {
        for (line, sender) in &*self.senders.borrow() {
            assert_eq!(sender.is_closed(), self.lines[*line].receiver_gone);
        }
        let on_the_way = self.lines.iter().filter(|line| line.sent).count();
        assert_eq!(Rc::strong_count(&self.value) - 1, on_the_way);
    }

    fn end(&mut self) {
        assert!(
            self.lines
                .iter()
                .all(|line| line.receiver_gone || line.sender_gone)
        );
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn once_cell(steps in steps()) {
        drive(OnceWorld {
            cell: leak(OnceCell::new()),
            scripts: Vec::new(),
            value: None,
            busy: false,
            running: None,
            waiting: Vec::new(),
            granted: Vec::new(),
        }, &steps);
    }

    #[test]
    fn latch(count in 0..12_usize, steps in steps()) {
        drive(LatchWorld {
            latch: leak(CountDownLatch::new(count)),
            count,
            waiting: Vec::new(),
            granted: Vec::new(),
        }, &steps);
    }

    #[test]
    fn oneshot(steps in steps()) {
        drive(OneshotWorld {
            value: Rc::new(()),
            senders: RefCell::new(Vec::new()),
            lines: Vec::new(),
            waiting: Vec::new(),
        }, &steps);
    }
}
