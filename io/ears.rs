//! What one thread hears of one kind of signal, for all listeners there.
//!
//! A pair of connected sockets, however many listeners there are: the signal handler writes a byte into
//! one end, the reactor watches the other. The listener that reads counts a delivery. So signals coalesce, as in the
//! system itself: of several that arrive before the loop looks, a listener hears one. None that
//! arrives after it has looked is lost.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::panic::Location;
use std::rc::{Rc, Weak};

use mio::Interest;
use mio::net::UnixStream;

use super::signal::SignalKind;
use super::source::AsyncFd;
use crate::runtime::{Claim, SourceKind, Way, announce};

const KIND: SourceKind =
    SourceKind::new("signal listener", "a delivery to").with_interest(Interest::READABLE);

/// The signals that end a program by default, and that a user or the system sends for that.
const ENDS: [SignalKind; 4] = [
    SignalKind::INTERRUPT,
    SignalKind::TERMINATE,
    SignalKind::HANGUP,
    SignalKind::QUIT,
];

/// What the listeners of one thread for one kind of signal share.
pub(crate) struct Ears {
    pub(crate) kind: SignalKind,
    /// The handler's; absent where the signal stays ignored.
    claim: Option<Claim>,
    pub(crate) source: AsyncFd<UnixStream>,
    /// Deliveries so far.
    pub(crate) heard: Cell<u64>,
    /// Their number when the last came that is no echo of a Ctrl-C.
    pub(crate) counted: Cell<u64>,
    /// Keeps the socket open that is never written to.
    _silent: Option<UnixStream>,
}

thread_local! {
    /// There is one entry for each kind that this thread has listened for.
    static EARS: RefCell<Vec<Weak<Ears>>> = const { RefCell::new(Vec::new()) };
}

impl Ears {
    /// This thread's for `kind`, made if need be.
    #[track_caller]
    pub(crate) fn of(kind: SignalKind) -> io::Result<Rc<Self>> {
        let known = EARS.with_borrow(|ears| {
            let mut ears = ears.iter().filter_map(Weak::upgrade);
            ears.find(|ears| ears.kind == kind && !ears.source.readiness().is_orphaned())
        });
        if let Some(ears) = known {
            // What has arrived so far is for the listeners that were there, not for the newcomer.
            if ears.listen().is_ok() {
                announce(ears.source.readiness());
            }
            return Ok(ears);
        }
        let (ours, handlers) = UnixStream::pair()?;
        let mut ears = Ears::new(kind, ours)?;
        ears.claim = Some(Claim::new(kind.as_raw(), None, handlers)?);
        let ears = Rc::new(ears);
        EARS.with_borrow_mut(|known| {
            known.retain(|ears| ears.strong_count() > 0);
            known.push(Rc::downgrade(&ears));
        });
        Ok(ears)
    }

    /// Ears that never hear anything.
    #[track_caller]
    pub(crate) fn deaf(kind: SignalKind) -> io::Result<Rc<Self>> {
        let (ours, silent) = UnixStream::pair()?;
        let mut ears = Ears::new(kind, ours)?;
        ears._silent = Some(silent);
        Ok(Rc::new(ears))
    }

    #[track_caller]
    fn new(kind: SignalKind, ours: UnixStream) -> io::Result<Self> {
        let source = AsyncFd::new_at(ours, &KIND, Location::caller())?;
        source.readiness().set_ends_program(ENDS.contains(&kind));
        Ok(Ears {
            kind,
            claim: None,
            source,
            heard: Cell::new(0),
            counted: Cell::new(0),
            _silent: None,
        })
    }

    /// Counts what has arrived as one delivery; `WouldBlock` if nothing has.
    pub(crate) fn listen(&self) -> io::Result<()> {
        let (mut bytes, mut taken) = ([0; 256], false);
        // A sender without pause is heard again later.
        for _ in 0..64 {
            match self.source.get_ref().read(&mut bytes) {
                Ok(_) => taken = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The next byte is an event, for all that wait.
                Err(_) if taken => {
                    self.source.readiness().way(Way::Read).exhausted();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.heard.set(self.heard.get() + 1);
        // After the last look: what arrived in between is taken with the rest.
        if self.claim.as_ref().is_none_or(Claim::taken) {
            self.counted.set(self.heard.get());
        }
        Ok(())
    }
}
