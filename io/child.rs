//! Children: talking to them, waiting for their end.
//!
//! # Implementation
//!
//! A pidfd, opened when a child is first waited for, becomes readable at its end. Where the system
//! has none, a thread per awaited child waits for it and closes a socket that we watch. A child that
//! is dropped unawaited is collected when its pidfd says so, which no report and no verdict counts on; without a
//! pidfd or a runtime, when more children come and go.
//!
//! The status of a child can be taken by others: by the system, where `SIGCHLD` is ignored (which a process
//! inherits), or by a `waitpid` for any child elsewhere in the process. Then the child has ended and
//! how is not known, which is reported as status 255, and once as a warning; asyncio does the same.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::panic::Location;
use std::pin::Pin;
use std::process::{self, ExitStatus};
use std::sync::Once;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::pipe::{ChildStderr, ChildStdin, ChildStdout};
use super::reap;
use super::source::{AsyncFd, Fd};
use super::when_ready::Trial;
use crate::runtime::{
    Courtesy, Way, WorkGuard, expect_external, follow_real_time, has_virtual_clock, print,
};

/// A started process.
///
/// From its start to its end, or until this is dropped, a virtual clock follows real time: a child takes
/// the time that it takes, and what waits for it or for its output is timed by that.
///
/// asyncio counterpart: `asyncio.subprocess.Process`.
///
/// # Examples
///
/// ```
/// use std::process::Stdio;
/// use turnwise::io::Command;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
///     let mut said = String::new();
///     child.stdout.as_mut().expect("it is piped").read_to_string(&mut said).await?;
///     assert_eq!(said, "hello\n");
///     assert!(child.wait().await?.success());
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Child {
    process: Process,
    /// Its standard input, if that is piped.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if that is piped.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if that is piped.
    pub stderr: Option<ChildStderr>,
    /// Readable once the child has ended.
    exit: Option<AsyncFd<Fd<OwnedFd>>>,
    kill_on_drop: bool,
    /// It leads a process group of its own, to which its signals go.
    leads_group: bool,
}

/// The process itself, and whether its status has been collected.
#[derive(Debug)]
struct Process {
    child: process::Child,
    over: Option<ExitStatus>,
}

impl Process {
    /// Its status, if it has ended.
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.over.is_none() {
            self.over = match self.child.try_wait() {
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Some(self.lost()),
                result => result?,
            };
        }
        Ok(self.over)
    }

    /// The status of one that has ended unknown to us.
    #[cold]
    fn lost(&self) -> ExitStatus {
        static WARNED: Once = Once::new();
        let id = self.child.id();
        WARNED.call_once(|| {
            print(format_args!(
                "child process {id} has ended, but its status was taken by others or by the system, as it is \
                 where SIGCHLD is ignored; it counts as 255"
            ))
        });
        ExitStatus::from_raw(255 << 8)
    }

    /// Says that it runs on, whatever became of the wait for it.
    #[cold]
    fn unwatched(&self, error: &io::Error) -> io::Error {
        let id = self.child.id();
        let text = format!("child process {id} runs, but its end cannot be watched: {error}");
        io::Error::new(error.kind(), text)
    }

    /// Says what is at work outside.
    #[track_caller]
    fn expect(&self) -> WorkGuard {
        expect_external(format!("child process {}", self.child.id()))
    }
}

impl Child {
    #[track_caller]
    pub(crate) fn new(
        mut child: process::Child,
        kill_on_drop: bool,
        leads_group: bool,
    ) -> io::Result<Self> {
        let at = Location::caller();
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut child = Child {
            process: Process { child, over: None },
            stdin: None,
            stdout: None,
            stderr: None,
            exit: None,
            // A caller that gets an error, or a panic for want of a runtime, has not started anything.
            kill_on_drop: true,
            leads_group,
        };
        child.stdin = pipes.0.map(|pipe| ChildStdin::new(pipe, at)).transpose()?;
        child.stdout = pipes.1.map(|pipe| ChildStdout::new(pipe, at)).transpose()?;
        child.stderr = pipes.2.map(|pipe| ChildStderr::new(pipe, at)).transpose()?;
        if has_virtual_clock() {
            // If its end cannot be watched, a task that waits for it gets the error.
            let _ = child.watch(at);
        }
        child.kill_on_drop = kill_on_drop;
        Ok(child)
    }

