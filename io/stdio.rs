//! The standard input.
//!
//! # Implementation
//!
//! The standard input belongs to others too: the shell, the rest of a pipeline. Making it
//! non-blocking would change it for all that share it, and a thread that sits in a read would keep the
//! program from ending. So, by what the input is:
//!
//! | input | how it is read |
//! | --- | --- |
//! | pipe, terminal | opened once more, non-blocking, through `/proc/self/fd` |
//! | what cannot be opened again, such as a socket | watched as it is; each read is preceded by a poll that does not wait |
//! | file, `/dev/null`, what may not be read | by a thread of its own, where it never waits for long |
//!
//! What is opened again has rights of its own, and may be another object: the writing end of a pipe
//! becomes one to read from, and the master of a pseudo-terminal becomes that of a new one. So only
//! what may be read is opened again, and no master.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::{self, IoSliceMut, IsTerminal as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mio::Interest;
use rustix::io::Errno;

use super::flow::{self, Flow, StreamRead};
use super::read_bytes::read_methods;
use super::source::{AsyncFd, Fd};
use super::when_ready;
use crate::runtime::{BlockingIo, Lane, Readiness, SourceKind, Way, do_blocking, line_of_seat};

const KIND: SourceKind =
    SourceKind::new("standard input", "bytes from").with_interest(Interest::READABLE);

/// The most that one call on a thread reads.
const CHUNK: usize = 64 << 10;

/// The standard input, for reading without blocking. A program that has asked for it and does not
/// read ends all the same.
///
/// What `std::io::stdin` has taken into its buffer does not appear here: use one or the other.
///
/// asyncio counterpart: `loop.connect_read_pipe` with `sys.stdin`. Differences: files can be read
/// too, and a terminal is not made non-blocking for the shell.
///
/// # Errors
///
/// What the system says; there may be no descriptor left. An input that was opened only for writing,
/// such as that of `prog 0>&1` or under `nohup`, is an error of the first read (`EBADF`); for
/// `std::io::stdin` it is one at its end.
///
/// # Panics
///
/// Without a runtime on this thread.
///
/// # Examples
///
/// ```no_run
/// use turnwise::io::StreamReader;
///
/// # fn main() -> std::io::Result<()> {
/// turnwise::block_on(async {
///     let mut lines = StreamReader::new(turnwise::io::stdin()?).lines();
///     while let Some(line) = lines.next_line().await? {
///         println!("you said {line}");
///     }
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn stdin() -> io::Result<Stdin> {
    let own = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (about, rights) = (own.metadata()?, Rights::of(&own));
    let kind = about.file_type();
    if kind.is_file() || kind.is_dir() || kind.is_block_device() || rights == Rights::NotToRead {
        return Ok(Stdin::blocking(own));
    }
    // The second is `/dev/ptmx`: to open it makes a new pseudo-terminal.
    let is_terminal = own.is_terminal() && about.rdev() != libc::makedev(5, 2);
    let reopens = rights == Rights::ToRead && (kind.is_fifo() || is_terminal);
    let (fd, shared) = match reopens.then(|| open_again(&own)).flatten() {
        Some(fd) => (fd, false),
        None => (own.try_clone()?.into(), true),
    };
    match AsyncFd::new_at(Fd(fd), &KIND, Location::caller()) {
        Ok(source) => Ok(Stdin {
            input: Input::Watched(Watched { source, shared }),
        }),
        // What cannot be watched is always ready.
        Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
            Ok(Stdin::blocking(own))
        }
        Err(error) => Err(error),
    }
}

/// What the descriptor of the input was opened for.
#[derive(PartialEq)]
enum Rights {
    ToRead,
    NotToRead,
    /// The system does not say, and can open nothing again through `/proc` either.
    Unknown,
}

impl Rights {
    /// Reads the octal flags in `/proc/self/fdinfo`: to ask with `fcntl`, rustix would have to bring
    /// its module of files.
    fn of(input: &File) -> Rights {
        let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", input.as_raw_fd()));
        let flags = about.ok().and_then(|about| {
            let line = about.lines().find_map(|line| line.strip_prefix("flags:"))?;
            i32::from_str_radix(line.trim(), 8).ok()
        });
        match flags {
            None => Rights::Unknown,
            Some(flags) if flags & libc::O_PATH != 0 => Rights::NotToRead,
            Some(flags) if flags & libc::O_ACCMODE == libc::O_WRONLY => Rights::NotToRead,
            Some(_) => Rights::ToRead,
        }
    }
}

