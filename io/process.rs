//! Children: starting them, talking to them, waiting for their end.
//!
//! # Implementation
//!
//! A pidfd, opened when a child is first waited for, becomes readable at its end. Where the system
//! has none, a thread per awaited child waits for it and closes a socket that we watch. A child that
//! is dropped unawaited is remembered, and collected when more children come and go.

use std::ffi::OsStr;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::process::{self, ExitStatus, Output, Stdio};
use std::task::{Context, Poll};

use mio::Interest;
use rustix::process::Pid;

use super::flow::read_to_end;
use super::pipe::{ChildStderr, ChildStdin, ChildStdout};
use super::ready::Ready;
use super::reap;
use super::source::{Fd, Source};
use super::steps::Steps;
use crate::runtime::{External, Way, expect_external, try_gather};

/// Describes a process to start: [`std::process::Command`] with streams and an end that can be
/// awaited. What is missing here is on [`as_std_mut`](Command::as_std_mut).
///
/// asyncio counterpart: `asyncio.create_subprocess_exec`.
///
/// # Examples
///
/// ```
/// # turnwise::block_on(async {
/// let output = turnwise::io::Command::new("echo").arg("hello").output().await.unwrap();
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hello\n");
/// # });
/// ```
#[derive(Debug)]
pub struct Command {
    command: process::Command,
    kill_on_drop: bool,
    /// Which of the three streams were chosen: what `output` does not choose again.
    chosen: [bool; 3],
}

impl Command {
    /// A command that runs `program`, found as the shell would.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Command {
            command: process::Command::new(program),
            kill_on_drop: false,
            chosen: [false; 3],
        }
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = S>) -> &mut Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the environment.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.command.env_remove(name);
        self
    }

    /// Removes all variables of the environment.
    pub fn env_clear(&mut self) -> &mut Self {
        self.command.env_clear();
        self
    }

    /// Sets the folder to run in.
    pub fn current_dir(&mut self, folder: impl AsRef<Path>) -> &mut Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets what the standard input is: inherited if not set, or nothing with
    /// [`output`](Command::output).
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.command.stdin(stdin);
        self.chosen[0] = true;
        self
    }

    /// Sets what the standard output is: inherited if not set, or collected with
    /// [`output`](Command::output).
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.command.stdout(stdout);
        self.chosen[1] = true;
        self
    }

    /// Sets what the standard error is: inherited if not set, or collected with
    /// [`output`](Command::output).
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.command.stderr(stderr);
        self.chosen[2] = true;
        self
    }

    /// Kills the child when its [`Child`] is dropped before it has ended. Off at first: a child
    /// that is dropped runs on.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// The command of the standard library inside.
    pub fn as_std(&self) -> &process::Command {
        &self.command
    }

    /// The command of the standard library inside, for what this type does not offer. Streams are
    /// chosen here, not there.
    pub fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.command
    }

    /// Starts the process.
    ///
    /// # Errors
    ///
    /// What the system says; `NotFound` where there is no such program.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread, if a stream is piped.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        reap::collect();
        let mut child = self.command.spawn()?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut child = Child {
            child,
            stdin: None,
            stdout: None,
            stderr: None,
            exit: None,
            kill_on_drop: self.kill_on_drop,
            over: false,
        };
        // From here on an error drops a child that is taken care of.
        child.stdin = stdin.map(ChildStdin::new).transpose()?;
        child.stdout = stdout.map(ChildStdout::new).transpose()?;
        child.stderr = stderr.map(ChildStderr::new).transpose()?;
        Ok(child)
    }

    /// Starts the process at once; the future waits for its end.
    ///
    /// # Cancel safety
    ///
    /// *Lossy*: the child is dropped, which is its end only with
    /// [`kill_on_drop`](Command::kill_on_drop).
    ///
    /// # Errors
    ///
    /// As for [`spawn`](Command::spawn).
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn status(&mut self) -> Steps<ExitStatus> {
        let (child, at) = (self.spawn(), Location::caller());
        Steps::new(async move { child?.wait_at(at).await })
    }

    /// Starts the process at once, without an input; the future collects its output and error,
    /// both at the same time, and waits for its end.
    ///
    /// # Cancel safety
    ///
    /// *Lossy*: the child is dropped, which is its end only with
    /// [`kill_on_drop`](Command::kill_on_drop), and what was collected is lost.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](Command::spawn).
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn output(&mut self) -> Steps<Output> {
        let [stdin, stdout, stderr] = self.chosen;
        // What was not chosen is inherited by a later `spawn`, as before.
        if !stdin {
            self.command.stdin(Stdio::null());
        }
        if !stdout {
            self.command.stdout(Stdio::piped());
        }
        if !stderr {
            self.command.stderr(Stdio::piped());
        }
        let (child, at) = (self.spawn(), Location::caller());
        if !stdin {
            self.command.stdin(Stdio::inherit());
        }
        if !stdout {
            self.command.stdout(Stdio::inherit());
        }
        if !stderr {
            self.command.stderr(Stdio::inherit());
        }
        Steps::new(async move { child?.collect(at).await })
    }
}

