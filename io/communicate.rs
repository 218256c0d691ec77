//! Talking to a child until its end: its input goes in, its output and error are collected, all at the same time.

use std::io;
use std::panic::Location;
use std::pin::pin;
use std::process::Output;
use std::time::Duration;

use super::child::Child;
use super::pipe::ChildStdin;
use super::read_bytes::ReadToEnd;
use super::steps::Steps;
use super::write_bytes::WriteAll;
use crate::runtime::time::timeout;
use crate::runtime::{Either, race_either, try_gather};

/// What a conversation with a child is about.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// What its standard input gets before it is closed.
    pub(crate) input: Vec<u8>,
    /// How long its pipes are read after its end; until they end if absent.
    pub(crate) linger: Option<Duration>,
}

impl Conversation {
    /// Has it, on behalf of a line.
    pub(crate) async fn with(
        self,
        mut child: Child,
        at: &'static Location<'static>,
    ) -> io::Result<Output> {
        let _working = child.expect();
        let (stdin, mut out, mut err) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let read_stdout = async {
            match &mut out {
                Some(pipe) => ReadToEnd::new_at(pipe, &mut stdout, at).await,
                None => Ok(0),
            }
        };
        let read_stderr = async {
            match &mut err {
                Some(pipe) => ReadToEnd::new_at(pipe, &mut stderr, at).await,
                None => Ok(0),
            }
        };
        let fed = feed(stdin, &self.input, at);
        let status = {
            let mut talking = pin!(try_gather((read_stdout, read_stderr, fed)));
            match self.linger {
                None => {
                    talking.await?;
                    child.wait_at(at).await?
                }
                Some(linger) => {
                    let ended = child.wait_at(at);
                    match race_either((talking.as_mut(), ended)).await {
                        Either::A(talked) => {
                            talked?;
                            child.wait_at(at).await?
                        }
                        Either::B(status) => {
                            // What holds the pipes open now is not the child.
                            if let Ok(talked) = timeout(linger, talking).await {
                                talked?;
                            }
                            status?
                        }
                    }
                }
            }
        };
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }
}

impl Child {
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
        Steps::new(Conversation::default().with(self, at))
    }

    /// As [`wait_with_output`](Child::wait_with_output), while `input` is written to its standard input, if that is
    /// piped; a child that does not read it all is no error. A pipe that is full on one side holds up no other.
    ///
    /// asyncio counterpart: `Process.communicate`.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    ///
    /// # turnwise::block_on(async {
    /// let mut command = turnwise::io::Command::new("sort");
    /// let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    /// let output = child.communicate("b\na\n").await.unwrap();
    /// assert_eq!(output.stdout, b"a\nb\n");
    /// # });
    /// ```
    #[track_caller]
    pub fn communicate(self, input: impl Into<Vec<u8>>) -> Steps<Output> {
        let conversation = Conversation {
            input: input.into(),
            linger: None,
        };
        Steps::new(conversation.with(self, Location::caller()))
    }
}

/// Writes the input and closes the pipe. A child that does not read it all is no error.
async fn feed(
    stdin: Option<ChildStdin>,
    input: &[u8],
    at: &'static Location<'static>,
) -> io::Result<()> {
    let Some(mut stdin) = stdin else {
        return Ok(());
    };
    match WriteAll::new_at(&mut stdin, input, at).await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
