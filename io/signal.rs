//! Signals of the system, awaited.
//!
//! Every listener has a pair of connected sockets: the signal handler writes a byte into one, the
//! reactor watches the other. So signals coalesce, as in the system itself: of several that arrive
//! before the listener looks, it hears one. None that arrives after it has looked is lost.
//!
//! # What becomes of a signal that nobody hears
//!
//! Its default, as if this module were not there: a process that has once listened can still be
//! killed by Ctrl-C when no listener is left. And so that a clean-up that hangs can be stopped, a
//! Ctrl-C (`SIGINT`) also has its default while an earlier one has not been taken.
//!
//! ```text
//!             first listener          Ctrl-C
//!   unheard ──────────────▶ heard ──────────────▶ pending ──Ctrl-C──▶ killed
//!      ▲                     │ ▲ ──────────────────┘ │
//!      └─── last listener ───┘      a listener takes │
//!                dropped  ◀──────────────────────────┘
//! ```

use std::ffi::c_int;
use std::fmt;
use std::future::Future;
use std::io::{self, Read as _};
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use mio::Interest;
use mio::net::UnixStream;
use signal_hook::{SigId, consts, flag, low_level};

use super::ready::{Trial, poll_attempt};
use super::source::Source;
use crate::runtime::{SourceKind, Way};

const KIND: SourceKind =
    SourceKind::new("signal listener", "a delivery to").with_interest(Interest::READABLE);

/// Waits for Ctrl-C (`SIGINT`), which from this call on no longer kills the process.
///
/// A second Ctrl-C before the first was taken kills all the same, and so does one that arrives when
/// the future is gone and nobody else listens: a clean-up that hangs can be stopped.
///
/// asyncio counterpart: `asyncio.Runner`, which cancels the main task. Difference: nothing is
/// cancelled; the task that waits decides.
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
    CtrlC {
        listener: signal(SignalKind::INTERRUPT).map_err(Some),
    }
}

/// Listens for a signal, which from this call on no longer has its default.
///
/// asyncio counterpart: `loop.add_signal_handler`. Difference: any number of listeners, each hears
/// every signal.
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
    let (ours, handlers) = UnixStream::pair()?;
    let source = Source::new_at(ours, &KIND, Location::caller())?;
    let ends_program = [SignalKind::INTERRUPT, SignalKind::TERMINATE].contains(&kind);
    source.readiness().ends_program.set(ends_program);
    let (id, unheard) = enlist(kind, handlers)?;
    Ok(Signal {
        source,
        kind,
        id,
        unheard,
    })
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
    /// `SIGPIPE`: a write to a pipe that nobody reads. Rust programs ignore it already.
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
#[must_use = "the signal has its default again when the last listener is dropped"]
pub struct Signal {
    source: Source<UnixStream>,
    kind: SignalKind,
    id: SigId,
    /// Shared by the listeners of this kind and the handler.
    unheard: Arc<AtomicBool>,
}

impl Signal {
    /// Waits until the signal has arrived since the last time.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: a signal that arrives meanwhile is there for the next call.
    ///
    /// # Errors
    ///
    /// When the runtime that it was registered with has ended.
    #[track_caller]
    pub fn recv(&mut self) -> RecvSignal<'_> {
        RecvSignal {
            trial: self.source.trial(Way::Read),
            signal: self,
        }
    }

    /// Takes everything that has arrived; `WouldBlock` if nothing has.
    fn take(&self) -> io::Result<()> {
        let (mut bytes, mut taken) = ([0; 256], false);
        // Somebody who sends without pause is heard again later.
        for _ in 0..64 {
            match self.source.get_ref().read(&mut bytes) {
                Ok(_) => taken = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if taken => break,
                Err(error) => return Err(error),
            }
        }
        // After the last look: what arrived in between is taken with the rest.
        self.unheard.store(false, Ordering::SeqCst);
        Ok(())
    }
}

impl Stream for Signal {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let readiness = self.source.readiness();
        let taken = ready!(poll_attempt(readiness, Way::Read, cx, || self.take()));
        Poll::Ready(taken.ok())
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        dismiss(self.kind, self.id);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The future of [`Signal::recv`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct RecvSignal<'a> {
    signal: &'a Signal,
    trial: Trial<'a>,
}

impl Future for RecvSignal<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.trial.attempt(cx, || this.signal.take())
    }
}

impl fmt::Debug for RecvSignal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvSignal")
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

/// The future of [`ctrl_c`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct CtrlC {
    /// An error is told once.
    listener: Result<Signal, Option<io::Error>>,
}

impl Future for CtrlC {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.listener {
            Ok(signal) => poll_attempt(signal.source.readiness(), Way::Read, cx, || signal.take()),
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

/// A kind of signal that was listened for at least once in this process.
struct Heard {
    kind: SignalKind,
    listeners: usize,
    /// The signal has its default: nobody listens, or (Ctrl-C) an earlier one is not yet taken.
    unheard: Arc<AtomicBool>,
}

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

/// Adds a listener, to which the handler tells of the signal through `to`.
fn enlist(kind: SignalKind, to: UnixStream) -> io::Result<(SigId, Arc<AtomicBool>)> {
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    let place = match heard.iter().position(|heard| heard.kind == kind) {
        Some(place) => place,
        None => {
            heard.push(Heard {
                kind,
                listeners: 0,
                unheard: make_default(kind)?,
            });
            heard.len() - 1
        }
    };
    let id = low_level::pipe::register(kind.0, to)?;
    let heard = &mut heard[place];
    heard.listeners += 1;
    if heard.listeners == 1 {
        heard.unheard.store(false, Ordering::SeqCst);
    }
    Ok((id, heard.unheard.clone()))
}

/// Gives a signal its default while the flag is set. The handler runs these before it tells the
/// listeners, in this order.
fn make_default(kind: SignalKind) -> io::Result<Arc<AtomicBool>> {
    let unheard = Arc::new(AtomicBool::new(true));
    // A signal without a name, such as a real-time one, has no default that could be imitated.
    if low_level::signal_name(kind.0).is_some() {
        flag::register_conditional_default(kind.0, unheard.clone())?;
    }
    if kind == SignalKind::INTERRUPT {
        flag::register(kind.0, unheard.clone())?;
    }
    Ok(unheard)
}

/// Takes a listener away.
fn dismiss(kind: SignalKind, id: SigId) {
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(heard) = heard.iter_mut().find(|heard| heard.kind == kind) {
        heard.listeners -= 1;
        if heard.listeners == 0 {
            heard.unheard.store(true, Ordering::SeqCst);
        }
    }
    low_level::unregister(id);
}