/// A started process.
///
/// asyncio counterpart: `asyncio.subprocess.Process`.
#[derive(Debug)]
pub struct Child {
    child: process::Child,
    /// Its standard input, if that is piped.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if that is piped.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if that is piped.
    pub stderr: Option<ChildStderr>,
    /// Readable once the child has ended.
    exit: Option<Source<Fd<OwnedFd>>>,
    kill_on_drop: bool,
    /// Its status has been collected.
    over: bool,
}

impl Child {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end. Its standard input is closed first, so that it does not wait for more.
    ///
    /// While this future lives, a virtual clock stands still.
    ///
    /// # Cancel safety
    ///
    /// *Strict*, but for the standard input.
    ///
    /// # Errors
    ///
    /// What the system says; there may be no descriptor left, or somebody else has collected the
    /// child.
    ///
    /// # Panics
    ///
    /// Without a runtime on this thread.
    #[track_caller]
    pub fn wait(&mut self) -> WaitChild<'_> {
        self.wait_at(Location::caller())
    }

    #[track_caller]
    fn wait_at(&mut self, at: &'static Location<'static>) -> WaitChild<'_> {
        self.stdin = None;
        let state = match self.try_wait() {
            Ok(None) => self.watch(at),
            Ok(Some(status)) => State::Over(Some(Ok(status))),
            Err(error) => State::Over(Some(Err(error))),
        };
        WaitChild { state }
    }

    #[track_caller]
    fn watch(&mut self, at: &'static Location<'static>) -> State<'_> {
        let watched = match self.exit.take() {
            Some(exit) => Ok(exit),
            None => reap::watch(&self.child)
                .and_then(|exit| Source::with_interest(Fd(exit), Interest::READABLE)),
        };
        match watched {
            Ok(exit) => State::Waiting {
                _working: expect(&self.child),
                ready: Ready::new(self.exit.insert(exit).readiness(), Way::Read, at),
                child: &mut self.child,
                over: &mut self.over,
            },
            Err(error) => State::Over(Some(Err(error))),
        }
    }

    /// Its status, if it has ended.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.over |= status.is_some();
        Ok(status)
    }

    /// Kills it (`SIGKILL`); [`wait`](Child::wait) for its end afterwards. One that has ended is
    /// no error.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Collects its output and error, both at the same time, and waits for its end. Its standard
    /// input is closed first.
    ///
    /// # Cancel safety
    ///
    /// *Lossy*: the child is dropped, and what was collected is lost.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// When polled without a runtime on this thread.
    #[track_caller]
    pub fn wait_with_output(self) -> Steps<Output> {
        let at = Location::caller();
        Steps::new(self.collect(at))
    }

    async fn collect(mut self, at: &'static Location<'static>) -> io::Result<Output> {
        self.stdin = None;
        let _working = expect(&self.child);
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let read_stdout = async {
            match &stdout {
                Some(stdout) => read_to_end(stdout, at).await,
                None => Ok(Vec::new()),
            }
        };
        let read_stderr = async {
            match &stderr {
                Some(stderr) => read_to_end(stderr, at).await,
                None => Ok(Vec::new()),
            }
        };
        let (stdout, stderr) = try_gather((read_stdout, read_stderr)).await?;
        let status = self.wait_at(at).await?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }
}

/// Tells the kernel that a child will end.
#[track_caller]
fn expect(child: &process::Child) -> External {
    expect_external(format!("child process {}", child.id()))
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.over || !matches!(self.try_wait(), Ok(None)) {
            return;
        }
        if self.kill_on_drop {
            // It may have ended in this moment: then there is nobody to kill.
            let _ = self.child.kill();
        }
        reap::leave(Pid::from_child(&self.child));
    }
}

/// The future of [`Child::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct WaitChild<'a> {
    state: State<'a>,
}

enum State<'a> {
    Waiting {
        child: &'a mut process::Child,
        over: &'a mut bool,
        ready: Ready<'a>,
        _working: External,
    },
    /// The result, until it is taken.
    Over(Option<io::Result<ExitStatus>>),
}

impl Future for WaitChild<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        match &mut self.state {
            State::Waiting {
                child, over, ready, ..
            } => {
                let waited = ready.attempt(cx, || match child.try_wait()? {
                    Some(status) => Ok(status),
                    None => Err(io::ErrorKind::WouldBlock.into()),
                });
                if let Poll::Ready(Ok(_)) = &waited {
                    **over = true;
                    self.state = State::Over(None);
                }
                waited
            }
            State::Over(result) => Poll::Ready(
                result
                    .take()
                    .expect("the wait for a child was polled after it was ready"),
            ),
        }
    }
}

impl fmt::Debug for WaitChild<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitChild").finish_non_exhaustive()
    }
}
