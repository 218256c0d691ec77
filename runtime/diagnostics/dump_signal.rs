//! A dump of all tasks whenever the process gets `SIGUSR1`.
//!
//! The signal handler does what is safe in one: it sets a flag and writes a byte. The byte wakes the
//! loop; the flag is looked at, and the dump taken and printed, between two polls.

use std::cell::Cell;
use std::io::{self, Read};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::Interest;
use mio::net::UnixStream;
use signal_hook::consts::SIGUSR1;

use super::report::Report;
use crate::runtime::base::foreign::print;
use crate::runtime::kernel::Kernel;
use crate::runtime::reactor::{self, SourceKind};
use crate::runtime::signals::claims::Claim;

/// No task waits for it.
const KIND: SourceKind =
    SourceKind::new("signal listener", "a delivery to").with_interest(Interest::READABLE);

/// The time between two dumps, at least.
const REST: Duration = Duration::from_millis(100);

/// Listens, until it is dropped.
struct DumpSignal {
    asked: Arc<AtomicBool>,
    /// Wakes the loop. No task waits for it, so it is no source that the verdict counts.
    bytes: UnixStream,
    /// Until then there is no other dump.
    rest_until: Cell<Option<Instant>>,
    _claim: Claim,
}

impl DumpSignal {
    fn listen() -> io::Result<Self> {
        let (mut bytes, far) = UnixStream::pair()?;
        drop(reactor::register(&mut bytes, &KIND, Location::caller())?);
        let asked = Arc::new(AtomicBool::new(false));
        let claim = Claim::new(SIGUSR1, Some(asked.clone()), far)?;
        Ok(DumpSignal {
            asked,
            bytes,
            rest_until: Cell::new(None),
            _claim: claim,
        })
    }

    /// Prints a dump if one was asked for, and says how long that took. A request right after a dump has its answer.
    fn work_off(&self, kernel: &Kernel) -> Duration {
        if !self.asked.swap(false, Ordering::SeqCst) {
            return Duration::ZERO;
        }
        while matches!((&self.bytes).read(&mut [0; 64]), Ok(1..)) {}
        let begun = Instant::now();
        if self.rest_until.get().is_some_and(|until| begun < until) {
            return Duration::ZERO;
        }
        print(Report::take(kernel));
        // However many ask, the tasks have half of the time.
        let took = begun.elapsed();
        self.rest_until.set(Some(begun + took + took.max(REST)));
        took
    }
}

/// Makes `SIGUSR1` print a dump: returns what the loop is to call now and then.
pub(crate) fn start() -> Option<impl Fn(&Kernel) -> Duration> {
    match DumpSignal::listen() {
        Ok(signal) => Some(move |kernel: &Kernel| signal.work_off(kernel)),
        Err(error) => {
            print(format_args!("SIGUSR1 cannot be listened for: {error}"));
            None
        }
    }
}
