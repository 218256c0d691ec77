//! What the tests share: a spy waker, drop counters, runtimes, a guard against hangs.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Spy(AtomicUsize);

impl Spy {
    pub(crate) fn new() -> (Arc<Spy>, Waker) {
        let spy = Arc::new(Spy::default());
        (spy.clone(), Waker::from(spy))
    }

    pub(crate) fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Spy {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once with `waker`.
pub(crate) fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Polls once with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

/// A record of what happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn new() -> Self {
        Log::default()
    }

    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    /// The entries so far, separated by spaces.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().join(" ")
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Something that adds `entry` when it is dropped.
    pub(crate) fn on_drop(&self, entry: &str) -> OnDrop<impl FnMut() + use<>> {
        let (log, entry) = (self.clone(), entry.to_owned());
        OnDrop(move || log.add(entry.clone()))
    }
}

/// Calls a function when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Counts how many of its tokens are alive, and how many there ever were.
#[derive(Clone, Default)]
pub(crate) struct Census(Rc<(Cell<usize>, Cell<usize>)>);

impl Census {
    pub(crate) fn token(&self) -> Token {
        self.0.0.set(self.0.0.get() + 1);
        self.0.1.set(self.0.1.get() + 1);
        Token(self.clone())
    }

    pub(crate) fn alive(&self) -> usize {
        self.0.0.get()
    }

    pub(crate) fn ever(&self) -> usize {
        self.0.1.get()
    }
}

/// One of those counted by a [`Census`]. A second drop of the same one would underflow and panic.
pub(crate) struct Token(Census);

impl Drop for Token {
    fn drop(&mut self) {
        let left = self.0.0.0.get().checked_sub(1);
        self.0.0.0.set(left.expect("something was dropped twice"));
    }
}

pub(crate) fn virtual_runtime() -> turnwise::Runtime {
    turnwise::Runtime::builder().virtual_clock().build()
}

/// Runs `test` on a thread of its own and fails when it takes longer than a minute: for hazards
/// whose symptom is a hang.
#[track_caller]
pub(crate) fn bounded(test: impl FnOnce() + Send + 'static) {
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
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => text_of(&*payload),
    }
}

/// The text that a panic carries.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .expect("a panic with a text")
        .to_owned()
}

/// Runs `f` and says whether it panicked.
pub(crate) fn panics(f: impl FnOnce()) -> bool {
    panic::catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Yields `times` times.
pub(crate) async fn yields(times: usize) {
    for _ in 0..times {
        turnwise::yield_now().await;
    }
}

/// A value for the rest of the process. It stays reachable, so that a leak detector knows of it.
pub(crate) fn forever<T: 'static>(value: T) -> &'static T {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let value = Box::leak(Box::new(value));
    KEPT.lock()
        .unwrap()
        .push(std::ptr::from_ref(value) as usize);
    value
}

/// Line of this call, for comparison with reported places.
#[track_caller]
pub(crate) fn here() -> u32 {
    Location::caller().line()
}

/// File and line of the panic of `f`, as the default message shows them.
#[track_caller]
pub(crate) fn place_of_panic<R>(f: impl FnOnce() -> R) -> (String, u32) {
    thread_local! {
        static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|at| (at.file().to_owned(), at.line()));
            let _ = PLACE.try_with(|last| last.replace(place));
            before(info);
        }));
    });
    panic_of(f);
    PLACE
        .take()
        .expect("the hook runs on the thread that panics")
}

/// A channel as people write them who know nothing of wait queues.
#[derive(Default)]
pub(crate) struct Homemade {
    items: RefCell<VecDeque<i32>>,
    wakers: RefCell<Vec<Waker>>,
}

impl Homemade {
    pub(crate) fn give(&self, item: i32) {
        self.items.borrow_mut().push_back(item);
        self.wakers.take().into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn take(&self) -> i32 {
        poll_fn(|cx| match self.items.borrow_mut().pop_front() {
            Some(item) => Poll::Ready(item),
            None => {
                self.wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

/// A program that can be interrupted, as one that is started at a terminal. What a shell without job
/// control starts in the background ignores Ctrl-C, and so does whatever that starts.
pub(crate) fn program(path: impl AsRef<OsStr>) -> Command {
    program_ignoring("", path)
}

/// As [`program`], but the program ignores `signals` from its start.
pub(crate) fn program_ignoring(signals: &str, path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT");
    if !signals.is_empty() {
        command.arg(format!("--ignore-signal={signals}"));
    }
    command.arg(path);
    command
}

/// Runs an ignored test in a process of its own, which has to be started.
pub(crate) fn rerun(test: &str) -> Command {
    rerun_ignoring("", test)
}

/// As [`rerun`], in a process that ignores `signals` from its start.
pub(crate) fn rerun_ignoring(signals: &str, test: &str) -> Command {
    let itself = std::env::current_exe().expect("a test knows its own path");
    let mut command = program_ignoring(signals, itself);
    command.args([
        "--exact",
        test,
        "--ignored",
        "--test-threads=1",
        "--nocapture",
    ]);
    command
}

/// Runs an ignored test in a process of its own; it must pass.
pub(crate) fn alone(test: &str) {
    let output = rerun(test).output().expect("a test runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
}
