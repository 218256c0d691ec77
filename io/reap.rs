//! The ends of children: how to notice one, and who collects those that nobody waits for.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::Mutex;
use std::thread;

use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};

use crate::runtime::ignore_poison;

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
        // It is only looked at: collecting it is the business of whoever waits for it.
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

/// Children that were dropped before they had ended.
static LEFT: Mutex<VecDeque<Pid>> = Mutex::new(VecDeque::new());

/// How many of them are looked at when a child comes or goes: a bound on what that costs, and more
/// than one, so that they become fewer.
const LOOKS: usize = 16;

/// Leaves a child to be collected when it has ended.
pub(crate) fn leave(child: Pid) {
    collect();
    let mut left = ignore_poison(LEFT.lock());
    left.push_back(child);
}

/// Collects children that have ended.
pub(crate) fn collect() {
    let mut left = ignore_poison(LEFT.lock());
    for _ in 0..left.len().min(LOOKS) {
        let Some(child) = left.pop_front() else { break };
        if let Ok(None) = waitpid(Some(child), WaitOptions::NOHANG) {
            left.push_back(child);
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
