//! The ends of children: how to notice one, and how those are collected that no task waits for.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::process;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;

use mio::Interest;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};

use super::source::{AsyncFd, Fd};
use crate::runtime::{SourceKind, ignore_poison, is_open};

/// What is readable once a child has ended.
pub(crate) const EXIT: SourceKind =
    SourceKind::new("child process", "the end of").with_interest(Interest::READABLE);

/// A descriptor that is readable once the child has ended.
pub(crate) fn watch(child: &process::Child) -> io::Result<OwnedFd> {
    let child = Pid::from_child(child);
    // An old system has no such call, and a sandbox refuses it with whatever error it likes.
    let refused = match open(child) {
        Ok(exit) => return Ok(exit),
        Err(refused) => refused,
    };
    watch_from_thread(child).map_err(|error| {
        let text = format!("pidfd_open: {refused}; a thread in its place: {error}");
        io::Error::new(error.kind(), text)
    })
}

#[cfg(target_os = "linux")]
fn open(child: Pid) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, pidfd_open};

    Ok(pidfd_open(child, PidfdFlags::empty())?)
}

#[cfg(not(target_os = "linux"))]
fn open(_: Pid) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A socket whose other end a thread closes when the child has ended.
fn watch_from_thread(child: Pid) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let wait = move || {
        // It is only looked at: collecting it is the business of the task that waits for it.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(
            waitid(WaitId::Pid(child), look),
            Err(rustix::io::Errno::INTR)
        ) {}
        drop(theirs);
    };
    thread::Builder::new()
        .name("turnwise-child".into())
        .spawn(wait)?;
    Ok(ours.into())
}

thread_local! {
    /// Left children whose end is an event of this thread's runtime, by their numbers.
    static WATCHED: RefCell<BTreeMap<i32, AsyncFd<Fd<OwnedFd>>>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// Left children that nothing watches.
static UNWATCHED: Mutex<VecDeque<Pid>> = Mutex::new(VecDeque::new());

/// How many of them are looked at when a child comes or goes: a bound on what that costs, and more
/// than one, so that they become fewer.
const LOOKS: usize = 16;

/// Leaves a child to be collected when it has ended: at once if a runtime can watch it, else when other
/// children come and go.
pub(crate) fn leave(child: Pid) {
    collect();
    if !is_open() || watch_left(child).is_err() {
        ignore_poison(UNWATCHED.lock()).push_back(child);
    }
}

fn watch_left(child: Pid) -> io::Result<()> {
    let exit = AsyncFd::new_at(Fd(open(child)?), &EXIT, Location::caller())?;
    let ended = Waker::from(Arc::new(Ended(child)));
    exit.readiness().notify(ended);
    let key = child.as_raw_nonzero().get();
    let before = WATCHED.try_with(|watched| watched.borrow_mut().insert(key, exit));
    drop(before);
    Ok(())
}

/// Is woken when a left child has ended, and when the runtime that watches it ends first.
struct Ended(Pid);

impl Wake for Ended {
    fn wake(self: Arc<Self>) {
        let key = self.0.as_raw_nonzero().get();
        let exit = WATCHED.try_with(|watched| watched.borrow_mut().remove(&key));
        drop(exit);
        if runs(self.0) {
            ignore_poison(UNWATCHED.lock()).push_back(self.0);
        }
    }
}

/// Collects a child if it has ended; returns whether it runs on.
fn runs(child: Pid) -> bool {
    matches!(waitpid(Some(child), WaitOptions::NOHANG), Ok(None))
}

/// Collects children that have ended and that nothing watches.
pub(crate) fn collect() {
    let mut unwatched = ignore_poison(UNWATCHED.lock());
    for _ in 0..unwatched.len().min(LOOKS) {
        let Some(child) = unwatched.pop_front() else {
            break;
        };
        if runs(child) {
            unwatched.push_back(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_thread_notices_the_end_where_there_is_no_pidfd() {
        let mut child = Command::new("sleep").arg("0.05").spawn().expect("it runs");
        let exit = watch_from_thread(Pid::from_child(&child)).expect("a thread can be started");
        let mut exit = UnixStream::from(exit);
        assert!(child.try_wait().expect("it is ours").is_none());
        exit.set_nonblocking(false).expect("a socket can block");
        assert_eq!(exit.read(&mut [0; 1]).expect("the end"), 0);
        let status = child.try_wait().expect("it is ours");
        assert!(
            status
                .expect("it has ended, and nobody has collected it")
                .success()
        );
    }
}
