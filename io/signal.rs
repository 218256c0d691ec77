//! Signals of the system, awaited.
//!
//! The listeners of a thread share what it hears (`ears.rs`); each compares the count of deliveries with
//! its own.
//!
//! # What becomes of a signal that no task hears
//!
//! What stood before the first listener: its default, nothing where it was ignored, a handler of the host
//! program. A process that has once listened can still be killed by Ctrl-C when no listener is left,
//! and one that `nohup` started survives a hang-up. So that a clean-up that hangs can be stopped, a
//! second Ctrl-C kills, if the default stood before (`runtime/signals/ctrl_c.rs`).
//!
//! # What children inherit
//!
//! The system's rule: a signal that is ignored is ignored in the child, every other has its default
//! there. One that was ignored and has been listened for has its default in children started since, also
//! after the listener has gone (docs/decisions/0024-what-stood-before.md). [`ctrl_c`] leaves an
//! ignored Ctrl-C as it is, and children ignore it.

use std::cell::Cell;
use std::ffi::c_int;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use signal_hook::consts;

use super::ears::Ears;
use super::when_ready::{Trial, poll_attempt};
use crate::runtime::{Courtesy, Way, is_ignored};

/// Waits for Ctrl-C (`SIGINT`), which from this call on no longer kills the process.
///
/// A second Ctrl-C kills all the same, if the first was not taken, or if the future is gone and no other
/// listener is left: a clean-up that hangs can be stopped. It counts only 0.3 seconds after the first, since
/// wrappers such as `npm run` send it twice; for a later `ctrl_c` too, one that comes sooner is an echo.
///
/// Where Ctrl-C is ignored, as in a shell's background job, this waits for ever; [`signal`] hears it.
/// Where the host program handles it, its handler runs as well, and no Ctrl-C kills.
///
/// asyncio counterpart: `asyncio.Runner`, which cancels the main task, and leaves an ignored Ctrl-C
/// ignored too. Difference: nothing is cancelled; the task that waits decides.
///
/// # Cancel safety
///
/// *Lossy*: a Ctrl-C that arrives after the future was dropped is not remembered; it kills. A loop
/// that must not miss one keeps a [`Signal`].
///
/// # Errors
///
/// What the system says; there may be no descriptor left.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```no_run
/// # async fn serve() {}
/// # turnwise::block_on(async {
/// turnwise::race((serve(), async { turnwise::io::ctrl_c().await.unwrap() })).await;
/// # });
/// ```
#[track_caller]
pub fn ctrl_c() -> CtrlC {
    let listener = if is_ignored(consts::SIGINT) {
        Ears::deaf(SignalKind::INTERRUPT).map(Signal::of)
    } else {
        signal(SignalKind::INTERRUPT)
    };
    CtrlC {
        listener: listener.map_err(Some),
    }
}

/// Listens for a signal, which from this call on does no longer what it did before. One that is
/// ignored is heard. A handler of the host program runs as well, and first.
///
/// When the last listener is dropped, what stood before the first one holds again. A handler that the host
/// program installs while there is a listener may replace ours or be replaced in effect: let it
/// install first.
///
/// Children start with the default of a signal that this process has listened for, also where it was
/// ignored before; `sh -c 'trap "" HUP; exec "$0" "$@"' program …` starts one that ignores it.
///
/// asyncio counterpart: `loop.add_signal_handler`. Differences: any number of listeners, each hears
/// every signal; `remove_signal_handler` leaves the default behind, whatever stood before.
///
/// # Errors
///
/// `InvalidInput` for a signal that cannot be caught; else what the system says.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```no_run
/// use turnwise::io::{SignalKind, signal};
///
/// # fn read_settings() {}
/// # async fn listen() -> std::io::Result<()> {
/// let mut hangup = signal(SignalKind::HANGUP)?;
/// loop {
///     hangup.recv().await?;
///     read_settings();
/// }
/// # }
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    if consts::FORBIDDEN.contains(&kind.0) {
        let text = format!("signal {} cannot be caught", kind.0);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ears::of(kind).map(Signal::of)
}

