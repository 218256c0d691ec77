//! What the tests share: a spy waker, drop counters, runtimes, a guard against hangs.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A waker that counts.
#[derive(Default)]
pub struct Spy(AtomicUsize);

impl Spy {
    pub fn new() -> (Arc<Spy>, Waker) {
        let spy = Arc::new(Spy::default());
        (spy.clone(), Waker::from(spy))
    }

    pub fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Spy {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once with `waker`.
pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Polls once with a waker that does nothing.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

/// A record of what happened, in order.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn new() -> Self {
        Log::default()
    }

    pub fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    /// The entries so far, separated by spaces.
    pub fn text(&self) -> String {
        self.0.borrow().join(" ")
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Something that adds `entry` when it is dropped.
    pub fn on_drop(&self, entry: &str) -> OnDrop<impl FnMut() + use<>> {
        let (log, entry) = (self.clone(), entry.to_owned());
        OnDrop(move || log.add(entry.clone()))
    }
}

/// Calls a function when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Counts how many of its tokens are alive, and how many there ever were.
#[derive(Clone, Default)]
pub struct Census(Rc<(Cell<usize>, Cell<usize>)>);

impl Census {
    pub fn token(&self) -> Token {
        self.0.0.set(self.0.0.get() + 1);
        self.0.1.set(self.0.1.get() + 1);
        Token(self.clone())
    }

    pub fn alive(&self) -> usize {
        self.0.0.get()
    }

    pub fn ever(&self) -> usize {
        self.0.1.get()
    }
}

/// One of those counted by a [`Census`]. A second drop of the same one would underflow and panic.
pub struct Token(Census);

impl Drop for Token {
    fn drop(&mut self) {
        let left = self.0.0.0.get().checked_sub(1);
        self.0.0.0.set(left.expect("something was dropped twice"));
    }
}

pub fn virtual_runtime() -> turnwise::Runtime {
    turnwise::Builder::new().virtual_clock().build()
}

/// Runs `test` on a thread of its own and fails when it takes longer than a minute: for hazards
/// whose symptom is a hang.
#[track_caller]
pub fn bounded(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let result = panic::catch_unwind(AssertUnwindSafe(test));
        let _ = done.send(());
        result
    });
    match is_done.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => match thread.join().expect("the panic was caught") {
            Ok(()) => {}
            Err(payload) => panic::resume_unwind(payload),
        },
    }
}

/// The text of the panic of `f`.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => text_of(&*payload),
    }
}

/// The text that a panic carries.
pub fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .expect("a panic with a text")
        .to_owned()
}

/// Runs `f` and says whether it panicked.
pub fn panics(f: impl FnOnce()) -> bool {
    panic::catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Yields `times` times.
pub async fn yields(times: usize) {
    for _ in 0..times {
        turnwise::yield_now().await;
    }
}

/// Pending until `open`; wakes nobody by itself, but keeps no waker either.
pub struct UntilOpen {
    pub open: Rc<Cell<bool>>,
    pub polls: Rc<Cell<usize>>,
    pub kept: Rc<RefCell<Option<Waker>>>,
}

impl UntilOpen {
    pub fn new() -> (
        Self,
        Rc<Cell<bool>>,
        Rc<Cell<usize>>,
        Rc<RefCell<Option<Waker>>>,
    ) {
        let open = Rc::new(Cell::new(false));
        let polls = Rc::new(Cell::new(0));
        let kept = Rc::new(RefCell::new(None));
        let future = UntilOpen {
            open: open.clone(),
            polls: polls.clone(),
            kept: kept.clone(),
        };
        (future, open, polls, kept)
    }
}

impl Future for UntilOpen {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.set(self.polls.get() + 1);
        if self.open.get() {
            return Poll::Ready(());
        }
        *self.kept.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}
