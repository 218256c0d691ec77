//! What hyper 1.x asks of a runtime: streams, timers, and somewhere to put tasks.
//!
//! hyper serves and asks over [`TcpStream`] and [`UnixStream`] as they are. Its HTTP/1 connections
//! need no `Send`; for the rest, [`HyperExecutor`] spawns on this thread, and [`HyperTimer`] keeps
//! the time limits of its builders.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use hyper::rt::{Executor, Read, ReadBufCursor, Timer, Write};

use super::flow::{self, Flow};
use super::tcp::TcpStream;
use super::unix::UnixStream;
use crate::runtime::{Alarm, ignore_poison, spawn};

/// The most that one read takes. hyper asks for 8 KiB first, and for more while reads fill what it asked for.
const LARGEST_READ: usize = 512 << 10;

thread_local! {
    /// Where all connections of a thread read to. It is zeroed when it grows, and absent while it is in use.
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Reads into hyper's buffer. That may only be advanced with `unsafe`: what was read is copied there.
fn poll_read(
    flow: &dyn Flow,
    cx: &mut Context<'_>,
    buffer: &mut ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // What is polled runs wakers of others, which may read, too.
    let mut bytes = BYTES.try_with(Cell::take).unwrap_or_default();
    let room = buffer.remaining().min(LARGEST_READ);
    if bytes.len() < room {
        bytes = vec![0; room.next_power_of_two()];
    }
    let read = flow::poll_read(flow, cx, &mut bytes[..room]);
    if let Poll::Ready(Ok(count)) = read {
        buffer.put_slice(&bytes[..count]);
    }
    let _ = BYTES.try_with(|kept| kept.set(bytes));
    read.map_ok(drop)
}

/// Streams read and write in the same way.
macro_rules! stream {
    ($type:ty) => {
        impl Read for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                mut buffer: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                let flow: &$type = &self;
                poll_read(flow, cx, &mut buffer)
            }
        }

        impl Write for $type {
            flow::write_methods!($type);
        }
    };
}

stream!(TcpStream);
stream!(UnixStream);

/// Runs hyper's background work as tasks of this thread.
///
/// # Panics
///
/// When used on a thread without a runtime.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct HyperExecutor {}

impl HyperExecutor {
    /// The executor.
    pub fn new() -> Self {
        HyperExecutor {}
    }
}

impl<F> Executor<F> for HyperExecutor
where
    F: Future<Output: 'static> + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(spawn(future));
    }
}

/// Keeps hyper's time limits on the runtime's clock.
///
/// # Panics
///
/// When a future of it is polled on a thread without a runtime, and when it is polled on another
/// thread than the one that made it: hyper's futures are `Send`, its timers here are not shared.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct HyperTimer {}

impl HyperTimer {
    /// The timer.
    pub fn new() -> Self {
        HyperTimer {}
    }
}

impl Timer for HyperTimer {
    #[track_caller]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(BoundSleep {
            alarm: Mutex::new(Alarm::sleep(duration, Location::caller())),
            thread: thread::current().id(),
            at: Location::caller(),
        })
    }

    #[track_caller]
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    /// A task that waits for it goes on waiting, for the new deadline.
    #[track_caller]
    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        let bound = sleep.as_mut().downcast_mut_pin::<BoundSleep>();
        match bound.filter(|bound| bound.is_at_home()) {
            Some(bound) => {
                let after = deadline.saturating_duration_since(self.now());
                let now = crate::runtime::time::Instant::now();
                bound.get_mut().alarm().reset(now + after);
            }
            None => *sleep = self.sleep_until(deadline),
        }
    }

    /// Virtual time, where the clock is: hyper adds to it what it then asks to be woken at.
    fn now(&self) -> Instant {
        let now = crate::runtime::time::Instant::now();
        now.into_std().unwrap_or_else(Instant::now)
    }
}

/// A sleep that hyper may carry to another thread, but that only works on its own.
struct BoundSleep {
    /// Touched on its own thread alone: elsewhere its key would mean another timer. Never locked;
    /// hyper asks for `Sync`.
    alarm: Mutex<Alarm>,
    thread: ThreadId,
    at: &'static Location<'static>,
}

impl BoundSleep {
    fn is_at_home(&self) -> bool {
        thread::current().id() == self.thread
    }

    fn alarm(&mut self) -> &mut Alarm {
        ignore_poison(self.alarm.get_mut())
    }
}

impl hyper::rt::Sleep for BoundSleep {}

impl Future for BoundSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        assert!(
            self.is_at_home(),
            "the timer made at {} was polled on another thread; keep the connection on its own",
            self.at
        );
        self.alarm().poll(cx, &"a timer of hyper")
    }
}

impl Drop for BoundSleep {
    fn drop(&mut self) {
        // Elsewhere its timer is out of reach: it expires at home and wakes a task that looks again.
        if self.is_at_home() {
            self.alarm().disarm();
        }
    }
}
