//! The signals of the process: how many claims there are to each, and what stood before the first claim.
//!
//! A listener has a claim to its signal, and so has the dump on `SIGUSR1`. Claims come and go in any
//! order, on any thread.
//!
//! # Invariant
//!
//! **As before.** While there is no claim to a signal, it does what it did before the first claim:
//!
//! | before | without a claim |
//! | --- | --- |
//! | the default | the default; our handler imitates it |
//! | ignored | nothing |
//! | a handler of the host program | that handler runs, as it does beside a claim |
//!
//! # Implementation
//!
//! signal-hook installs its handler with the first claim and never takes it away, so what stood before
//! is imitated rather than put back (docs/decisions/0024-what-stood-before.md). The system tells what
//! that was; where it does not, it was the default. The actions of a handler run in the order in which
//! they were registered: first the default, then what the claims ask for.

use std::ffi::c_int;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use signal_hook::consts::SIGINT;
use signal_hook::{SigId, flag, low_level};

use super::ctrl_c;
use crate::runtime::base::poison::ignore_poison;

/// What a signal did before the first claim to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Default,
    Ignored,
    /// The host program handles it.
    Handled,
}

impl Before {
    /// Asks the system.
    fn of(number: c_int) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let is_in = |set: &str| {
            let mut lines = status.lines();
            let set = lines.find_map(|line| line.strip_prefix(set)).unwrap_or("");
            let set = u128::from_str_radix(set.trim(), 16).unwrap_or(0);
            (1..=128).contains(&number) && set >> (number - 1) & 1 == 1
        };
        match (is_in("SigIgn:"), is_in("SigCgt:")) {
            (true, _) => Before::Ignored,
            (_, true) => Before::Handled,
            _ => Before::Default,
        }
    }
}

/// A signal to which there has been a claim in this process.
struct Kind {
    number: c_int,
    before: Before,
    claims: usize,
    /// The signal has its default: there is no claim, or (Ctrl-C) an earlier one is not yet taken.
    deadly: Arc<AtomicBool>,
}

static KINDS: Mutex<Vec<Kind>> = Mutex::new(Vec::new());

fn kinds() -> MutexGuard<'static, Vec<Kind>> {
    ignore_poison(KINDS.lock())
}

impl Kind {
    /// Installs what there has to be before the first claim.
    fn new(number: c_int) -> io::Result<Self> {
        let before = Before::of(number);
        let deadly = Arc::new(AtomicBool::new(true));
        // A signal without a name, such as a real-time one, has no default that could be imitated.
        if before == Before::Default && low_level::signal_name(number).is_some() {
            flag::register_conditional_default(number, deadly.clone())?;
            if number == SIGINT {
                ctrl_c::install(&deadly)?;
            }
        }
        Ok(Kind {
            number,
            before,
            claims: 0,
            deadly,
        })
    }
}

/// Whether a signal was ignored before the first claim to it, or is while there is none.
pub(crate) fn is_ignored(number: c_int) -> bool {
    let known = kinds();
    let kind = known.iter().find(|kind| kind.number == number);
    kind.map_or_else(|| Before::of(number), |kind| kind.before) == Before::Ignored
}

/// A claim to a signal, until it is dropped.
pub(crate) struct Claim {
    number: c_int,
    deadly: Arc<AtomicBool>,
    handlers: Vec<SigId>,
}

impl Claim {
    /// Claims a signal: from now on the handler sets `flag` and writes a byte to `bell`, in this order.
    pub(crate) fn new(
        number: c_int,
        flag: Option<Arc<AtomicBool>>,
        bell: impl Into<OwnedFd>,
    ) -> io::Result<Self> {
        let mut kinds = kinds();
        let place = match kinds.iter().position(|kind| kind.number == number) {
            Some(place) => place,
            None => {
                kinds.push(Kind::new(number)?);
                kinds.len() - 1
            }
        };
        let mut handlers = Vec::new();
        if let Some(flag) = flag {
            handlers.push(flag::register(number, flag)?);
        }
        handlers.push(low_level::pipe::register(number, bell.into())?);
        let kind = &mut kinds[place];
        kind.claims += 1;
        if kind.claims == 1 {
            kind.deadly.store(false, Ordering::SeqCst);
        }
        Ok(Claim {
            number,
            deadly: kind.deadly.clone(),
            handlers,
        })
    }

    /// Says that what has arrived so far was heard. Returns whether it counts: the echo of a Ctrl-C that this
    /// thread has heard does not.
    pub(crate) fn taken(&self) -> bool {
        if self.number != SIGINT {
            return true;
        }
        let _judging = kinds();
        self.deadly.store(false, Ordering::SeqCst);
        ctrl_c::taken()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut kinds = kinds();
        if let Some(kind) = kinds.iter_mut().find(|kind| kind.number == self.number) {
            kind.claims -= 1;
            if kind.claims == 0 && !(self.number == SIGINT && ctrl_c::is_recent()) {
                kind.deadly.store(true, Ordering::SeqCst);
            }
        }
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}

/// Lets the next Ctrl-C kill, if there is no claim to it, or the last one is not taken.
pub(crate) fn judge_ctrl_c() {
    let kinds = kinds();
    let kind = kinds.iter().find(|kind| kind.number == SIGINT);
    if let Some(kind) = kind.filter(|kind| kind.claims == 0 || ctrl_c::is_untaken()) {
        kind.deadly.store(true, Ordering::SeqCst);
    }
}
