//! What the listeners have in common: accepting, also when the system has no descriptor left.
//!
//! # Implementation
//!
//! A process that has run out of descriptors cannot accept, but the connection stays in the line
//! and the listener stays readable: a loop that calls again at once would spin. So the error is
//! returned, and the next call first waits for one of this thread's sources to go, or until 10 ms
//! have passed since the error.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use mio::event;
use rustix::io::Errno;

use super::source::AsyncFd;
use super::when_ready::Trial;
use crate::runtime::time::{Instant, Sleep, sleep_until};
use crate::runtime::{Direction, SourceKind, Wait, Way, released};

/// How long a full process rests at most before it tries again.
const REST: Duration = Duration::from_millis(10);

/// A listening socket.
pub(crate) struct Acceptor<L: event::Source> {
    pub(crate) source: AsyncFd<L>,
    /// The last call found no free descriptor: until when the next one rests. It is the listener's, so
    /// that calls which are dropped before do not begin the rest again.
    full: Cell<Option<Instant>>,
    released: Rc<Direction>,
}

impl<L: event::Source> Acceptor<L> {
    #[track_caller]
    pub(crate) fn new(
        listener: L,
        kind: &'static SourceKind,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        Ok(Acceptor {
            source: AsyncFd::new_at(listener, kind, at)?,
            full: Cell::new(None),
            released: released()?,
        })
    }

    #[track_caller]
    pub(crate) fn accepting(&self) -> Accepting<'_> {
        Accepting {
            trial: self.source.trial(Way::Read),
            full: &self.full,
            released: &self.released,
            rest: None,
            at: Location::caller(),
        }
    }
}

impl<L: event::Source + fmt::Debug> fmt::Debug for Acceptor<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.get_ref().fmt(f)
    }
}

/// One call of `accept`.
pub(crate) struct Accepting<'a> {
    trial: Trial<'a>,
    full: &'a Cell<Option<Instant>>,
    released: &'a Direction,
    /// What ends the rest of a process that was full: a free descriptor, or time.
    rest: Option<(Wait<'a, Direction>, Sleep)>,
    pub(crate) at: &'static Location<'static>,
}

impl Accepting<'_> {
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut accept: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        ready!(self.poll_rest(cx));
        loop {
            let result = ready!(self.trial.attempt(cx, &mut accept));
            match &result {
                Err(error) if is_fleeting(error) => continue,
                Err(error) if is_full(error) => self.full.set(Some(Instant::now() + REST)),
                _ => {}
            }
            return Poll::Ready(result);
        }
    }

    /// Waits, if the last call found no free descriptor.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.full.get() else {
            return Poll::Ready(());
        };
        let (freed, time) = self.rest.get_or_insert_with(|| {
            self.released.blocks();
            let mut time = sleep_until(until);
            time.waits_at(self.at);
            (self.released.wait(self.at), time)
        });
        if Pin::new(freed).poll(cx).is_pending() {
            ready!(Pin::new(time).poll(cx));
        }
        self.rest = None;
        self.full.set(None);
        Poll::Ready(())
    }
}

/// The connection was gone before it was accepted: that is not the listener's trouble.
fn is_fleeting(error: &io::Error) -> bool {
    let codes = [Errno::CONNABORTED, Errno::PROTO];
    codes.iter().any(|code| is(error, *code))
}

/// The process or the system has no descriptor, or no memory, to accept with.
fn is_full(error: &io::Error) -> bool {
    let codes = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    codes.iter().any(|code| is(error, *code))
}

fn is(error: &io::Error, code: Errno) -> bool {
    error.raw_os_error() == Some(code.raw_os_error())
}
