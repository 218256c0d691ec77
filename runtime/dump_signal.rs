//! A dump of all tasks whenever the process gets `SIGUSR1`.
//!
//! The signal handler does what is safe in one: it sets a flag and writes a byte. The byte wakes the
//! loop; the flag is looked at, and the dump taken and printed, between two polls.

use std::io::{self, Read};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Interest;
use mio::net::UnixStream;
use signal_hook::{SigId, consts::SIGUSR1, flag, low_level};

use super::context::Kernel;
use super::outside;
use super::problems;
use super::readiness::SourceKind;
use super::report::Report;

/// Nobody waits for it.
const KIND: SourceKind =
    SourceKind::new("signal listener", "a delivery to").with_interest(Interest::READABLE);

/// Listens, until it is dropped.
struct DumpSignal {
    asked: Arc<AtomicBool>,
    /// Wakes the loop. Nobody waits for it, so it is no source that the verdict counts.
    bytes: UnixStream,
    handlers: Vec<SigId>,
}

impl DumpSignal {
    fn listen(kernel: &Kernel) -> io::Result<Self> {
        let (mut bytes, far) = UnixStream::pair()?;
        outside::need_reactor(kernel)?;
        if let Some(reactor) = &mut *kernel.reactor.borrow_mut() {
            let made = Location::caller();
            drop(reactor.register(&mut bytes, &KIND, made)?);
        }
        let mut listening = DumpSignal {
            asked: Arc::new(AtomicBool::new(false)),
            bytes,
            handlers: Vec::new(),
        };
        // In this order: once the loop is awake the flag is set.
        let asked = flag::register(SIGUSR1, listening.asked.clone())?;
        listening.handlers.push(asked);
        let woken = low_level::pipe::register(SIGUSR1, far)?;
        listening.handlers.push(woken);
        Ok(listening)
    }

    /// Prints a dump if one was asked for.
    fn work_off(&self, kernel: &Kernel) {
        if self.asked.swap(false, Ordering::SeqCst) {
            while matches!((&self.bytes).read(&mut [0; 64]), Ok(1..)) {}
            problems::print(Report::take(kernel));
        }
    }
}

/// Makes `SIGUSR1` print a dump, if the builder said so.
pub(crate) fn start(kernel: &Kernel) {
    if !kernel.options.borrow().dump_on_sigusr1 {
        return;
    }
    match DumpSignal::listen(kernel) {
        Ok(signal) => {
            let chore = move |kernel: &Kernel| signal.work_off(kernel);
            *kernel.chore.borrow_mut() = Some(Rc::new(chore));
        }
        Err(error) => problems::print(format_args!("SIGUSR1 cannot be listened for: {error}")),
    }
}

impl Drop for DumpSignal {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}