/// Which signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// `SIGALRM`: a timer of the system.
    pub const ALARM: Self = SignalKind(consts::SIGALRM);
    /// `SIGCHLD`: a child has ended.
    pub const CHILD: Self = SignalKind(consts::SIGCHLD);
    /// `SIGHUP`: the terminal is gone; to a daemon, "read your configuration again".
    pub const HANGUP: Self = SignalKind(consts::SIGHUP);
    /// `SIGINT`: Ctrl-C.
    pub const INTERRUPT: Self = SignalKind(consts::SIGINT);
    /// `SIGPIPE`: a write to a pipe without readers. Rust programs ignore it already.
    pub const PIPE: Self = SignalKind(consts::SIGPIPE);
    /// `SIGQUIT`: Ctrl-\\.
    pub const QUIT: Self = SignalKind(consts::SIGQUIT);
    /// `SIGTERM`: "please end".
    pub const TERMINATE: Self = SignalKind(consts::SIGTERM);
    /// `SIGUSR1`: whatever the program says.
    pub const USER1: Self = SignalKind(consts::SIGUSR1);
    /// `SIGUSR2`: whatever the program says.
    pub const USER2: Self = SignalKind(consts::SIGUSR2);
    /// `SIGWINCH`: the terminal has another size.
    pub const WINDOW_CHANGE: Self = SignalKind(consts::SIGWINCH);

    /// The signal with a number of the system's.
    pub const fn from_raw(number: c_int) -> Self {
        SignalKind(number)
    }

    /// The system's number.
    pub const fn as_raw(self) -> c_int {
        self.0
    }
}

/// A listener for a signal; made by [`signal`]. As a stream it yields one item per delivery.
///
/// Deliveries coalesce: several signals that arrive before this listener looks are one.
#[must_use = "the signal does again what it did before when the last listener is dropped"]
pub struct Signal {
    ears: Rc<Ears>,
    /// How many deliveries it has heard of.
    heard: Cell<u64>,
    courtesy: Courtesy,
}

impl Signal {
    fn of(ears: Rc<Ears>) -> Self {
        let heard = Cell::new(ears.heard.get());
        let courtesy = Courtesy::default();
        Signal {
            ears,
            heard,
            courtesy,
        }
    }

    /// Waits until the signal has arrived since the last time.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: a signal that arrives in between is there for the next call.
    ///
    /// # Errors
    ///
    /// When the runtime that it was registered with has ended.
    #[track_caller]
    pub fn recv(&mut self) -> SignalRecv<'_> {
        SignalRecv {
            courtesy: Courtesy::default(),
            trial: self.ears.source.trial(Way::Read),
            signal: self,
        }
    }

    /// Takes a delivery that another listener has read.
    fn catch_up(&self) -> bool {
        let heard = self.ears.heard.get();
        self.heard.replace(heard) != heard
    }

    /// Takes everything that has arrived; `WouldBlock` if nothing has.
    fn take(&self) -> io::Result<()> {
        self.ears.listen()?;
        self.catch_up();
        Ok(())
    }

    /// As [`recv`](Signal::recv), for callers that ask again and again.
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.courtesy.poll(cx));
        let heard = if self.catch_up() {
            Ok(())
        } else {
            let readiness = self.ears.source.readiness();
            ready!(poll_attempt(readiness, Way::Read, cx, || self.take()))
        };
        self.courtesy.over();
        Poll::Ready(heard)
    }
}

impl Stream for Signal {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_recv(cx).map(Result::ok)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("kind", &self.ears.kind)
            .finish_non_exhaustive()
    }
}

/// The future of [`Signal::recv`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct SignalRecv<'a> {
    signal: &'a Signal,
    trial: Trial<'a>,
    courtesy: Courtesy,
}

impl Future for SignalRecv<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.courtesy.poll(cx));
        if !this.signal.catch_up() {
            let heard = ready!(this.trial.attempt(cx, || this.signal.take()));
            this.courtesy.over();
            return Poll::Ready(heard);
        }
        this.courtesy.over();
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for SignalRecv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalRecv")
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

/// The future of [`ctrl_c`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct CtrlC {
    /// An error is reported once.
    listener: Result<Signal, Option<io::Error>>,
}

impl Future for CtrlC {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.listener {
            Ok(signal) => loop {
                let first = signal.heard.get();
                let heard = ready!(signal.poll_recv(cx));
                if heard.is_err() || signal.ears.counted.get() > first {
                    return Poll::Ready(heard);
                }
            },
            Err(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => panic!("ctrl_c was polled after it gave its error"),
            },
        }
    }
}

impl fmt::Debug for CtrlC {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CtrlC").finish_non_exhaustive()
    }
}