/// A description of our own of the same input, non-blocking.
fn open_again(input: &File) -> Option<OwnedFd> {
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let path = format!("/proc/self/fd/{}", input.as_raw_fd());
    let file = options.read(true).open(path).ok()?;
    Some(file.into())
}

/// The standard input; made by [`stdin`].
pub struct Stdin {
    input: Input,
}

enum Input {
    Watched(Watched),
    Blocking(Blocking),
}

impl Stdin {
    fn blocking(input: File) -> Self {
        Stdin {
            input: Input::Blocking(Blocking {
                input: Arc::new(input),
                job: None,
                left: Vec::new(),
                from: 0,
            }),
        }
    }

    /// Reads what is there, at least one byte, into `buffer`; zero bytes mean the end.
    ///
    /// # Cancel safety
    ///
    /// *Strict*: what a read that was dropped has set in motion is there for the next one.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[track_caller]
    pub fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> StdinRead<'a> {
        let state = match &mut self.input {
            Input::Watched(watched) => State::Watched(StreamRead::new(watched, buffer)),
            Input::Blocking(blocking) => State::Blocking {
                blocking,
                buffer,
                at: Location::caller(),
            },
        };
        StdinRead { state }
    }

    read_methods!([&mut]);
}

impl futures_io::AsyncRead for Stdin {
    #[track_caller]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Input::Watched(watched) => flow::poll_read(watched, cx, buffer),
            Input::Blocking(blocking) => {
                let at = line_of_seat().unwrap_or(Location::caller());
                blocking.poll_read(cx, buffer, at)
            }
        }
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match &self.input {
            Input::Watched(Watched { shared: false, .. }) => "opened again",
            Input::Watched(Watched { shared: true, .. }) => "shared",
            Input::Blocking(_) => "on a thread",
        };
        f.debug_struct("Stdin").field("read", &how).finish()
    }
}

/// The future of [`Stdin::read`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct StdinRead<'a> {
    state: State<'a>,
}

enum State<'a> {
    Watched(StreamRead<'a>),
    Blocking {
        blocking: &'a mut Blocking,
        buffer: &'a mut [u8],
        at: &'static Location<'static>,
    },
}

impl Future for StdinRead<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &mut self.state {
            State::Watched(read) => Pin::new(read).poll(cx),
            State::Blocking {
                blocking,
                buffer,
                at,
            } => blocking.poll_read(cx, buffer, at),
        }
    }
}

impl fmt::Debug for StdinRead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinRead").finish_non_exhaustive()
    }
}

/// An input that the reactor watches.
struct Watched {
    source: AsyncFd<Fd<OwnedFd>>,
    /// It may block: others share the description, and may take what was announced.
    shared: bool,
}

impl Watched {
    fn fd(&self) -> BorrowedFd<'_> {
        self.source.get_ref().0.as_fd()
    }

    /// Makes sure that a read does not block.
    fn check(&self) -> io::Result<()> {
        if !self.shared {
            return Ok(());
        }
        if when_ready::is_ready_now(self.fd(), Way::Read)? {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}

impl Flow for Watched {
    fn readiness(&self) -> &Readiness {
        self.source.readiness()
    }

    /// A terminal gives a line at a time.
    fn is_seamless(&self) -> bool {
        false
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        Ok(rustix::io::read(self.fd(), buffer)?)
    }

    fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.check()?;
        Ok(rustix::io::readv(self.fd(), buffers)?)
    }
}

/// An input that a thread reads.
struct Blocking {
    input: Arc<File>,
    /// A read that is under way, perhaps on behalf of a future that was dropped.
    job: Option<BlockingIo<Vec<u8>>>,
    /// What was read and did not fit, from `from` on.
    left: Vec<u8>,
    from: usize,
}

impl Blocking {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        at: &'static Location<'static>,
    ) -> Poll<io::Result<usize>> {
        if self.from == self.left.len() && !buffer.is_empty() {
            let asked = buffer.len().min(CHUNK);
            let job = self.job.get_or_insert_with(|| {
                let input = self.input.clone();
                do_blocking(Lane::Own, at, move || read_blocking(&input, asked))
            });
            let read = ready!(Pin::new(job).poll(cx));
            self.job = None;
            self.left = read?;
            self.from = 0;
        }
        let count = buffer.len().min(self.left.len() - self.from);
        buffer[..count].copy_from_slice(&self.left[self.from..self.from + count]);
        self.from += count;
        Poll::Ready(Ok(count))
    }
}

fn read_blocking(input: &File, asked: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; asked];
    let count = rustix::io::retry_on_intr(|| rustix::io::read(input, &mut bytes[..]))?;
    bytes.truncate(count);
    Ok(bytes)
}