    /// Says what is at work outside.
    #[track_caller]
    pub(crate) fn expect(&self) -> WorkGuard {
        self.process.expect()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Waits for its end. Its standard input is closed first, so that it does not wait for more. Works
    /// under another runtime than the child was started under, too.
    ///
    /// asyncio counterpart: `Process.wait`, which leaves the input open.
    ///
    /// While the child lives, virtual time follows real time.
    ///
    /// # Cancel safety
    ///
    /// *Strict*, but for the standard input.
    ///
    /// # Errors
    ///
    /// What the system says; there may be no descriptor left to watch the child with, which runs on then. A
    /// status that others have taken is no error: it counts as 255.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn wait(&mut self) -> ChildWait<'_> {
        self.wait_at(Location::caller())
    }

    #[track_caller]
    pub(crate) fn wait_at(&mut self, at: &'static Location<'static>) -> ChildWait<'_> {
        self.stdin = None;
        let ended = self.try_wait().transpose();
        let over = ended.or_else(|| self.watch(at).err().map(Err));
        let state = match (over, &self.exit) {
            (None, Some(exit)) => State::Waiting {
                _working: self.process.expect(),
                trial: Trial::new(exit.readiness(), Way::Read, at),
                process: &mut self.process,
            },
            (over, _) => State::Over(over),
        };
        let courtesy = Courtesy::default();
        ChildWait { state, courtesy }
    }

    /// Sees to it that its end is an event of this thread's reactor.
    #[track_caller]
    fn watch(&mut self, at: &'static Location<'static>) -> io::Result<()> {
        // Another runtime than that of the last time cannot tell of it.
        self.exit.take_if(|exit| exit.readiness().is_orphaned());
        if self.exit.is_none() {
            let exit = reap::watch(&self.process.child);
            let exit = exit.and_then(|exit| AsyncFd::new_at(Fd(exit), &reap::EXIT, at));
            let exit = exit.map_err(|error| self.process.unwatched(&error))?;
            follow_real_time(exit.readiness());
            self.exit = Some(exit);
        }
        Ok(())
    }

    /// Its status, if it has ended.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Asks it to end (`SIGTERM`), which it may take its time for, or ignore. One that has ended is no
    /// error.
    ///
    /// asyncio counterpart: `Process.terminate`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn terminate(&mut self) -> io::Result<()> {
        self.tell(Signal::TERM)
    }

    /// Sends it a signal. One that has ended is no error.
    ///
    /// asyncio counterpart: `Process.send_signal`.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` for a number that has no name.
    #[cfg(feature = "signal")]
    pub fn send_signal(&mut self, signal: super::SignalKind) -> io::Result<()> {
        let signal = Signal::from_named_raw(signal.as_raw());
        self.tell(signal.ok_or(io::ErrorKind::InvalidInput)?)
    }

    fn tell(&mut self, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_child(&self.process.child);
        if self.leads_group && self.process.over.is_none() {
            // As long as its end is not collected no other group has its number, though it may have ended.
            return match kill_process_group(pid, signal) {
                Err(Errno::SRCH) => Ok(()),
                told => Ok(told?),
            };
        }
        // Until its end is collected no other process has its number.
        match self.try_wait()? {
            Some(_) => Ok(()),
            None => Ok(kill_process(pid, signal)?),
        }
    }

    /// Kills it (`SIGKILL`); [`wait`](Child::wait) for its end afterwards. One that has ended is
    /// no error.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.tell(Signal::KILL)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // It may have ended in this moment: then there is nothing to kill.
            let _ = self.kill();
        }
        if !matches!(self.try_wait(), Ok(None)) {
            return;
        }
        reap::leave(Pid::from_child(&self.process.child));
    }
}

/// The future of [`Child::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ChildWait<'a> {
    state: State<'a>,
    courtesy: Courtesy,
}

enum State<'a> {
    Waiting {
        process: &'a mut Process,
        trial: Trial<'a>,
        _working: WorkGuard,
    },
    /// The result, until it is taken.
    Over(Option<io::Result<ExitStatus>>),
}

impl Future for ChildWait<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let this = &mut *self;
        match &mut this.state {
            State::Waiting { process, trial, .. } => {
                let waited = trial.attempt(cx, || match process.try_wait()? {
                    Some(status) => Ok(status),
                    None => Err(io::ErrorKind::WouldBlock.into()),
                });
                if let Poll::Ready(Ok(_)) = &waited {
                    this.state = State::Over(None);
                    this.courtesy.over();
                }
                waited
            }
            State::Over(result) => {
                ready!(this.courtesy.poll(cx));
                this.courtesy.over();
                let result = result.take();
                Poll::Ready(result.expect("the wait for a child was polled after it was ready"))
            }
        }
    }
}

impl fmt::Debug for ChildWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildWait").finish_non_exhaustive()
    }
}
