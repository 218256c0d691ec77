//! Commands: describing and starting a child.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::panic::Location;
use std::path::Path;
use std::process::{self, ExitStatus, Output, Stdio};
use std::time::Duration;

use super::child::Child;
use super::communicate::Conversation;
use super::reap;
use super::steps::Steps;
use crate::runtime::need_runtime;

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
    own_group: bool,
    linger: Option<Duration>,
    /// Which of the three streams were chosen: what `output` does not choose again.
    chosen: [bool; 3],
}

impl Command {
    /// A command that runs `program`, found as the shell would.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Command {
            command: process::Command::new(program),
            kill_on_drop: false,
            own_group: false,
            linger: None,
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
    /// that is dropped runs on. Either way the system keeps its entry until the next child is started or
    /// ends, or this process does.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// Starts the child as the leader of a process group of its own. What is sent to it then
    /// ([`kill`](Child::kill), [`terminate`](Child::terminate), a signal, [`kill_on_drop`](Command::kill_on_drop))
    /// goes to the whole group: to what the child has started, too, until the end of the child is collected. A Ctrl-C
    /// at the terminal does not reach such a group.
    ///
    /// asyncio counterpart: `process_group=0`, and `os.killpg`.
    #[doc(alias("process_group", "killpg", "setsid"))]
    pub fn own_group(&mut self, own: bool) -> &mut Self {
        self.own_group = own;
        self
    }

    /// Bounds how long [`output`](Command::output) reads after the end of the child: what the child has left behind may
    /// hold its pipes open for ever. What came until then is the output. No bound at first.
    pub fn linger(&mut self, limit: Duration) -> &mut Self {
        self.linger = Some(limit);
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
        if self.own_group {
            self.command.process_group(0);
        }
        Child::new(self.command.spawn()?, self.kill_on_drop, self.own_group)
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
        need_runtime("i/o");
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
        need_runtime("i/o");
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
        let conversation = Conversation {
            linger: self.linger,
            ..Conversation::default()
        };
        Steps::new(async move { conversation.with(child?, at).await })
    }
}
