//! When a second Ctrl-C kills: so that a clean-up that hangs can be stopped, and one that does not hang is
//! not killed by the echo of the first.
//!
//! Wrappers send a Ctrl-C twice: the terminal signals the whole group, and `npm run` passes its own on.
//! So a second one counts only [`GRACE`] after the first, for a later `ctrl_c` too.
//!
//! ```text
//!             first claim            Ctrl-C
//!   deadly ───────────────▶ heard ──────────────▶ in grace: more of them do nothing deadly
//!     ▲                      ▲                       │ after the grace
//!     │                      └──── it was taken ─────┤
//!     └─────────── it was not, or no listener ───────┘
//! ```
//!
//! # Implementation
//!
//! A loop that hangs cannot measure the grace, and a handler has no clock: a thread does, which sleeps
//! until a Ctrl-C arrives. It starts with the first listener for Ctrl-C, and only where its default
//! stood before. Where no thread can be had a second one counts at once.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::{flag, low_level};

use super::claims;

/// How long after a Ctrl-C another one is taken for its echo.
const GRACE: Duration = Duration::from_millis(300);

/// The last Ctrl-C was heard less than the grace ago.
static RECENT: AtomicBool = AtomicBool::new(false);
/// No listener has taken it yet.
static UNTAKEN: AtomicBool = AtomicBool::new(false);

/// Adds what makes a second Ctrl-C deadly to the handler.
pub(crate) fn install(deadly: &Arc<AtomicBool>) -> io::Result<()> {
    let Ok(bell) = start() else {
        return flag::register(SIGINT, deadly.clone()).map(drop);
    };
    flag::register(SIGINT, &UNTAKEN)?;
    flag::register(SIGINT, &RECENT)?;
    low_level::pipe::register(SIGINT, bell).map(drop)
}

/// Starts the thread that measures the grace, and returns what wakes it.
fn start() -> io::Result<UnixStream> {
    let (mut heard, bell) = UnixStream::pair()?;
    let measure = move || {
        // One that arrives during this is measured next.
        while !matches!(heard.read(&mut [0; 64]), Ok(0)) {
            thread::sleep(GRACE);
            RECENT.store(false, Ordering::SeqCst);
            claims::judge_ctrl_c();
        }
    };
    let thread = thread::Builder::new().name("turnwise-ctrl-c".into());
    thread.spawn(measure)?;
    Ok(bell)
}

/// Says that what has arrived so far was heard. Returns `false` for an echo of what this thread heard last.
pub(crate) fn taken() -> bool {
    thread_local! {
        /// When the last one was heard that is no echo.
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    UNTAKEN.store(false, Ordering::SeqCst);
    let now = Instant::now();
    let counts = LAST
        .get()
        .is_none_or(|last| now.duration_since(last) >= GRACE);
    if counts {
        LAST.set(Some(now));
    }
    counts
}

pub(crate) fn is_untaken() -> bool {
    UNTAKEN.load(Ordering::SeqCst)
}

pub(crate) fn is_recent() -> bool {
    RECENT.load(Ordering::SeqCst)
}
